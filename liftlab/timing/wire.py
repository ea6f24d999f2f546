"""aiohttp's connections, with a clock where the bytes come in.

A task that waits for a reply is woken after all sockets of its round have been read: with
64 requests at once that was measured to be milliseconds late. So each read is stamped in
the connection itself, before it is parsed, and by the time at which it had arrived.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import select
import socket
from collections.abc import Sequence
from typing import Any

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_parser import RawResponseMessage
from yarl import URL

from liftlab.timing.arrival import ArrivalSocket, arrival_of, arrival_socket, round_trip_s
from liftlab.timing.recorder import ConnectionGone, Recorder, recording

_BUFFER_BYTES = 2**16
_CONTINUE, _SWITCHING, _OK = 100, 101, 200


class StampedHandler(ResponseHandler):
    """One connection; it stamps what it reads for the recorder of the request on it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._recorder: Recorder | None = None
        self._body: aiohttp.StreamReader | None = None
        self._seen_bytes = 0
        self._arrival: ArrivalSocket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with a connection, once its TLS stands if it has any."""
        super().connection_made(transport)
        self._arrival = arrival_of(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stamp that: whoever waits for the rest of a reply is woken later."""
        if self._recorder is not None and not (self._body is not None and self._body.is_eof()):
            self._recorder.broke()
        super().connection_lost(exc)

    def serve(self, recorder: Recorder) -> None:
        """Begin with the next request."""
        if self._recorder is not None:
            recorder.reused()
        self._recorder = recorder
        self._body = None
        self._seen_bytes = 0

    def leave(self) -> None:
        """Let go of a request that goes to another connection: this one's end is not its own."""
        self._recorder = None

    def silent(self) -> bool:
        """Whether nothing waits to be read: no bytes, and no end of the connection.

        A look at one socket: a turn of the whole loop would make each request later.
        """
        if self.transport is None or self.transport.is_closing():
            return False
        look = select.poll()
        look.register(self.transport.get_extra_info("socket"), select.POLLIN)
        return not look.poll(0)

    def ask(self, request: bytes, recorder: Recorder) -> None:
        """Hand a whole request to the system, and stamp that.

        Raises ConnectionGone if the connection was gone before, or has bytes that nobody asked for,
        which would be taken for the answer: nothing was written.
        """
        transport = self.transport
        if transport is None or transport.is_closing() or self.should_close:
            raise ConnectionGone
        self.prepare()
        recorder.sending()
        transport.write(request)

    def prepare(self) -> None:
        """Be ready for a reply, whose body is taken as it comes."""
        self.set_response_params(
            auto_decompress=False, read_until_eof=True, read_bufsize=_BUFFER_BYTES
        )

    def feed_data(
        self, data: tuple[RawResponseMessage, aiohttp.StreamReader], size: int = 0
    ) -> None:
        """Take a whole head; one that only says that an answer will come is passed over."""
        message, body = data
        if _CONTINUE <= message.code < _OK and message.code != _SWITCHING:
            return
        if self._body is None:
            self._body = body
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        """Stamp a read, then let it be parsed."""
        recorder = self._recorder
        if recorder is None:
            super().data_received(data)
            return
        at_ns = recorder.moment(None if self._arrival is None else self._arrival.arrived_ns)
        super().data_received(data)
        body = self._body
        if body is None:  # the head is not whole yet
            return
        recorder.got_headers(at_ns)
        if body.total_bytes > self._seen_bytes:
            recorder.got_chunk(body.total_bytes - self._seen_bytes, at_ns)
            self._seen_bytes = body.total_bytes
        if body.is_eof():
            recorder.completed(at_ns)


class StampedConnector(aiohttp.TCPConnector):
    """Makes and keeps connections, and stamps how each request came to its own."""

    def __init__(self, unix_socket: str | None = None, **options: Any) -> None:
        super().__init__(resolver=_StampedResolver(), socket_factory=arrival_socket, **options)
        self._factory = functools.partial(StampedHandler, loop=self._loop)  # type: ignore[assignment]
        self._unix_socket = unix_socket

    async def connect(self, *args: Any, **options: Any) -> Any:
        """Return a connection for a request, an idle one where there is one."""
        connection = await super().connect(*args, **options)
        recorder = recording.get()
        if recorder is not None:
            connection.protocol.serve(recorder)  # type: ignore[union-attr]  # ours, by the factory
        return connection

    async def _create_connection(self, *args: Any, **options: Any) -> ResponseHandler:
        recorder = recording.get()
        if recorder is None:
            return await super()._create_connection(*args, **options)
        recorder.connecting()
        if self._unix_socket is not None:
            _, handler = await self._loop.create_unix_connection(self._factory, self._unix_socket)
        else:
            handler = await super()._create_connection(*args, **options)
        recorder.connected(round_trip_s(handler.transport))
        return handler


class Route:
    """The way of one kind of request to one address: which connections take it, and its head."""

    def __init__(self, method: str, url: URL, proxy: str | None) -> None:
        loop = asyncio.get_running_loop()
        via = None if proxy is None else URL(proxy)
        # What the connector asks for: where to, through what, and with which encryption.
        self.request = aiohttp.ClientRequest(method, url, loop=loop, proxy=via)
        self.server = str(url.origin())
        whole = via is not None and not self.request.is_ssl()
        self._line = f"{method} {url if whole else url.raw_path_qs} HTTP/1.1"
        self._has_body = method not in ("GET", "HEAD")

    async def connect(self, connector: StampedConnector, within_s: float) -> Any:
        """Return a connection to send on; close or release it."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=within_s)
        try:
            return await connector.connect(self.request, [], timeout)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError(f"no connection within {within_s:g} s") from error

    def head(self, headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
        """Return the request's head: its line, its headers, and the empty line.

        Raises ValueError if a header holds the end of a line.
        """
        own = self.request.headers
        lines = [self._line, f"Host: {own['Host']}"]
        if "Proxy-Authorization" in own:
            lines.append(f"Proxy-Authorization: {own['Proxy-Authorization']}")
        lines += [f"{k}: {v}" for k, v in headers if k.lower() not in ("host", "content-length")]
        if body or self._has_body:
            lines.append(f"Content-Length: {len(body)}")
        text = "\r\n".join(lines)
        if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
            raise ValueError("a header of the request holds the end of a line")
        return text.encode("latin-1") + b"\r\n\r\n"


def fit() -> None:
    """Do without a wire what an exchange does with one.

    Raises AttributeError, KeyError, TypeError or RuntimeError where this aiohttp's connections are
    not what they were: none of this is its public interface.
    """
    loop = asyncio.get_running_loop()
    route = Route("POST", URL("http://127.0.0.1/"), None)
    route.head((), b"")
    connect = inspect.signature(aiohttp.TCPConnector.connect)
    connect.bind(None, route.request, [], aiohttp.ClientTimeout())
    _ = vars(aiohttp.TCPConnector)["_create_connection"], aiohttp.TCPConnector(loop=loop)._factory
    recorder = Recorder()
    handler = StampedHandler(loop=loop)
    handler.connection_made(asyncio.Transport())
    handler.serve(recorder)
    handler.prepare()
    handler.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    if recorder.stamps().chunks != 1 or recorder.last_byte_ns is None:
        raise RuntimeError("its reads are not seen")


class _StampedResolver(aiohttp.ThreadedResolver):
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        recorder = recording.get()
        if recorder is not None:
            recorder.resolving()
        found = await super().resolve(host, port, family)
        if recorder is not None:
            recorder.resolving()
        return found
