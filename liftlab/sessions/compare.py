"""Comparisons of what a reply has with what a check says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from liftlab.sessions.model import ThatModel
from liftlab.sessions.paths import MISSING
from liftlab.sessions.template import fill

_MOST_TEXT = 1_000_000  # characters that a pattern is looked for in


def wanted(that: ThatModel, given: Mapping[str, Any]) -> Any:
    """Return what a comparison compares with, its variables put in."""
    target = getattr(that, "is_" if that.operator == "is" else that.operator)
    if that.operator in ("is", "matches"):
        return target
    target = fill(target, given)
    return target + that.plus if that.plus and _is_number(target) else target


def holds(that: ThatModel, value: Any, target: Any) -> bool:
    """Say whether a comparison holds of a value; of a missing one only `is = "missing"` does."""
    if that.operator == "is":
        return _KINDS[that.is_ or ""](value)
    return value is not MISSING and _OPERATORS[that.operator](value, target)


def same(left: Any, right: Any) -> bool:
    """Say whether two JSON values are the same: `true` is not 1.

    Examples
    --------
    >>> same(1, 1.0), same(True, 1), same([{"a": 0}], [{"a": False}])
    (True, False, False)
    """
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    return bool(left == right)


def read_time(text: Any, *, strict: bool = False) -> datetime | None:
    """Return the moment that ISO 8601 text names; None if it is none.

    `strict` refuses a `Z` behind an offset, which some servers write.

    Examples
    --------
    >>> read_time("2025-01-01T00:00:00+00:00Z") == read_time("2025-01-01T00:00:00Z")
    True
    """
    if not isinstance(text, str) or not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", text):
        return None
    if not strict:
        text = re.sub(r"([+-]\d\d:?\d\d)Z$", r"\1", text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None if strict else moment.replace(tzinfo=UTC)
    return moment


def _contains(value: Any, item: Any) -> bool:
    if isinstance(value, list):
        return any(same(one, item) for one in value)
    if isinstance(value, str):
        return isinstance(item, str) and item in value
    return isinstance(value, dict) and isinstance(item, str) and item in value


def _in_order(low: Any, high: Any) -> bool:
    """Say whether two numbers, moments or texts are in order; of different kinds they are not."""
    if _is_number(low) and _is_number(high):
        return bool(low <= high)
    moments = read_time(low), read_time(high)
    if moments[0] and moments[1]:
        return moments[0] <= moments[1]
    return isinstance(low, str) and isinstance(high, str) and low <= high


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _has_all(value: Any, items: Any) -> bool:
    return all(_contains(value, item) for item in (items if isinstance(items, list) else [items]))


def _is_sized(value: Any) -> bool:
    return isinstance(value, list | dict | str)


def _is_sorted(values: Any, *, down: bool = False) -> bool:
    if not isinstance(values, list):
        return False
    return all(_in_order(*(pair[::-1] if down else pair)) for pair in pairwise(values))


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": same,
    "differs": lambda value, target: not same(value, target),
    "contains": _contains,
    "contains_all": _has_all,
    "excludes": lambda value, item: _is_sized(value) and not _contains(value, item),
    "length": lambda value, length: _is_sized(value) and str(len(value)) == str(length),
    "matches": lambda value, pattern: (
        isinstance(value, str) and bool(re.search(pattern, value[:_MOST_TEXT]))
    ),
    "at_least": lambda value, least: _in_order(least, value),
    "at_most": _in_order,
}
_KINDS: dict[str, Callable[[Any], bool]] = {
    "missing": lambda value: value is MISSING,
    "present": lambda value: value is not MISSING,
    "null": lambda value: value is None,
    "empty": lambda value: _is_sized(value) and not value,
    "filled": lambda value: _is_sized(value) and bool(value),
    "text": lambda value: isinstance(value, str),
    "number": _is_number,
    "true": lambda value: value is True,
    "false": lambda value: value is False,
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "time": lambda value: read_time(value) is not None,
    "iso_time": lambda value: read_time(value, strict=True) is not None,
    "ascending": _is_sorted,
    "descending": lambda value: _is_sorted(value, down=True),
}
