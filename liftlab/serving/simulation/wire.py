"""HTTP/1.1 byte by byte: only a server of our own can break it in every way that is needed.

Requests are read as they come, replies are plans that are written as they stand, and a
client that goes away cancels what is done for it.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from liftlab.serving.simulation.truth import Truth
from liftlab.serving.simulation.writes import HEAD_END, Plan, Reply, encode
from liftlab.timing.arrival import ArrivalSocket, arrival_of, arrival_socket, moment_ns

_HEAD_LIMIT = 65_536
_BODY_LIMIT = 8 * 1024**2
_BACKLOG = 2048
# One search instead of a loop over all headers: a sixth of a plain request's time.
_HEADERS = re.compile(
    rb"\r\n(connection|content-length|host|origin|transfer-encoding|x-request-id|x-simulate):([^\r\n]*)",
    re.IGNORECASE,
)


class BadRequest(Exception):
    """Bytes that are no request this server takes; carries the status to refuse it with."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request as it was read; of its headers those that matter here, in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    received_s: float  # when its last bytes had come to this machine
    last: bool  # the client will close


Handler = Callable[[Received, "Connection"], Awaitable[None]]


@dataclass(slots=True)
class Listener:
    """A listening server: its port, and the connections that stand."""

    port: int = 0
    connections: set[Connection] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://127.0.0.1:{self.port}"


class Connection(asyncio.Protocol):
    """One client's connection; requests are answered one after the other."""

    def __init__(self, handler: Handler, listener: Listener) -> None:
        self._handler = handler
        self._listener = listener
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._arrival: ArrivalSocket | None = None
        self._received_ns = 0
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the new connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._arrival = arrival_of(transport)
        self._listener.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop what is being done for a client that went away."""
        self._listener.connections.discard(self)
        self._transport = None
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Read on, and serve the request if it is whole."""
        arrived_ns = None if self._arrival is None else self._arrival.arrived_ns
        self._received_ns = moment_ns(arrived_ns, self._received_ns, time.perf_counter_ns())
        self._buffer += data
        self._serve_next()

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    async def send(self, plan: Plan, truth: Truth) -> None:
        """Write a plan at its times, stamp the body's first and last bytes, end as planned."""
        begin_s = time.perf_counter()
        truth.http_status = plan.status
        for write in plan.writes:
            if write.at_s:
                await until(begin_s + write.at_s)
            if self._transport is None:
                raise asyncio.CancelledError
            if write.body:
                truth.last_byte_s = time.perf_counter()
                if truth.first_byte_s is None:
                    truth.first_byte_s = truth.last_byte_s
            self._transport.write(write.data)
            truth.writes += 1
            truth.bytes_sent += len(write.data)
        if plan.end != "keep" and self._transport is not None:
            if plan.end == "reset":
                self._reset(self._transport)
            else:
                self._transport.close()

    def _reset(self, transport: asyncio.Transport) -> None:
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

    def _serve_next(self) -> None:
        if self._task is not None or self._transport is None:
            return
        try:
            request = _take(self._buffer, self._received_ns / 1e9)
        except BadRequest as error:
            reply = Reply(status=error.status, headers={}, parts=((0.0, str(error).encode()),))
            self._transport.write(encode(reply).writes[0].data)
            self._transport.close()
            return
        if request is not None:
            self._task = asyncio.get_running_loop().create_task(self._serve(request))

    async def _serve(self, request: Received) -> None:
        try:
            await self._handler(request, self)
        except BaseException:
            self.abort()  # a handler's own mistake must not leave its client waiting
            raise
        finally:
            self._task = None
        if request.last and self._transport is not None:
            self._transport.close()
        self._serve_next()


@asynccontextmanager
async def listening(handler: Handler, port: int = 0) -> AsyncIterator[Listener]:
    """Listen on 127.0.0.1; at the end every connection is dropped."""
    listener = Listener()
    loop = asyncio.get_running_loop()
    # Late reading is then the server's time, as it is to a client, and no error of the client's.
    bound = arrival_socket((socket.AF_INET, socket.SOCK_STREAM, 0))
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    server = await loop.create_server(
        lambda: Connection(handler, listener), sock=bound, backlog=_BACKLOG
    )
    listener.port = bound.getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        for connection in list(listener.connections):
            connection.abort()
        await asyncio.sleep(0)


async def until(moment_s: float) -> None:
    """Wait until a moment of `perf_counter`; returns at once if it is past."""
    wait_s = moment_s - time.perf_counter()
    if wait_s > 0:
        await asyncio.sleep(wait_s)


def _take(buffer: bytearray, received_s: float) -> Received | None:
    """Take one whole request off the buffer; None if more bytes are needed."""
    head_end = buffer.find(HEAD_END)
    if head_end < 0:
        if len(buffer) > _HEAD_LIMIT:
            raise BadRequest(431, "headers too long")
        return None
    headers = {
        name.decode().lower(): value.decode("latin-1").strip()
        for name, value in _HEADERS.findall(buffer, 0, head_end)
    }
    if "transfer-encoding" in headers:
        raise BadRequest(411, "a request needs a content-length")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise BadRequest(400, "content-length is not a number")
    size = int(length[:20])
    if size > _BODY_LIMIT:
        raise BadRequest(413, f"a request may have {_BODY_LIMIT} bytes")
    body_at = head_end + len(HEAD_END)
    if len(buffer) < body_at + size:
        return None
    line = buffer[: buffer.find(b"\r\n")].decode("latin-1")
    method, path, version = (*line.split(" "), "", "")[:3]
    body = bytes(buffer[body_at : body_at + size])
    del buffer[: body_at + size]
    last = headers.get("connection", "").lower() == "close" or version == "HTTP/1.0"
    return Received(
        method=method,
        path=path.partition("?")[0],
        headers=headers,
        body=body,
        received_s=received_s,
        last=last,
    )
