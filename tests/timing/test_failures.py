"""Each exception of the wire has a class, and words for people."""

from __future__ import annotations

import asyncio
import errno
import ssl

import aiohttp
import httpx
import pytest
from aiohttp.http_exceptions import HttpProcessingError

from liftlab.timing.clock import Stamps
from liftlab.timing.failures import TransportFailure, causes, error_class_of, words_of


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (asyncio.CancelledError(), "cancelled"),
        (TransportFailure("x", "too_large", Stamps(called_ns=0)), "too_large"),
        (ssl.SSLError("x"), "tls"),
        (aiohttp.ConnectionTimeoutError(), "connect"),
        (aiohttp.ServerDisconnectedError(), "reset"),
        (aiohttp.ClientPayloadError(), "truncated"),
        (aiohttp.InvalidURL("x"), "protocol"),
        (httpx.ConnectError("x"), "connect"),
        (httpx.ReadTimeout("x"), "deadline"),
        (httpx.ReadError("x"), "reset"),
        (httpx.RemoteProtocolError("x"), "protocol"),
        (OSError("x"), "reset"),
        (ConnectionRefusedError(), "connect"),
    ],
)
def test_every_exception_has_a_class(error, expected):
    assert error_class_of(error) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (HttpProcessingError(message="Bad\n  chunk"), "the reply is not sound HTTP: Bad chunk"),
        (aiohttp.ClientPayloadError("<…>"), "the connection was closed before the reply was whole"),
        (
            aiohttp.ServerDisconnectedError(),
            "the server closed the connection before a whole head of its reply",
        ),
        (ConnectionResetError(errno.ECONNRESET, "x"), "Connection reset by peer"),
        (OSError("odd"), "odd"),
        (EOFError(), "EOFError"),
    ],
)
def test_exceptions_of_the_wire_in_words_for_people(error, expected):
    assert words_of(error) == expected


def test_what_an_exception_came_of_is_gone_through_once_though_it_goes_in_a_circle():
    first, second = ValueError(), OSError()
    first.__cause__, second.__context__ = second, first
    assert list(causes(first)) == [first, second]
    assert list(causes(None)) == []
