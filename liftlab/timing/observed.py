"""The transport for clients of the user's own: their calls are stamped as ours are.

One object serves `httpx.Client` and `httpx.AsyncClient`, and what is built on them. Who records
the calls is a context variable, so that each goes to the trial that made it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

import httpx

from liftlab.records import STALE, ErrorClass
from liftlab.timing.clock import Stamps
from liftlab.timing.failures import TransportFailure
from liftlab.timing.recorder import Recorder
from liftlab.timing.transport import Answer, StampedTransport, verifying_tls

T = TypeVar("T")
_CONNECT_S = 60.0  # where the client sets no limit
_AS_HTTPX: dict[ErrorClass, type[httpx.TransportError]] = {
    "dns": httpx.ConnectError,
    "connect": httpx.ConnectError,
    "tls": httpx.ConnectError,
    "deadline": httpx.ReadTimeout,
    "reset": httpx.ReadError,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One exchange of a client of the user's own; without `status` no whole response came.

    `sent_headers` are those of the request: they tell which secrets it carried.
    """

    url: str
    stamps: Stamps
    sent_headers: Sequence[tuple[str, str]] = field(repr=False)
    status: int | None = None
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytes = b""
    error_class: ErrorClass | None = None
    message: str | None = None


class Call(Protocol):
    """A call that has begun; its id goes out as ``x-request-id``, unless the client sends one."""

    @property
    def request_id(self) -> str:
        """What the request is called."""
        ...

    def ended(self, seen: Seen) -> None:
        """Note what came of it; it is `cancelled` where the client gave it up."""
        ...


# Records the calls of a trial: takes the body and headers of one that is about to be made, and why
# it is made once more if it is.
Observer = Callable[[bytes, Sequence[tuple[str, str]], str | None], Awaitable[Call]]
observer: ContextVar[Observer | None] = ContextVar("liftlab_observer", default=None)


class ObservedTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Carries the requests of clients of the user's own, each as an attempt of its trial.

    Time-outs are the client's. Replies are not compressed, and are read to their end before
    the client sees any of them. Outside of a trial nothing is recorded.
    """

    def __init__(self) -> None:
        self._wires: WeakKeyDictionary[
            asyncio.AbstractEventLoop, dict[tuple[float, float | None], StampedTransport]
        ] = WeakKeyDictionary()
        verifying_tls()  # now: the first call is measured
        _background()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request of a client that is not async."""
        request.read()
        return _in_background(self._exchange(request, request.content))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request of an async client."""
        return await self._exchange(request, await request.aread())

    def close(self) -> None:
        """Close the connections of clients that are not async."""
        _in_background(self.aclose())

    async def aclose(self) -> None:
        """Close the connections of this event loop's clients."""
        for wire in self._wires.pop(asyncio.get_running_loop(), {}).values():
            await wire.aclose()

    async def _exchange(self, request: httpx.Request, body: bytes) -> httpx.Response:
        request.headers["accept-encoding"] = "identity"
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in request.headers.raw]
        try:
            answer, stamps, call = await observed(
                self._wire(request), request.method, str(request.url), headers, body
            )
        except TransportFailure as failure:
            kind = _AS_HTTPX.get(failure.error_class, httpx.RemoteProtocolError)
            raised = kind(str(failure), request=request)
            raised.liftlab_error_class = failure.error_class  # type: ignore[attr-defined]
            raise raised from failure
        return httpx.Response(
            answer.status,
            headers=list(answer.headers),
            content=answer.content,
            request=request,
            extensions={"stamps": stamps, "call": call},
        )

    def _wire(self, request: httpx.Request) -> StampedTransport:
        """Return the transport of this event loop, with the time-outs that a client has set."""
        limits = request.extensions.get("timeout") or {}
        key = (limits.get("connect") or _CONNECT_S, limits.get("read"))
        wires = self._wires.setdefault(asyncio.get_running_loop(), {})
        if key not in wires:
            connect_s, read_s = key
            wires[key] = StampedTransport(
                connect_s=connect_s, first_byte_s=read_s, between_reads_s=read_s, use_proxy=True
            )
        return wires[key]


async def observed(
    wire: StampedTransport,
    method: str,
    url: str,
    headers: Sequence[tuple[str, str]],
    body: bytes,
    deadline_s: float | None = None,
) -> tuple[Answer, Stamps, Call | None]:
    """Make one exchange, as attempts of the trial that it belongs to, and return the last one too.

    Where the server had closed the connection that it was to keep, it is made once more.
    Raises TransportFailure if no whole response came, or none within `deadline_s`.
    """
    watching, reason = observer.get(), None
    while True:
        call = None if watching is None else await watching(body, headers, reason)
        sent = list(headers)
        if call is not None and not any(name.lower() == "x-request-id" for name, _ in headers):
            sent.append(("x-request-id", call.request_id))
        recorder = Recorder()
        seen = partial(Seen, url=url, sent_headers=sent)
        try:
            exchange = wire.exchange(method, url, sent, body, recorder)
            answer = await _within(deadline_s, exchange, recorder)
        except TransportFailure as failure:
            kind = failure.error_class
            if call is not None:
                call.ended(seen(stamps=failure.stamps, error_class=kind, message=str(failure)))
            if kind != STALE or reason is not None:
                raise
            reason = STALE
        except BaseException:
            if call is not None:
                recorder.ended()
                call.ended(seen(stamps=recorder.stamps(), error_class="cancelled"))
            raise
        else:
            stamps = recorder.stamps()
            if call is not None:
                told = seen(stamps=stamps, status=answer.status)
                call.ended(replace(told, headers=answer.headers, body=answer.content))
            return answer, stamps, call


async def _within(
    deadline_s: float | None, exchange: Awaitable[Answer], recorder: Recorder
) -> Answer:
    limit = asyncio.timeout(deadline_s)
    try:
        async with limit:
            return await exchange
    except TimeoutError:
        if not limit.expired():
            raise
        recorder.ended()
        message = f"no whole reply within {deadline_s:g} s"
        raise TransportFailure(message, "deadline", recorder.stamps()) from None


@cache
def transport() -> ObservedTransport:
    """Return the transport for an `httpx.Client` or `httpx.AsyncClient` of your own.

    Clients of `openai` and `anthropic` take one as `http_client`.

    Examples
    --------
    >>> client = httpx.Client(transport=transport())
    """
    return ObservedTransport()


def _in_background(work: Coroutine[Any, Any, T]) -> T:
    """Do asynchronous work for a thread, which waits for it; context variables go along."""
    return asyncio.run_coroutine_threadsafe(work, _background()).result()


@cache
def _background() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="transport", daemon=True).start()
    return loop
