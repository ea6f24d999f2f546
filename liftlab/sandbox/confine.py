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
from typing import Any

from liftlab.sandbox import landlock, seccomp
from liftlab.sandbox.protocol import RESULT_FD

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
_KNOWN_FILES = ("/etc/mime.types",)  # what the library opens without asking whether it may

# A call that gives something up, and the mechanism it puts in force if it answers zero. A plain
# tuple, as Python takes it apart without touching anything else.
Step = tuple[Callable[..., Any], tuple[Any, ...], str | None]


class Confinement:
    """What a process gives up for itself and its children, prepared for many children.

    A child may write in `scratch` alone, and read the interpreter's own files and `readable`.
    `is_complete` says that all that there is can be given up here, starting a process among it.
    """

    def __init__(self, scratch: str, readable: Sequence[str] = ()) -> None:
        for kind, value in _FOR_ALL:
            most = min(value, _highest(kind))
            _set_limit(kind, (most, most))
        self._most_cpu_s = _highest(resource.RLIMIT_CPU)
        self._most_bytes = _highest(resource.RLIMIT_AS)
        self._files: list[Step] = []
        self._calls: list[Step] = []
        if _IS_LINUX:
            prctl = ctypes.CDLL(None).prctl
            prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
            _drop_capabilities()
            # Is not inherited, so that each child has to ask for it.
            self._calls.append((prctl, (_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0), None))
            if prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
                rules = landlock.ruleset([*_readable_paths(), *readable], [scratch, os.devnull])
                if rules is not None:
                    self._files.append((*landlock.enforcing(rules), "landlock"))
                filtering = seccomp.filtering()
                if filtering is not None:
                    self._calls.append((*filtering, "seccomp"))
        names = {name for *_, name in (*self._files, *self._calls)}
        self.is_complete = {"landlock", "seccomp"} <= names

    def steps(self, cpu_s: float, memory_bytes: int, output: int, result: int) -> list[Step]:
        """Return what a child has to do, in order, before it may meet foreign code.

        The worker's own clock decides; the hard limits of processor time and address space are the
        backstop. Only the descriptors `output`, `result` and an empty input stay open.
        """
        most_s = min(int(cpu_s) + 2, self._most_cpu_s)  # whole seconds
        steps: list[Step] = [
            (os.setsid, (), None),
            # Anew for each child: a lock on it lasts as long as what was opened.
            (os.close, (0,), None),
            (os.open, (os.devnull, os.O_RDONLY), None),
            *self._files,
            (os.dup2, (output, 1), None),
            (os.dup2, (output, 2), None),
            (os.dup2, (result, RESULT_FD), None),
            (os.closerange, (RESULT_FD + 1, OPEN_FILES), None),
            (_set_limit, (resource.RLIMIT_CPU, (most_s, most_s)), None),
        ]
        if _IS_LINUX:  # macOS refuses to limit address space
            most_bytes = min(memory_bytes, self._most_bytes)
            steps.append((_set_limit, (resource.RLIMIT_AS, (most_bytes, most_bytes)), None))
        return [*steps, *self._calls]


def confine(steps: Sequence[Step]) -> list[str]:
    """Take the steps, and return the names of the mechanisms that are in force now."""
    taken = []
    for call, arguments, name in steps:
        if call(*arguments) == 0 and name is not None:
            taken.append(name)
    return taken


def _readable_paths() -> Sequence[str]:
    """Return what the interpreter needs to import its own library."""
    own = {sys.base_prefix, sys.base_exec_prefix, os.path.dirname(os.__file__)}
    folders = {os.path.realpath(path) for path in (*_SYSTEM_PATHS, *own)} - {"/"}
    return [*sorted(folders), "/dev/urandom", *_KNOWN_FILES]


def _drop_capabilities() -> None:
    """Leave root without its powers; an ordinary user has none to lose, so failing is fine."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    ctypes.CDLL(None).capset(ctypes.byref(header), ctypes.byref(nothing))


def _highest(kind: int) -> int:
    highest = resource.getrlimit(kind)[1]
    return _UNLIMITED if highest == resource.RLIM_INFINITY else highest
