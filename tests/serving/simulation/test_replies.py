"""From an answer to a reply in either protocol: sound ones, and each wrong in one way."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from liftlab.serving.simulation.answers import Answer
from liftlab.serving.simulation.questions import Question
from liftlab.serving.simulation.replies import Made, render

SCHEMA = {"type": "object"}
MADE = Made(
    model="m",
    answer=Answer(kind="ir", text='{"a": 1234}', value={"a": 1234}),
    prompt_tokens=30,
    tokens=4,
    cut=False,
    base_s=0.5,
    token_s=0.1,
    request_id="r1",
    response_id="x1",
    took_s=0.9,
)


def question(protocol: Any, **more: Any) -> Question:
    asked = {"prompt": "p", "schema": SCHEMA, "max_tokens": 9, "seed": None} | more
    return Question(protocol=protocol, **asked)


def lift(fault: str | None = None, made: Made = MADE, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(render(question("lift", **more), made, fault).body)
    return told


def chat(fault: str | None = None, made: Made = MADE, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(render(question("openai", **more), made, fault).body)
    return told


def events(fault: str | None = None, made: Made = MADE, **more: Any) -> list[Any]:
    reply = render(question("openai", stream=True, **more), made, fault)
    lines = [line for line in reply.body.decode().split("\n") if line.startswith("data: {")]
    return [json.loads(line[6:]) for line in lines]


def test_a_lift_reply_says_what_was_made() -> None:
    assert lift() == {
        "ir_json": {"a": 1234},
        "tokens_used": 4,
        "generation_time_ms": 900.0,
        "finish_reason": "stop",
        "prompt_tokens": 30,
        "model": "m",
    }
    assert lift(schema=None)["text"] == '{"a": 1234}'


@pytest.mark.parametrize(
    ("fault", "value", "finish"),
    [
        ("error-200", None, "error"),
        ("no-answer", None, "stop"),
        ("off-schema", ["off", "schema"], "stop"),
        ("length", None, "length"),
    ],
)
def test_a_lift_reply_is_wrong_in_one_way(fault: str, value: Any, finish: str) -> None:
    told = lift(fault)
    assert (told["ir_json"], told["finish_reason"]) == (value, finish)
    assert ("error" in told) == (fault == "error-200")


def test_an_answer_that_is_cut_has_half_its_text() -> None:
    cut = replace(MADE, cut=True)
    assert (lift(made=cut, schema=None)["text"], lift(made=cut)["ir_json"]) == ('{"a":', None)
    choice = chat(made=cut)["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ('{"a":', "length")
    assert lift("off-schema", schema=None)["text"] == "off schema"


def test_a_chat_counts_its_tokens_and_times() -> None:
    told = chat()
    assert (told["id"], told["object"], told["model"]) == ("x1", "chat.completion", "m")
    assert told["usage"] == {"prompt_tokens": 30, "completion_tokens": 4, "total_tokens": 34}
    assert told["timings"] == {
        "prompt_n": 30,
        "prompt_ms": 500.0,
        "predicted_n": 4,
        "predicted_ms": 400.0,
    }
    assert chat(made=replace(MADE, took_s=0.1))["timings"]["predicted_ms"] == 0.0
    [choice] = told["choices"]
    assert (choice["index"], choice["message"]["content"]) == (0, '{"a": 1234}')


def test_a_chat_is_wrong_in_one_way() -> None:
    assert chat("no-answer")["choices"] == []
    assert set(chat("error-200")) == {"error"}
    assert chat("off-schema")["choices"][0]["message"]["content"] == '["off", "schema"]'
    for fault in ("no-answer", "error-200"):  # never as a stream
        assert set(chat(fault, stream=True)) == set(chat(fault))


def test_a_stream_says_the_answer_a_token_at_a_time() -> None:
    reply = render(question("openai", stream=True), MADE, None)
    assert [at_s for at_s, _ in reply.parts] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.3])
    assert reply.headers == {"content-type": "text/event-stream", "x-request-id": "r1"}
    told = events()
    assert told[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    pieces = [event["choices"][0]["delta"].get("content", "") for event in told if event["choices"]]
    assert "".join(pieces) == '{"a": 1234}'
    assert sorted(map(len, filter(None, pieces))) == [2, 3, 3, 3]
    finishes = [event["choices"][0]["finish_reason"] for event in told if event["choices"]]
    assert [*filter(None, finishes)] == ["stop"]
    assert told[-1]["usage"]["total_tokens"] == 34
    assert not any("usage" in event for event in events(include_usage=False))
    assert reply.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("fault", "ends"),
    [
        ("sse-no-end", b": the end is missing\n\n"),
        ("sse-garbage", b"data: [DONE]\n\n"),
        ("sse-error", b'data: {"error":{"message":"simulated: the engine died"}}\n\n'),
        ("sse-empty", b"data: [DONE]\n\n"),
        ("sse-error-event", b"data: [DONE]\n\n"),
    ],
)
def test_a_stream_is_wrong_at_its_end(fault: str, ends: bytes) -> None:
    body = render(question("openai", stream=True), MADE, fault).body
    assert body.endswith(ends)
    assert (b"data: {not json}" in body) == (fault == "sse-garbage")
    assert (b"event: error" in body) == (fault == "sse-error-event")
    assert (b"content" in body) == (fault != "sse-empty")


def test_a_stream_may_break_off_within_an_event() -> None:
    body = render(question("openai", stream=True), MADE, "sse-cut").body
    assert not body.endswith(b"\n\n")
    assert b"DONE" not in body
    assert b'finish_reason":"stop' not in body
