"""What a client asked the simulator for, in either protocol."""

from __future__ import annotations

import json
from typing import Any

import pytest

from liftlab.serving.simulation.questions import BadQuestion, Question, read_question


def _lift(**body: Any) -> Question:
    return read_question("lift", json.dumps({"prompt": "p"} | body).encode())


def _chat(**body: Any) -> Question:
    asked = {"messages": [{"role": "user", "content": "p"}]} | body
    return read_question("openai", json.dumps(asked).encode())


def test_what_is_not_said_has_a_default() -> None:
    for asked in (_lift(), _chat()):
        assert (asked.prompt, asked.schema, asked.seed) == ("p", None, None)
        assert (asked.max_tokens, asked.stream, asked.include_usage) == (2048, False, True)


def test_a_lift_request() -> None:
    asked = _lift(schema={"type": "object"}, max_tokens=5, seed=0)
    assert (asked.schema, asked.max_tokens, asked.seed) == ({"type": "object"}, 5, 0)


def test_the_last_message_is_the_prompt() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": parts}]
    assert _chat(messages=messages).prompt == "ab"


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 7}, 7),
        ({"max_tokens": 5, "max_completion_tokens": 7}, 7),
        ({"max_tokens": 1_000_000}, 1_000_000),
    ],
)
def test_a_chat_names_its_limit_in_two_ways(limits: dict[str, int], most: int) -> None:
    assert _chat(**limits).max_tokens == most


@pytest.mark.parametrize(
    ("options", "usage"),
    [
        (None, False),
        ({}, False),
        ({"include_usage": True}, True),
        ({"include_usage": False}, False),
    ],
)
def test_a_stream_has_its_usage_where_it_was_asked_for(options: Any, usage: bool) -> None:
    asked = _chat(stream=True, stream_options=options)
    assert (asked.stream, asked.include_usage) == (True, usage)


def test_a_schema_is_in_the_response_s_format() -> None:
    shape = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "array"}}}
    assert _chat(response_format=shape).schema == {"type": "array"}
    assert _chat(response_format={"type": "json_object"}).schema is None


@pytest.mark.parametrize(
    ("protocol", "body", "said"),
    [
        ("lift", b"{", "body: "),
        ("lift", b"{}", "prompt: "),
        ("lift", b'{"prompt": ""}', "prompt: "),
        ("lift", b'{"prompt": "p", "max_tokens": 0}', "max_tokens: "),
        ("lift", b'{"prompt": "p", "max_tokens": 1000001}', "max_tokens: "),
        ("openai", b'{"messages": []}', "messages: "),
        ("openai", b'{"messages": [{"role": "user"}]}', r"messages\.0\.content: "),
    ],
)
def test_what_is_no_request(protocol: Any, body: bytes, said: str) -> None:
    with pytest.raises(BadQuestion, match=f"^{said}"):
        read_question(protocol, body)
