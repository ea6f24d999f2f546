"""Read asserts of the form `f(values) == value` as values.

This file is sent to the sandbox as source and run there: no test that others wrote is parsed
in our own process. Standard library only.
"""

from __future__ import annotations

import ast
import builtins
import sys
from typing import Any

# What may stand in a value: no name and no call.
_PLAIN = (
    *(ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.BinOp, ast.UnaryOp),
    *(ast.operator, ast.unaryop, ast.expr_context),
)
_TOOLS = ("numpy", "pandas", "pytest")  # modules that tests compare with
_TOLERANCE = 1e-6  # what grading allows a float; asserts that allow more stay asserts


class _NotLiteralError(Exception):
    """An assert that says more than: this call gives that value."""


def read_tests(source: str) -> dict[str, Any]:
    """Return the calls that asserts make and what they expect, if all of them are that simple.

    They stand at the top level and call one function by its name, or in a function `check(f)`,
    which is then called with the function to test.

    Examples
    --------
    >>> read_tests("assert f(1, b=[2]) == (3,)")
    {'function': 'f', 'calls': [([1], {'b': [2]}, (3,))]}
    >>> read_tests("assert set(f(1)) == {1}")
    {'function': 'f', 'calls': None}
    """
    body = ast.parse(source).body
    check = next((node for node in body if isinstance(node, ast.FunctionDef)), None)
    if check is None:
        return _read(body, _first_called(body))
    if check.name != "check" or len(check.args.args) != 1:
        return {"function": None, "calls": None}
    last = body[-1]
    call = last.value if isinstance(last, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.args[0], ast.Name):
        return {"function": None, "calls": None}
    rest = [node for node in body[:-1] if node is not check]
    simple = all(_says_nothing(node) or isinstance(node, ast.Assign) for node in rest)
    found = _read(check.body if simple else [], check.args.args[0].arg)
    return {"function": call.args[0].id, "calls": found["calls"]}


def _read(body: list[ast.stmt], name: str | None) -> dict[str, Any]:
    try:
        calls = [_one(node, name) for node in body if not _says_nothing(node)]
    except (_NotLiteralError, ArithmeticError, ValueError, TypeError, SyntaxError):
        return {"function": name, "calls": None}
    return {"function": name, "calls": calls or None}


def _first_called(body: list[ast.stmt]) -> str | None:
    """Return the first function that asserts call and that is not a tool of theirs."""
    inside = [inner for node in body for inner in ast.walk(node)]
    called = [
        call.func.id
        for node in inside
        if isinstance(node, ast.Assert)
        for call in ast.walk(node.test)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    ]
    tools = {*dir(builtins), *_imported(inside)}
    # A function that is named as a built-in one is called inside of what else is called.
    return next((name for name in called if name not in tools), called[-1] if called else None)


def _imported(nodes: list[ast.AST]) -> set[str]:
    """Return what is imported to test with, such as `from math import isclose`."""
    return {
        name.asname or name.name
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").partition(".")[0] in {*sys.stdlib_module_names, *_TOOLS}
        for name in node.names
    }


def _says_nothing(node: ast.stmt) -> bool:
    """Say whether a statement is a docstring, `pass`, or an assert of a true constant."""
    if isinstance(node, ast.Assert):
        return isinstance(node.test, ast.Constant) and bool(node.test.value)
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant or isinstance(node, ast.Pass)


def _one(node: ast.stmt, name: str | None) -> tuple[list[Any], dict[str, Any], Any]:
    test = node.test if isinstance(node, ast.Assert) else None
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return *_arguments(test.operand, name), False
    if isinstance(test, ast.Call):
        return *_arguments(test, name), True
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        raise _NotLiteralError
    left, operator, right = test.left, test.ops[0], test.comparators[0]
    if isinstance(operator, ast.Lt):
        left, right = _distance(left, _value(right))
        expected: Any = float(_value(right))
    elif isinstance(operator, ast.Eq):
        expected = _value(right)
    elif isinstance(operator, ast.Is) and isinstance(right, ast.Constant):
        expected = right.value
    else:
        raise _NotLiteralError
    arguments, named = _arguments(left, name)
    return arguments, named, expected


def _value(node: ast.expr) -> Any:
    """Return the value of an expression without names and calls, such as `[2 * 3, "a"]`."""
    if not all(isinstance(inner, _PLAIN) for inner in ast.walk(node)):
        raise _NotLiteralError
    return eval(compile(ast.Expression(node), "<tests>", "eval"))  # noqa: S307 -- in the sandbox


def _distance(node: ast.expr, allowed: Any) -> tuple[ast.expr, ast.expr]:
    """Return both sides of `abs(a - b) < allowed`."""
    is_abs = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    if not is_abs or allowed > _TOLERANCE or node.func.id != "abs" or len(node.args) != 1:  # type: ignore[attr-defined]
        raise _NotLiteralError
    inner = node.args[0]  # type: ignore[attr-defined]
    if not isinstance(inner, ast.BinOp) or not isinstance(inner.op, ast.Sub):
        raise _NotLiteralError
    return inner.left, inner.right


def _arguments(node: ast.expr, name: str | None) -> tuple[list[Any], dict[str, Any]]:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise _NotLiteralError
    if node.func.id != name or any(word.arg is None for word in node.keywords):
        raise _NotLiteralError
    named = {str(word.arg): _value(word.value) for word in node.keywords}
    return [_value(argument) for argument in node.args], named
