"""Run an answer and, beside it, the tests that name its functions.

This file is sent to the sandbox as source, with the answer and the tests as arguments: the answer
keeps its line numbers, and can't swallow the tests by ending in the middle of something.
Standard library only.
"""

from __future__ import annotations

import builtins
import random
import sys
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Any
from weakref import CallableProxyType, ProxyType

# A copy for what stands below and for the tests: an answer can replace the interpreter's own.
_USUAL = dict(vars(builtins))
globals()["__builtins__"] = _USUAL

_ANSWER = "<candidate>"
_MESSAGE_CHARS = 300
_MADE_AT_RUN_TIME = 1 << 9  # CPython's flag for classes that are no part of the interpreter
# Whose values an answer may give; others, such as a mock's, could claim to equal anything.
_VALUE_CLASSES = {
    "collections": ("Counter",),
    "datetime": ("date", "datetime", "time", "timedelta", "timezone"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "pathlib": ("Path", "PosixPath", "PurePath", "PurePosixPath"),
    "uuid": ("UUID",),
}
_ASK_ANOTHER = (ProxyType, CallableProxyType, MappingProxyType)  # whether they equal something


class _OwnClassError(Exception):
    """The answer gave a value of a class of its own, which could claim to equal anything."""


def run_tests(answer: bytes, tests: str, name: str | None, token: str) -> dict[str, Any] | str:
    """Return `token` if the answer loads and its tests raise nothing, else what was raised.

    Parameters
    ----------
    answer
        The source of the answer.
    tests
        Asserts that call it.
    name
        The function under test; values of classes of the answer's own are refused from it.
    token
        Made for this run alone, so that no answer can print the verdict without looking for it.
    """
    run, make, describe, module = exec, compile, _described, ModuleType("candidate")
    sys.modules["candidate"] = module
    random.seed(0)  # the same verdict every time
    known = _known_classes(answer, tests)
    try:
        run(make(answer, _ANSWER, "exec"), module.__dict__)
        # The tests call the built-in functions as they were, whatever the answer made of them.
        taken = _USUAL.keys() - {"__name__", "__doc__"}
        space = {key: item for key, item in module.__dict__.items() if key not in taken}
        space["__builtins__"] = _USUAL
        if callable(module.__dict__.get(name or "")):
            space[name or ""] = _guarded(module.__dict__[name or ""], known)
        run(make(tests, "<tests>", "exec"), space)
    except _OwnClassError as error:
        return {"not_plain": str(error)}
    except BaseException as error:
        return describe(error)
    return token


def _known_classes(answer: bytes, tests: str) -> list[type]:
    """Return the classes whose values may be compared, taken before the answer can replace them."""
    text = answer.decode("latin-1") + tests
    return [
        getattr(import_module(module), name)
        for module, names in _VALUE_CLASSES.items()
        if module in text
        for name in names
    ]


def _guarded(function: Callable[..., Any], known: Sequence[type]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        value = function(*arguments, **named)
        own = _own_class(value, known, 20)
        if own is not None:
            raise _OwnClassError(own)
        return value

    return call


def _own_class(value: Any, known: Sequence[type], depth: int) -> str | None:
    """Return the name of a class not known that `value` is of or holds, None without one."""
    kind = type(value)
    # Past any metaclass, and by identity: a class may lie about itself and about equality.
    made_at_run_time = type.__dict__["__flags__"].__get__(kind) & _MADE_AT_RUN_TIME
    if (made_at_run_time and not _is_one_of(kind, known)) or _is_one_of(kind, _ASK_ANOTHER):
        return str(type.__dict__["__name__"].__get__(kind))[:100]
    if depth == 0:
        return None
    if issubclass(kind, dict):
        parts: Iterable[Any] = [*dict.keys(value), *dict.values(value)]
    elif issubclass(kind, list | tuple | set | frozenset | deque):
        parts = value
    else:
        return None
    found = (_own_class(part, known, depth - 1) for part in parts)
    return next((name for name in found if name is not None), None)


def _is_one_of(kind: type, classes: Sequence[type]) -> bool:
    return any(kind is item for item in classes)


def _described(error: BaseException) -> dict[str, Any]:
    try:
        message = str(error)
    except BaseException:
        message = "(its message could not be made)"
    line, trace = None, error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == _ANSWER and trace.tb_frame.f_globals is not globals():
            line = trace.tb_lineno
        trace = trace.tb_next
    bases = [base.__name__ for base in type.mro(type(error)) if base.__module__ == "builtins"]
    name = type(error).__name__
    return {"name": name, "message": message[:_MESSAGE_CHARS], "bases": bases, "line": line}
