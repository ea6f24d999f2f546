"""One HTTP exchange, bounded in time and size; a failure is a result, not an exception.

And what it says of an endpoint's health, as all protocols read it.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any

import httpx

from liftlab.endpoints.base import Health, Redactor, Reply, Secret, WarmUp
from liftlab.endpoints.replies import (
    ReplyError,
    clean,
    error_text,
    name_or_none,
    parse_object,
    start_of,
)
from liftlab.endpoints.retry_after import is_used_up, retry_after_s
from liftlab.endpoints.server_facts import told_by_headers
from liftlab.endpoints.urls import shown
from liftlab.records import ErrorClass
from liftlab.timing.clock import Stamps
from liftlab.timing.failures import error_class_of
from liftlab.timing.recorder import Recorder
from liftlab.timing.transport import Answer, StampedTransport

# Modal answers 303 every 150 s while a call lasts: enough for most of an hour.
MAX_HOPS = 20
Transport = httpx.AsyncBaseTransport
_QUERY = re.compile(r"(https?://[^\s?]*)\?\S*")
_SERVER_ERROR, _TOO_MANY, _SEE_OTHER = 500, 429, 303
_SAME_AGAIN = (307, 308)  # redirects that keep method and body
HEALTH_DEADLINE_S = 60.0  # a health check in a sleeping container wakes it first
# What a proxy answers while a container starts; 429 is rather a server that is busy.
PROXY_STARTING = frozenset({408, 425, 502, 503, 504})
_ASK_AGAIN = PROXY_STARTING | {429}
_NOBODY_ASKED = frozenset({"connect", "reset", "stale_connection"})
_WELL = frozenset({"healthy", "ok", "ready", "up", "warm", "pass", "alive", "connected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What came of one exchange: its stamps always, a whole 2xx only without `error_class`.

    `headers` have lower-case names. `body` is empty where no whole reply came.
    """

    url: str
    stamps: Stamps
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error_class: ErrorClass | None = None
    message: str | None = None
    retry_after_s: float | None = None
    final: bool = False  # no wait mends it

    @property
    def seconds(self) -> float:
        """From the call to the end of the exchange, in seconds."""
        return self.stamps.seconds


class HttpClient:
    """Sends one request at a time to an endpoint, and never the same one twice.

    `transport`: a `StampedTransport`, or what is under one. The values of `headers` are secret,
    those of `plain_headers` are not.

    A 303 is followed by GET within the same exchange, a 307 or 308 with the same method and body,
    on the same scheme, host and port only, so that no token goes anywhere else. Secrets that a
    server echoes are struck out of bodies and messages.
    """

    def __init__(
        self,
        *,
        transport: Transport | None = None,
        token: Secret | None = None,
        headers: Mapping[str, Secret] | None = None,
        plain_headers: Mapping[str, str] | None = None,
        now_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        if not isinstance(transport, StampedTransport):
            transport = StampedTransport(under=transport)
        self._wire = transport
        self._now_ns = now_ns
        secret = {name.lower(): value.reveal() for name, value in (headers or {}).items()}
        if token is not None:
            secret["authorization"] = f"Bearer {token.reveal()}"
        self._headers = {
            "accept": "application/json",
            "accept-encoding": "identity",
            "user-agent": "liftlab",
            **{name.lower(): value for name, value in (plain_headers or {}).items()},
            **secret,
        }
        self.redact = Redactor([*(headers or {}).values(), *([token] if token else [])])

    async def get(self, url: str, *, deadline_s: float, request_id: str | None = None) -> Exchange:
        """Ask a URL, and return what came of it."""
        return await self._within(url, None, request_id, deadline_s, {})

    async def post(
        self,
        url: str,
        payload: Mapping[str, Any],
        *,
        request_id: str,
        deadline_s: float,
        stream: bool = False,
    ) -> Exchange:
        """Send JSON to a URL once, and return what came of it.

        All of it, redirects included, may take `deadline_s`. With `stream` server-sent events are
        asked for; every read is stamped either way.
        """
        body = json.dumps(payload).encode()
        headers = {"content-type": "application/json"}
        if stream:
            headers["accept"] = "text/event-stream"
        return await self._within(url, body, request_id, deadline_s, headers)

    async def close(self) -> None:
        """Close all connections."""
        await self._wire.aclose()

    async def _within(
        self,
        url: str,
        body: bytes | None,
        request_id: str | None,
        deadline_s: float,
        headers: Mapping[str, str],
    ) -> Exchange:
        recorder = Recorder(self._now_ns)
        all_headers = {**self._headers, **headers}
        if request_id:
            all_headers |= {"x-request-id": request_id, "traceparent": traceparent(request_id)}
        try:
            async with asyncio.timeout(deadline_s):
                return await self._follow(_parsed(url), body, all_headers, recorder)
        except TimeoutError:
            message = f"no whole reply within {deadline_s:g} s"
            return self._failed(url, recorder, "deadline", message)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return self._failed(url, recorder, error_class_of(error), str(error))

    async def _follow(
        self, url: httpx.URL, body: bytes | None, headers: dict[str, str], recorder: Recorder
    ) -> Exchange:
        method = "GET" if body is None else "POST"
        while True:
            answer = await self._wire.exchange(
                method, str(url), tuple(headers.items()), body or b"", recorder
            )
            received = headers_by_name(answer.headers)
            if answer.status != _SEE_OTHER and answer.status not in _SAME_AGAIN:
                return self._finished(url, answer, received, recorder)
            target = url.join(received.get("location", ""))
            refusal = _refusal(answer.status, url, target, received, recorder.hops)
            if refusal:
                return self._failed(str(url), recorder, "protocol", refusal, answer.status)
            recorder.redirected()
            url = target
            if answer.status in _SAME_AGAIN:
                continue
            method, body = "GET", None
            headers = {name: value for name, value in headers.items() if name != "content-type"}

    def _finished(
        self, url: httpx.URL, answer: Answer, headers: Mapping[str, str], recorder: Recorder
    ) -> Exchange:
        body = self.redact.content(answer.content)
        error_class = class_of_status(answer.status)
        message, final = None, False
        if error_class is not None:
            said = error_text(body)
            final = is_used_up(answer.status, start_of(body))
            message = clean(f"HTTP {answer.status}" + (f": {said}" if said else ""))
        return Exchange(
            url=_shown(str(url)),
            stamps=recorder.stamps(),
            status=answer.status,
            headers={name: self.redact.text(value) for name, value in headers.items()},
            body=body,
            error_class=error_class,
            message=message,
            retry_after_s=None if error_class is None else retry_after_s(headers),
            final=final,
        )

    def _failed(
        self,
        url: str,
        recorder: Recorder,
        error_class: ErrorClass,
        message: str,
        status: int | None = None,
    ) -> Exchange:
        recorder.ended()
        message = self.redact.text(message)
        return Exchange(
            url=_shown(url),
            stamps=recorder.stamps(),
            status=status,
            error_class=error_class,
            message=clean(_QUERY.sub(r"\1", message)),
        )


class RecordingTransport(Transport):
    """Sends nothing: keeps what would have been sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, dict[str, str], bytes]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Keep method, address, headers and body."""
        body = await request.aread()
        self.sent.append((request.method, str(request.url), dict(request.headers), body))
        return httpx.Response(200, json={}, request=request)


def traceparent(request_id: str) -> str:
    """Return W3C's trace context of a request: its ids are made from the request's own."""
    digest = sha256(request_id.encode("utf-8", "replace")).hexdigest()
    return f"00-{digest[:32]}-{digest[32:48]}-01"


def bare_reply(exchange: Exchange) -> Reply:
    """Return the part of a reply that every protocol shares; its value is still to be read."""
    return Reply(
        stamps=exchange.stamps,
        raw=exchange.body,
        error_class=exchange.error_class,
        message=exchange.message,
        http_status=exchange.status,
        transport_ok=exchange.error_class is None,
        response_id=name_or_none(exchange.headers.get("x-request-id")),
        retry_after_s=exchange.retry_after_s,
        final=exchange.final,
        **told_by_headers(exchange.headers),
    )


def class_of_status(status: int) -> ErrorClass | None:
    """Return the class of failure that a status stands for; None for a good one."""
    if status >= _SERVER_ERROR:
        return "http_5xx"
    if status == _TOO_MANY:
        return "http_429"
    if status >= 400:
        return "http_4xx"
    return None if 200 <= status < 300 else "protocol"


def headers_by_name(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by lower-case name; the values of one that comes twice are joined."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


_parsed = lru_cache(maxsize=64)(httpx.URL)  # parsing an address costs a tenth of an exchange
_shown = lru_cache(maxsize=64)(shown)


def _refusal(
    status: int, url: httpx.URL, target: httpx.URL, headers: Mapping[str, str], hops: int
) -> str | None:
    """Say why a redirect is not followed; None if it is."""
    if "location" not in headers:
        return f"HTTP {status} without a location"
    if (target.scheme, target.host, target.port) != (url.scheme, url.host, url.port):
        return f"HTTP {status} to another host, {target.host}: not followed"
    return f"more than {MAX_HOPS} redirects" if hops >= MAX_HOPS else None


def facts(exchange: Exchange) -> dict[str, Any]:
    """Return the JSON object that an exchange brought, or an empty one."""
    try:
        return parse_object(exchange.body) if exchange.body else {}
    except ReplyError:
        return {}


def health_of(exchange: Exchange) -> Health:
    """Judge one health URL's answer: 2xx, and a `status` that means well if it gives one."""
    data = facts(exchange)
    status = name_or_none(data.get("status"))
    well = exchange.error_class is None and (status is None or status.lower() in _WELL)
    return Health(
        ok=well,
        url=exchange.url,
        status=exchange.message or status or f"HTTP {exchange.status}",
        starting=exchange.status in PROXY_STARTING or exchange.error_class == "deadline",
        answered=exchange.status is not None,
        model=name_or_none(data.get("model")),
        hardware=name_or_none(data.get("gpu") or data.get("hardware")),
        seconds=exchange.seconds,
    )


def warm_up_of(exchange: Exchange) -> WarmUp:
    """Judge one warm-up call's answer: 2xx, and a model that is loaded if it says so."""
    data = facts(exchange)
    well = exchange.error_class is None
    ready = all(data.get(key) is not False for key in ("model_loaded", "ready_for_requests"))
    status = name_or_none(data.get("status")) or ("warm" if well else f"HTTP {exchange.status}")
    return WarmUp(
        ok=well and ready,
        starting=(well and not ready)
        or (exchange.status in _ASK_AGAIN and not exchange.final)
        or exchange.error_class in _NOBODY_ASKED,
        url=exchange.url,
        status=exchange.message or (status if ready else clean(f"{status}, model not loaded")),
        reply=bare_reply(exchange),
        model=name_or_none(data.get("model")),
    )
