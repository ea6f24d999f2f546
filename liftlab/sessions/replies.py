"""What a reply holds: what stands at a path of it, and whether that is as a check says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from jsonschema import Draft202012Validator

from liftlab.sessions.record import Exchange
from liftlab.values import show

NO_REPLY = "no reply"
_PART = re.compile(r"\.?([A-Za-z_][\w-]*)|\[(\*|-?\d{1,6})\]|\[([\w-]+)=([^\]]*)\]")
_OF_REPLY = re.compile(r"@(text|header\.[A-Za-z0-9-]+)")


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING: Any = _Missing()  # what a path leads to where the data has nothing there


def parse_path(text: str) -> list[tuple[str, ...]]:
    """Return the parts of a path: key, index or `*`, name and its value; or raise ValueError."""
    if _OF_REPLY.fullmatch(text):
        return []
    parts = list(_PART.finditer(text))
    if "".join(part[0] for part in parts) != text or text.startswith("."):
        raise ValueError(f"{text[:80]!r} is no path such as sessions[*].id, @text or @header.NAME")
    return [part.groups("") for part in parts]


def look_up(data: Any, path: str) -> Any:
    """Return what stands at a path of data; `MISSING` where there is nothing.

    After `[*]` it is the list of what each element has, without those that lack it.
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


def at_path(path: str, exchange: Exchange, body: bytes) -> Any:
    """Return what stands at a path of a reply, or of what came with it."""
    if path == "@text":
        return body.decode("utf-8", "replace")
    if path.startswith("@header."):
        return exchange.headers.get(path.partition(".")[2].lower(), MISSING)
    return read_at(path, body)


def read_at(path: str, body: bytes) -> Any:
    """Return what stands at a path of a reply's JSON."""
    try:
        return look_up(parsed(body), path)
    except ValueError:
        return MISSING


def parsed(body: bytes) -> Any:
    """Return a reply's JSON; raise ValueError where it is none."""
    try:
        return json.loads(body, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError as error:
        said = show(body[:200].decode("utf-8", "replace"), 120)
        raise ValueError(f"{said} ({type(error).__name__})") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def fits(status: int | None, allowed: Sequence[str]) -> bool:
    """Say whether a status, None where no reply came, is one of those allowed."""
    told = (NO_REPLY,) if status is None else (str(status), f"{status // 100}xx")
    return any(one in allowed for one in told)


def same(left: Any, right: Any) -> bool:
    """Say whether two JSON values are the same: `true` is not 1."""
    return Draft202012Validator({"const": right}).is_valid(left)


def moment(value: Any) -> Any:
    """Return the moment that ISO 8601 text names; anything else is itself."""
    if not isinstance(value, str):
        return value
    try:  # some servers write a `Z` behind an offset
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
