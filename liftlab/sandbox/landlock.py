"""Landlock by system call: which files a process may touch, from now on and for good.

A kernel without Landlock (before 5.13, or built without it) and a system that is not Linux
answer 0 to `abi()`. Standard library only: the sandbox's worker loads this file before any
foreign code runs.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

# The three calls have the same numbers on every architecture (include/uapi/asm-generic/unistd.h).
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1
_O_PATH = 0o10000000

# Rights on files, in the order of include/uapi/linux/landlock.h.
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = (1 << n for n in range(6))
_MAKE_DIR, _MAKE_REG, _MAKE_SYM, _REFER, _TRUNCATE = (1 << n for n in (7, 8, 12, 13, 14))
_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many rights the kernel knows
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_SCRATCH = (
    _READ_FILE | _READ_DIR | _WRITE_FILE | _TRUNCATE | _REMOVE_DIR | _REMOVE_FILE
    | _MAKE_DIR | _MAKE_REG | _MAKE_SYM | _REFER
)  # fmt: skip
_NET_BIND_AND_CONNECT_TCP = 0b11  # from ABI 4
_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11  # from ABI 6

_LIBC = ctypes.CDLL(None, use_errno=True)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def abi() -> int:
    """Return the version of Landlock that the kernel offers, 0 for none."""
    if not sys.platform.startswith("linux"):
        return 0
    try:
        return max(0, _syscall(_CREATE_RULESET, None, 0, 1))
    except OSError:
        return 0


def ruleset(readable: Iterable[str], writable: Iterable[str]) -> int | None:
    """Write down which files may be touched, for any number of processes to give up the rest.

    Returns a descriptor for `enforcing`, None where the kernel has no Landlock. Of `readable` may
    be executed, too; paths that are not there are skipped.
    """
    version = abi()
    if not version:
        return None
    handled = (1 << _RIGHTS_BY_ABI.get(version, 16)) - 1
    fields = [handled]
    if version >= 4:
        fields.append(_NET_BIND_AND_CONNECT_TCP)
    if version >= 6:
        fields.append(_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS)
    attributes = (ctypes.c_uint64 * len(fields))(*fields)
    size = ctypes.sizeof(attributes)
    rules = _syscall(_CREATE_RULESET, ctypes.byref(attributes), size, 0)
    for path in readable:
        _allow(rules, path, _READ & handled)
    for path in writable:
        _allow(rules, path, _SCRATCH & handled)
    return rules


def enforcing(rules: int) -> tuple[Callable[..., int], tuple[Any, ...]]:
    """Return a function and its arguments: the call answers 0 once the rules are in force.

    It gives up all files but those that `rules` names, all TCP, and signals to others, for good and
    for children, too. Whoever calls it must have set `no_new_privs`.
    """
    # Not by `_LIBC`: to keep errno apart, ctypes touches two more pages in each child.
    return ctypes.CDLL(None).syscall, (ctypes.c_long(_RESTRICT_SELF), rules, 0)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, _O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(path):
        rights &= _ON_FILES
    rule = _PathBeneath(rights, handle)
    try:
        _syscall(_ADD_RULE, rules, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(handle)


def _syscall(number: int, *arguments: object) -> int:
    result = int(_LIBC.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"landlock: {os.strerror(code)}")
    return result
