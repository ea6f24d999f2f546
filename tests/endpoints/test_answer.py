from __future__ import annotations

import json

import pytest

from liftlab.endpoints.answer import (
    Taken,
    check_finish,
    fit,
    is_still_thinking,
    json_in,
    mismatches,
    opened,
    take,
    without_thinking,
)
from liftlab.endpoints.replies import ModelFailure, ReplyError
from liftlab.errors import UsageError
from liftlab.pipeline.prompts import BODY_SCHEMA, IR_NEEDS, IR_SCHEMA, ir_fault

OBJECT = '{"a": 1}'
# What the lift protocol's own server answers, and liftlab never asked for.
FULL_IR = {
    "intent": {"summary": "Add", "rationale": "asked for", "holes": []},
    "signature": {
        "name": "add",
        "parameters": [{"name": "a", "type_hint": "int", "description": "the first"}],
        "returns": None,
        "holes": [],
    },
    "effects": [],
    "assertions": [{"predicate": "a > 0"}],
    "metadata": {"origin": "test"},
    "constraints": [],
}


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        (OBJECT, ()),
        (f"\n {OBJECT}\n", ()),
        (f"```json\n{OBJECT}\n```", ("fence",)),
        (f"~~~\n{OBJECT}\n~~~\n", ("fence",)),
        (f"```json\n{OBJECT}", ("fence",)),
        (f"```json\n{OBJECT}```", ("fence",)),
        ('```json\n{\n  "a": 1\n}\n```', ("fence",)),
        (f"<think>\nperhaps {{'a': 2}}\n</think>\n\n{OBJECT}", ("thinking",)),
        (f'or {{"a": 3}}?\n</thinking>{OBJECT}', ("thinking",)),
        (f"<think>hm</think>\n```json\n{OBJECT}\n```", ("thinking", "fence")),
        (f"Here is the JSON:\n{OBJECT}", ("prose",)),
        (f"Of {{these}}: {OBJECT} as asked.", ("prose",)),
        (f"Sure!\n\n```json\n{OBJECT}\n```\nDone.", ("fence", "prose")),
        (f"{OBJECT}<|im_end|>", ("prose",)),
    ],
)
def test_json_is_found_in_what_is_around_it(text, notes):
    assert json_in(text) == ({"a": 1}, notes)


def test_what_a_string_holds_is_no_wrapping():
    value = {"text": "<think>no</think> ```json\n{}\n```"}
    assert json_in(json.dumps(value)) == (value, ())


def test_a_list_in_a_fence_is_a_list():
    assert json_in("```json\n[1, 2]\n```") == ([1, 2], ("fence",))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I cannot do that.",
        "{'a': 1}",
        '{"a": 1,}',
        '{"a": 1',
        '{"a": {"b": 1}',  # the inner one is whole, and not what was meant
        'Sure: {"a": {"b": 1}',
        f"{OBJECT}\n{OBJECT}",
        f"Either {OBJECT} or {OBJECT}",
        '{"a": NaN}',
        '```json\n{"a": NaN}\n```',
        "{" * 100_000,
        '{"a":' * 100_000,
    ],
)
def test_nothing_is_repaired_or_chosen(text):
    with pytest.raises(ReplyError) as caught:
        json_in(text)
    assert caught.value.error_class == "invalid_json"
    assert caught.value.failure is None


def test_a_thought_without_an_end_is_its_own_failure():
    with pytest.raises(ModelFailure) as caught:
        json_in(f"<think>so far {OBJECT}")
    assert caught.value.failure == "reasoning_unfinished"


@pytest.mark.parametrize("bit", ["`", "```\n", "<think>", "</think>", "{ ", "\n", "{\n", "<"])
def test_hostile_text_takes_linear_time(bit):
    """In square time it hangs."""
    with pytest.raises(ReplyError):
        json_in(bit * (400_000 // len(bit)) + "x")


def test_a_full_ir_is_taken_and_noted():
    assert fit(FULL_IR, IR_SCHEMA, IR_NEEDS) == ("extra_keys",)
    assert fit(FULL_IR["signature"] | {"a": 1}, {"required": ["name"]}, None) == ()
    assert ir_fault(FULL_IR) is None
    assert take('{"body": ["return a"], "note": 1}', BODY_SCHEMA).notes == ("extra_keys",)


@pytest.mark.parametrize("value", [{}, {"body": "return a"}, {"body": [1]}, [], "x"])
def test_what_a_stage_needs_is_missed(value):
    with pytest.raises(ReplyError) as caught:
        fit(value, BODY_SCHEMA, None)
    assert caught.value.error_class == "schema_mismatch"


def test_a_schema_is_opened_all_the_way_down():
    inner = {"type": "object", "properties": {"x": {}}, "additionalProperties": False}
    closed = {
        "type": "object",
        "properties": {"additionalProperties": inner, "many": {"type": "array", "items": inner}},
        "$defs": {"one": inner},
        "oneOf": [inner, {"$ref": "#/$defs/one"}],
        "additionalProperties": False,
    }
    value = {"additionalProperties": {"x": 1, "y": 2}, "many": [{"y": 1}], "more": 1}
    assert fit(value, closed, None) == ("extra_keys",)
    assert "additionalProperties" in opened(closed)["properties"]
    typed = {"additionalProperties": {"type": "integer"}}
    with pytest.raises(ReplyError):
        fit({"a": "x"}, typed, None)


@pytest.mark.parametrize("reason", ["stop", "STOP", "tool_calls", "", None, 7])
def test_an_answer_that_ended_well_is_one(reason):
    check_finish(reason, 9)
    check_finish(reason, 9, thinks=True, words="no")


@pytest.mark.parametrize(
    ("reason", "error_class", "failure"),
    [
        *((word, "reported_error", None) for word in ("error", "Abort", "cancelled", "other")),
        *((word, None, "content_filter") for word in ("content_filter", "SAFETY", "blocklist")),
        ("refusal", None, "refusal"),
        *((word, "length", None) for word in ("length", "MAX_TOKENS", "model_length")),
    ],
)
def test_a_finish_reason_says_what_went_wrong(reason, error_class, failure):
    with pytest.raises(ReplyError) as caught:
        check_finish(reason, 9)
    assert (caught.value.error_class, caught.value.failure) == (error_class, failure)
    with pytest.raises(ReplyError) as caught:
        check_finish(reason, 9, thinks=True, words="overloaded")
    unfinished = "reasoning_unfinished" if error_class == "length" else failure
    assert (caught.value.error_class, caught.value.failure) == (error_class, unfinished)
    assert ("overloaded" in caught.value.message) is (error_class == "reported_error")
    assert ("at 9 tokens" in caught.value.message) is (error_class == "length")


@pytest.mark.parametrize(
    ("notes", "constrained"),
    [((), True), (("thinking",), True), (("fence",), False), (("thinking", "prose"), False)],
)
def test_a_server_that_held_its_model_to_a_schema_lets_it_think_at_most(notes, constrained):
    assert Taken(1, notes).columns() == {"value": 1, "notes": notes, "constrained": constrained}


def test_what_follows_the_last_thought_is_the_answer():
    assert without_thinking("<think>a</think>b<think>c</think>d") == "d"
    assert without_thinking("a</think>b") == "b"
    assert without_thinking("plain") == "plain"
    assert [is_still_thinking(t) for t in ("<think>a", "<think>a</think>", "a", "x <think>")] == [
        True,
        False,
        False,
        False,
    ]


def test_faults_are_counted_up_to_a_bound_and_a_bad_schema_is_ours():
    schema = {"type": "array", "items": {"type": "string"}}
    for count, told in ((0, 0), (20, 20), (21, 20)):
        assert len(mismatches([1] * count, schema)) == told
    for bad in ({"type": "nothing"}, {"$ref": "http://127.0.0.1:9/schema"}):
        with pytest.raises(UsageError):
            mismatches({}, bad)


def test_what_is_missing_but_not_needed_is_noted():
    schema = {"required": ["a", "b"], "properties": {"a": {}, "b": {}}}
    closed = schema | {"additionalProperties": False}
    for known in (schema, closed):
        assert fit({"a": 1}, known, {"required": ["a"]}) == ("missing_keys",)
    assert fit({"a": 1, "b": 2, "c": 3}, closed, None) == ("extra_keys",)
    with pytest.raises(ReplyError):
        fit({"a": 1}, schema, {"required": ["b"]})
