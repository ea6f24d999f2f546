"""The function that a case asks for: its name and its parameters, as a prompt can state them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, count
from keyword import iskeyword
from string import ascii_lowercase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from liftlab.suite.core import Check

MAX_CHARS = 300
# Nothing is tried twice (`*+`): a suite's file is foreign text, too.
_FORM = re.compile(r"(?:def\s++)?(\w++)\s*+\((.*)\)\s*+(->[^:]++)?:?\s*+")
_PARAMETER = re.compile(r"\*{0,2}+([^\W\d]\w*+)|[*/]$")
_OPENING, _CLOSING = "([{", ")]}"


def read_signature(text: str) -> str:
    """Return a signature in its one form, without `def` and colon.

    Raises ValueError if it is not a name and parameters in parentheses, on one line.

    Examples
    --------
    >>> read_signature("def add(a: int, b: int = 0) -> int:")
    'add(a: int, b: int = 0) -> int'
    """
    match = _FORM.fullmatch(text.strip()) if len(text) <= MAX_CHARS and text.isprintable() else None
    if match is None:
        raise ValueError('must be one line such as "add(a, b)"')
    names = [match[1], *_parameter_names(match[2])]
    for name in names:
        if not name.isidentifier() or iskeyword(name):
            raise ValueError(f"{name[:40]!r} can't be a name in Python")
    if twice := {name for name in names[1:] if names[1:].count(name) > 1}:
        raise ValueError(f"{min(twice)[:40]!r} can't be two parameters")
    returns = f" {match[3].strip()}" if match[3] else ""
    return f"{match[1]}({match[2].strip()}){returns}"


def signature_of(
    name: str | None, signature: str | None, checks: Iterable[Check], prompt: str
) -> str:
    """Return what a prompt has to add about the function, such as `add(a, b)`; empty for nothing.

    Without a signature, there are as many parameters as the checks pass.
    """
    if name is None or re.search(rf"\bdef\s+{re.escape(name)}\s*\(", prompt):
        return ""
    return signature or f"{name}({', '.join(_parameters(checks))})"


def most_arguments(signature: str) -> int | None:
    """Return how many arguments a signature takes at most, None for any number."""
    parts = _split(signature.partition("(")[2].rpartition(")")[0])
    if any(part.startswith("*") and part != "*" for part in parts):
        return None
    return sum(part not in "*/" for part in parts)


def mentions(text: str, name: str | None) -> bool:
    """Say whether a text has a name as a word of its own."""
    return bool(name) and re.search(rf"(?<!\w){re.escape(name or '')}(?!\w)", text) is not None


def _parameters(checks: Iterable[Check]) -> list[str]:
    """Return a name for each argument that checks pass: a check's own where it has one."""
    named: dict[int, str] = {}
    for check in checks:
        for place in range(len(check.args)):
            named.setdefault(place, "")
        for place, name in enumerate(check.kwargs, len(check.args)):
            if name not in named.values():
                named[place] = named.get(place) or name
    taken = set(named.values())
    letters = chain(ascii_lowercase, map("a{}".format, count(1)))
    free = (letter for letter in letters if letter not in taken)
    return [named[place] or next(free) for place in sorted(named)]


def _parameter_names(text: str) -> Iterator[str]:
    """Yield the name of each parameter; what can have none is yielded as it is."""
    for part in _split(text):
        match = _PARAMETER.match(part)
        if match is None:
            yield part or "a parameter without a name"
        elif match[1]:
            yield match[1]


def _split(text: str) -> list[str]:
    """Split at the commas that are in no bracket."""
    parts, depth = [""], 0
    for mark in text:
        depth += (mark in _OPENING) - (mark in _CLOSING)
        if mark == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += mark
    parts = [part.strip() for part in parts]
    return parts[:-1] if not parts[-1] else parts  # nothing, or a comma behind the last one
