"""Comparisons of what a reply has with what a check says; those of shape are JSON Schema's."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from jsonschema import Draft202012Validator

from liftlab.sessions.paths import MISSING


def same(left: Any, right: Any) -> bool:
    """Say whether two JSON values are the same: `true` is not 1.

    Examples
    --------
    >>> same(1, 1.0), same(True, 1), same([{"a": 0}], [{"a": False}])
    (True, False, False)
    """
    return Draft202012Validator({"const": right}).is_valid(left)


def moment(value: Any) -> Any:
    """Return the moment that ISO 8601 text names; anything else is itself.

    Some servers write a `Z` behind an offset.

    Examples
    --------
    >>> moment("2025-01-01T00:00:00+00:00Z") == moment("2025-01-01T00:00:00Z")
    True
    """
    if not isinstance(value, str):
        return value
    try:
        read = datetime.fromisoformat(re.sub(r"([+-]\d\d:?\d\d)Z$", r"\1", value))
    except ValueError:
        return value
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def holds(operator: str, value: Any, target: Any) -> bool:
    """Say whether a comparison holds of a value; of a missing one none does."""
    try:
        return value is not MISSING and OPERATORS[operator](value, target)
    except (TypeError, RecursionError):  # of different kinds, or nested too deeply to be it
        return False


def _contains(value: Any, item: Any) -> bool:
    if isinstance(value, list):
        return any(same(one, item) for one in value)
    return isinstance(value, str) and str(item) in value


def _contains_all(value: Any, items: Any) -> bool:
    return all(_contains(value, item) for item in (items if isinstance(items, list) else [items]))


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": same,
    "differs": lambda value, target: not same(value, target),
    "contains": _contains,
    "contains_all": _contains_all,
    "excludes": lambda value, item: isinstance(value, str | list) and not _contains(value, item),
    "at_least": lambda value, least: bool(moment(value) >= moment(least)),
}
