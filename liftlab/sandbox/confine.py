"""Give up, in a forked child and for good, all that a graded function does not need.

The worker prepares once what every child then only has to apply: a child that runs little
Python copies few of the worker's pages, and that is most of what a run costs.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from collections.abc import Callable, Sequence

from liftlab.sandbox import landlock, seccomp

_MEBIBYTE = 1024 * 1024
OPEN_FILES = 64
_FOR_ALL = (
    (resource.RLIMIT_FSIZE, _MEBIBYTE),
    (resource.RLIMIT_NOFILE, OPEN_FILES),
    (resource.RLIMIT_CORE, 0),
)
_IS_LINUX = sys.platform.startswith("linux")
# Processor time in whole seconds, and address space, which macOS refuses to limit.
_FOR_EACH = (resource.RLIMIT_CPU, resource.RLIMIT_AS) if _IS_LINUX else (resource.RLIMIT_CPU,)
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_SIGKILL = 9
_CAPABILITY_VERSION_3 = 0x20080522
# Interpreters, libraries and time zones; never /etc, /proc, /home.
_SYSTEM_PATHS = ("/usr", "/lib", "/lib64", "/bin", "/nix/store")


class Confinement:
    """What a process gives up for itself and its children, prepared for many children.

    Parameters
    ----------
    scratch
        The only folder in which a child may write.
    """

    def __init__(self, scratch: str) -> None:
        for kind, value in _FOR_ALL:
            _limit(kind, value, resource.getrlimit(kind)[1])
        self._highest = {kind: resource.getrlimit(kind)[1] for kind in _FOR_EACH}
        self._rules: int | None = None
        self._filter: Callable[[], bool] | None = None
        if not _IS_LINUX:
            return
        self._prctl = ctypes.CDLL(None).prctl
        self._prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        _drop_capabilities()
        if self._prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
            self._rules = landlock.ruleset(_readable_paths(), [scratch])
            self._filter = seccomp.installer()

    @property
    def is_complete(self) -> bool:
        """Whether all that there is can be given up here, starting a process among it."""
        return self._rules is not None and self._filter is not None

    def limit(self, cpu_s: float, memory_bytes: int) -> None:
        """Set hard limits in a child; the worker's own clock decides, these are the backstop.

        Parameters
        ----------
        cpu_s, memory_bytes
            Processor time, and address space with what the interpreter itself takes.
        """
        for kind, value in zip(_FOR_EACH, (int(cpu_s) + 2, memory_bytes), strict=False):
            _limit(kind, value, self._highest[kind])

    def restrict_files(self) -> list[str]:
        """Give up, in a child, files outside the scratch folder; return ["landlock"] if so."""
        if self._rules is None:
            return []
        landlock.enforce(self._rules)
        return ["landlock"]

    def restrict_calls(self) -> list[str]:
        """Give up, in a child, dangerous system calls; return ["seccomp"] if so."""
        if _IS_LINUX:
            self._prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)  # is not inherited
        return ["seccomp"] if self._filter is not None and self._filter() else []


def _readable_paths() -> Sequence[str]:
    """Return what the interpreter needs to import its own library."""
    own = {sys.base_prefix, sys.base_exec_prefix, os.path.dirname(os.__file__)}
    folders = {os.path.realpath(path) for path in (*_SYSTEM_PATHS, *own)} - {"/"}
    return [*sorted(folders), "/dev/null", "/dev/urandom"]


def _drop_capabilities() -> None:
    """Leave root without its powers; an ordinary user has none to lose, so failing is fine."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    ctypes.CDLL(None).capset(ctypes.byref(header), ctypes.byref(nothing))


def _limit(kind: int, value: int, highest: int) -> None:
    if highest != resource.RLIM_INFINITY:
        value = min(value, highest)
    try:
        resource.setrlimit(kind, (value, value))
    except (ValueError, OSError):
        return  # a limit the system does not have
