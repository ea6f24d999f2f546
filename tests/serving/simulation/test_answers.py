"""What the simulator answers: by what was asked, and right or wrong by chance."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest

from liftlab.serving.simulation.answers import Answer, answer, instance
from liftlab.serving.simulation.profile import Answers, Chance, Crowd, Profile, Shares
from liftlab.serving.simulation.questions import Question

BODY = {"properties": {"body": {}}}


def asked(prompt: str, schema: dict[str, Any] | None = None, **how: Any) -> Answer:
    profile = Profile(answers=Answers(**how.pop("shares", {})))
    question = Question(
        protocol="lift", prompt=prompt, schema=schema, max_tokens=99, seed=None, **how
    )
    return answer(question, profile, Chance("x"))


def test_an_ir_is_that_of_the_last_request() -> None:
    prompt = "Request: add two numbers\n\nRequest: reverse a list of fruits\nMore.\n"
    found = asked(prompt, {"properties": {"intent": {}}})
    assert (found.kind, found.quality) == ("ir", "right")
    assert json.loads(found.text) == found.value
    assert set(found.value) == {"intent", "signature"}
    unknown = asked("Request: zzz", {"properties": {"intent": {}}}).value["signature"]
    assert unknown["name"] == "answer"
    assert [parameter["name"] for parameter in unknown["parameters"]] == ["value"]


@pytest.mark.parametrize(
    ("prompt", "lines"),
    [
        ("Function: def keep(thing):", ["return thing"]),
        ("Function: def a(b):\nFunction: def c(d, e):", ["return d"]),
        ("Function: def nothing():", ["return"]),
        ("no function here", ["return value"]),
    ],
)
def test_a_function_that_is_not_known_gives_its_argument_back(
    prompt: str, lines: list[str]
) -> None:
    found = asked(prompt, BODY)
    assert (found.kind, found.value, found.quality) == ("body", {"body": lines}, "right")


@pytest.mark.parametrize(
    ("shares", "quality", "lines"),
    [
        ({}, "right", ["return thing"]),
        ({"missing_return": 1}, "missing_return", ["thing"]),
        ({"does_not_parse": 1}, "does_not_parse", ["if True:", "return thing"]),
        (
            {"does_not_parse": 1, "missing_return": 1},
            "does_not_parse",
            ["if True:", "return thing"],
        ),
    ],
)
def test_a_body_goes_wrong_as_often_as_was_asked_for(
    shares: dict[str, float], quality: str, lines: list[str]
) -> None:
    found = asked("Function: def keep(thing):", BODY, shares={"plain": Shares(**shares)})
    assert (found.quality, found.value) == (quality, {"body": lines})
    others = asked("Function: def keep(thing):", BODY, shares={"branching": Shares(**shares)})
    assert others.quality == "right"
    code = asked("Write a Python function.", shares={"plain": Shares(**shares)})
    assert (code.kind, code.quality) == ("code", quality)
    try:
        ast.parse(code.text)
    except SyntaxError:
        assert quality == "does_not_parse"
    else:
        assert quality != "does_not_parse"


@pytest.mark.parametrize(
    ("under_way", "quality"), [(1, "right"), (2, "right"), (3, "missing_return")]
)
def test_in_a_crowd_bodies_go_wrong(under_way: int, quality: str) -> None:
    profile = Profile(answers=Answers(crowd=Crowd(above=2, missing_return=1)))
    question = Question(protocol="lift", prompt="", schema=BODY, max_tokens=9, seed=None)
    assert answer(question, profile, Chance("x"), under_way).quality == quality
    assert answer(question, profile, Chance("x")).quality == "right"


def test_code_is_asked_for_in_words_and_all_else_gets_words() -> None:
    for prompt in ("The function only, please.", "Write a PYTHON FUNCTION that adds."):
        found = asked(prompt)
        assert (found.kind, found.value) == ("code", None)
        [function] = ast.parse(found.text).body
        assert isinstance(function, ast.FunctionDef)
    words = asked("Write a sentence.")
    assert (words.kind, words.text.split()[0], words.text.split()[-1]) == (
        "other",
        "word1",
        "word16",
    )
    assert len(words.text.split()) == 16


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"const": 0, "enum": [1]}, 0),
        ({"enum": ["a", "b"]}, "a"),
        ({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"a": 1}),
        ({"properties": {"a": {"type": "integer"}}}, {}),
        ({"type": "object", "required": ["b"]}, {"b": None}),
        ({"type": "array", "items": {"type": "boolean"}}, []),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"type": "string"}, "text"),
        ({"type": "string", "minLength": 6}, "textxx"),
        ({"type": "integer", "minimum": 7}, 7),
        ({"type": "number"}, 1),
        ({"type": "null"}, None),
        ({}, None),
        (True, None),
    ],
)
def test_a_schema_has_a_small_value(schema: Any, value: Any) -> None:
    assert instance(schema) == value
    if schema:
        found = asked("p", schema) if isinstance(schema, dict) else None
        assert found is None or (found.kind, found.value) == ("other", value)


def test_a_schema_without_an_end_has_an_answer_all_the_same() -> None:
    schema: dict[str, Any] = {"type": "array", "minItems": 1}
    schema["items"] = schema
    found, depth = instance(schema), 0
    while found is not None:
        [found] = found
        depth += 1
    assert depth == 21
