"""Dotted paths into JSON values: `signature.name`, `choices.0.text`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def at(value: Any, path: str) -> Any:
    """Return what is at a path; an empty one is the whole.

    Raises KeyError if there is nothing.

    Examples
    --------
    >>> at({"signature": {"name": "add"}, "tags": ["a", "b"]}, "tags.1")
    'b'
    """
    for part in filter(None, path.split(".")):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, Sequence) and not isinstance(value, str) and _is_in(value, part):
            value = value[int(part)]
        else:
            raise KeyError(path)
    return value


def _is_in(values: Sequence[Any], part: str) -> bool:
    return part.isascii() and part.isdigit() and int(part) < len(values)
