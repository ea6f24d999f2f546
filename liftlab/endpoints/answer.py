"""Take the JSON that a stage needs out of what a model wrote: asked strictly, read leniently.

A thinking block, a Markdown fence, prose around one object and keys that nobody asked for are
noted, not failed. Nothing else is mended. Texts are a stranger's: every step takes linear time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import islice
from typing import Any, Literal, NamedTuple

from liftlab.endpoints.replies import ModelFailure, ReplyError, clean, parse_json
from liftlab.errors import UsageError

Note = Literal["thinking", "fence", "prose", "tool_call", "extra_keys", "missing_keys"]

_THINKING_ENDS = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_THINKING_BEGINS = re.compile(r"\s*<think(?:ing)?>", re.IGNORECASE)
_FENCES = ("```", "~~~")
_OBJECT_BEGINS = re.compile(r"\{\s*[\"}]")
_CLOSING = ("additionalProperties", "unevaluatedProperties")
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTED = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = ("items", "contains", *_CLOSING)
_MOST_MISMATCHES = 20


class Taken(NamedTuple):
    """A value, and what it was wrapped in or had too much."""

    value: Any
    notes: tuple[Note, ...]

    def columns(self) -> dict[str, Any]:
        """Return the fields of a `Reply` that tell of a value which a schema was asked for."""
        # A server that holds its model to the schema may let it think first.
        constrained = set(self.notes) <= {"thinking"}
        return {"value": self.value, "notes": self.notes, "constrained": constrained}


class Mismatch(NamedTuple):
    """One place where a value does not fit a schema: the keyword that it breaks, and a line."""

    keyword: str
    message: str


def take(text: str, schema: Mapping[str, Any], needs: Mapping[str, Any] | None = None) -> Taken:
    """Return the JSON value in a model's text, once it has what is needed.

    Raises ReplyError of class `invalid_json` or `schema_mismatch`. Raises ModelFailure if the model
    was still thinking when it ended.
    """
    value, notes = json_in(text)
    return Taken(value, (*notes, *fit(value, schema, needs)))


def fit(value: Any, schema: Mapping[str, Any], needs: Mapping[str, Any] | None) -> tuple[Note, ...]:
    """Check that a value has what is needed, and note where it is off the schema all the same.

    `needs` is a JSON Schema, too; if None, the keys of `schema` with their types are needed.
    Raises ReplyError of class `schema_mismatch`, naming the first place that lacks something.
    """
    off = mismatches(value, schema)
    if not off:
        return ()
    lacks = mismatches(value, opened(schema) if needs is None else needs)
    if lacks:
        raise ReplyError("schema_mismatch", lacks[0].message)
    extra = any(fault.keyword in _CLOSING for fault in off)
    return ("extra_keys",) if extra else ("missing_keys",)


def json_in(text: str) -> Taken:
    r"""Return the one JSON value in a text.

    Raises ReplyError of class `invalid_json`, if there is none, a broken one, or several objects.
    Raises ModelFailure if a thinking block does not end.
    """
    try:
        return Taken(parse_json(text), ())
    except ReplyError:
        if is_still_thinking(text):
            raise ModelFailure("reasoning_unfinished", "the thinking block does not end") from None
    rest = without_thinking(text)
    value, notes = _only_value(rest)
    return Taken(value, notes if len(rest) == len(text) else ("thinking", *notes))


def without_thinking(text: str) -> str:
    """Return what follows the last thinking block; its opening tag may be missing."""
    ends = [match.end() for match in _THINKING_ENDS.finditer(text)]
    return text[ends[-1] :] if ends else text


def is_still_thinking(text: str) -> bool:
    """Whether a text is a thinking block without an end."""
    return bool(_THINKING_BEGINS.match(text)) and not _THINKING_ENDS.search(text)


def _only_value(text: str) -> tuple[Any, tuple[Note, ...]]:
    """Return the value of a text that is JSON, a block of it, or prose around one object."""
    inside = _inside_fence(text)
    candidate = text if inside is None else inside
    begins = _OBJECT_BEGINS.search(text)
    if begins is None and not candidate.lstrip().startswith(("{", "[")):
        raise ReplyError("invalid_json", f"no JSON in the answer: {clean(text, 120)}")
    try:
        return parse_json(candidate), () if inside is None else ("fence",)
    except ReplyError:
        if begins is None:
            raise
    ends = _end_of_value(text, begins.start())
    if _OBJECT_BEGINS.search(text, ends):
        raise ReplyError("invalid_json", "more than one JSON object in the answer")
    before, after = text[: begins.start()].rstrip(), text[ends:].strip()
    notes: list[Note] = []
    lines, _, last = before.rpartition("\n")
    if last.strip().startswith(_FENCES):
        notes, before = ["fence"], lines
        after = after[3:] if after.startswith(_FENCES) else after
    if before.strip() or after:
        notes.append("prose")
    return parse_json(text[begins.start() : ends]), tuple(notes)


def _inside_fence(text: str) -> str | None:
    """Return what a text holds that is one block of Markdown, or None."""
    first, _, rest = text.strip().partition("\n")
    inside, _, last = rest.rpartition("\n")
    return inside if first.startswith(_FENCES) and last.strip() == first[:3] else None


def _end_of_value(text: str, start: int) -> int:
    """Return where the object that begins at `start` ends; a broken one is not repaired."""
    try:
        return json.JSONDecoder().raw_decode(text, start)[1]
    except (ValueError, RecursionError) as error:
        raise ReplyError("invalid_json", f"not JSON: {clean(error)}") from None


def opened(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema that asks for the same keys and types, and lets others be."""
    out: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _CLOSING and value is False:
            continue
        if key in _NAMED and isinstance(value, Mapping):
            out[key] = {name: _opened(inner) for name, inner in value.items()}
        elif key in _LISTED and isinstance(value, list | tuple):
            # Open alternatives overlap: one that fits is enough.
            out["anyOf" if key == "oneOf" else key] = [_opened(inner) for inner in value]
        else:
            out[key] = _opened(value) if key in _SINGLE else value
    return out


def _opened(schema: Any) -> Any:
    return opened(schema) if isinstance(schema, Mapping) else schema


def mismatches(value: Any, schema: Mapping[str, Any]) -> list[Mismatch]:
    """Return where `value` does not fit `schema`.

    Raises UsageError if the schema itself cannot be used.
    """
    # Only replies under a schema need it, and it takes as long to import as a whole HTTP client.
    import jsonschema
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    validator = validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        # An empty registry: a schema never makes us fetch another one.
        faults = validator(schema, registry=Registry()).iter_errors(value)
        return [
            Mismatch(str(fault.validator), f"{clean(fault.json_path, 100)}: {fault.message}")
            for fault in islice(faults, _MOST_MISMATCHES)
        ]
    except RecursionError:
        raise ReplyError("schema_mismatch", "nested too deep to be checked") from None
    except (jsonschema.SchemaError, jsonschema.exceptions.UnknownType, Unresolvable) as error:
        raise UsageError(f"the stage's JSON Schema cannot be used: {clean(error)}") from None


# In lower case; gateways hand on what the provider behind them says.
_LENGTH = frozenset({"length", "max_tokens", "model_length"})
_FAILED = frozenset({"error", "json_error", "abort", "aborted", "cancelled", "other"})
_REFUSED = frozenset({"refusal"})
_FILTERED = frozenset(
    {"content_filter", "safety", "recitation", "blocklist", "prohibited_content", "spii"}
)


def check_finish(reason: object, max_tokens: int, *, thinks: bool = False, words: str = "") -> None:
    """Raise what a finish reason says went wrong, if it says so.

    It `thinks` where the answer had not begun; `words` are what else the server says of it. Raises
    ReplyError of class `reported_error` or `length`. Raises ModelFailure if the model refused, or
    what it wrote was filtered.
    """
    ended = reason.lower() if isinstance(reason, str) else ""
    if ended in _FAILED:
        broke_off = f"the server broke the answer off ({ended})"
        raise ReplyError("reported_error", f"the server says: {words}" if words else broke_off)
    if ended in _FILTERED:
        raise ModelFailure("content_filter", f"the answer was filtered ({ended})")
    if ended in _REFUSED:
        raise ModelFailure("refusal", "the model refuses")
    if ended in _LENGTH:
        said = f"cut off at {max_tokens} tokens" + (", while reasoning" if thinks else "")
        raise ReplyError("length", said, "reasoning_unfinished" if thinks else None)
