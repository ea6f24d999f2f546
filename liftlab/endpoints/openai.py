"""OpenAI's chat completions, as vLLM, SGLang, llama.cpp, Ollama and hosted servers speak them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any, Literal

from liftlab.endpoints.base import Health, Reply, Request, Sampling, WarmUp
from liftlab.endpoints.completion import filtered, read
from liftlab.endpoints.form import REFUSED, Form, adapted, was_cut_off
from liftlab.endpoints.http import (
    HEALTH_DEADLINE_S,
    Exchange,
    HttpClient,
    bare_reply,
    facts,
    health_of,
    warm_up_of,
)
from liftlab.endpoints.replies import ReplyError, aside, name_or_none, parse_json
from liftlab.endpoints.server_facts import tokens_of
from liftlab.endpoints.urls import added, at_root

_CLOSED = frozenset({401, 403, 404, 405, 410, 501})
# LiteLLM's `/health` sends a paid request to each of its models: where there is a
# `/health/readiness`, nothing else is asked.
_HEALTH_PATHS = ("/health/readiness", "/health")


class OpenAIEndpoint:
    """A server of chat completions, below `base_url` (with the version) or at `generate_url`.

    Without a `model` the first that the server lists is asked for. Which address says how it is,
    is guessed if `health_url` is None; nothing is asked if it is False. Only `probe` and `warm`,
    before a run, take a refusal for a reason to change the form.

    A JSON Schema goes as `response_format`. A server that takes no notice of it, as an answer off
    the schema shows, has it in the prompt, too, from then on.
    """

    warmable = True  # a token can always be asked for
    warms_elsewhere = False

    def __init__(
        self,
        *,
        client: HttpClient,
        base_url: str | None = None,
        generate_url: str | None = None,
        model: str | None = None,
        health_url: str | Literal[False] | None = None,
        form: Form | None = None,
    ) -> None:
        self._client = client
        self._base_url = base_url
        self._generate_url = generate_url or added(base_url or "", "/chat/completions")
        self._health_url = health_url
        self._model = model
        self.form = form or Form()
        self._asking = asyncio.Lock()
        self._asked = base_url is None

    async def health(self) -> list[Health]:
        """Ask for the list of models, and a health URL where there is one."""
        answers = [] if self._base_url is None else [await self._health_by_models()]
        if self._health_url:
            told = await self._client.get(self._health_url, deadline_s=HEALTH_DEADLINE_S)
            return [*answers, health_of(told)]
        if self._health_url is False or self._base_url is None:
            return answers
        for path in _HEALTH_PATHS:
            root = at_root(self._base_url, path)
            own = await self._client.get(root, deadline_s=HEALTH_DEADLINE_S)
            if own.status is not None and own.error_class in (None, "http_5xx"):
                return [*answers, health_of(own)]
            if own.status not in (404, 405):  # it may be there, and closed
                return answers
        return answers

    async def warm(self, request_id: str, deadline_s: float) -> WarmUp:
        """Draw one token: a server answers that only once its model is loaded."""
        request = Request(
            prompt="Hello",
            request_id=request_id,
            sampling=Sampling(max_tokens=1),
            deadline_s=deadline_s,
        )
        body = await self._payload(request)
        for name in ("temperature", "top_p"):  # one token is as good without
            body.pop(name, None)
        exchange = await self._send(request, body)
        call = warm_up_of(exchange)
        if exchange.status in REFUSED and was_cut_off(exchange.body):
            return replace(call, ok=True, status="warm")
        known, learned = tokens_of(facts(exchange)), self._learned(exchange, body)
        return replace(call, reply=replace(call.reply, ask_otherwise=learned, **known))

    async def probe(self, request: Request) -> Reply:
        """Send one request before the run, and change the form where the server refuses it.

        The reply then says `ask_otherwise`: the next one has the new form.
        """
        form, body = self.form, await self._payload(request)
        exchange = await self._send(request, body)
        if exchange.status in REFUSED and was_cut_off(exchange.body):
            return replace(bare_reply(exchange), error_class=None, message=None)
        reply = await self._read(exchange, request, form)
        return replace(reply, ask_otherwise=self._learned(exchange, body))

    async def generate(self, request: Request) -> Reply:
        """Send one request, once; a failure is a Reply with an error class."""
        form, body = self.form, await self._payload(request)
        return await self._read(await self._send(request, body), request, form)

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.close()

    async def _payload(self, request: Request) -> dict[str, Any]:
        if self._model is None and not self._asked:
            async with self._asking:
                if not self._asked:
                    await self._health_by_models()
        return payload(request, self._model, self.form)

    async def _send(self, request: Request, body: dict[str, Any]) -> Exchange:
        return await self._client.post(
            self._generate_url,
            body,
            request_id=request.request_id,
            deadline_s=request.deadline_s,
            stream=request.stream,
        )

    async def _read(self, exchange: Exchange, request: Request, form: Form) -> Reply:
        """Return what came back for a request of a form."""
        reply = bare_reply(exchange)
        if reply.error_class:
            return filtered(reply)
        said = await aside(len(reply.raw), lambda: read(reply, request, exchange.headers))
        if said.constrained is not None and form.format != "json_schema":
            said = replace(said, constrained=False)
        elif said.constrained is False:
            self.form = replace(self.form, told=True)
        return self._client.redact.reply(said)

    def _learned(self, exchange: Exchange, sent: dict[str, Any]) -> bool:
        """Take the form that a refusal asks for; say whether there is one."""
        if exchange.status not in REFUSED:
            return False
        form = adapted(self.form, sent, exchange.body)
        self.form = form or self.form
        return form is not None

    async def _health_by_models(self) -> Health:
        """Ask which models there are: once it has answered well, a server without names has one."""
        url = added(self._base_url or "", "/models")
        exchange = await self._client.get(url, deadline_s=HEALTH_DEADLINE_S)
        answer = health_of(exchange)
        if exchange.status in _CLOSED:
            self._asked = True
            if self._model is not None:
                told = f"{answer.status}: no list of models, a request will tell"
                return replace(answer, ok=True, note=True, status=told, model=self._model)
            hint = "if it lists no models, name one: --model"
            if exchange.status in (404, 405):
                hint = f"does the base URL end in /v1? {hint}"
            return replace(answer, status=f"{answer.status} ({hint})")
        names = _names(exchange)
        if answer.ok:
            self._asked = True
        if self._model is None and names:
            self._model = names[0]
        if answer.ok and names and self._model not in names:
            status = f"up, but does not list {self._model!r}; it lists {', '.join(names[:5])}"
            return replace(answer, status=status, model=self._model)
        return replace(answer, model=self._model)


def _names(exchange: Exchange) -> list[str]:
    """Return the models that a server lists, under `data`, under `models`, or bare."""
    try:
        listed = parse_json(exchange.body) if exchange.body else None
    except ReplyError:
        return []
    if isinstance(listed, dict):
        listed = listed.get("data") or listed.get("models")
    entries = listed if isinstance(listed, list) else []
    told = [(e.get("id") or e.get("name")) if isinstance(e, dict) else None for e in entries]
    return [name for text in told if (name := name_or_none(text))]


def payload(request: Request, model: str | None, form: Form) -> dict[str, Any]:
    """Return the JSON that asks for one chat completion."""
    body: dict[str, Any] = {
        **request.sampling.extra,
        "messages": _messages(request, form),
        **form.sampling(request.sampling),
    }
    if model is not None:
        body["model"] = model
    if request.stop:
        body["stop"] = list(request.stop)
    if request.stream:
        body["stream"] = True
    if request.stream and "stream_options" not in form.left_out:
        body["stream_options"] = {"include_usage": True}
    if request.schema is not None and form.format in ("json_schema", "told"):
        described = {"name": "answer", "schema": request.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": described}
    elif request.schema is not None and form.format == "json_object":
        body["response_format"] = {"type": "json_object"}
    return form.over(body)


def _messages(request: Request, form: Form) -> list[dict[str, str]]:
    system = request.system or ""
    if request.schema is not None and form.format != "json_schema":
        schema = json.dumps(request.schema)
        rule = f"Answer with one JSON object that fits this JSON Schema, and nothing else: {schema}"
        system = f"{system}\n\n{rule}".strip()
    messages = [{"role": "system", "content": system}] if system else []
    return [*messages, {"role": "user", "content": request.prompt}]
