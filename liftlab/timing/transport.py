"""An HTTP transport whose clock sits beside the socket.

The wire is aiohttp's: its connections, its pool and its parser, but not its session, which
costs as much again as they do. The body is read to its end before anything is parsed, so that
parsing never delays a stamp and the connection can be used again. `exchange` is what liftlab
calls; `handle_async_request` is the same for httpx, whose objects cost as much as all of it.
"""

from __future__ import annotations

import asyncio
import ssl
import urllib.request
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from liftlab.records import ErrorClass
from liftlab.timing import around
from liftlab.timing.failures import TransportFailure, error_class_of, words_of
from liftlab.timing.pace import lull, may_depart
from liftlab.timing.recorder import ConnectionGone, Recorder, Waits, recording

if TYPE_CHECKING:
    from liftlab.timing.wire import Route, StampedConnector

MAX_BODY_BYTES = 10_000_000
_MOST_ROUTES = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response: its status, its headers as they came, and its body."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    content: bytes


class _Body(Protocol):
    async def readany(self) -> bytes: ...


@cache
def why_around() -> str | None:
    """Say why times are taken around calls and not beside the socket; None where they are not.

    aiohttp's connections have no stable interface. Call it in a loop.
    """
    try:
        from liftlab.timing import wire

        wire.fit()
    except (ImportError, AttributeError, KeyError, TypeError, RuntimeError) as error:
        return f"aiohttp {aiohttp.__version__} is new to this liftlab ({error})"
    return None


class StampedTransport(httpx.AsyncBaseTransport):
    """Send httpx requests over aiohttp, and stamp them.

    A response carries its `Stamps` in ``response.extensions["stamps"]``; a failure is a
    `TransportFailure`. Redirects are not followed, nothing is decompressed, no cookie is kept, and
    there is no limit on connections. One transport serves one event loop. Where a kept connection
    turns out to have been closed, `stale_connection`, none to that server is used again.

    `ca_file` has the only authorities to trust, in PEM; raises OSError if it cannot be read,
    `ssl.SSLError` if it holds no certificate. DNS, TCP and TLS may take `connect_s`, the first byte
    of a reply's body `first_byte_s` from sending, each further read `between_reads_s`. Proxies are
    those of the environment (`HTTPS_PROXY`, `NO_PROXY`, …). A `unix_socket` is connected to
    whatever host a URL names. A longer body than `max_body_bytes` is a failure, `too_large`.

    `under`: a transport of httpx to send over, with stamps taken around its calls. None for
    aiohttp's connections; for httpx's own where `why_around` says why.
    """

    def __init__(
        self,
        *,
        ca_file: str | None = None,
        connect_s: float = 10.0,
        first_byte_s: float | None = None,
        between_reads_s: float | None = None,
        use_proxy: bool = False,
        keep_alive: bool = True,
        unix_socket: str | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        under: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._tls = verifying_tls(ca_file)
        self._connect_s = connect_s
        self._first_byte_s = first_byte_s
        self._between_reads_s = between_reads_s
        self._proxies = urllib.request.getproxies() if use_proxy else {}
        self._keep_alive = keep_alive
        self._unix_socket = unix_socket
        self._max_body_bytes = max_body_bytes
        self._under = under
        self._plains: dict[str | None, httpx.AsyncBaseTransport] = {}  # by proxy
        self._closing: set[str] = set()  # servers that close what they say they keep
        self._connector: StampedConnector | None = None
        self._routes: dict[tuple[str, str], Route] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request of httpx and read its whole response.

        Raises TransportFailure if no whole response came.
        """
        recorder = request.extensions.get("recorder") or Recorder()
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in request.headers.raw]
        body = await request.aread()
        answer = await self.exchange(request.method, str(request.url), headers, body, recorder)
        return httpx.Response(
            answer.status,
            headers=list(answer.headers),
            content=answer.content,
            request=request,
            extensions={"stamps": recorder.stamps()},
        )

    async def exchange(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        recorder: Recorder,
    ) -> Answer:
        """Send one request and read its whole response; the recorder has the stamps.

        Raises TransportFailure if no whole response came.
        """
        if recorder.hops == 0:
            recorder.body_bytes = len(body)
        once = partial(self._once, method, url, headers, body, recorder)
        token = recording.set(recorder)
        try:
            while True:
                try:
                    return await self._in_time(once, recorder)
                except ConnectionGone:  # not one byte was written: it is not sent twice
                    recorder.unsent()
                except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
                    if recorder.replying or not recorder.on_used_connection:
                        raise
                    self._closing.add(self._route(method, url).server)
                    if method != "GET":  # asking twice does no harm
                        text = "the server had closed the connection that it was to keep"
                        raise self._failure("stale_connection", text, recorder) from error
                    recorder.unsent()
        except (aiohttp.ClientError, HttpProcessingError, OSError, EOFError) as error:
            error_class = error_class_of(error)
            if recorder.tls_started and error_class == "connect":
                error_class = "tls"
            recorder.ended()
            raise TransportFailure(words_of(error), error_class, recorder.stamps()) from error
        finally:
            recording.reset(token)

    @property
    def lost_kept(self) -> bool:
        """Whether a server closed a connection that it was to keep."""
        return bool(self._closing)

    async def aclose(self) -> None:
        """Close all connections."""
        for made in (self._under, *self._plains.values()):
            if made is not None:
                await made.aclose()
        if self._connector is not None:
            await self._connector.close()
            self._connector = None
            self._routes.clear()

    async def _in_time(self, once: Callable[[], Awaitable[Answer]], recorder: Recorder) -> Answer:
        """Make one exchange within the time-outs of its phases, where there are any."""
        if self._first_byte_s is None and self._between_reads_s is None:
            return await once()
        recorder.waits = waits = Waits(self._first_byte_s, self._between_reads_s)
        try:
            async with waits.timer:
                return await once()
        except TimeoutError:
            if not waits.timer.expired():
                raise
            raise self._failure("deadline", waits.words(), recorder) from None
        finally:
            recorder.waits = None

    async def _once(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        recorder: Recorder,
    ) -> Answer:
        if self._connector is None:
            if self._under is not None or why_around() is not None:
                return await self._around(method, url, headers, body, recorder)
            self._connector = self._connections()
        route = self._route(method, url)
        connection = await route.connect(self._connector, self._connect_s)
        handler = connection.protocol
        try:
            if recorder.on_used_connection and route.server in self._closing:
                raise ConnectionGone
            request = route.head(headers, body) + body
            await may_depart()
            if recorder.on_used_connection and not handler.silent():
                # A server may have closed it just behind its last reply. In one turn the loop sees
                # that there is something to read, in the next it has read it.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            handler.ask(request, recorder)
            message, payload = await handler.read()
            recorder.got_headers()
            content = await self._read(message.headers, payload, recorder)
        except BaseException as error:
            if isinstance(error, ConnectionGone):
                handler.leave()
            connection.close()
            raise
        if route.server in self._closing:
            connection.close()
        else:
            connection.release()
        await lull()
        return Answer(message.code, message.raw_headers, content)

    async def _around(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        recorder: Recorder,
    ) -> Answer:
        under = self._under or self._plain(url)
        await may_depart()
        reply = await around.ask(under, method, url, headers, body, recorder, self._connect_s)
        try:
            content = await self._read(reply.headers, reply, recorder)
        finally:
            await reply.close()
        await lull()
        return Answer(reply.status, reply.headers.raw, content)

    def _connections(self) -> StampedConnector:
        from liftlab.timing.wire import StampedConnector

        return StampedConnector(
            self._unix_socket,
            limit=0,
            limit_per_host=0,
            ssl=self._tls,
            force_close=not self._keep_alive,
        )

    def _plain(self, url: str) -> httpx.AsyncBaseTransport:
        """Return httpx's own transport for an address, one for each proxy."""
        proxy = self._proxy(URL(url, encoded=True)) if self._proxies else None
        if proxy not in self._plains:
            self._plains[proxy] = httpx.AsyncHTTPTransport(
                verify=self._tls,
                trust_env=False,
                limits=httpx.Limits(max_keepalive_connections=None if self._keep_alive else 0),
                proxy=proxy,
                uds=self._unix_socket,
            )
        return self._plains[proxy]

    def _route(self, method: str, url: str) -> Route:
        if known := self._routes.get((method, url)):
            return known
        if len(self._routes) >= _MOST_ROUTES:
            self._routes.clear()
        from liftlab.timing.wire import Route

        target = URL(url, encoded=True)
        proxy = self._proxy(target) if self._proxies else None
        route = self._routes[method, url] = Route(method, target, proxy)
        return route

    async def _read(self, headers: Mapping[str, str], payload: _Body, recorder: Recorder) -> bytes:
        encoding = headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise self._failure("protocol", "the reply is compressed, unasked", recorder)
        parts, size = [], 0
        try:
            while part := await payload.readany():
                size += len(part)
                if size > self._max_body_bytes:
                    text = f"the reply is longer than {self._max_body_bytes} bytes"
                    raise self._failure("too_large", text, recorder)
                parts.append(part)
        except aiohttp.ClientPayloadError as error:
            # A body cut short in good order is `truncated`. That the connection broke,
            # aiohttp tells only by the broken connection's error at the message's end.
            if "Error(" in str(error):
                text = "the connection broke in the body"
                raise self._failure("reset", text, recorder) from error
            raise
        recorder.completed()
        recorder.ended()
        return b"".join(parts)

    @staticmethod
    def _failure(error_class: ErrorClass, message: str, recorder: Recorder) -> TransportFailure:
        recorder.ended()
        return TransportFailure(message, error_class, recorder.stamps())

    def _proxy(self, url: URL) -> str | None:
        proxy = self._proxies.get(url.scheme) or self._proxies.get("all")
        if not proxy or urllib.request.proxy_bypass(url.host or ""):
            return None
        return proxy if "://" in proxy else f"http://{proxy}"


class _StampedTls(ssl.SSLContext):
    """A verifying client context that tells when a handshake begins."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        recorder = recording.get()
        if recorder is not None:
            recorder.handshaking()
        return super().wrap_bio(*args, **kwargs)


@cache  # reading the system's certificates takes as long as a whole exchange
def verifying_tls(ca_file: str | None = None) -> ssl.SSLContext:
    """Return a context that trusts these authorities only; the system's if None."""
    context = _StampedTls(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context
