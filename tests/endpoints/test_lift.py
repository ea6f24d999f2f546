from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from liftlab.endpoints.base import Request, Sampling
from liftlab.endpoints.http import HttpClient
from liftlab.endpoints.lift import LiftEndpoint

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}


def asked(**changes: Any) -> Request:
    fields = {
        "prompt": "add",
        "request_id": "r-1",
        "sampling": Sampling(seed=5),
        "schema": SCHEMA,
        **changes,
    }
    return Request(**fields)


def endpoint(answer, **options):
    client = HttpClient(transport=httpx.MockTransport(answer))
    options = {"generate_url": "http://gen.test/generate", **options}
    return LiftEndpoint(client=client, **options)


async def reply_to(body, request=None, status=200, headers=None):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(_request):
        return httpx.Response(status, content=content, headers=headers)

    return await endpoint(answer).generate(request or asked())


async def test_a_good_reply_has_its_value_and_its_facts():
    reply = await reply_to(
        {
            "ir_json": {"name": "add"},
            "tokens_used": 42,
            "generation_time_ms": 1500.0,
            "finish_reason": "stop",
            "model": "m-7b",
        },
        headers={"x-request-id": "srv-9"},
    )
    assert reply.value == {"name": "add"}
    assert (reply.error_class, reply.message, reply.transport_ok) == (None, None, True)
    assert (reply.output_tokens, reply.server_s, reply.finish_reason) == (42, 1.5, "stop")
    assert (reply.http_status, reply.model, reply.response_id) == (200, "m-7b", "srv-9")
    assert json.loads(reply.raw)["tokens_used"] == 42
    assert reply.stamps.last_byte_ns is not None


@pytest.mark.parametrize("text", [{"name": "add"}, '{"name": "add"}'])
async def test_the_later_family_answers_under_text(text):
    assert (await reply_to({"text": text})).value == {"name": "add"}


@pytest.mark.parametrize(
    ("body", "notes"),
    [
        ({"ir_json": {"name": "add"}}, ()),
        ({"ir_json": {"name": "add", "more": 1}}, ("extra_keys",)),
        ({"text": '```json\n{"name": "add"}\n```'}, ("fence",)),
        ({"text": '<think>hm</think>{"name": "add"}'}, ("thinking",)),
    ],
)
async def test_an_object_is_taken_and_what_was_around_it_noted(body, notes):
    reply = await reply_to(body)
    assert reply.value["name"] == "add"
    assert (reply.notes, reply.constrained) == (notes, set(notes) <= {"thinking"})


@pytest.mark.parametrize(
    ("body", "error_class", "failure"),
    [
        ({"text": "x", "finish_reason": "abort"}, "reported_error", None),
        ({"detail": "no worker"}, "reported_error", None),
        ({"ir_json": {"name": "x"}, "finish_reason": "content_filter"}, None, "content_filter"),
        ({"text": "<think>hm"}, None, "reasoning_unfinished"),
    ],
)
async def test_whose_doing_it_is(body, error_class, failure):
    reply = await reply_to(body)
    assert (reply.error_class, reply.failure, reply.value) == (error_class, failure, None)


async def test_plain_text_when_no_schema_was_sent():
    reply = await reply_to({"text": "def f(): ...", "ir_json": None}, asked(schema=None))
    assert reply.value == "def f(): ..."


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"ir_json": None, "error": "CUDA out of memory"}, "reported_error"),
        ({"error": "bad", "json_error": "at 3", "raw_output": "{"}, "reported_error"),
        ({"text": None, "error": "x", "finish_reason": "json_error"}, "reported_error"),
        ({"text": '{"name": "x"}', "finish_reason": "json_error"}, "reported_error"),
        ({"error": {"message": ""}, "ir_json": {"name": "x"}}, "reported_error"),
        ({"ir_json": {"name": "x"}, "finish_reason": "length"}, "length"),
        ({"error": "cut", "finish_reason": "length"}, "length"),
        ({"finish_reason": "stop"}, "invalid_json"),
        ({"ir_json": None}, "invalid_json"),
        ({"text": "not json"}, "invalid_json"),
        ([{"ir_json": {}}], "invalid_json"),
        (b"{", "invalid_json"),
        (b"", "invalid_json"),
        (b"<html>Bad gateway</html>", "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        (b'{"ir_json": {"name": NaN}}', "invalid_json"),
        (b'{"ir_json": {"name": 1e999}}', "invalid_json"),
        (b'{"ir_json": ' + b"9" * 5000 + b"}", "invalid_json"),
        (b'{"ir_json": ' + b"[" * 100_000 + b"}", "invalid_json"),
        (b'{"ir_json": ' + b"[" * 200 + b"]" * 200 + b"}", "invalid_json"),
        ({"text": "[" * 5000}, "invalid_json"),
        ({"ir_json": {}}, "schema_mismatch"),
        ({"ir_json": {"name": 3}}, "schema_mismatch"),
        ({"ir_json": "null"}, "schema_mismatch"),
    ],
)
async def test_a_200_is_not_a_success(body, expected):
    reply = await reply_to(body)
    assert reply.error_class == expected
    assert reply.value is None
    assert reply.transport_ok is True
    assert 0 < len(reply.message) <= 300
    assert reply.message.isprintable()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<html>Bad gateway</html>", True),
        (b"", True),
        (b"\xff\xfe", True),
        ([{"ir_json": {}}], True),
        ({"status": "warming up"}, True),
        ({"ir_json": None}, True),
        ({"text": "not json"}, False),
        ({"ir_json": {}}, False),
        (b'\xef\xbb\xbf {"ir_json": {"name": NaN}}', False),
        ({"error": "CUDA out of memory"}, False),
        ({"ir_json": {"name": "x"}}, False),
    ],
)
async def test_a_reply_without_an_answer_is_told_from_a_wrong_answer(body, expected):
    assert (await reply_to(body)).no_answer is expected


async def test_the_words_of_a_reported_error_are_found():
    reply = await reply_to({"error": {"message": "overloaded", "code": 503}, "json_error": "at 3"})
    assert reply.message == "the server says: overloaded at 3"


async def test_a_refused_reply_still_says_what_it_cost():
    reply = await reply_to(
        {"ir_json": {}, "tokens_used": 7, "generation_time_ms": 10, "finish_reason": "stop"}
    )
    assert reply.error_class == "schema_mismatch"
    assert (reply.output_tokens, reply.server_s, reply.finish_reason) == (7, 0.01, "stop")
    assert "name" in reply.message


@pytest.mark.parametrize(
    ("tokens", "time_ms"),
    [("x", "10"), (-1, -1), (1.5, None), (True, False), ([], {}), (2**70, 1e300)],
)
async def test_implausible_facts_are_unknown(tokens, time_ms):
    reply = await reply_to(
        {
            "ir_json": {"name": "x"},
            "tokens_used": tokens,
            "generation_time_ms": time_ms,
            "finish_reason": {"a": 1},
            "model": ["m"],
        }
    )
    assert reply.error_class is None
    assert reply.output_tokens is reply.server_s is reply.finish_reason is reply.model is None


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, "http_4xx"), (422, "http_4xx"), (429, "http_429"), (500, "http_5xx"), (503, "http_5xx")],
)
async def test_status_codes(status, expected):
    reply = await reply_to({"detail": "why\x1b[0m"}, status=status, headers={"retry-after": "2"})
    assert (reply.error_class, reply.http_status, reply.retry_after_s) == (expected, status, 2.0)
    assert reply.message == f"HTTP {status}: why [0m"
    assert reply.transport_ok is False


async def test_lone_surrogates_do_not_reach_the_tables():
    reply = await reply_to(b'{"ir_json": {"name": "a\\ud800b"}}')
    assert reply.value == {"name": "a\ufffdb"}


def test_what_is_asked_for():
    sampling = Sampling(seed=5, extra={"top_k": 3, "prompt": "no"}, max_tokens=9)
    sender = endpoint(None)
    body = sender.payload(asked(system="Be terse.", sampling=sampling, stop=("END",)))
    assert body == {
        "prompt": "Be terse.\n\nadd",
        "schema": SCHEMA,
        "max_tokens": 9,
        "temperature": 0.3,
        "top_p": 0.95,
        "seed": 5,
        "stop": ["END"],
        "top_k": 3,
    }
    plain = sender.payload(asked(schema=None, sampling=Sampling()))
    assert "schema" not in plain
    assert "seed" not in plain
    assert "stop" not in plain


async def test_one_generation_is_one_post_with_its_id(loopback):
    async def script(call):
        await call.reply({"ir_json": {"name": "f"}})

    server = await loopback(script)
    lift = LiftEndpoint(client=HttpClient(), generate_url=f"{server.url}/generate")
    reply = await lift.generate(asked())
    await lift.close()
    assert reply.value == {"name": "f"}
    [request] = server.requests
    assert (request.method, request.path) == ("POST", "/generate")
    assert request.headers["x-request-id"] == "r-1"
    await server.drained()


async def test_health_is_read_from_its_own_host():
    def answer(request):
        assert str(request.url) == "http://health.test/"
        return httpx.Response(200, json={"status": "healthy", "model": "m", "gpu": "A10G"})

    [health] = await endpoint(answer, health_url="http://health.test/").health()
    assert (health.ok, health.status, health.model, health.hardware) == (
        True,
        "healthy",
        "m",
        "A10G",
    )
    assert health.seconds >= 0
    assert await endpoint(answer).health() == []


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: httpx.Response(200, json={"status": "unhealthy"}),
        lambda _: httpx.Response(500, text="no"),
        lambda _: httpx.Response(404),
    ],
)
async def test_bad_health_is_an_answer(answer):
    [health] = await endpoint(answer, health_url="http://h.test/health").health()
    assert health.ok is False
    assert health.status


async def test_an_unreachable_health_url_is_an_answer(free_port):
    lift = LiftEndpoint(
        client=HttpClient(),
        generate_url="http://x.test/",
        health_url=f"http://127.0.0.1:{free_port}/health",
    )
    [health] = await lift.health()
    assert health.ok is False
    assert "no connection to" in health.status
    await lift.close()


@pytest.mark.parametrize(
    ("answer", "ok", "starting", "status"),
    [
        (httpx.Response(503), False, True, "HTTP 503"),
        (httpx.Response(408), False, True, "HTTP 408"),
        (httpx.Response(401), False, False, "HTTP 401"),
        (
            httpx.Response(200, json={"status": "loading", "model_loaded": False}),
            False,
            True,
            "loading, model not loaded",
        ),
        (httpx.Response(200, json={"status": "warm", "model_loaded": True}), True, False, "warm"),
        (httpx.Response(200, text="up"), True, False, "warm"),
        (httpx.ConnectError("refused"), False, True, "refused"),
        (httpx.InvalidURL("no"), False, False, "no"),
    ],
)
async def test_a_warm_up_call_says_whether_it_is_worth_asking_again(answer, ok, starting, status):
    def respond(_request):
        if isinstance(answer, Exception):
            raise answer
        return answer

    lift = endpoint(respond, warmup_url="http://w.test/warmup")
    warm = await lift.warm("r-1", 5.0)
    assert (warm.ok, warm.starting, warm.status) == (ok, starting, status)
    assert lift.warmable
    assert not endpoint(respond).warmable


async def test_what_a_lift_server_tells_of_queue_and_prefill_is_kept():
    metrics = {"queue_time_ms": 300.0, "time_to_first_token_ms": 50.0}
    reply = await reply_to({"ir_json": {"n": 1}, "generation_time_ms": 400.0, "metrics": metrics})
    assert (reply.server_s, reply.queue_s, reply.prefill_s) == (0.4, 0.3, 0.05)
