"""What the simulator answers: IRs, bodies and code, right or wrong by seeded chance."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from liftlab.serving.simulation.profile import Chance, Profile
from liftlab.serving.simulation.questions import Question

Kind = Literal["ir", "body", "branching", "code", "other"]
Quality = Literal["right", "missing_return", "does_not_parse"]

_TABLE = Path(__file__).with_name("answers.toml")
_REQUEST = re.compile(r"^Request: (.*)$", re.MULTILINE)
_FUNCTION = re.compile(r"^Function: def (\w+)\((\w*)", re.MULTILINE)
_WANTS_FUNCTION = re.compile(r"\bfunction only\b|\bpython function\b", re.IGNORECASE)
_DEEPEST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer as text, with its value where a schema was sent, and what is true of it."""

    kind: Kind
    text: str
    value: Any = None
    quality: Quality = "right"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A function that the simulator can write; `asks` are words of requests for it."""

    asks: Sequence[str] = ()
    name: str
    parameters: Sequence[str]
    body: Sequence[str]
    branching: bool = False


def answer(question: Question, profile: Profile, chance: Chance, under_way: int = 1) -> Answer:
    """Return the answer to a question; `chance` decides whether a body is right.

    `under_way`: how many generations are, this one included. A request that is not in the table
    gets a function that gives its argument back.
    """
    properties = (question.schema or {}).get("properties", {})
    if "intent" in properties:
        *_, request = ["", *_REQUEST.findall(question.prompt)]
        known = _known_by_request(request or question.prompt)
        return _with_value("ir", _ir(known), "right")
    if "body" in properties:
        known = _known_by_name(question.prompt)
        quality = _quality(known, profile, chance, under_way)
        kind: Kind = "branching" if known.branching else "body"
        return _with_value(kind, {"body": _lines(known, quality)}, quality)
    if question.schema is not None:
        return _with_value("other", instance(question.schema), "right")
    if _WANTS_FUNCTION.search(question.prompt):
        known = _known_by_request(question.prompt)
        quality = _quality(known, profile, chance, under_way)
        return Answer(kind="code", text=_source(known, quality), quality=quality)
    return Answer(kind="other", text=_words(profile.tokens.other[1]))


def instance(schema: Any, depth: int = 0) -> Any:
    """Return a small value that fits a plain JSON Schema."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return None
    if "const" in schema or schema.get("enum"):
        return schema["const"] if "const" in schema else schema["enum"][0]
    kind = schema.get("type", "object" if "properties" in schema else "null")
    if kind == "object":
        inner = schema.get("properties", {})
        return {name: instance(inner.get(name), depth + 1) for name in schema.get("required", ())}
    if kind == "array":
        few = range(schema.get("minItems", 0))
        return [instance(schema.get("items"), depth + 1) for _ in few]
    if kind == "string":
        return "text".ljust(schema.get("minLength", 0), "x")
    plain = {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1)}
    return plain.get(kind, True if kind == "boolean" else None)


@cache
def _words(count: int) -> str:
    return " ".join(f"word{number}" for number in range(1, count + 1))


def _with_value(kind: Kind, value: Any, quality: Quality) -> Answer:
    text = json.dumps(value, separators=(",", ":"))
    return Answer(kind=kind, text=text, value=value, quality=quality)


@cache
def _table() -> list[_Known]:
    entries = tomllib.loads(_TABLE.read_text(encoding="utf-8"))["answers"]
    return [_Known(**entry) for entry in entries]


def _known_by_request(request: str) -> _Known:
    lower = request.lower()
    found = (known for known in _table() if any(words in lower for words in known.asks))
    return next(found, None) or _identity("answer", "value")


def _known_by_name(prompt: str) -> _Known:
    matches = _FUNCTION.findall(prompt)
    name, parameter = matches[-1] if matches else ("answer", "value")
    found = (known for known in _table() if known.name == name)
    return next(found, None) or _identity(name, parameter)


def _identity(name: str, parameter: str) -> _Known:
    body = f"return {parameter}".strip()
    return _Known(name=name, parameters=[parameter] if parameter else [], body=[body])


def _ir(known: _Known) -> dict[str, Any]:
    return {
        "intent": {"summary": known.name.replace("_", " ").capitalize()},
        "signature": {
            "name": known.name,
            "parameters": [{"name": name, "type_hint": "object"} for name in known.parameters],
            "returns": "object",
        },
    }


def _quality(known: _Known, profile: Profile, chance: Chance, under_way: int) -> Quality:
    shares = profile.answers.shares(branching=known.branching, under_way=under_way)
    if chance.happens(shares.does_not_parse):
        return "does_not_parse"
    return "missing_return" if chance.happens(shares.missing_return) else "right"


def _lines(known: _Known, quality: Quality) -> list[str]:
    """Return the body; a wrong one is wrong as the published day's were."""
    if quality == "missing_return":
        return [line.replace("return ", "", 1) for line in known.body]
    if quality == "does_not_parse":  # "expected an indented block after 'if' statement"
        return ["if True:", *known.body]
    return list(known.body)


def _source(known: _Known, quality: Quality) -> str:
    lines = [f"    {line}" for line in _lines(known, quality)]
    return "\n".join([f"def {known.name}({', '.join(known.parameters)}):", *lines]) + "\n"
