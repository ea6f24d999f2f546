"""The lift protocol in front of llama.cpp, with OpenAI's protocol passed through.

Sampling is llama.cpp's default but for what the request says: temperature, top_p,
max_tokens, and beyond the protocol seed and stop.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import IO, Any, Literal

import aiohttp
import pydantic
from aiohttp import web
from aiohttp.typedefs import Handler

from liftlab.serving.callers import refused
from liftlab.serving.grammar import for_grammar, mismatch, schema_fault
from liftlab.serving.llama import Engine

BODY_LIMIT_BYTES = 2 * 1024**2
RAW_OUTPUT_LIMIT = 20_000  # characters of a refused answer that go back
_GENERATION_LIMIT_S = 600.0
_PASSED_ON = ("content-type", "accept", "authorization")


class GenerateBody(pydantic.BaseModel):
    """What `POST /generate` takes; unknown fields are ignored, as the real endpoint does."""

    prompt: str = pydantic.Field(min_length=1)
    json_schema: dict[str, Any] | None = pydantic.Field(default=None, alias="schema")
    max_tokens: int = pydantic.Field(default=2048, ge=1, le=1_000_000)
    temperature: float = pydantic.Field(default=0.3, ge=0, le=2, allow_inf_nan=False)
    top_p: float = pydantic.Field(default=0.95, gt=0, le=1, allow_inf_nan=False)
    seed: int | None = pydantic.Field(default=None, ge=0, lt=2**32)
    stop: list[str] = []


@web.middleware
async def _from_here(request: web.Request, handler: Handler) -> web.StreamResponse:
    headers = request.headers
    if fault := refused(headers.get("host", ""), headers.get("origin", "")):
        raise web.HTTPForbidden(text=fault)
    return await handler(request)


class LiftProxy:
    """Holds the slots, the connection to the engine, and a log with a line of JSON a request."""

    def __init__(self, engine: Engine, *, slots: int, log: IO[str]) -> None:
        self._engine = engine
        self._slots = asyncio.Semaphore(slots)
        self._log = log
        self._client: aiohttp.ClientSession  # while the application runs

    def app(self) -> web.Application:
        """Return the web application."""
        app = web.Application(
            client_max_size=BODY_LIMIT_BYTES, middlewares=[self._logged, _from_here]
        )
        app.router.add_post("/generate", self.generate)
        app.router.add_get("/health", self.health)
        app.router.add_get("/warmup", self.warmup)
        app.router.add_route("*", "/v1/{call:.*}", self.pass_through)
        app.cleanup_ctx.append(self._connection)
        return app

    @web.middleware
    async def _logged(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        status = None  # what stays when the client goes away
        try:
            response = await handler(request)
            status = response.status
            return response
        except web.HTTPException as error:
            status = error.status
            raise
        finally:
            told = {"request_id": _request_id(request), "path": request.path, "http_status": status}
            self._log.write(f"{json.dumps(told)}\n")

    async def health(self, _: web.Request) -> web.Response:
        """Answer `GET /health`."""
        engine = self._engine
        told = {"model": engine.model, "gpu": engine.hardware, "backend": engine.backend}
        return web.json_response({"status": "healthy", **told})

    async def warmup(self, request: web.Request) -> web.Response:
        """Answer `GET /warmup`, after one token was really drawn."""
        async with self._slots:
            done = await self._complete({"prompt": "Hello", "n_predict": 1})
        ready = "error" not in done
        told = {
            "status": "warm" if ready else "cold",
            "model_loaded": ready,
            "model": self._engine.model,
            "ready_for_requests": ready,
        }
        return _reply(request, told)

    async def generate(self, request: web.Request) -> web.Response:
        """Answer `POST /generate`; what goes wrong after a valid request is a 200 with `error`."""
        try:
            body = GenerateBody.model_validate_json(await request.read())
        except pydantic.ValidationError as error:
            details = error.errors(include_url=False, include_context=False, include_input=False)
            return _reply(request, {"detail": details}, status=422)
        if body.json_schema and (fault := schema_fault(body.json_schema)):
            return _reply(request, {"detail": f"schema: {fault}"}, status=422)
        async with self._slots:
            started = time.perf_counter()
            done = await self._complete(_completion_request(body))
            elapsed_ms = (time.perf_counter() - started) * 1000
        told = {
            **_answer(done, body.json_schema),
            **_tokens(done.get("timings", {})),
            "generation_time_ms": elapsed_ms,
            "model": self._engine.model,
        }
        return _reply(request, told)

    async def pass_through(self, request: web.Request) -> web.StreamResponse:
        """Hand an OpenAI call to llama.cpp and its reply back, chunk by chunk as it arrives."""
        body = await request.read()
        if request.method != "POST":  # lists and the like need no slot
            return await self._forward(request, body)
        async with self._slots:
            return await self._forward(request, body)

    async def _forward(self, request: web.Request, body: bytes) -> web.StreamResponse:
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        async with self._client.request(
            request.method, self._engine.url + request.path_qs, data=body or None, headers=headers
        ) as upstream:
            response = web.StreamResponse(status=upstream.status)
            response.headers["content-type"] = upstream.headers.get("content-type", "text/plain")
            response.headers["x-request-id"] = _request_id(request)
            await response.prepare(request)
            async for chunk in upstream.content.iter_any():
                await response.write(chunk)
        return response

    async def _complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Ask llama.cpp for one completion; its refusal or silence comes back as `error`."""
        try:
            async with self._client.post(self._engine.url + "/completion", json=body) as upstream:
                done = await upstream.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return {"error": f"the engine did not answer: {type(error).__name__}: {error}"}
        if "error" in done:
            return {"error": str(done["error"].get("message", done["error"]))}
        return dict(done)

    async def _connection(self, _: web.Application) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(total=_GENERATION_LIMIT_S)
        # The engine closes a connection after a stream, unannounced: each request has its own.
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False
        ) as self._client:
            yield


def _completion_request(body: GenerateBody) -> dict[str, Any]:
    request = body.model_dump(include={"prompt", "temperature", "top_p", "stop"})
    request |= {"n_predict": body.max_tokens, "cache_prompt": True}
    if body.seed is not None:
        request["seed"] = body.seed
    if body.json_schema is not None:
        request["json_schema"] = for_grammar(body.json_schema)
    return request


def _answer(done: Mapping[str, Any], schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """Turn llama.cpp's completion into the lift reply's own fields."""
    field: Literal["text", "ir_json"] = "text" if schema is None else "ir_json"
    if "error" in done:
        return {field: None, "error": done["error"], "finish_reason": "error"}
    text = str(done.get("content", ""))
    cut = done.get("stop_type") == "limit"
    if schema is None:
        return {"text": text, "finish_reason": "length" if cut else "stop"}
    try:
        value = json.loads(text)
        fault = mismatch(value, schema)
    except (ValueError, RecursionError) as error:
        value, fault = None, f"not JSON: {error}"
    if fault is None:
        return {"ir_json": value, "finish_reason": "stop"}
    return {
        "ir_json": None,
        "error": "the answer was cut at max_tokens" if cut else "the answer breaks its schema",
        "json_error": fault,
        "raw_output": text[:RAW_OUTPUT_LIMIT],
        "finish_reason": "length" if cut else "json_error",
    }


def _tokens(timings: Mapping[str, Any]) -> dict[str, int | None]:
    cached, fresh = timings.get("cache_n"), timings.get("prompt_n")
    return {
        "tokens_used": timings.get("predicted_n", 0),
        "prompt_tokens": None if cached is None or fresh is None else cached + fresh,
        "cached_tokens": cached,
    }


def _request_id(request: web.Request) -> str:
    return request.headers.get("x-request-id", "")[:200]


def _reply(request: web.Request, body: Mapping[str, Any], status: int = 200) -> web.Response:
    headers = {"x-request-id": _request_id(request)}
    return web.json_response(body, status=status, headers=headers)
