"""The lift protocol: a prompt and a JSON Schema in, an object that fits it out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from liftlab.endpoints.answer import Taken, check_finish, fit, take
from liftlab.endpoints.base import Health, Reply, Request, WarmUp
from liftlab.endpoints.form import Form
from liftlab.endpoints.http import HEALTH_DEADLINE_S, HttpClient, bare_reply, health_of, warm_up_of
from liftlab.endpoints.replies import (
    NoAnswerError,
    ReplyError,
    aside,
    count_or_none,
    name_or_none,
    parse_object,
    reported,
    said_in,
    seconds_from_ms,
)
from liftlab.endpoints.server_facts import told_by_body
from liftlab.errors import UsageError


class LiftEndpoint:
    """An endpoint that answers under `ir_json`, or under `text` in its later family."""

    def __init__(
        self,
        *,
        client: HttpClient,
        generate_url: str,
        health_url: str | None = None,
        warmup_url: str | None = None,
        form: Form | None = None,
    ) -> None:
        self.form = form or Form()
        self._client = client
        self._generate_url = generate_url
        self._health_url = health_url
        self._warmup_url = warmup_url

    @property
    def warmable(self) -> bool:
        """Whether there is a warm-up URL."""
        return self._warmup_url is not None

    @property
    def warms_elsewhere(self) -> bool:
        """Whether the warm-up URL is on another host than the one that generates."""
        hosts = {urlsplit(url).netloc for url in (self._generate_url, self._warmup_url) if url}
        return len(hosts) > 1

    async def health(self) -> list[Health]:
        """Ask the health URL how it is; without one there is nothing to say."""
        if self._health_url is None:
            return []
        return [health_of(await self._client.get(self._health_url, deadline_s=HEALTH_DEADLINE_S))]

    async def warm(self, request_id: str, deadline_s: float) -> WarmUp:
        """Ask the endpoint to load its model, once."""
        if self._warmup_url is None:
            raise UsageError("this endpoint has no warm-up URL")
        exchange = await self._client.get(
            self._warmup_url, deadline_s=deadline_s, request_id=request_id
        )
        return warm_up_of(exchange)

    async def generate(self, request: Request) -> Reply:
        """Send one request, once; a failure is a Reply with an error class."""
        exchange = await self._client.post(
            self._generate_url,
            self.payload(request),
            request_id=request.request_id,
            deadline_s=request.deadline_s,
        )
        reply = bare_reply(exchange)
        if reply.error_class:
            return reply
        said = await aside(len(reply.raw), lambda: self.read(reply, request))
        return self._client.redact.reply(said)

    def payload(self, request: Request) -> dict[str, Any]:
        """Return the JSON that asks for one generation.

        The protocol has no system prompt: it goes before the prompt.
        """
        prompt = f"{request.system}\n\n{request.prompt}" if request.system else request.prompt
        sampling = self.form.sampling(request.sampling)
        body = {**request.sampling.extra, "prompt": prompt, **sampling}
        if request.schema is not None:
            body["schema"] = request.schema
        if request.stop:
            body["stop"] = list(request.stop)
        return self.form.over(body)

    def read(self, reply: Reply, request: Request) -> Reply:
        """Read the body of a whole 2xx reply: what it says of itself, and its value."""
        try:
            data = parse_object(reply.raw)
            reply = dataclasses.replace(reply, **described(data))
            return dataclasses.replace(reply, **_value(data, request))
        except ReplyError as fault:
            return dataclasses.replace(reply, **fault.columns())

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.close()


def described(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a reply's object says of itself, as fields of a `Reply`."""
    return {
        "model": name_or_none(data.get("model")),
        "finish_reason": name_or_none(data.get("finish_reason")),
        "output_tokens": count_or_none(data.get("tokens_used")),
        "prompt_tokens": count_or_none(data.get("prompt_tokens")),
        "cached_tokens": count_or_none(data.get("cached_tokens")),
        "server_s": seconds_from_ms(data.get("generation_time_ms")),
        **told_by_body(data),
    }


def _value(data: dict[str, Any], request: Request) -> dict[str, Any]:
    """Return the value of a reply, with what it was wrapped in."""
    told = [said_in(data[key]) for key in ("error", "json_error") if data.get(key)]
    told = told or [reported(data, "ir_json", "text")]
    words = " ".join(text for text in told if text)
    check_finish(data.get("finish_reason"), request.sampling.max_tokens, words=words)
    if words:
        raise ReplyError("reported_error", f"the server says: {words}")
    value = data.get("ir_json")
    if value is None:
        value = data.get("text")
    if value is None:
        raise NoAnswerError("no answer: the reply has neither ir_json nor text")
    return value_of(value, request)


def value_of(value: object, request: Request) -> dict[str, Any]:
    """Return an answer as fields of a `Reply`: text, or what a schema was sent for."""
    if request.schema is None:
        if not isinstance(value, str):
            raise NoAnswerError(f"text was asked for, not {type(value).__name__}")
        return {"value": value}
    asked = request.schema, request.needs
    taken = take(value, *asked) if isinstance(value, str) else Taken(value, fit(value, *asked))
    return taken.columns()
