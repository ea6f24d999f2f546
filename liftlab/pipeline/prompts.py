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

# Only what a small model must write: every optional field is an invitation to ramble.
IR_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "intent": {
            "type": "object",
            "properties": {"summary": {"type": "string"}},
            "required": ["summary"],
            "additionalProperties": False,
        },
        "signature": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "parameters": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"name": {"type": "string"}, "type_hint": {"type": "string"}},
                        "required": ["name", "type_hint"],
                        "additionalProperties": False,
                    },
                },
                "returns": {"type": "string"},
            },
            "required": ["name", "parameters", "returns"],
            "additionalProperties": False,
        },
    },
    "required": ["intent", "signature"],
    "additionalProperties": False,
}
# What a function is made of; a full IR has more, and `ir_fault` looks for the rest.
IR_NEEDS: Mapping[str, Any] = {"type": "object"}
BODY_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"body": {"type": "array", "items": {"type": "string"}}},
    "required": ["body"],
    "additionalProperties": False,
}
EMPTY_IR: Mapping[str, Any] = {
    "intent": {"summary": ""},
    "signature": {"name": "f", "parameters": [], "returns": ""},
}

_Example = tuple[str, str, str, tuple[tuple[str, str], ...], str, tuple[str, ...]]
# Request, purpose, name, parameters, returns, body. The nearest to the request weighs most.
_EXAMPLES: tuple[_Example, ...] = (
    (
        "Count how often a letter occurs in a word, and return the count.",
        "Count how often a letter occurs in a word",
        "count_letter",
        (("word", "str"), ("letter", "str")),
        "int",
        (
            "count = 0",
            "for character in word:",
            "    if character == letter:",
            "        count = count + 1",
            "return count",
        ),
    ),
    (
        "Return 'ice' below 0 degrees, 'steam' above 100 degrees, and 'water' between.",
        "Name the state of water at a temperature",
        "state_of_water",
        (("degrees", "float"),),
        "str",
        (
            "if degrees < 0:",
            "    return 'ice'",
            "elif degrees > 100:",
            "    return 'steam'",
            "else:",
            "    return 'water'",
        ),
    ),
    (
        "Return a list with the first letter of each word in a list of words.",
        "Return the first letter of each word in a list",
        "first_letters",
        (("words", "list[str]"),),
        "list[str]",
        ("return [word[0] for word in words]",),
    ),
    (
        "Sort a list of prices, and return it with the cheapest first.",
        "Sort a list of prices, cheapest first",
        "sort_prices",
        (("prices", "list[float]"),),
        "list[float]",
        ("return sorted(prices)",),
    ),
    (
        "Return a text without the spaces around it.",
        "Remove the spaces around a text",
        "trim",
        (("text", "str"),),
        "str",
        ("return text.strip()",),
    ),
    (
        "Return a price x rounded to two decimals.",
        "Round a price to two decimals",
        "round_price",
        (("x", "float"),),
        "float",
        ("return round(x, 2)",),
    ),
    (
        "Repeat a text a number of times, and return the result.",
        "Repeat a text a number of times",
        "repeat_text",
        (("text", "str"), ("times", "int")),
        "str",
        ("return text * times",),
    ),
    (
        "Return True if two numbers a and b differ, and False if not.",
        "Tell whether two numbers differ",
        "differ",
        (("a", "int"), ("b", "int")),
        "bool",
        ("return a != b",),
    ),
    (
        "Return the average of two numbers a and b.",
        "Average two numbers",
        "average",
        (("a", "float"), ("b", "float")),
        "float",
        ("return (a + b) / 2",),
    ),
)


def ir_prompt(request: str) -> str:
    """Return the prompt that asks for the IR of `request`, which goes in as data, on one line."""
    shots = (
        f"Request: {asked}\nIR:{_compact(_ir(purpose, name, parameters, returns))}\n"
        for asked, purpose, name, parameters, returns, _ in _EXAMPLES
    )
    return "\n".join((*shots, f"Request: {_one_line(request, REQUEST_LIMIT)}\nIR:"))


def body_prompt(ir: Mapping[str, Any]) -> str:
    """Return the prompt that asks for the body of the function that `ir` describes."""
    shots = (
        f"{_described(_ir(purpose, name, parameters, returns))}{_compact({'body': body})}\n"
        for _, purpose, name, parameters, returns, body in _EXAMPLES
    )
    return "\n".join((*shots, _described(ir)))


def direct_prompt(
    request: str, signature: str = "", *, is_program: bool = False
) -> tuple[str, str]:
    """Return the system and user messages that ask a chat model for the code itself.

    `request`: what the function is to do. `signature`: what it is to be called and takes, such as
    `add(a, b)`; empty where the request says it. `is_program`: whether it reads standard input and
    prints, in place of a function.
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

    Examples
    --------
    >>> ir_fault({"intent": {"summary": "Go"}, "signature": {"name": "1st", "parameters": []}})
    "signature.name is no Python name: '1st'"
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
    r"""Put a function together from the IR's signature and intent and the lines of its body.

    Nothing is mended: lines keep the indentation they have among themselves.

    `ir`: one that :func:`ir_fault` has nothing against. `lines`: the body, a line each.

    Examples
    --------
    >>> ir = {
    ...     "intent": {"summary": "Halve a number"},
    ...     "signature": {
    ...         "name": "halve",
    ...         "parameters": [{"name": "x", "type_hint": "float"}],
    ...         "returns": "float",
    ...     },
    ... }
    >>> print(assemble(ir, ["return x / 2"]), end="")
    def halve(x: float) -> float:
        '''Halve a number'''
        return x / 2
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


def _ir(
    purpose: str, name: str, parameters: tuple[tuple[str, str], ...], returns: str
) -> dict[str, Any]:
    return {
        "intent": {"summary": purpose},
        "signature": {
            "name": name,
            "parameters": [{"name": called, "type_hint": hint} for called, hint in parameters],
            "returns": returns,
        },
    }


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
