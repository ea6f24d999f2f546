"""A new case from what a person types: examples as calls and results, and its lines in a file."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from liftlab import values
from liftlab.errors import UsageError

_BETWEEN = re.compile(r"->|==")
_RAISES = re.compile(r"raises\s+(\w+)")


def read_example(text: str, function: str) -> dict[str, Any]:
    """Return the check that an example such as `2, 3 -> 5` stands for.

    The call may be written out, as in `add(2, b=3) == 5`, and the result be `raises TypeError`.

    Raises
    ------
    UsageError
        If it is not such an example of values that Python writes as literals.

    Examples
    --------
    >>> read_example("[1, None], 'a -> b' -> (1, 2)", "f")
    {'args': [[1, None], 'a -> b'], 'expected': {'$tuple': [1, 2]}}
    >>> read_example("add(2, b='x') -> raises TypeError", "add")
    {'args': [2], 'kwargs': {'b': 'x'}, 'raises': 'TypeError'}
    """
    for between in _BETWEEN.finditer(text):
        try:
            given = _arguments(text[: between.start()], function)
            outcome = text[between.end() :].strip()
            raises = _RAISES.fullmatch(outcome)
            return given | ({"raises": raises[1]} if raises else {"expected": _data(outcome)})
        except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
            continue  # perhaps it stands within a text
    raise UsageError(f'not an example: {text[:80]!r}; write "2, 3 -> 5", with values as in Python')


def add_case(before: str, case: Mapping[str, Any], suffix: str) -> str:
    """Return a suite's file with one case more at its end; `suffix` says how it is written."""
    if suffix not in (".toml", ".jsonl"):
        raise UsageError(
            f"a case can be added to a .toml or .jsonl file, not to {suffix or 'this'}"
        )
    text, between = json.dumps(case) + "\n", "\n"
    if suffix == ".toml":
        text = "[[cases]]\n" + "".join(_line(key, value) for key, value in case.items())
        between = "\n\n"
    return f"{before.rstrip()}{between}{text}".lstrip("\n")


def _arguments(text: str, function: str) -> dict[str, Any]:
    call = ast.parse(f"f({text}\n)", mode="eval").body
    inner = call.args[0] if isinstance(call, ast.Call) and len(call.args) == 1 else None
    if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name):
        if inner.func.id != function:
            raise ValueError("a call of another function")
        call = inner
    if not isinstance(call, ast.Call) or any(word.arg is None for word in call.keywords):
        raise ValueError("no call")
    named = {str(word.arg): _data(word.value) for word in call.keywords}
    return {"args": [_data(node) for node in call.args]} | ({"kwargs": named} if named else {})


def _data(node: ast.expr | str) -> Any:
    return values.encode(ast.literal_eval(node))


def _line(key: str, value: Any) -> str:
    if key != "checks":
        return f"{key} = {_toml(value)}\n"
    lines = []
    for check in value:
        is_pair = check.keys() == {"args", "expected"}
        lines.append(_toml([check["args"], check["expected"]] if is_pair else check))
    return "checks = [\n" + "".join(f"  {line},\n" for line in lines) + "]\n"


def _toml(data: Any) -> str:
    """Write JSON data as TOML, on one line."""
    if data is None:
        return '{"$none" = true}'
    if isinstance(data, list):
        return f"[{', '.join(map(_toml, data))}]"
    if isinstance(data, dict):
        pairs = (f"{_key(key)} = {_toml(value)}" for key, value in data.items())
        return f"{{ {', '.join(pairs)} }}" if data else "{}"
    # Escapes are the same but for one character, which JSON leaves as it is.
    return json.dumps(data, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml(key)
