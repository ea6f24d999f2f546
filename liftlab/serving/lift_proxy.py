"""The lift protocol in front of llama.cpp, with OpenAI's protocol passed through.

Sampling is llama.cpp's default but for what the request says: temperature, top_p,
max_tokens, and beyond the protocol seed and stop.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import aiohttp
import pydantic
from aiohttp import web
from aiohttp.typedefs import Handler

from liftlab.serving.callers import refused
from liftlab.serving.grammar import for_grammar, mismatch, schema_fault
from liftlab.serving.llama import Engine
from liftlab.serving.request_log import Entry, RequestLog

BODY_LIMIT_BYTES = 2 * 1024**2
RAW_OUTPUT_LIMIT = 20_000  # characters of a refused answer that go back
_GENERATION_LIMIT_S = 600.0
_TAIL_BYTES = 8192
_TOKENS_IN_TAIL = re.compile(rb'"(prompt_n|cache_n|predicted_n)":\s*(\d+)')
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
    """Holds the slots, the request log and the connection to the engine."""

    def __init__(self, engine: Engine, *, slots: int, log: RequestLog) -> None:
        self._engine = engine
        self._slots = asyncio.Semaphore(slots)
        self._log = log
        self._session: aiohttp.ClientSession | None = None

    def app(self) -> web.Application:
        """Return the web application."""
        app = web.Application(client_max_size=BODY_LIMIT_BYTES, middlewares=[_from_here])
        app.router.add_post("/generate", self.generate)
        app.router.add_get("/health", self.health)
        app.router.add_get("/warmup", self.warmup)
        app.router.add_route("*", "/v1/{call:.*}", self.pass_through)
        app.cleanup_ctx.append(self._connection)
        return app

    async def health(self, _: web.Request) -> web.Response:
        """Answer `GET /health`."""
        return web.json_response(
            {
                "status": "healthy",
                "model": self._engine.model,
                "gpu": self._engine.hardware,
                "backend": self._engine.backend,
            }
        )

    async def warmup(self, request: web.Request) -> web.Response:
        """Answer `GET /warmup`, after one token was really drawn."""
        async with self._logged(request) as entry:
            async with self._slot(entry):
                done = await self._complete({"prompt": "Hello", "n_predict": 1}, entry)
            ready = "error" not in done
            entry.status = "ok" if ready else "error"
            return _reply(
                {
                    "status": "warm" if ready else "cold",
                    "model_loaded": ready,
                    "model": self._engine.model,
                    "ready_for_requests": ready,
                },
                entry,
            )

    async def generate(self, request: web.Request) -> web.Response:
        """Answer `POST /generate`; what goes wrong after a valid request is a 200 with `error`."""
        async with self._logged(request) as entry:
            try:
                body = GenerateBody.model_validate_json(await request.read())
            except pydantic.ValidationError as error:
                entry.status, entry.http_status = "rejected", 422
                details = error.errors(
                    include_url=False, include_context=False, include_input=False
                )
                return _reply({"detail": details}, entry)
            fault = body.json_schema and schema_fault(body.json_schema)
            if fault:
                entry.status, entry.http_status = "rejected", 422
                return _reply({"detail": f"schema: {fault}"}, entry)
            async with self._slot(entry):
                started = time.perf_counter()
                done = await self._complete(_completion_request(body), entry)
                elapsed_ms = (time.perf_counter() - started) * 1000
            answer = _answer(done, body.json_schema)
            entry.status = answer["finish_reason"] if "error" in answer else "ok"
            return _reply(
                {
                    **answer,
                    "tokens_used": entry.tokens or 0,
                    "generation_time_ms": elapsed_ms,
                    "prompt_tokens": entry.prompt_tokens,
                    "cached_tokens": entry.cached_tokens,
                    "model": self._engine.model,
                },
                entry,
            )

    async def pass_through(self, request: web.Request) -> web.StreamResponse:
        """Hand an OpenAI call to llama.cpp and its reply back, chunk by chunk as it arrives.

        The end of the reply is sent after this returns: who has it finds the request logged.
        """
        async with self._logged(request) as entry:
            body = await request.read()
            if request.method != "POST":  # lists and the like need no slot
                return await self._forward(request, body, entry)
            async with self._slot(entry):
                return await self._forward(request, body, entry)

    async def _forward(self, request: web.Request, body: bytes, entry: Entry) -> web.StreamResponse:
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        tail = b""
        async with self._client.request(
            request.method, self._engine.url + request.path_qs, data=body or None, headers=headers
        ) as upstream:
            response = web.StreamResponse(status=upstream.status)
            response.headers["content-type"] = upstream.headers.get("content-type", "text/plain")
            response.headers["x-request-id"] = entry.request_id
            await response.prepare(request)
            async for chunk in upstream.content.iter_any():
                await response.write(chunk)
                tail = (tail + chunk)[-_TAIL_BYTES:]
        entry.http_status = upstream.status
        entry.status = "ok" if upstream.ok else "error"
        counts = {name: int(count) for name, count in _TOKENS_IN_TAIL.findall(tail)}
        _note_tokens(entry, {name.decode(): count for name, count in counts.items()})
        return response

    async def _complete(self, body: Mapping[str, Any], entry: Entry) -> dict[str, Any]:
        """Ask llama.cpp for one completion; its refusal or silence comes back as `error`."""
        try:
            async with self._client.post(self._engine.url + "/completion", json=body) as upstream:
                done = await upstream.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return {"error": f"the engine did not answer: {type(error).__name__}: {error}"}
        if "error" in done:
            return {"error": str(done["error"].get("message", done["error"]))}
        _note_tokens(entry, done.get("timings", {}))
        return dict(done)

    @property
    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the application has not started")
        return self._session

    async def _connection(self, _: web.Application) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(total=_GENERATION_LIMIT_S)
        # The engine closes a connection after a stream, unannounced: each request has its own.
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False
        ) as self._session:
            yield

    @asynccontextmanager
    async def _slot(self, entry: Entry) -> AsyncIterator[None]:
        async with self._slots:
            entry.start()
            try:
                yield
            finally:
                entry.leave_slot()

    @asynccontextmanager
    async def _logged(self, request: web.Request) -> AsyncIterator[Entry]:
        entry = Entry(request_id=request.headers.get("x-request-id", "")[:200], path=request.path)
        try:
            yield entry
        except web.HTTPException as error:
            entry.status, entry.http_status = "rejected", error.status
            raise
        except Exception:
            entry.status, entry.http_status = "error", 500
            raise
        finally:
            self._log.write(entry)


def _completion_request(body: GenerateBody) -> dict[str, Any]:
    request: dict[str, Any] = {
        "prompt": body.prompt,
        "n_predict": body.max_tokens,
        "temperature": body.temperature,
        "top_p": body.top_p,
        "stop": body.stop,
        "cache_prompt": True,
    }
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


def _note_tokens(entry: Entry, timings: Mapping[str, Any]) -> None:
    cached, fresh = timings.get("cache_n"), timings.get("prompt_n")
    entry.tokens = timings.get("predicted_n")
    entry.cached_tokens = cached
    if cached is not None and fresh is not None:
        entry.prompt_tokens = cached + fresh


def _reply(body: Mapping[str, Any], entry: Entry) -> web.Response:
    entry.http_status = entry.http_status or 200
    headers = {"x-request-id": entry.request_id}
    return web.json_response(body, status=entry.http_status, headers=headers)
