"""What a constrained decoder is asked to enforce, and what is checked afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema
import jsonschema.exceptions
import referencing
import referencing.exceptions

# Bounded repetitions and long patterns unroll into large, slow grammars.
_CHECKED_AFTERWARDS = frozenset({"maxLength", "maxItems", "pattern", "format", "uniqueItems"})
_HOLD_SCHEMAS_BY_NAME = frozenset({"properties", "$defs", "definitions", "patternProperties"})
_HOLD_DATA = frozenset({"enum", "const"})


# llguidance's own keyword: free white space lets a small model draw blanks to the end.
_ONE_LINE = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}


def for_grammar(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the decoder is asked for: `schema` on one line, without its slow keywords."""
    return {**lighten(schema), "x-guidance": _ONE_LINE}


def lighten(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return `schema` without the keywords that make a decoder's grammar slow."""
    light: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _CHECKED_AFTERWARDS:
            continue
        if key in _HOLD_SCHEMAS_BY_NAME and isinstance(value, Mapping):
            light[key] = {name: _lighten(inner) for name, inner in value.items()}
        else:
            light[key] = value if key in _HOLD_DATA else _lighten(value)
    return light


def schema_fault(schema: Mapping[str, Any]) -> str | None:
    """Say in one line why `schema` is no JSON Schema, or None if it is one."""
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.exceptions.SchemaError as error:
        return _one_line(error)
    return None


def mismatch(value: Any, schema: Mapping[str, Any]) -> str | None:
    """Say in one line how `value` breaks the whole `schema`, or None if it fits."""
    # An empty registry: a `$ref` to another host is never fetched.
    validator = jsonschema.Draft202012Validator(schema, registry=referencing.Registry())
    try:
        first = jsonschema.exceptions.best_match(validator.iter_errors(value))
    except referencing.exceptions.Unresolvable as error:
        return f"the schema points to {error.ref!r}, which is not in it"
    return None if first is None else _one_line(first)


def _lighten(value: Any) -> Any:
    if isinstance(value, Mapping):
        return lighten(value)
    if isinstance(value, list):
        return [_lighten(item) for item in value]
    return value


def _one_line(error: Any) -> str:
    return " ".join(f"{error.json_path}: {error.message}".split())[:300]
