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
_set_limit = resource.setrlimit
_UNLIMITED = (1 << 63) - 1
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
            most = min(value, _highest(kind))
            _set_limit(kind, (most, most))
        self._most_cpu_s = _highest(resource.RLIMIT_CPU)
        self._most_bytes = _highest(resource.RLIMIT_AS)
        self._enforce: Callable[[], None] | None = None
        self._filter: Callable[[], bool] | None = None
        if not _IS_LINUX:
            return
        self._prctl = ctypes.CDLL(None).prctl
        self._prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        _drop_capabilities()
        if self._prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
            rules = landlock.ruleset(_readable_paths(), [scratch])
            self._enforce = None if rules is None else landlock.enforcer(rules)
            self._filter = seccomp.installer()

    @property
    def is_complete(self) -> bool:
        """Whether all that there is can be given up here, starting a process among it."""
        return self._enforce is not None and self._filter is not None

    def limit(self, cpu_s: float, memory_bytes: int) -> None:
        """Set hard limits in a child; the worker's own clock decides, these are the backstop.

        Parameters
        ----------
        cpu_s, memory_bytes
            Processor time, and address space with what the interpreter itself takes.
        """
        most_s = min(int(cpu_s) + 2, self._most_cpu_s)  # whole seconds
        _set_limit(resource.RLIMIT_CPU, (most_s, most_s))
        if _IS_LINUX:  # macOS refuses to limit address space
            most_bytes = min(memory_bytes, self._most_bytes)
            _set_limit(resource.RLIMIT_AS, (most_bytes, most_bytes))

    def restrict_files(self) -> list[str]:
        """Give up, in a child, files outside the scratch folder; return ["landlock"] if so."""
        if self._enforce is None:
            return []
        self._enforce()
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


def _highest(kind: int) -> int:
    highest = resource.getrlimit(kind)[1]
    return _UNLIMITED if highest == resource.RLIM_INFINITY else highest
