"""What the reference server knows of IRs: their holes, how these close, and the code.

A small deterministic stand-in takes the model's place: it reads a prompt by rule, and writes the
bodies of a few functions that it knows by a word in the intent.
"""

from __future__ import annotations

import ast
import keyword
import re
from typing import Any

IR = dict[str, Any]
NUMERIC = {"int", "float", "number"}
EFFECT_WORDS = ("write", "read", "modify", "log", "send", "call", "save", "load")
KINDS = {
    "detailed_intent": "intent",
    "input_constraints": "assertion",
    "side_effects": "effect",
}  # all others are of the signature
BODIES = {
    "sum": "{0} + {1}",
    "difference": "{0} - {1}",
    "twice": "{0} * 2",
    "length": "len({0})",
    "upper": "{0}.upper()",
    "followed": "{0} + {1}",
}


class BadIR(ValueError):
    """The IR lacks what an IR must have."""


def normalized(ir: IR) -> IR:
    """Return a fresh IR with every section in place and the holes that its author left."""
    try:
        intent, signature = ir["intent"], ir["signature"]
        return {
            "intent": {
                "summary": _text(intent["summary"]),
                "rationale": intent.get("rationale"),
                "holes": [dict(hole) for hole in intent.get("holes", [])],
            },
            "signature": {
                "name": _text(signature["name"]),
                "parameters": [_parameter(each) for each in signature.get("parameters", [])],
                "returns": signature.get("returns"),
                "holes": [dict(hole) for hole in signature.get("holes", [])],
            },
            "effects": [_clause(each, "description") for each in ir.get("effects", [])],
            "assertions": [_clause(each, "predicate") for each in ir.get("assertions", [])],
            "metadata": dict(ir.get("metadata") or {}),
        }
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BadIR(f"not an IR: {type(error).__name__} {error}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _parameter(given: dict[str, Any]) -> dict[str, Any]:
    hint = given.get("type_hint") or ""
    return {
        "name": _text(given["name"]),
        "type_hint": hint,
        "description": given.get("description"),
    }


def _clause(given: dict[str, Any], key: str) -> dict[str, Any]:
    return {**given, key: _text(given[key]), "holes": [dict(h) for h in given.get("holes", [])]}


def from_prompt(prompt: str) -> IR:
    """Read a prompt by rule, as the stand-in for the model."""
    name = re.search(r"(?:called|named|function)\s+(?!named\b)([A-Za-z_]\w*)", prompt)
    takes = re.findall(r"\b(int|float|str|list|bool)\s+([A-Za-z_]\w*)", prompt)
    returns = re.search(r"returns?\s+(?:an?\s+)?(int|float|str|list|bool)\b", prompt)
    return normalized(
        {
            "intent": {"summary": prompt},
            "signature": {
                "name": name[1] if name else "generated_function",
                "parameters": [{"name": word, "type_hint": hint} for hint, word in takes],
                "returns": returns[1] if returns else None,
            },
            "metadata": {"origin": "prompt", "language": "python"},
        }
    )


def open_holes(ir: IR) -> None:
    """Add the holes that the server opens by itself."""
    intent, signature = ir["intent"], ir["signature"]
    for parameter in signature["parameters"]:
        if parameter["type_hint"] in ("", "unknown"):
            signature["holes"].append(_hole(f"{parameter['name']}_type"))
    if not signature["returns"]:
        signature["holes"].append(_hole("return_type"))
    if len(intent["summary"].split()) < 5:
        intent["holes"].append(_hole("detailed_intent"))
    numeric = any(each["type_hint"] in NUMERIC for each in signature["parameters"])
    if numeric and not ir["assertions"]:
        clause = {"predicate": "open", "rationale": None, "holes": [_hole("input_constraints")]}
        ir["assertions"].append(clause)
    if not ir["effects"] and any(word in intent["summary"].lower() for word in EFFECT_WORDS):
        ir["effects"].append({"description": "open", "holes": [_hole("side_effects")]})


def _hole(identifier: str) -> dict[str, Any]:
    kind = KINDS.get(identifier, "signature")
    words = f"Say more about {identifier}"
    return {
        "identifier": identifier,
        "type_hint": "type" if kind == "signature" else "string",
        "description": words,
        "constraints": {},
        "kind": kind,
    }


def holes(ir: IR) -> list[dict[str, Any]]:
    """Return every open hole, section by section."""
    sections = [ir["intent"], ir["signature"], *ir["effects"], *ir["assertions"]]
    return [hole for section in sections for hole in section["holes"]]


def close(ir: IR, identifier: str, text: str, *, apply: bool = True) -> None:
    """Close a hole, and put its text where it belongs."""
    hole = next(each for each in holes(ir) if each["identifier"] == identifier)
    for section in (ir["intent"], ir["signature"], *ir["effects"], *ir["assertions"]):
        section["holes"] = [each for each in section["holes"] if each["identifier"] != identifier]
    if not apply:
        return
    kind, intent, signature = hole.get("kind", "intent"), ir["intent"], ir["signature"]
    if kind == "intent":
        intent["rationale"] = "\n".join(filter(None, (intent["rationale"], text)))
    elif kind == "effect":
        ir["effects"].append({"description": text, "holes": []})
    elif kind == "assertion":
        ir["assertions"].append({"predicate": text, "rationale": None, "holes": []})
    elif identifier == "return_type":
        signature["returns"] = text
    else:
        for parameter in signature["parameters"]:
            if f"{parameter['name']}_type" == identifier:
                parameter["type_hint"] = text


def code(ir: IR, options: dict[str, Any], *, returns: bool = True, swapped: bool = False) -> str:
    """Write the function of a finished IR; a body that is not known says so when it is called."""
    signature, intent = ir["signature"], ir["intent"]
    parameters = [each for each in signature["parameters"] if _is_name(each["name"])]
    names = [each["name"] for each in parameters]
    hints = options["include_type_hints"]
    shown = [
        f"{name}: {hint}" if hints and (hint := expression(each["type_hint"])) else name
        for each, name in zip(parameters, names, strict=True)
    ]
    if swapped:
        shown.reverse()
    name = signature["name"] if _is_name(signature["name"]) else "generated_function"
    result = expression(signature["returns"] or "") if hints else ""
    arrow = f" -> {result}" if result else ""
    lines = ["from __future__ import annotations", f"def {name}({', '.join(shown)}){arrow}:"]
    if options["include_docstrings"]:
        lines.append(f"    {intent['summary']!r}")
    if options["inject_assertions"]:
        lines += _guards(ir, names, options["assertion_mode"])
    lines.append(f"    {_body(intent, names, returns=returns)}")
    return "\n".join(lines) + "\n"


def _body(intent: dict[str, Any], names: list[str], *, returns: bool) -> str:
    said = f"{intent['summary']} {intent['rationale'] or ''}".lower()
    for word, body in BODIES.items():
        if word in said and len(names) == (2 if "{1}" in body else 1):
            value = body.format(*names)
            return f"return {value}" if returns else f"result = {value}"
    return "raise NotImplementedError"


def _guards(ir: IR, names: list[str], mode: str) -> list[str]:
    lines = []
    for clause in ir["assertions"]:
        said = expression(clause["predicate"])
        if not said or not _names(said) <= set(names) or mode == "comment":
            lines.append(f"    # {clause['predicate']!a}")
        elif mode == "assert":
            lines.append(f"    assert {said}")
        elif mode == "raise":
            lines.append(f"    if not ({said}): raise ValueError({said!r})")
        else:
            lines.append(f"    if not ({said}): print({said!r})")
    return lines


def expression(text: str) -> str:
    """Return the text as an expression of Python's own spelling; empty if it is none."""
    try:
        return ast.unparse(ast.parse(text.strip(), mode="eval"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


def _names(text: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)
