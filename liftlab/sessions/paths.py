"""Paths into a reply, such as `sessions[*].session_id`: read once, looked up in foreign data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

_PART = re.compile(r"\.?([A-Za-z_][\w-]*)|\[(\*|-?\d{1,6})\]|\[([\w-]+)=([^\]]*)\]")


class Missing(Enum):
    """What a path leads to where the data has nothing there."""

    MISSING = "nothing"

    def __repr__(self) -> str:
        return self.value


MISSING = Missing.MISSING


def parse_path(text: str) -> list[tuple[str, ...]]:
    """Return the parts of a path; raise ValueError if it is none.

    Examples
    --------
    >>> parse_path("sessions[*].id")
    [('key', 'sessions'), ('each',), ('key', 'id')]
    """
    parts: list[tuple[str, ...]] = []
    at = 0
    if text.startswith("@"):
        if not re.fullmatch(r"@(status|text|elapsed_s|header\.[A-Za-z0-9-]+)", text):
            raise ValueError("after @ comes status, text, elapsed_s or header.NAME")
        return [("reply", text[1:])]
    while at < len(text):
        part = _PART.match(text, at)
        if part is None or (at == 0 and text.startswith(".")):
            raise ValueError(f"{text[:80]!r} is no path such as sessions[*].id or holes[0]")
        key, index, name, value = part.groups()
        if key is not None:
            parts.append(("key", key))
        elif index is not None:
            parts.append(("each",) if index == "*" else ("index", index))
        else:
            parts.append(("where", name, value))
        at = part.end()
    return parts


def look_up(data: Any, path: str) -> Any:
    """Return what stands at a path of data; `MISSING` where there is nothing.

    After `[*]` it is the list of what each element has, without those that lack it.

    Examples
    --------
    >>> data = {"sessions": [{"id": "x", "n": 1}, {"id": "y", "n": 2}]}
    >>> look_up(data, "sessions[*].id"), look_up(data, "sessions[id=y].n"), look_up(data, "a.b")
    (['x', 'y'], 2, nothing)
    """
    parts = parse_path(path)
    values = list(_values(data, parts))
    if ("each",) in parts:
        first = parts.index(("each",))
        whole = next(_values(data, parts[:first]), MISSING)
        return values if isinstance(whole, list) else MISSING
    return values[0] if values else MISSING


def _values(data: Any, parts: list[tuple[str, ...]]) -> Iterator[Any]:
    if not parts:
        yield data
        return
    part, rest = parts[0], parts[1:]
    match part:
        case ("key", name) if isinstance(data, dict) and name in data:
            yield from _values(data[name], rest)
        case ("index", number) if isinstance(data, list) and -len(data) <= int(number) < len(data):
            yield from _values(data[int(number)], rest)
        case ("each",) if isinstance(data, list):
            for item in data:
                yield from _values(item, rest)
        case ("where", name, value) if isinstance(data, list):
            named = (item for item in data if isinstance(item, dict))
            first = next((item for item in named if str(item.get(name)) == value), MISSING)
            if first is not MISSING:
                yield from _values(first, rest)
