"""OpenAI's chat completions, as vLLM, SGLang, llama.cpp, Ollama and hosted servers speak them."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import Any, Literal

from liftlab.endpoints.base import Health, Reply, Request, Sampling, WarmUp
from liftlab.endpoints.completion import filtered, read
from liftlab.endpoints.http import Exchange, HttpClient, bare_reply
from liftlab.endpoints.replies import aside, name_or_none
from liftlab.endpoints.status import HEALTH_DEADLINE_S, facts, health_of, warm_up_of
from liftlab.endpoints.urls import at_root

# `told`: sent as `json_schema`, and in the prompt, too, for a server that takes no notice of it.
Format = Literal["json_schema", "told", "json_object", "none"]
_FALLBACK: dict[Format, Format] = {
    "json_schema": "json_object",
    "told": "json_object",
    "json_object": "none",
}
_FORMAT_WORDS = ("response_format", "json_schema", "json_object", "schema", "grammar", "guided")


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

    Notes
    -----
    A JSON Schema goes as `response_format`. A server that refuses it (400 or 422) will be
    asked with `json_object` from the next request on, then without a format, the schema then
    being part of the prompt. The refused reply says so by `ask_otherwise`. One that takes no
    notice of it, as an answer off the schema shows, has it in the prompt from then on.
    """

    def __init__(
        self,
        *,
        client: HttpClient,
        base_url: str,
        model: str | None = None,
    ) -> None:
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._model = model
        self._format: Format = "json_schema"
        self._asking = asyncio.Lock()
        self._asked = False

    @property
    def warmable(self) -> bool:
        """A token can always be asked for."""
        return True

    @property
    def warms_elsewhere(self) -> bool:
        """One address serves all."""
        return False

    async def health(self) -> list[Health]:
        """Ask for the list of models, and the server's own health URL where it has one."""
        models = await self._client.get(f"{self._base_url}/models", deadline_s=HEALTH_DEADLINE_S)
        answers = [self._health_of_models(models)]
        root = at_root(self._base_url, "/health")
        own = await self._client.get(root, deadline_s=HEALTH_DEADLINE_S)
        if own.status is not None and own.error_class in (None, "http_5xx"):
            answers.append(health_of(own))
        return answers

    async def warm(self, request_id: str, deadline_s: float) -> WarmUp:
        """Draw one token: a server answers that only once its model is loaded."""
        request = Request(
            prompt="Hello",
            request_id=request_id,
            sampling=Sampling(max_tokens=1),
            deadline_s=deadline_s,
        )
        return warm_up_of(await self._post(request))

    async def generate(self, request: Request) -> Reply:
        """Send one request, once; a failure is a Reply with an error class."""
        tried = self._format
        exchange = await self._post(request)
        reply = bare_reply(exchange)
        if reply.error_class:
            refused = self._refused_format(request, exchange, tried)
            return dataclasses.replace(filtered(reply), ask_otherwise=refused)
        said = await aside(len(reply.raw), lambda: read(reply, request, exchange.headers))
        if said.constrained is not None and tried != "json_schema":
            said = dataclasses.replace(said, constrained=False)
        elif said.constrained is False and self._format == tried:
            self._format = "told"
        return self._client.redact.reply(said)

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.close()

    async def _post(self, request: Request) -> Exchange:
        if self._model is None:
            await self._ask_for_a_model()
        return await self._client.post(
            f"{self._base_url}/chat/completions",
            payload(request, self._model, self._format),
            request_id=request.request_id,
            deadline_s=request.deadline_s,
            stream=request.stream,
        )

    async def _ask_for_a_model(self) -> None:
        """Ask once which models there are; a server that lists none has one, unnamed."""
        async with self._asking:
            if not self._asked:
                self._asked = True
                await self.health()

    def _refused_format(self, request: Request, exchange: Exchange, tried: Format) -> bool:
        """Whether the server takes no such format; the next requests have a simpler one."""
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
    if request.schema is not None and form in ("json_schema", "told"):
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
