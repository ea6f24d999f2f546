"""Paths into a reply, such as `sessions[*].session_id`: read once, looked up in foreign data."""

from __future__ import annotations

import re
from typing import Any

_PART = re.compile(r"\.?([A-Za-z_][\w-]*)|\[(\*|-?\d{1,6})\]|\[([\w-]+)=([^\]]*)\]")
_OF_REPLY = re.compile(r"@(text|header\.[A-Za-z0-9-]+)")


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING: Any = _Missing()  # what a path leads to where the data has nothing there


def parse_path(text: str) -> list[tuple[str, ...]]:
    """Return the parts of a path; raise ValueError if it is none.

    Each is a key, an index or `*`, or a name and the value that it must have.

    Examples
    --------
    >>> parse_path("sessions[*].id")
    [('sessions', '', '', ''), ('', '*', '', ''), ('id', '', '', '')]
    """
    if _OF_REPLY.fullmatch(text):
        return []
    parts = list(_PART.finditer(text))
    if "".join(part[0] for part in parts) != text or text.startswith("."):
        raise ValueError(f"{text[:80]!r} is no path such as sessions[*].id, @text or @header.NAME")
    return [part.groups("") for part in parts]


def look_up(data: Any, path: str) -> Any:
    """Return what stands at a path of data; `MISSING` where there is nothing.

    After `[*]` it is the list of what each element has, without those that lack it.

    Examples
    --------
    >>> data = {"sessions": [{"id": "x", "n": 1}, {"id": "y", "n": 2}]}
    >>> look_up(data, "sessions[*].id"), look_up(data, "sessions[id=y].n"), look_up(data, "a.b")
    (['x', 'y'], 2, nothing)
    """
    values, is_list = [data], False
    for key, index, name, wanted in parse_path(path):
        if index == "*":
            lists = [value for value in values if isinstance(value, list)]
            if not (is_list or lists):
                return MISSING
            values, is_list = [item for each in lists for item in each], True
        else:
            found = [_part(value, key, index, name, wanted) for value in values]
            values = [value for value in found if value is not MISSING]
        if not (values or is_list):
            return MISSING
    return values if is_list else values[0]


def _part(value: Any, key: str, index: str, name: str, wanted: str) -> Any:
    if key:
        return value.get(key, MISSING) if isinstance(value, dict) else MISSING
    if not isinstance(value, list):
        return MISSING
    if index:
        return value[int(index)] if -len(value) <= int(index) < len(value) else MISSING
    items = (item for item in value if isinstance(item, dict) and str(item.get(name)) == wanted)
    return next(items, MISSING)
