"""OpenAI's chat completions, as vLLM, SGLang, llama.cpp, Ollama and hosted servers speak them."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import Any, Literal

from liftlab.endpoints.base import Health, Reply, Request, Sampling, WarmUp
from liftlab.endpoints.completion import read
from liftlab.endpoints.http import Exchange, HttpClient, bare_reply
from liftlab.endpoints.replies import aside, name_or_none
from liftlab.endpoints.status import HEALTH_DEADLINE_S, STARTING, Sleep, facts, health_of
from liftlab.endpoints.urls import at_root

Format = Literal["json_schema", "json_object", "none"]
_FALLBACK: dict[Format, Format] = {"json_schema": "json_object", "json_object": "none"}
_FORMAT_WORDS = ("response_format", "json_schema", "json_object", "schema", "grammar", "guided")
_PAUSE_S = 2.0


class OpenAIEndpoint:
    """A server of chat completions.

    Parameters
    ----------
    client
        What to send with; closed with the endpoint.
    base_url
        Up to and with the version, such as ``http://127.0.0.1:8000/v1``.
    model
        The model to ask for; the first that the server lists if None.
    warm_s
        How long a warm-up may take, in seconds.
    sleep
        How to wait between two tries to warm up.

    Notes
    -----
    A JSON Schema goes as `response_format`. A server that refuses it (400 or 422) is asked
    again with `json_object`, then without a format, the schema then being part of the
    prompt; what it takes is remembered. The refused exchange made no tokens; its time
    shows as `pool_s` of the one that follows.
    """

    def __init__(
        self,
        *,
        client: HttpClient,
        base_url: str,
        model: str | None = None,
        warm_s: float = 600.0,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._model = model
        self._warm_s = warm_s
        self._sleep = sleep
        self._format: Format = "json_schema"

    async def health(self) -> list[Health]:
        """Ask for the list of models, and the server's own health URL where it has one."""
        models = await self._client.get(f"{self._base_url}/models", deadline_s=HEALTH_DEADLINE_S)
        answers = [self._health_of_models(models)]
        root = at_root(self._base_url, "/health")
        own = await self._client.get(root, deadline_s=HEALTH_DEADLINE_S)
        if own.status is not None and own.error_class in (None, "http_5xx"):
            answers.append(health_of(own))
        return answers

    async def warm(self) -> WarmUp:
        """Draw one token, again and again while the server says that it is loading."""
        request = Request(
            prompt="Hello",
            request_id="warm-up",
            sampling=Sampling(max_tokens=1),
            deadline_s=self._warm_s,
        )
        spent = 0.0
        while True:
            exchange = await self._post(request)
            spent += exchange.seconds
            if exchange.status not in STARTING or spent + _PAUSE_S >= self._warm_s:
                break
            await self._sleep(_PAUSE_S)
            spent += _PAUSE_S
        return WarmUp(
            ok=exchange.error_class is None,
            url=exchange.url,
            status=exchange.message or "warm",
            seconds=spent,
            model=name_or_none(facts(exchange).get("model")),
        )

    async def generate(self, request: Request) -> Reply:
        """Send one request, once; a failure is a Reply with an error class."""
        first_called_ns = None
        while True:
            tried = self._format
            exchange = await self._post(request)
            first_called_ns = first_called_ns or exchange.stamps.called_ns
            if not self._refused_format(request, exchange, tried):
                break
        reply = bare_reply(exchange)
        if first_called_ns != reply.stamps.called_ns:
            stamps = dataclasses.replace(reply.stamps, called_ns=first_called_ns)
            reply = dataclasses.replace(reply, stamps=stamps)
        if reply.error_class:
            return reply
        return await aside(len(reply.raw), lambda: read(reply, request, exchange.headers))

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.close()

    async def _post(self, request: Request) -> Exchange:
        if self._model is None:
            await self.health()
        return await self._client.post(
            f"{self._base_url}/chat/completions",
            payload(request, self._model, self._format),
            request_id=request.request_id,
            deadline_s=request.deadline_s,
            stream=request.stream,
        )

    def _refused_format(self, request: Request, exchange: Exchange, tried: Format) -> bool:
        """Whether to ask again with a simpler format; the next requests start with it."""
        if request.schema is None or exchange.status not in (400, 422) or tried == "none":
            return False
        said = exchange.body[:65_536].decode("utf-8", "replace").lower()
        if not any(word in said for word in _FORMAT_WORDS):
            return False
        if self._format == tried:  # else another request found out before this one
            self._format = _FALLBACK[tried]
        return True

    def _health_of_models(self, exchange: Exchange) -> Health:
        answer = health_of(exchange)
        if exchange.status == 404:
            hint = f"{answer.status} (does the base URL end in /v1?)"
            return dataclasses.replace(answer, status=hint)
        listed = facts(exchange).get("data")
        names = [
            name
            for entry in (listed if isinstance(listed, list) else [])
            if isinstance(entry, dict) and (name := name_or_none(entry.get("id")))
        ]
        if self._model is None and names:
            self._model = names[0]
        if answer.ok and names and self._model not in names:
            status = f"up, but does not list {self._model!r}; it lists {', '.join(names[:5])}"
            return dataclasses.replace(answer, status=status, model=self._model)
        return dataclasses.replace(answer, model=self._model)


def payload(request: Request, model: str | None, form: Format) -> dict[str, Any]:
    """Return the JSON that asks for one chat completion.

    Parameters
    ----------
    request
        What to ask for.
    model
        The model's name; left out if None.
    form
        How to ask for JSON where the request has a schema.
    """
    sampling = request.sampling
    body: dict[str, Any] = {
        **sampling.extra,
        "messages": _messages(request, form),
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
    }
    if model is not None:
        body["model"] = model
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    if request.stop:
        body["stop"] = list(request.stop)
    if request.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if request.schema is not None and form == "json_schema":
        described = {"name": "answer", "schema": request.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": described}
    elif request.schema is not None and form == "json_object":
        body["response_format"] = {"type": "json_object"}
    return body


def _messages(request: Request, form: Format) -> list[dict[str, str]]:
    system = request.system or ""
    if request.schema is not None and form != "json_schema":
        schema = json.dumps(request.schema)
        rule = f"Answer with one JSON object that fits this JSON Schema, and nothing else: {schema}"
        system = f"{system}\n\n{rule}".strip()
    messages = [{"role": "system", "content": system}] if system else []
    return [*messages, {"role": "user", "content": request.prompt}]
