"""Dotted paths into JSON values: `signature.name`, `choices.0.text`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_MOST_KEYS = 10


def at(value: Any, path: str) -> Any:
    """Return what is at a path; an empty one is the whole. Raises KeyError if there is nothing."""
    for part in filter(None, path.split(".")):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, Sequence) and not isinstance(value, str) and _is_in(value, part):
            value = value[int(part)]
        else:
            raise KeyError(path)
    return value


def gap(value: Any, path: str) -> str:
    """Say where a path leads to nothing, and what is there instead.

    Examples
    --------
    >>> gap({"output": {"texts": [], "id": 7}}, "output.text")
    'no text in output, which has texts, id'
    """
    walked: list[str] = []
    for part in filter(None, path.split(".")):
        place = ".".join(walked) or "the reply"
        try:
            inner = at(value, part)
        except KeyError:
            return f"no {part} in {place}, which {_holds(value)}"
        value = inner
        walked.append(part)
    return f"null at {path or 'the top'}"


def _holds(value: Any) -> str:
    if isinstance(value, Mapping):
        names = [str(name)[:40] for name in list(value)[:_MOST_KEYS]]
        more = ["…"] if len(value) > _MOST_KEYS else []
        return f"has {', '.join([*names, *more])}" if names else "is empty"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"is a list of {len(value):,}"
    return "is null" if value is None else f"is a {type(value).__name__}"


def _is_in(values: Sequence[Any], part: str) -> bool:
    return part.isascii() and part.isdigit() and int(part) < len(values)
