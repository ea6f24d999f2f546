"""Exchanges over a transport of httpx, stamped around its calls.

For transports that are not ours, such as tests inject, and where `wire` does not fit the installed
aiohttp. A stamp is then as late as the event loop is; the calibration before a load measures that.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence

import httpx

from liftlab.timing.failures import TransportFailure, causes, error_class_of
from liftlab.timing.recorder import Recorder

_CONNECTS = ("connection.connect_tcp.started", "connection.connect_unix_socket.started")


class Reply:
    """A response whose body is read part by part, and each read stamped."""

    def __init__(self, response: httpx.Response, recorder: Recorder) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self._response = response
        assert isinstance(response.stream, httpx.AsyncByteStream)
        self._parts = aiter(response.stream)
        self._recorder = recorder

    async def readany(self) -> bytes:
        """Return the next part of the body; empty at its end. Raises TransportFailure."""
        try:
            part = await anext(self._parts, b"")
        except httpx.HTTPError as error:
            raise _failure(error, self._recorder) from error
        if part:
            self._recorder.got_chunk(len(part))
        return part

    async def close(self) -> None:
        """Give the connection back, or close it where the body was not read to its end."""
        await self._response.aclose()


async def ask(
    transport: httpx.AsyncBaseTransport,
    method: str,
    url: str,
    headers: Sequence[tuple[str, str]],
    body: bytes,
    recorder: Recorder,
    connect_s: float | None,
) -> Reply:
    """Send a request and return its reply, with the body still to read.

    Raises TransportFailure if no head of a reply came.
    """
    connecting = False

    async def trace(event: str, _told: object) -> None:
        nonlocal connecting
        if event in _CONNECTS:
            connecting = True
            recorder.unsent()
            recorder.connecting()
        elif event == "http11.send_request_headers.started":
            recorder.connected() if connecting else recorder.reused()
            recorder.sending()

    request = httpx.Request(
        method,
        url,
        headers=headers,
        content=body or None,
        extensions={"recorder": recorder, "trace": trace, "timeout": {"connect": connect_s}},
    )
    recorder.sending()  # a transport that traces nothing
    try:
        response = await transport.handle_async_request(request)
    except httpx.HTTPError as error:
        raise _failure(error, recorder) from error
    recorder.got_headers(recorder.moment(None))
    return Reply(response, recorder)


def _failure(error: httpx.HTTPError, recorder: Recorder) -> TransportFailure:
    if isinstance(error, TransportFailure):
        return error
    told = (each for each in causes(error) if isinstance(each, ssl.SSLError | socket.gaierror))
    error_class = error_class_of(next(told, error))
    if isinstance(error, httpx.RemoteProtocolError):  # a reset is never called stale: nobody
        error_class = "truncated" if recorder.replying else "reset"  # saw that no byte had come
    recorder.ended()
    return TransportFailure(str(error) or type(error).__name__, error_class, recorder.stamps())
