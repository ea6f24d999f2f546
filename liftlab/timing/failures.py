"""What can go wrong with an exchange, as one exception and a closed list of classes."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError

from liftlab.records import ErrorClass
from liftlab.timing.clock import Stamps


class TransportFailure(httpx.TransportError):
    """An exchange that did not come to its end; carries its class and its stamps."""

    def __init__(self, message: str, error_class: ErrorClass, stamps: Stamps) -> None:
        super().__init__(message)
        self.error_class: ErrorClass = error_class
        self.stamps = stamps


def error_class_of(error: BaseException) -> ErrorClass:
    """Return the class of an exception of this transport, of aiohttp, httpx or the event loop."""
    if isinstance(error, TransportFailure):
        return error.error_class
    return next((name for kinds, name in _CLASSES if isinstance(error, kinds)), "protocol")


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, and what it came of, each once."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def words_of(error: BaseException) -> str:
    """Return what an exception of the wire says, for people."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            why = getattr(error.certificate_error, "verify_message", error.certificate_error)
            said = f"the certificate of {error.host}:{error.port} does not hold: {why}"
        case aiohttp.ClientConnectorError():
            said = f"no connection to {error.host}:{error.port}: {_of_system(error.os_error)}"
        case HttpProcessingError():
            said = f"the reply is not sound HTTP: {' '.join(error.message.split())}"
        case aiohttp.ClientPayloadError():
            said = "the connection was closed before the reply was whole"
        case aiohttp.ServerDisconnectedError():
            said = "the server closed the connection before a whole head of its reply"
        case OSError():
            said = _of_system(error)
        case _:
            said = str(error)
    return said or type(error).__name__


def _of_system(error: OSError) -> str:
    """Return the system's own words; asyncio has others for a connection that was refused."""
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno)
    return error.strerror or str(error)


# The first that fits holds: aiohttp's classes inherit from one another and from OSError.
_CLASSES: tuple[tuple[tuple[type[BaseException], ...], ErrorClass], ...] = (
    ((asyncio.CancelledError,), "cancelled"),
    ((aiohttp.ClientConnectorDNSError, socket.gaierror), "dns"),
    ((aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch, ssl.SSLError), "tls"),
    (
        (
            aiohttp.ConnectionTimeoutError,
            aiohttp.ClientConnectorError,
            aiohttp.ClientHttpProxyError,
            ConnectionRefusedError,
            httpx.ConnectError,
            httpx.ConnectTimeout,
        ),
        "connect",
    ),
    ((aiohttp.ClientPayloadError,), "truncated"),
    ((TimeoutError, httpx.TimeoutException), "deadline"),
    ((aiohttp.ClientConnectionError, ConnectionError, httpx.NetworkError), "reset"),
    ((aiohttp.ClientError, httpx.HTTPError, httpx.InvalidURL), "protocol"),
    ((OSError,), "reset"),
)
