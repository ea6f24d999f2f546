from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from typing import Any

import httpx
import pytest

from liftlab.endpoints.base import Request, Sampling, Secret
from liftlab.endpoints.form import Form
from liftlab.endpoints.http import HttpClient
from liftlab.endpoints.openai import OpenAIEndpoint, payload

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def asked(**changes: Any) -> Request:
    fields = {"prompt": "add", "request_id": "r-1", "sampling": Sampling(), **changes}
    return Request(**fields)


def endpoint(answer, **options):
    client = HttpClient(transport=httpx.MockTransport(answer))
    return OpenAIEndpoint(
        client=client, **{"base_url": "http://o.test/v1", "model": "m", **options}
    )


def completion(content, finish_reason="stop", **more):
    message = {"role": "assistant", "content": content}
    choices = [{"index": 0, "message": message, "finish_reason": finish_reason}]
    return {"id": "c-1", "model": "m-1", "choices": choices, **more}


def streamed(*deltas, done=True, **last):
    lines = [{"choices": [{"index": 0, "delta": delta, **last}]} for delta in deltas]
    body = b"".join(b"data: " + json.dumps(line).encode() + b"\n\n" for line in lines)
    return body + (b"data: [DONE]\n\n" if done else b"")


async def reply_to(body, request=None, content_type="application/json"):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(_request):
        return httpx.Response(200, content=content, headers={"content-type": content_type})

    return await endpoint(answer).generate(request or asked())


async def stream_of(body, **changes):
    return await reply_to(body, asked(stream=True, **changes), "text/event-stream; charset=utf-8")


async def test_a_whole_reply_has_its_value_and_its_usage():
    usage = {
        "prompt_tokens": 20,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 16},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }
    reply = await reply_to(completion('{"n": 3}', usage=usage), asked(schema=SCHEMA))
    assert reply.value == {"n": 3}
    assert (reply.prompt_tokens, reply.cached_tokens) == (20, 16)
    assert (reply.output_tokens, reply.reasoning_tokens) == (9, 4)
    assert (reply.response_id, reply.model, reply.finish_reason) == ("c-1", "m-1", "stop")
    assert reply.error_class is None
    assert reply.first_token_ns is None


async def test_llama_cpp_tells_its_own_time():
    timings = {"prompt_n": 4, "prompt_ms": 100.0, "predicted_n": 5, "predicted_ms": 400.0}
    reply = await reply_to(completion("hi", timings={**timings, "cache_n": 2}))
    assert reply.server_s == pytest.approx(0.5)
    assert (reply.output_tokens, reply.cached_tokens) == (5, 2)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"message": "overloaded"}}, "reported_error"),
        ({"object": "error", "message": "overloaded", "code": 503}, "reported_error"),
        (completion("cut", "length"), "length"),
        ({"choices": []}, "invalid_json"),
        ({"choices": "x"}, "invalid_json"),
        ({"choices": [{"message": None}]}, "invalid_json"),
        ([], "invalid_json"),
        (b"oops", "invalid_json"),
        (completion("```json\n{}\n```"), "schema_mismatch"),
        (completion("[" * 50_000), "invalid_json"),
        (completion('{"n": "x"}'), "schema_mismatch"),
    ],
)
async def test_a_200_is_not_a_success(body, expected):
    reply = await reply_to(body, asked(schema=SCHEMA))
    assert reply.error_class == expected
    assert reply.value is None
    assert 0 < len(reply.message) <= 300


@pytest.mark.parametrize(
    "usage", [None, [], {"prompt_tokens": "7.5"}, {"prompt_tokens_details": 1}]
)
async def test_odd_usage_is_unknown(usage):
    reply = await reply_to(completion("hi", usage=usage, timings="x"))
    assert reply.value == "hi"
    assert reply.prompt_tokens is reply.cached_tokens is reply.server_s is None


async def test_a_secret_that_is_spelt_in_pieces_or_escapes_is_struck_out():
    def answer(request):
        pieces = [{"content": letter} for letter in request.headers["authorization"]]
        body = streamed(*pieces) if b'"stream"' in request.content else completion("\u0043ANARY-7")
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "text/event-stream" if isinstance(body, bytes) else "application/json"
        return httpx.Response(
            200, content=content.replace(b"CANARY", b"\\u0043ANARY"), headers={"content-type": kind}
        )

    client = HttpClient(transport=httpx.MockTransport(answer), token=Secret("CANARY-7"))
    asking = OpenAIEndpoint(client=client, base_url="http://o.test/v1", model="m")
    assert (await asking.generate(asked(stream=True))).value == "Bearer ********"
    reply = await asking.generate(asked())
    assert reply.value == "********"
    assert "CANARY" not in repr(reply)


async def test_of_several_choices_the_first_counts():
    other = {"index": 1, "message": {"content": "no"}, "finish_reason": "length"}
    body = completion("yes")
    body["choices"].insert(0, other)
    assert (await reply_to(body)).value == "yes"
    events = b"".join(
        b"data: " + json.dumps({"choices": [{"index": index, "delta": delta}]}).encode() + b"\n\n"
        for index, delta in ((1, {"content": "no"}), (0, {"content": "y"}), (1, {"content": "!"}))
    )
    reply = await stream_of(events + streamed({"content": "es"}))
    assert reply.value == "yes"


async def test_a_text_in_typed_parts_is_one_text():
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    parts = [thought, {"type": "text", "text": "he"}, {"type": "text", "text": "llo"}, 3]
    assert (await reply_to(completion(parts))).value == "hello"
    reply = await stream_of(streamed({"content": parts}, {"content": "!"}))
    assert reply.value == "hello!"


async def test_the_type_of_a_stream_is_read_in_any_case():
    reply = await reply_to(
        streamed({"content": "hi"}), asked(stream=True), "Text/Event-Stream; charset=UTF-8"
    )
    assert reply.value == "hi"


async def test_a_stream_is_put_together():
    body = (
        streamed({"role": "assistant", "content": ""}, {"reasoning_content": "hm"}, done=False)
        + streamed({"content": "he"}, {"content": "llo"}, done=False)
        + streamed({}, finish_reason="stop", done=False)
        + b'data: {"id": "s-1", "choices": [], "usage": {"completion_tokens": 3}}\n\n'
        + b"data: [DONE]\n\n"
    )
    reply = await stream_of(body)
    assert reply.value == "hello"
    assert (reply.output_tokens, reply.finish_reason, reply.response_id) == (3, "stop", "s-1")
    assert reply.error_class is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (streamed({"content": "a"}, done=False), "truncated"),
        (b"", "truncated"),
        (streamed({"content": "a"})[:-30], "truncated"),
        (b'data: {"choices": [{"del', "truncated"),
        (b"data: {oops}\n\ndata: [DONE]\n\n", "invalid_json"),
        (b'data: {"error": {"message": "slot lost"}}\n\n', "reported_error"),
        (
            streamed({"content": "a"}, done=False)
            + b'event: error\ndata: {"message": "slot lost"}\n\ndata: [DONE]\n\n',
            "reported_error",
        ),
        (b"event: error\ndata: {}\n\ndata: [DONE]\n\n", "reported_error"),
        (b"data: [DONE]\n\n", "invalid_json"),
        (streamed({"content": "a"}, finish_reason="length"), "length"),
    ],
)
async def test_a_stream_can_go_wrong_in_the_middle(body, expected):
    reply = await stream_of(body)
    assert reply.error_class == expected
    assert reply.value is None


async def test_a_server_that_does_not_stream_is_understood():
    reply = await reply_to(completion("hi"), asked(stream=True))
    assert (reply.value, reply.first_token_ns) == ("hi", None)


async def test_the_tokens_of_a_stream_are_stamped_when_they_arrive(loopback):
    parts = [
        streamed({"role": "assistant"}, done=False),
        streamed({"reasoning": "hm"}, done=False),
        streamed({"content": "one"}, done=False),
        streamed({"content": "two"}, done=False),
        streamed({}, finish_reason="stop", done=True),
    ]
    sent_s = []

    async def script(call):
        head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked"
        await call.send(head.encode() + b"\r\n\r\n")
        for part in parts:
            sent_s.append(asyncio.get_running_loop().time())
            await call.send(b"%x\r\n%s\r\n" % (len(part), part))
            await asyncio.sleep(0.02)
        await call.send(b"0\r\n\r\n")

    server = await loopback(script)
    openai = OpenAIEndpoint(client=HttpClient(), base_url=f"{server.url}/v1", model="m")
    first = await openai.generate(asked(stream=True))
    second = await openai.generate(asked(stream=True))
    await openai.close()
    assert first.value == "onetwo"
    assert server.requests[0].headers["accept"] == "text/event-stream"
    moments = [
        first.stamps.sent_ns,
        first.first_reasoning_ns,
        first.first_token_ns,
        first.last_token_ns,
        first.stamps.last_byte_ns,
    ]
    assert all(a < b for a, b in pairwise(moments))
    # One clock for both sides: no token is stamped before the server wrote it.
    for stamp, wrote in zip(moments[1:4], sent_s[1:4], strict=True):
        assert stamp / 1e9 >= wrote - 1e-3
    # Read to the end, past [DONE], so the connection serves again.
    assert second.stamps.connection_reused is True
    assert server.connections == 1


def test_what_is_asked_for():
    sampling = Sampling(seed=3, max_tokens=9, extra={"top_k": 1, "model": "no"})
    request = asked(system="S", schema=SCHEMA, sampling=sampling, stop=("E",), stream=True)
    body = payload(request, "m", Form())
    assert body["model"] == "m"
    assert body["messages"] == [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "add"},
    ]
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert (body["seed"], body["max_tokens"], body["top_k"], body["stop"]) == (3, 9, 1, ["E"])
    assert body["stream_options"] == {"include_usage": True}
    plain = payload(asked(), None, Form())
    assert set(plain) == {"messages", "max_tokens", "temperature", "top_p"}
    assert plain["messages"] == [{"role": "user", "content": "add"}]


async def test_a_refused_format_is_asked_for_in_a_simpler_way_and_remembered():
    seen = []

    def answer(request):
        body = json.loads(request.content)
        form = body.get("response_format", {}).get("type")
        seen.append((form, "JSON Schema" in json.dumps(body["messages"])))
        if form is not None:
            return httpx.Response(422, json={"detail": f"response_format {form} is unknown"})
        return httpx.Response(200, json=completion('{"n": 1}'))

    openai = endpoint(answer)
    replies = [await openai.probe(asked(schema=SCHEMA)) for _ in range(3)]
    replies.append(await openai.generate(asked(schema=SCHEMA)))
    assert [reply.ask_otherwise for reply in replies] == [True, True, False, False]
    assert [reply.error_class for reply in replies] == ["http_4xx", "http_4xx", None, None]
    assert replies[3].value == {"n": 1}
    assert seen == [("json_schema", False), ("json_object", True), (None, True), (None, True)]


async def test_another_400_is_not_asked_again():
    calls = []

    def answer(request):
        calls.append(request)
        return httpx.Response(400, json={"error": {"message": "prompt too long"}})

    reply = await endpoint(answer).generate(asked(schema=SCHEMA))
    assert (reply.error_class, reply.message) == ("http_4xx", "HTTP 400: prompt too long")
    assert not reply.ask_otherwise
    assert len(calls) == 1


async def test_health_asks_for_models_and_for_health_where_it_is():
    def answer(request):
        if request.url.path == "/v1/models":
            return httpx.Response(200, json={"data": [{"id": "m"}, {"id": 3}, "x"]})
        if request.url.path == "/health/readiness":
            return httpx.Response(404)
        assert request.url.path == "/health"
        return httpx.Response(200, json={"status": "ok"})

    models, own = await endpoint(answer).health()
    assert (models.ok, models.model, models.status) == (True, "m", "HTTP 200")
    assert (own.ok, own.status) == (True, "ok")
    [models, _] = await endpoint(answer, model="other").health()
    assert "does not list 'other'; it lists m" in models.status


async def test_a_base_url_without_its_version_is_explained():
    [models] = await endpoint(lambda _: httpx.Response(404), model=None).health()
    assert models.ok is False
    assert "/v1" in models.status


async def test_the_first_listed_model_is_taken_when_none_is_named():
    asked_for = []

    def answer(request):
        if request.method == "GET":
            return httpx.Response(200, json={"data": [{"id": "only"}]})
        asked_for.append(json.loads(request.content)["model"])
        return httpx.Response(200, json=completion("x"))

    await endpoint(answer, model=None).generate(asked())
    assert asked_for == ["only"]


async def test_warm_up_draws_one_token_under_the_id_it_is_given():
    requests = []

    def answer(request):
        requests.append(request)
        return httpx.Response(200, json=completion("x", "length"))

    openai = endpoint(answer)
    warm = await openai.warm("run-7", 5.0)
    assert (warm.ok, warm.status, warm.model) == (True, "warm", "m-1")
    assert json.loads(requests[0].content)["max_tokens"] == 1
    assert requests[0].headers["x-request-id"] == "run-7"
    assert openai.warmable
    loading = await endpoint(lambda _: httpx.Response(503)).warm("r", 5.0)
    assert (loading.ok, loading.starting) == (False, True)
    refused = await endpoint(lambda _: httpx.Response(401, json={"error": "key"})).warm("r", 5.0)
    assert (refused.ok, refused.starting, refused.status) == (False, False, "HTTP 401: key")
