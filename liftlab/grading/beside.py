"""Run an answer and, beside it, the tests that name its functions.

This file is sent to the sandbox as source, with the answer and the tests as arguments: the answer
keeps its line numbers, and can't swallow the tests by ending in the middle of something.
Standard library only.
"""

from __future__ import annotations

import random
import sys
from types import ModuleType
from typing import Any

_ANSWER = "<candidate>"
_MESSAGE_CHARS = 300
_MADE_AT_RUN_TIME = 1 << 9  # CPython's flag for classes that are no part of the interpreter


class _OwnClassError(Exception):
    """The answer gave a value of a class of its own, which could claim to equal anything."""


def run_tests(answer: bytes, tests: str, name: str | None) -> dict[str, Any] | bool:
    """Return True if the answer loads and its tests raise nothing, else what was raised.

    Parameters
    ----------
    answer
        The source of the answer.
    tests
        Asserts that call it.
    name
        The function under test; values of classes of the answer's own are refused from it.
    """
    run, make, describe, module = exec, compile, _described, ModuleType("candidate")
    sys.modules["candidate"] = module
    random.seed(0)  # the same verdict every time
    try:
        run(make(answer, _ANSWER, "exec"), module.__dict__)
        space = dict(module.__dict__)
        if callable(space.get(name or "")):
            space[name or ""] = _guarded(space[name or ""], module)
        run(make(tests, "<tests>", "exec"), space)
    except _OwnClassError as error:
        return {"not_plain": str(error)}
    except BaseException as error:
        return describe(error)
    return True


def _guarded(function: Any, module: ModuleType) -> Any:
    def call(*arguments: Any, **named: Any) -> Any:
        value = function(*arguments, **named)
        own = _own_class(value, module, 20)
        if own is not None:
            raise _OwnClassError(own)
        return value

    return call


def _own_class(value: Any, module: ModuleType, depth: int) -> str | None:
    """Return the name of a class of the answer's that `value` is of or holds, None without one."""
    kind = type(value)
    if kind in (int, str, float, bool, bytes, complex, type(None)) or depth == 0:
        return None
    for base in type.mro(kind):
        home = sys.modules.get(str(type.__dict__["__module__"].__get__(base)))
        known = home is not module and getattr(home, base.__name__, None) is base
        if base.__flags__ & _MADE_AT_RUN_TIME and not known:
            return str(base.__name__)[:100]
    if kind is dict:
        value = [*value.keys(), *value.values()]
    elif kind not in (list, tuple, set, frozenset):
        return None
    found = (_own_class(item, module, depth - 1) for item in value)
    return next((name for name in found if name is not None), None)


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
