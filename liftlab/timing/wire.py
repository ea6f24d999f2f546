"""aiohttp's connections, with a clock where the bytes come in.

A task that waits for a reply is woken after all sockets of its round have been read: with
64 requests at once that was measured to be milliseconds late. So each read is stamped in
the connection itself, before it is parsed.
"""

from __future__ import annotations

import functools
import socket
from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.client_proto import ResponseHandler

from liftlab.timing.recorder import Recorder

# Whose exchange goes on in this task: connections and the TLS context are shared by all.
recording: ContextVar[Recorder | None] = ContextVar("liftlab_recorder", default=None)


class StampedHandler(ResponseHandler):
    """One connection; it stamps what it reads for the recorder of the request on it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._recorder: Recorder | None = None
        self._earlier: Any = None
        self._seen_bytes = 0

    def serve(self, recorder: Recorder) -> None:
        """Begin with the next request."""
        if self._recorder is not None:
            recorder.reused()
        self._recorder = recorder
        self._earlier = self._payload
        self._seen_bytes = 0
        recorder.sending()  # a body stamps once more, nearer to its write

    def data_received(self, data: bytes) -> None:
        """Stamp a read, then let it be parsed."""
        recorder = self._recorder
        if recorder is None:
            super().data_received(data)
            return
        now_ns = recorder.now_ns()
        super().data_received(data)
        body = self._payload
        if body is None or body is self._earlier:  # the head is not whole yet
            return
        recorder.got_headers(now_ns)
        if body.total_bytes > self._seen_bytes:
            recorder.got_chunk(body.total_bytes - self._seen_bytes, now_ns)
            self._seen_bytes = body.total_bytes
        if body.is_eof():
            recorder.completed(now_ns)


class StampedConnector(aiohttp.TCPConnector):
    """Makes and keeps connections, and stamps how each request came to its own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(resolver=_StampedResolver(), **options)
        self._factory = functools.partial(StampedHandler, loop=self._loop)  # type: ignore[assignment]

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
        handler = await super()._create_connection(*args, **options)
        recorder.connected()
        return handler


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
