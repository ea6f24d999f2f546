"""What servers answer with a 200, and whose doing it is: the endpoint's, the model's, or none."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from liftlab.endpoints.base import Reply, Request, Sampling
from liftlab.endpoints.http import HttpClient
from liftlab.endpoints.openai import OpenAIEndpoint

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}
OBJECT = '{"a": 1}'
PIECES = ("def f", "():\n", "    return 1\n")
JSON = "application/json"
EVENTS = "text/event-stream; charset=utf-8"


def choice(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, **fields}]}


def whole(content: Any, finish_reason: str | None = "stop", **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": content, **message}
    return choice(message=said, finish_reason=finish_reason)


def called(arguments: Any, *more: str) -> list[dict[str, Any]]:
    names = ("answer", *more)
    return [{"function": {"name": name, "arguments": arguments}} for name in names]


def event(data: Any) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def stream(*deltas: dict[str, Any], finish: str | None = "stop", done: bool = True) -> bytes:
    body = b"".join(event(choice(delta=delta, finish_reason=None)) for delta in deltas)
    body += event(choice(delta={}, finish_reason=finish)) if finish is not None else b""
    return body + (b"data: [DONE]\n\n" if done else b"")


SPOKEN = stream(*({"content": piece} for piece in PIECES))
BEGUN = stream({"content": "def f"}, finish=None, done=False)


async def reply_to(
    body: Any, schema: Any = None, content_type: str | None = JSON, status: int = 200
) -> Reply:
    """Return what becomes of one body."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": content_type} if content_type else {}
    answer = httpx.Response(status, content=content, headers=headers)
    client = HttpClient(transport=httpx.MockTransport(lambda _: answer))
    request = Request(
        prompt="p",
        request_id="r",
        sampling=Sampling(max_tokens=9),
        schema=schema,
        stream=content_type == EVENTS,
    )
    return await OpenAIEndpoint(client=client, base_url="http://o.test/v1", model="m").generate(
        request
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (whole("def f(): ...", "error"), "error"),
        (whole("def f(): ...", "abort"), "abort"),
        (choice(message={"content": ""}, error={"code": 502, "message": "lost"}), "lost"),
        (choice(message={"content": ""}, error="lost", finish_reason="stop"), "lost"),
        ({"error": {"message": "lost"}}, "lost"),
        ({"error": True, "message": "lost"}, "lost"),
        ([{"error": {"message": "lost"}}], "lost"),
        ({"type": "error", "message": "lost"}, "lost"),
        ({"success": False, "errors": [{"code": 7, "message": "lost"}]}, "lost"),
        ({"detail": "lost"}, "lost"),
        ({"code": 500, "msg": "lost"}, "lost"),
        (b"error: upstream lost", "upstream lost"),
        (b"[ERROR] upstream lost", "upstream lost"),
    ],
)
async def test_a_failure_of_the_server_is_told_in_its_words(body, words):
    for content_type in (JSON, EVENTS):
        reply = await reply_to(body, content_type=content_type)
        assert (reply.error_class, reply.failure, reply.value) == ("reported_error", None, None)
        assert words in reply.message


@pytest.mark.parametrize(
    "ending",
    [
        event({"error": {"message": "lost", "code": 500}}) + b"data: [DONE]\n\n",
        event({"object": "error", "message": "lost"}),
        event(choice(delta={}, finish_reason="error", error={"message": "lost"})),
        b"event: error\ndata: lost\n\n",
        b'event: error\ndata: {"message": "lost"}\n\n',
        b"error: lost\n\n",
        b'error: {"message": "lost"}\n\n',
        b"Error: lost",
        b'{"error":{"message":"lost","type":"overloaded_error"}}\n',
        b'{\n  "error": {\n    "message": "lost"\n  }\n}\n',
        b'{"error": "lost"}\n\ndata: [DONE]\n\n',
        b'[{"error": {"message": "lost"}}]',
    ],
)
@pytest.mark.parametrize("begun", [BEGUN, b""])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
async def test_a_failure_within_a_stream_is_told_in_the_servers_words(ending, begun, newline):
    body = (begun + ending).replace(b"\n", newline)
    reply = await reply_to(body, content_type=EVENTS)
    assert (reply.error_class, reply.value) == ("reported_error", None)
    assert reply.message == "the server says: lost"


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (whole(None, refusal="I will not"), "refusal"),
        (whole([{"type": "refusal", "refusal": "I will not"}]), "refusal"),
        (whole("", "refusal"), "refusal"),
        (whole("def f", "content_filter"), "content_filter"),
        (whole("def f", "SAFETY"), "content_filter"),
        (whole(None), "empty_output"),
        (whole(" \n"), "empty_output"),
        (whole("<think>so", "stop"), None),  # a text's blocks are the grader's to judge
        (stream({"refusal": "I "}, {"refusal": "will not"}), "refusal"),
        (stream({"content": "def"}, finish="content_filter"), "content_filter"),
        (stream({"role": "assistant", "content": ""}), "empty_output"),
    ],
)
async def test_what_the_model_did_is_the_models(body, failure):
    reply = await reply_to(body)
    assert (reply.error_class, reply.failure) == (None, failure)
    assert failure is None or (reply.value is None and reply.message)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (whole(None, "tool_calls", tool_calls=called("{}")), "a tool (answer)"),
        (whole(None, function_call={"name": "answer", "arguments": "{}"}), "a tool (answer)"),
        (whole(None, reasoning_content="hm"), "reasoning only"),
        (whole(None), "no text (finish_reason stop)"),
        (stream({"reasoning": "hm"}), "reasoning only"),
        (stream({"tool_calls": [{"index": 0, **called("")[0]}]}), "a tool (answer)"),
    ],
)
async def test_a_reply_without_text_says_what_it_holds_instead(body, words):
    assert words in (await reply_to(body)).message


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (whole("def f", "length"), None),
        (whole("def f", "MAX_TOKENS"), None),
        (whole(None, "length", reasoning="hm"), "reasoning_unfinished"),
        (whole("<think>hm", "length"), "reasoning_unfinished"),
        (stream({"reasoning_content": "hm"}, finish="length"), "reasoning_unfinished"),
    ],
)
async def test_a_token_limit_met_while_reasoning_is_told_apart(body, failure):
    reply = await reply_to(body)
    assert (reply.error_class, reply.failure) == ("length", failure)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty reply"),
        (b" \r\n", "empty reply"),
        (b"<html><b>login</b></html>", "web page: login"),
        (b"upstream request timeout", "not JSON: upstream request timeout"),
        ({"id": "x", "choices": []}, "no choices"),
        ({"choices": [{"index": 0}]}, "no choices[0].message"),
        (b'{"choices": [{"mess', "not JSON"),
        (b'{"message": {"content": "x"}}\n{"done": true}\n', ""),
    ],
)
async def test_nothing_of_a_model_in_it_is_the_endpoints(body, message):
    reply = await reply_to(body)
    assert reply.error_class in ("invalid_json", "truncated")
    assert reply.no_answer or reply.error_class == "truncated"
    assert message in reply.message


@pytest.mark.parametrize(
    ("body", "lacks"),
    [
        ({"id": "x", "choices": []}, "the reply has no choices"),
        (event({"id": "x", "choices": []}) + b"data: [DONE]\n\n", "the stream has no choices"),
        (b"data: [DONE]\n\n", "the stream has no choices"),
    ],
)
async def test_a_reply_says_what_it_lacks_of_an_answer(body, lacks):
    assert (await reply_to(body)).message == f"no answer: {lacks}"


async def test_an_empty_stream_is_told_as_empty():
    reply = await reply_to(b"", content_type=EVENTS)
    assert (reply.error_class, reply.message) == ("truncated", "empty reply")


@pytest.mark.parametrize("content_type", [JSON, "text/plain; charset=utf-8", None, EVENTS])
async def test_a_stream_is_a_stream_whatever_its_type(content_type):
    body = b": ping\n\ndata:\n\n" + event({"choices": [], "prompt_filter_results": []}) + SPOKEN
    for before in (b"", b"\xef\xbb\xbf", b"\n\n"):
        assert (await reply_to(before + body, content_type=content_type)).value == "".join(PIECES)


async def test_an_object_is_an_object_whatever_its_type():
    assert (await reply_to(whole("x"), content_type=EVENTS)).value == "x"
    assert (await reply_to(event(whole("x")) + b"data: [DONE]\n\n")).value == "x"
    assert (await reply_to(b"\n\n" + json.dumps(whole("x")).encode())).value == "x"


@pytest.mark.parametrize(
    "body",
    [
        stream({"content": ""}, {"content": "x"}, finish="", done=False),
        BEGUN,
        BEGUN + b'data: {"choices": [{"ind',
    ],
)
async def test_a_stream_without_its_end_is_cut(body):
    assert (await reply_to(body, content_type=EVENTS)).error_class == "truncated"


async def test_numbers_beside_an_answer_spoil_nothing():
    usage = {"prompt_tokens": 11.0, "completion_tokens": "20", "total_tokens": None}
    body = json.dumps(whole("x") | {"usage": usage})
    body = body.replace('"index": 0', '"index": 0, "logprob": -Infinity, "p": NaN, "q": 1e999')
    for reply in (await reply_to(body.encode()), await reply_to(f"data: {body}\n\n".encode())):
        assert reply.value == "x"
        assert (reply.prompt_tokens, reply.output_tokens) == (11, 20)


async def test_a_bare_completion_and_thinking_parts_are_read():
    body = b"".join(event(choice(text=piece)) for piece in PIECES) + b"data: [DONE]\n\n"
    assert (await reply_to(body)).value == "".join(PIECES)
    thought = {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}
    reply = await reply_to(stream(thought, {"content": "x"}))
    assert reply.value == "x"
    assert reply.first_reasoning_ns is not None


@pytest.mark.parametrize(
    ("body", "notes", "constrained"),
    [
        (whole(OBJECT), (), True),
        (whole(f"<think>hm</think>{OBJECT}"), ("thinking",), True),
        (whole(f"```json\n{OBJECT}\n```"), ("fence",), False),
        (whole(f"Here:\n{OBJECT}"), ("prose",), False),
        (whole('{"a": 1, "b": 2}'), ("extra_keys",), False),
        (whole(None, "tool_calls", tool_calls=called(OBJECT)), ("tool_call",), False),
        (whole(None, tool_calls=called({"a": 1})), ("tool_call",), False),
        (whole("I call it.", tool_calls=called(OBJECT)), ("tool_call",), False),
        (whole(None, function_call={"name": "f", "arguments": OBJECT}), ("tool_call",), False),
        (
            stream(
                {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": '{"a"'}}]},
                {"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]},
                finish="tool_calls",
            ),
            ("tool_call",),
            False,
        ),
    ],
)
async def test_an_object_is_taken_and_what_was_around_it_noted(body, notes, constrained):
    reply = await reply_to(body, SCHEMA)
    assert (reply.error_class, reply.failure, reply.value["a"]) == (None, None, 1)
    assert (reply.notes, reply.constrained) == (notes, constrained)


async def test_two_tools_are_not_chosen_from():
    reply = await reply_to(whole(None, tool_calls=called(OBJECT, "other")), SCHEMA)
    assert (reply.failure, reply.value) == ("empty_output", None)


@pytest.mark.parametrize("field", ["code", "innererror"])
async def test_a_prompt_that_a_filter_refuses_is_no_error_of_the_server(field):
    code = {"code": "ResponsibleAIPolicyViolation"} if field == "innererror" else "content_filter"
    body = {"error": {"message": "filtered", field: code}}
    reply = await reply_to(body, status=400)
    assert (reply.error_class, reply.failure) == ("http_4xx", "content_filter")
    assert "filtered" in reply.message
    assert (await reply_to({"error": {"code": "other"}}, status=400)).failure is None
    assert (await reply_to({"error": {"code": 7}}, status=400)).failure is None


@pytest.mark.parametrize("ignores", ["```json\n" + OBJECT + "\n```", '{"a": 1, "b": 2}', "Sure."])
async def test_a_server_that_ignores_the_schema_is_told_it_in_the_prompt(ignores):
    asked: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        in_prompt = "JSON Schema" in json.dumps(asked[-1]["messages"])
        return httpx.Response(200, json=whole(OBJECT if in_prompt else ignores))

    client = HttpClient(transport=httpx.MockTransport(answer))
    openai = OpenAIEndpoint(client=client, base_url="http://o.test/v1", model="m")
    request = Request(prompt="p", request_id="r", sampling=Sampling(), schema=SCHEMA)
    replies = [await openai.generate(request) for _ in range(3)]
    assert [reply.constrained for reply in replies] == [False, False, False]
    assert replies[1].value == replies[2].value == {"a": 1}
    told = ["JSON Schema" in json.dumps(body["messages"]) for body in asked]
    assert told == [False, True, True]
    assert all(body["response_format"]["type"] == "json_schema" for body in asked)
