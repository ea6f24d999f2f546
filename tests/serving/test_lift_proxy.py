"""The protocol's corners, on a scripted engine; the real one is in test_local.py."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pydantic
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from liftlab.serving.lift_proxy import BODY_LIMIT_BYTES, GenerateBody, LiftProxy
from liftlab.serving.llama import Engine

SCHEMA = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}}
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Engines:
    """A scripted engine; `answer` may be replaced, `asked` holds what it was sent."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.answer: Answer = self.done('{"a":"b"}')

    def done(self, content: str, stop_type: str = "eos") -> Answer:
        async def answer(_: web.Request) -> web.StreamResponse:
            timings = {"cache_n": 4, "prompt_n": 2, "predicted_n": 9}
            body = {"content": content, "stop_type": stop_type, "timings": timings}
            return web.json_response(body)

        return answer

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.asked.append(json.loads(body) if body else None)
        return await self.answer(request)


@pytest.fixture
def engine() -> Engines:
    return Engines()


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
async def client(engine: Engines, log: io.StringIO) -> AsyncIterator[TestClient[Any, Any]]:
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", engine.handle)
    async with TestServer(app) as server:
        about = Engine(
            handle=None,
            url=str(server.make_url("")).rstrip("/"),
            model="tiny",
            hardware="none",
            backend="scripted",
        )
        async with TestClient(TestServer(LiftProxy(about, slots=1, log=log).app())) as found:
            yield found


def logged(log: io.StringIO) -> list[tuple[str, str, int]]:
    lines = map(json.loads, log.getvalue().splitlines())
    return [(line["request_id"], line["path"], line["http_status"]) for line in lines]


async def post(client: TestClient[Any, Any], **body: Any) -> tuple[int, Any]:
    headers = {"x-request-id": "one"}
    async with client.post("/generate", json=body, headers=headers) as reply:
        assert reply.headers.get("x-request-id", "one") == "one"
        return reply.status, await reply.json()


async def test_good_answer(client: Any, engine: Engines, log: io.StringIO) -> None:
    status, reply = await post(client, prompt="p", schema=SCHEMA, seed=3, stop=["\n"], max_tokens=5)
    assert (status, reply["ir_json"], reply["finish_reason"]) == (200, {"a": "b"}, "stop")
    assert (reply["tokens_used"], reply["prompt_tokens"], reply["cached_tokens"]) == (9, 6, 4)
    assert reply["generation_time_ms"] > 0
    assert logged(log) == [("one", "/generate", 200)]
    assert "error" not in reply
    (asked,) = engine.asked
    assert asked["n_predict"] == 5
    assert (asked["seed"], asked["stop"], asked["temperature"], asked["top_p"]) == (
        3,
        ["\n"],
        0.3,
        0.95,
    )
    assert asked["json_schema"]["properties"] == {"a": {"type": "string"}}


async def test_plain_text_without_a_schema(client: Any, engine: Engines) -> None:
    engine.answer = engine.done("hello", "limit")
    _, reply = await post(client, prompt="p")
    assert (reply["text"], reply["finish_reason"]) == ("hello", "length")
    assert "json_schema" not in engine.asked[0]


@pytest.mark.parametrize(
    ("content", "stop_type", "finish_reason", "json_error"),
    [
        ('{"a":', "limit", "length", "not JSON"),
        ('{"a":', "eos", "json_error", "not JSON"),
        ('{"a":"toolong"}', "eos", "json_error", "is too long"),
        ("[" * 100_000, "limit", "length", "not JSON"),
    ],
)
async def test_unusable_answer_is_a_200_with_an_error(
    client: Any,
    engine: Engines,
    content: str,
    stop_type: str,
    finish_reason: str,
    json_error: str,
) -> None:
    engine.answer = engine.done(content, stop_type)
    status, reply = await post(client, prompt="p", schema=SCHEMA)
    assert (status, reply["ir_json"], reply["finish_reason"]) == (200, None, finish_reason)
    assert reply["error"]
    assert json_error in reply["json_error"]
    assert reply["raw_output"] == content[:20_000]


async def test_whole_answer_at_the_limit_is_no_error(client: Any, engine: Engines) -> None:
    engine.answer = engine.done('{"a":"b"}', "limit")
    _, reply = await post(client, prompt="p", schema=SCHEMA)
    assert (reply["ir_json"], reply["finish_reason"]) == ({"a": "b"}, "stop")


async def test_refusal_by_the_engine_is_a_200_with_an_error(client: Any, engine: Engines) -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"code": 400, "message": "too many tokens"}}, status=400)

    engine.answer = refuse
    status, reply = await post(client, prompt="p", schema=SCHEMA)
    assert status == 200
    assert (reply["ir_json"], reply["error"], reply["finish_reason"]) == (
        None,
        "too many tokens",
        "error",
    )
    assert (reply["tokens_used"], reply["prompt_tokens"]) == (0, None)


async def test_engine_that_hangs_up_is_a_200_with_an_error(client: Any, engine: Engines) -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    engine.answer = hang_up
    status, reply = await post(client, prompt="p")
    assert (status, reply["finish_reason"]) == (200, "error")
    assert "did not answer" in reply["error"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "p", "max_tokens": 0}, "max_tokens"),
        ({"prompt": "p", "temperature": -1}, "temperature"),
        ({"prompt": "p", "schema": {"type": "bogus"}}, "schema"),
    ],
)
async def test_bad_request_is_422_and_never_reaches_the_engine(
    client: Any, engine: Engines, body: dict[str, Any], place: str
) -> None:
    status, reply = await post(client, **body)
    assert status == 422
    assert place in json.dumps(reply)
    assert engine.asked == []


async def test_body_over_the_cap_is_413(client: Any, engine: Engines, log: io.StringIO) -> None:
    async with client.post("/generate", data=io.BytesIO(b"x" * (BODY_LIMIT_BYTES + 1))) as reply:
        assert reply.status == 413
    assert logged(log) == [("", "/generate", 413)]
    assert engine.asked == []


async def test_one_slot_means_one_at_a_time(client: Any, engine: Engines) -> None:
    running = most = 0
    usual = engine.answer

    async def slow(request: web.Request) -> web.StreamResponse:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(20):  # turns in which another request could come in
            await asyncio.sleep(0)
        running -= 1
        return await usual(request)

    engine.answer = slow
    await asyncio.gather(*(post(client, prompt="p", schema=SCHEMA) for _ in range(4)))
    assert most == 1


async def test_stream_passes_through_as_it_arrives(client: Any, engine: Engines) -> None:
    go_on = asyncio.Event()
    last = b'data: {"timings":{"cache_n":1,"prompt_n":2,"predicted_n":3}}\n\ndata: [DONE]\n\n'

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: {}\n\n")
        await go_on.wait()
        await response.write(last)
        return response

    engine.answer = stream
    headers = {"x-request-id": "s"}
    async with client.post("/v1/chat/completions", json={"n": 1}, headers=headers) as reply:
        assert reply.headers["content-type"] == "text/event-stream"
        assert reply.headers["x-request-id"] == "s"
        assert await reply.content.readuntil(b"\n\n") == b"data: {}\n\n"  # before the rest exists
        go_on.set()
        assert await reply.content.read() == last
    assert engine.asked == [{"n": 1}]


async def test_error_of_the_engine_passes_through(client: Any, engine: Engines) -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"message": "no"}}, status=400)

    engine.answer = refuse
    async with client.post("/v1/chat/completions", json={}) as reply:
        assert (reply.status, await reply.json()) == (400, {"error": {"message": "no"}})


async def test_health_and_warmup(client: Any, engine: Engines) -> None:
    async with client.get("/health") as reply:
        assert await reply.json() == {
            "status": "healthy",
            "model": "tiny",
            "gpu": "none",
            "backend": "scripted",
        }
    assert engine.asked == []
    async with client.get("/warmup") as reply:
        assert await reply.json() == {
            "status": "warm",
            "model_loaded": True,
            "model": "tiny",
            "ready_for_requests": True,
        }
    assert engine.asked[0]["n_predict"] == 1


@pytest.mark.parametrize(
    ("name", "default", "allowed", "refused"),
    [
        ("max_tokens", 2048, (1, 1_000_000), (0, 1_000_001)),
        ("temperature", 0.3, (0, 2), (-0.1, 2.1, float("inf"), float("nan"))),
        ("top_p", 0.95, (0.001, 1), (0, 1.1, float("nan"))),
        ("seed", None, (0, 2**32 - 1), (-1, 2**32)),
        ("stop", [], ([], ["a"]), ("a",)),
        ("schema", None, ({}, None), (1, [])),
    ],
)
def test_what_a_request_may_say(
    name: str, default: object, allowed: tuple[object, ...], refused: tuple[object, ...]
) -> None:
    field = "json_schema" if name == "schema" else name
    assert getattr(GenerateBody.model_validate({"prompt": "p"}), field) == default
    for value in allowed:
        body = GenerateBody.model_validate({"prompt": "p", name: value, "more": 1})
        assert getattr(body, field) == value
    for value in refused:
        with pytest.raises(pydantic.ValidationError):
            GenerateBody.model_validate({"prompt": "p", name: value})


async def test_a_body_may_have_two_mebibytes(client: Any) -> None:
    for size, status in ((2 * 1024 * 1024, 422), (2 * 1024 * 1024 + 1, 413)):
        async with client.post("/generate", data=io.BytesIO(b"x" * size)) as reply:
            assert reply.status == status


async def test_the_time_of_a_generation_is_in_milliseconds(client: Any, engine: Engines) -> None:
    spans_s: list[float] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        began_s = time.perf_counter()
        for _ in range(100):  # turns that it takes
            await asyncio.sleep(0)
        spans_s.append(time.perf_counter() - began_s)
        return await usual(request)

    usual, engine.answer = engine.answer, answer
    began_s = time.perf_counter()
    _, reply = await post(client, prompt="p")
    whole_s = time.perf_counter() - began_s
    assert 1000 * spans_s[0] <= reply["generation_time_ms"] <= 1000 * whole_s


async def test_a_warm_up_draws_one_token(client: Any, engine: Engines) -> None:
    async with client.get("/warmup", headers={"x-request-id": "w" * 201}) as reply:
        told = await reply.json()
        assert reply.headers["x-request-id"] == "w" * 200
    assert engine.asked == [{"prompt": "Hello", "n_predict": 1}]
    assert (told["model_loaded"], told["ready_for_requests"]) == (True, True)


async def test_what_is_refused_is_kept_up_to_its_bound(client: Any, engine: Engines) -> None:
    for size, kept in ((20_000, 20_000), (20_001, 20_000)):
        engine.answer = engine.done("x" * size)
        _, reply = await post(client, prompt="p", schema=SCHEMA)
        assert len(reply["raw_output"]) == kept
