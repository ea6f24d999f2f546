"""Give up, in a forked child and for good, all that a graded function does not need."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from liftlab.sandbox import landlock, seccomp

_MEBIBYTE = 1024 * 1024
_FILE_BYTES = _MEBIBYTE
_OPEN_FILES = 64
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_SIGKILL = 9
_CAPABILITY_VERSION_3 = 0x20080522
# Interpreters, libraries and time zones; never /etc, /proc, /home.
_SYSTEM_PATHS = ("/usr", "/lib", "/lib64", "/bin", "/nix/store")


def limit(limits: Mapping[str, Any], *, baseline_bytes: int) -> None:
    """Set hard resource limits; the worker's own clock is what decides, these are the backstop.

    Parameters
    ----------
    limits
        `cpu_s` and `memory_mb`.
    baseline_bytes
        Address space that the interpreter already holds; the memory limit counts from there.
    """
    memory = baseline_bytes + int(limits["memory_mb"]) * _MEBIBYTE
    _hard(resource.RLIMIT_CPU, int(limits["cpu_s"]) + 2)  # whole seconds
    if sys.platform.startswith("linux"):  # macOS refuses to limit address space
        _hard(resource.RLIMIT_AS, memory)
    _hard(resource.RLIMIT_FSIZE, _FILE_BYTES)
    _hard(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _hard(resource.RLIMIT_CORE, 0)


def confine(scratch: str) -> list[str]:
    """Drop privileges, files outside `scratch` and dangerous system calls.

    Returns
    -------
    list of str
        The mechanisms that are now in force: any of "landlock", "seccomp".
    """
    if not sys.platform.startswith("linux"):
        return []
    system = libc()
    system.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    system.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if system.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return []
    _drop_capabilities(system)
    applied = []
    if landlock.restrict(readable_paths(), [scratch]):
        applied.append("landlock")
    if seccomp.install():
        applied.append("seccomp")
    return applied


@cache
def readable_paths() -> Sequence[str]:
    """Return what the interpreter needs to import its own library."""
    own = {sys.base_prefix, sys.base_exec_prefix, os.path.dirname(os.__file__)}
    folders = {os.path.realpath(path) for path in (*_SYSTEM_PATHS, *own)} - {"/"}
    return [*sorted(folders), "/dev/null", "/dev/urandom"]


@cache
def libc() -> ctypes.CDLL:
    """Return the C library, for system calls that Python has no function for."""
    return ctypes.CDLL(None, use_errno=True)


def _drop_capabilities(system: ctypes.CDLL) -> None:
    """Leave root without its powers; an ordinary user has none to lose, so failing is fine."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    system.capset(ctypes.byref(header), ctypes.byref(nothing))


def _hard(kind: int, value: int) -> None:
    _, highest = resource.getrlimit(kind)
    if highest != resource.RLIM_INFINITY:
        value = min(value, highest)
    with contextlib.suppress(ValueError, OSError):  # a limit the system does not have
        resource.setrlimit(kind, (value, value))
