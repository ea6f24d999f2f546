"""Templates of a check's requests: variables put in, large values made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_PLACE = re.compile(r"\{\{|\}\}|\{([a-z_][a-z0-9_]*)\}")
_BRACES = {"{{": "{", "}}": "}"}
_MOST_CHARACTERS, _MOST_ITEMS, _DEEPEST = 16_000_000, 1_000_000, 20_000
MAKERS = ("$repeat", "$nest", "$null")


class Unset(KeyError):
    """A variable that no reply has given a value."""


def fill(template: Any, variables: Mapping[str, Any]) -> Any:
    """Return a template with variables in place of `{name}`; text that is one place alone is it.

    Raises Unset if a variable has no value.

    Examples
    --------
    >>> fill({"id": "{id}", "text": "no {id}, {{id}}", "x": {"$repeat": ["ab", 2]}}, {"id": 7})
    {'id': 7, 'text': 'no 7, {id}', 'x': 'abab'}
    """
    if isinstance(template, str):
        whole = _PLACE.fullmatch(template)
        return _value(whole[1], variables) if whole and whole[1] else fill_text(template, variables)
    if isinstance(template, list):
        return [fill(item, variables) for item in template]
    if not isinstance(template, dict):
        return template
    if len(template) == 1 and (maker := next(iter(template))) in MAKERS:
        return _made(maker, fill(template[maker], variables))
    return {fill_text(key, variables): fill(value, variables) for key, value in template.items()}


def fill_text(template: str, variables: Mapping[str, Any]) -> str:
    """Return a template of text as text, whatever its variables are."""

    def put(place: re.Match[str]) -> str:
        return _BRACES.get(place[0]) or str(_value(place[1], variables))

    return _PLACE.sub(put, template)


def places(template: Any) -> Iterator[str]:
    """Name the variables that a template needs.

    Examples
    --------
    >>> sorted(places({"{a}": ["{b} and {{c}}"]}))
    ['a', 'b']
    """
    if isinstance(template, str):
        yield from (found[1] for found in _PLACE.finditer(template) if found[1])
    elif isinstance(template, Mapping):
        yield from places([*template, *template.values()])
    elif isinstance(template, list | tuple):
        for item in template:
            yield from places(item)


def fault_of(template: Any) -> str | None:
    """Say what is wrong with the makers in a template; None if nothing is."""
    if isinstance(template, list):
        return next(filter(None, map(fault_of, template)), None)
    if not isinstance(template, dict):
        return None
    marked = [key for key in template if key.startswith("$")]
    if marked and (len(template) > 1 or marked[0] not in MAKERS):
        known = ", ".join(MAKERS)
        return f"{marked[0][:40]!r} is none of {known}, or does not stand alone in its table"
    try:
        _ = [_made(maker, template[maker], dry=True) for maker in marked]
    except ValueError as error:
        return str(error)
    return next(filter(None, map(fault_of, template.values())), None)


def _value(name: str, variables: Mapping[str, Any]) -> Any:
    if name not in variables:
        raise Unset(name)
    return variables[name]


def _made(maker: str, given: Any, *, dry: bool = False) -> Any:
    """Return what a maker makes; a dry one only makes sure that it can."""
    match maker, given:
        case "$null", True:
            return None
        case "$nest", int(depth) if 0 < depth <= _DEEPEST:
            nested: Any = "end"
            for _ in range(0 if dry else depth):
                nested = {"a": nested}
            return nested
        case "$repeat", [str(text), int(times)] if 0 <= len(text) * times <= _MOST_CHARACTERS:
            return "" if dry else text * times
        case "$repeat", [dict() | list() as value, int(times)] if 0 <= times <= _MOST_ITEMS:
            return [] if dry else [value] * times
    raise ValueError(f"{maker} cannot be made of {str(given)[:60]!r}, or is too large")
