"""Templates of a check's requests: variables put in, large values made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_PLACE = re.compile(r"\{\{|\}\}|\{([a-z_][a-z0-9_]*)\}")
_BRACES = {"{{": "{", "}}": "}"}
_MOST_CHARACTERS, _MOST_ITEMS = 16_000_000, 1_000_000


class Unset(KeyError):
    """A variable that no reply has given a value."""


def fill(template: Any, variables: Mapping[str, Any]) -> Any:
    """Return a template with variables in place of `{name}`; text that is one place alone is it.

    Raises Unset if a variable has no value.
    """
    if isinstance(template, str):
        whole = _PLACE.fullmatch(template)
        return _value(whole[1], variables) if whole and whole[1] else fill_text(template, variables)
    if isinstance(template, list):
        return [fill(item, variables) for item in template]
    if not isinstance(template, dict):
        return template
    filled = {fill_text(key, variables): fill(value, variables) for key, value in template.items()}
    return _made(filled) if any(key.startswith("$") for key in template) else filled


def fill_text(template: str, variables: Mapping[str, Any]) -> str:
    """Return a template of text as text, whatever its variables are."""

    def put(place: re.Match[str]) -> str:
        return _BRACES.get(place[0]) or str(_value(place[1], variables))

    return _PLACE.sub(put, template)


def places(template: Any) -> Iterator[str]:
    """Name the variables that a template needs."""
    if isinstance(template, str):
        yield from (found[1] for found in _PLACE.finditer(template) if found[1])
    elif isinstance(template, Mapping):
        yield from places([*template, *template.values()])
    elif isinstance(template, list | tuple):
        for item in template:
            yield from places(item)


def fault_of(template: Any) -> str | None:
    """Say what cannot be made of a template, whatever its variables are; None if all can."""
    try:
        fill(template, dict.fromkeys(places(template), ""))
    except ValueError as error:
        return str(error)
    return None


def _value(name: str, variables: Mapping[str, Any]) -> Any:
    if name not in variables:
        raise Unset(name)
    return variables[name]


def _made(template: dict[str, Any]) -> Any:
    match list(template.items()):
        case [("$null", True)]:
            return None
        case [("$repeat", [str(text), int(times)])] if 0 <= len(text) * times <= _MOST_CHARACTERS:
            return text * times
        case [("$repeat", [dict() | list() as value, int(times)])] if 0 <= times <= _MOST_ITEMS:
            return [value] * times
    said = str(template)[:60]
    raise ValueError(f"{said} is neither $repeat nor $null alone in its table, or is too large")
