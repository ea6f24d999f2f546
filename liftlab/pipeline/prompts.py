"""The prompts and schemas of the built-in pipelines, and how source is put together.

Written for small models too: a few worked examples, then the request, in text that a
raw completion goes on with. The examples cover the shapes of code (an expression, a call,
a method, a comprehension, branches, a loop), and none of them is a case of a suite.
Change a prompt or a schema and the pipeline's digest changes with it; raise
`PROMPTS_VERSION` with any change, that of :func:`assemble` included.
"""

from __future__ import annotations

import json
import keyword
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

PROMPTS_VERSION = "2"
REQUEST_LIMIT = 4000  # characters of a request that go into a prompt
SUMMARY_LIMIT = 200
HINT_LIMIT = 60
PARAMETERS_LIMIT = 20


def _object(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object with these keys and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


_TEXT = {"type": "string"}
# Only what a small model must write: every optional field is an invitation to ramble.
IR_SCHEMA: Mapping[str, Any] = _object(
    intent=_object(summary=_TEXT),
    signature=_object(
        name=_TEXT, parameters=_array(_object(name=_TEXT, type_hint=_TEXT)), returns=_TEXT
    ),
)
# What a function is made of; a full IR has more, and `ir_fault` looks for the rest.
IR_NEEDS: Mapping[str, Any] = {"type": "object"}
BODY_SCHEMA: Mapping[str, Any] = _object(body=_array(_TEXT))
EMPTY_IR: Mapping[str, Any] = {
    "intent": {"summary": ""},
    "signature": {"name": "f", "parameters": [], "returns": ""},
}

# Requests, each with a function that does it. The nearest to the request weighs most.
_SHOWN = """\
Count how often a letter occurs in a word, and return the count.
def count_letter(word: str, letter: str) -> int:
    Count how often a letter occurs in a word
    count = 0
    for character in word:
        if character == letter:
            count = count + 1
    return count

Return 'ice' below 0 degrees, 'steam' above 100 degrees, and 'water' between.
def state_of_water(degrees: float) -> str:
    Name the state of water at a temperature
    if degrees < 0:
        return 'ice'
    elif degrees > 100:
        return 'steam'
    else:
        return 'water'

Return a list with the first letter of each word in a list of words.
def first_letters(words: list[str]) -> list[str]:
    Return the first letter of each word in a list
    return [word[0] for word in words]

Sort a list of prices, and return it with the cheapest first.
def sort_prices(prices: list[float]) -> list[float]:
    Sort a list of prices, cheapest first
    return sorted(prices)

Return a text without the spaces around it.
def trim(text: str) -> str:
    Remove the spaces around a text
    return text.strip()

Return a price x rounded to two decimals.
def round_price(x: float) -> float:
    Round a price to two decimals
    return round(x, 2)

Repeat a text a number of times, and return the result.
def repeat_text(text: str, times: int) -> str:
    Repeat a text a number of times
    return text * times

Return True if two numbers a and b differ, and False if not.
def differ(a: int, b: int) -> bool:
    Tell whether two numbers differ
    return a != b

Return the average of two numbers a and b.
def average(a: float, b: float) -> float:
    Average two numbers
    return (a + b) / 2"""
_DEFINITION = re.compile(r"def (\w+)\((.*)\) -> (.+):")


def _example(text: str) -> tuple[str, dict[str, Any], list[str]]:
    """Return the request, the IR and the lines of the body."""
    request, definition, *lines = text.split("\n")
    purpose, *body = (line[4:] for line in lines)
    [(name, given, returns)] = _DEFINITION.findall(definition)
    parameters = [parameter.split(": ") for parameter in given.split(", ")]
    signature = {
        "name": name,
        "parameters": [{"name": called, "type_hint": hint} for called, hint in parameters],
        "returns": returns,
    }
    return request, {"intent": {"summary": purpose}, "signature": signature}, body


_EXAMPLES = tuple(map(_example, _SHOWN.split("\n\n")))


def ir_prompt(request: str) -> str:
    """Return the prompt that asks for the IR of `request`, which goes in as data, on one line."""
    shots = (f"Request: {asked}\nIR:{_compact(ir)}\n" for asked, ir, _ in _EXAMPLES)
    return "\n".join((*shots, f"Request: {_one_line(request, REQUEST_LIMIT)}\nIR:"))


def body_prompt(ir: Mapping[str, Any]) -> str:
    """Return the prompt that asks for the body of the function that `ir` describes."""
    shots = (f"{_described(shown)}{_compact({'body': body})}\n" for _, shown, body in _EXAMPLES)
    return "\n".join((*shots, _described(ir)))


def direct_prompt(
    request: str, signature: str = "", *, is_program: bool = False
) -> tuple[str, str]:
    """Return the system and user messages that ask a chat model for the code itself.

    `signature` is such as `add(a, b)`, empty where the request says it. A program reads standard
    input and prints.
    """
    what = "program" if is_program and not signature else "function"
    system = (
        f"You write Python. Answer with one complete {what} and nothing else: "
        "no explanation, no examples of use, no Markdown."
    )
    asked = f"Write one Python function: def {signature}:\n" if signature else ""
    return system, f"{request[:REQUEST_LIMIT].strip()}\n\n{asked}Answer with the {what} only."


def ir_fault(ir: Any) -> str | None:
    """Say in one line why no function can be made of `ir`, or None if one can.

    Fields beyond the needed ones are welcome: a full IR has many.
    """
    intent = ir.get("intent") if isinstance(ir, Mapping) else None
    signature = ir.get("signature") if isinstance(ir, Mapping) else None
    if not isinstance(intent, Mapping) or not isinstance(intent.get("summary"), str):
        return "intent.summary is missing or not text"
    if not isinstance(signature, Mapping):
        return "signature is missing or not an object"
    if not _is_name(signature.get("name")):
        return f"signature.name is no Python name: {_shown(signature.get('name'))}"
    return _parameters_fault(signature.get("parameters"))


def assemble(ir: Mapping[str, Any], lines: Sequence[str]) -> str:
    """Put a function together from a sound IR and the lines of its body.

    Nothing is mended: lines keep the indentation they have among themselves.
    """
    summary = _one_line(ir["intent"]["summary"], SUMMARY_LIMIT)
    summary = "".join(mark for mark in summary if mark.isprintable() and mark not in "\\'")
    head = [_definition(ir["signature"])]
    if summary.strip():
        head.append(f"    '''{summary}'''")
    body = textwrap.dedent("\n".join(lines).expandtabs(4))
    return "\n".join([*head, textwrap.indent(body, "    ").rstrip()]) + "\n"


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _parameters_fault(parameters: Any) -> str | None:
    if not isinstance(parameters, list) or len(parameters) > PARAMETERS_LIMIT:
        return f"signature.parameters is not a list of at most {PARAMETERS_LIMIT}"
    names = [entry.get("name") if isinstance(entry, Mapping) else None for entry in parameters]
    for index, name in enumerate(names):
        if not _is_name(name):
            return f"signature.parameters[{index}].name is no Python name: {_shown(name)}"
        if name in names[:index]:
            return f"signature.parameters[{index}].name comes twice: {_shown(name)}"
    return None


def _described(ir: Mapping[str, Any]) -> str:
    definition = _definition(ir["signature"]).removesuffix(":")
    summary = _one_line(str(ir["intent"]["summary"]), SUMMARY_LIMIT)
    return f"Function: {definition}\nPurpose: {summary}\nBody:"


def _definition(signature: Mapping[str, Any]) -> str:
    parameters = (
        f"{entry['name']}{_hint(': ', entry.get('type_hint'))}" for entry in signature["parameters"]
    )
    returns = _hint(" -> ", signature.get("returns"))
    return f"def {signature['name']}({', '.join(parameters)}){returns}:"


def _hint(before: str, hint: Any) -> str:
    """Return a type hint with what goes before it, or nothing where it could fail or do harm.

    A hint is evaluated when the function is defined, so only built-in types are kept.
    """
    if not isinstance(hint, str) or len(hint) > HINT_LIMIT:
        return ""
    text = " ".join(hint.split())
    return before + text if _SIMPLE_HINT.fullmatch(text) else ""


def _hint_pattern() -> re.Pattern[str]:
    plain = "(?:int|float|complex|str|bytes|bool|object|list|dict|tuple|set|frozenset)"
    inner = plain
    for _ in range(2):  # list[tuple[int, str]] is deep enough
        one_of = rf"{inner}(?: ?\| ?(?:{inner}|None))*"
        several = rf"{one_of}(?:, ?(?:{one_of}|None|\.\.\.))*"
        inner = rf"(?:(?:list|set|frozenset|tuple|dict)\[{several}\]|{plain})"
    return re.compile(rf"(?:{inner}(?: ?\| ?(?:{inner}|None))*|None)")


_SIMPLE_HINT = _hint_pattern()


def _is_name(name: Any) -> bool:
    return (
        isinstance(name, str)
        and len(name) <= HINT_LIMIT
        and name.isascii()
        and name.isidentifier()
        and not keyword.iskeyword(name)
    )


def _shown(value: Any) -> str:
    return repr(value)[:80]


def _one_line(text: str, limit: int) -> str:
    return " ".join(text.split())[:limit]
