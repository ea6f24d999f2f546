"""What can go wrong with an exchange, as one exception and a closed list of classes."""

from __future__ import annotations

import asyncio
import socket
import ssl

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
    """Return the class of failure that an exception from the transport stands for.

    Parameters
    ----------
    error
        An exception of this transport, of aiohttp, of httpx, or of the event loop.

    Examples
    --------
    >>> error_class_of(ConnectionResetError()), error_class_of(TimeoutError())
    ('reset', 'deadline')
    """
    if isinstance(error, TransportFailure):
        return error.error_class
    return next((name for kinds, name in _CLASSES if isinstance(error, kinds)), "protocol")


def words_of(error: BaseException) -> str:
    """Return what an exception of the wire says, for people.

    Examples
    --------
    >>> words_of(aiohttp.ServerDisconnectedError())
    'the server closed the connection before a whole head of its reply'
    """
    match error:
        case HttpProcessingError():
            return f"the reply is not sound HTTP: {' '.join(error.message.split())}"
        case aiohttp.ClientPayloadError():
            return "the connection was closed before the reply was whole"
        case aiohttp.ServerDisconnectedError():
            return "the server closed the connection before a whole head of its reply"
    said = str(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


# The first that fits holds: aiohttp's classes inherit from one another and from OSError.
_CLASSES: tuple[tuple[tuple[type[BaseException], ...], ErrorClass], ...] = (
    ((asyncio.CancelledError,), "cancelled"),
    ((aiohttp.ClientConnectorDNSError, socket.gaierror), "dns"),
    (
        (
            aiohttp.ClientSSLError,
            aiohttp.ClientConnectorCertificateError,
            aiohttp.ServerFingerprintMismatch,
            ssl.SSLError,
        ),
        "tls",
    ),
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
