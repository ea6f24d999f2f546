"""Reads are stamped where they come in, on a handler without a wire."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from yarl import URL

from liftlab.timing.recorder import Recorder
from liftlab.timing.wire import Route, StampedHandler
from tests.timing.conftest import ticking


async def test_reads_are_stamped_where_they_come_in_before_any_task_is_woken():
    handler = StampedHandler(loop=asyncio.get_running_loop())
    handler.connection_made(asyncio.Transport())
    first, second = Recorder(ticking()), Recorder(ticking())
    handler.serve(first)
    handler.set_response_params(auto_decompress=False)
    handler.data_received(b"HTTP/1.1 200 OK\r\nconte")
    assert first.headers_ns is None
    handler.data_received(b"nt-length: 5\r\n\r\nab")
    handler.data_received(b"cde")
    stamps = first.stamps()
    assert stamps.headers_ns == stamps.first_byte_ns == stamps.chunk_ns[0]
    assert stamps.last_byte_ns == stamps.chunk_ns[1] > stamps.chunk_ns[0]
    assert (stamps.chunk_end, stamps.bytes_received) == ((2, 5), 5)
    handler.serve(second)
    handler.data_received(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert second.on_used_connection
    assert (second.stamps().chunks, first.stamps().chunks) == (0, 2)


def serving(recorder: Recorder) -> StampedHandler:
    """A connection whose next reply is the recorder's; call it in a loop."""
    handler = StampedHandler(loop=asyncio.get_running_loop())
    handler.connection_made(asyncio.Transport())
    handler.serve(recorder)
    handler.set_response_params(auto_decompress=False)
    return handler


async def test_a_broken_exchange_ended_when_its_connection_went_and_not_when_a_task_heard_of_it():
    recorder = Recorder(ticking())
    handler = serving(recorder)
    recorder.sending()
    handler.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab")
    before_ns = recorder.now_ns()
    handler.connection_lost(ConnectionResetError())
    after_ns = recorder.now_ns()
    recorder.ended()
    assert before_ns < recorder.ended_ns < after_ns
    recorder.unsent()  # the request goes to another connection
    recorder.ended()
    assert recorder.ended_ns > after_ns
    with pytest.raises(aiohttp.ClientPayloadError):
        await handler._body.read()


async def test_a_whole_reply_does_not_end_with_its_connection():
    recorder = Recorder(ticking())
    handler = serving(recorder)
    handler.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab")
    handler.connection_lost(None)
    after_ns = recorder.now_ns()
    recorder.ended()
    assert recorder.last_byte_ns < after_ns < recorder.ended_ns


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [
        ("POST", b"four", ["Content-Length: 4"]),
        ("POST", b"", ["Content-Length: 0"]),
        ("PUT", b"", ["Content-Length: 0"]),
        ("GET", b"", []),
        ("HEAD", b"", []),
        ("GET", b"four", ["Content-Length: 4"]),
    ],
)
async def test_a_head_tells_the_length_of_what_follows(method, body, length):
    head = Route(method, URL("http://h:81/a?b=c"), None).head([("A", "b")], body)
    assert head.endswith(b"\r\n\r\n")
    lines = head.decode().split("\r\n")[:-2]
    assert lines == [f"{method} /a?b=c HTTP/1.1", "Host: h:81", "A: b", *length]


async def test_a_head_has_its_own_host_and_length():
    told = [("HOST", "x"), ("content-length", "9"), ("x-content-length", "9")]
    head = Route("POST", URL("http://h/"), None).head(told, b"ab")
    assert head.decode().split("\r\n")[1:-2] == [
        "Host: h",
        "x-content-length: 9",
        "Content-Length: 2",
    ]


async def test_a_proxy_is_asked_for_the_whole_address_but_not_of_what_it_cannot_read():
    plain = Route("GET", URL("http://h/a"), "http://proxy:3128").head((), b"")
    assert plain.startswith(b"GET http://h/a HTTP/1.1\r\nHost: h\r\n")
    secure = Route("GET", URL("https://h/a"), "http://proxy:3128").head((), b"")
    assert secure.startswith(b"GET /a HTTP/1.1\r\n")


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\r\nEvil: b"])
async def test_no_header_holds_the_end_of_a_line(value):
    route = Route("POST", URL("http://h/"), None)
    with pytest.raises(ValueError, match="end of a line"):
        route.head([("A", value)], b"")


async def test_only_what_comes_before_an_answer_is_passed_over():
    recorder = Recorder(now=ticking())
    handler = StampedHandler(loop=asyncio.get_running_loop())
    handler.connection_made(asyncio.Transport())
    handler.serve(recorder)
    handler.prepare()
    for status in (100, 102, 103, 199):
        handler.data_received(b"HTTP/1.1 %d Wait\r\n\r\n" % status)
        assert recorder.headers_ns is None
    handler.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    assert recorder.headers_ns is not None
    assert recorder.last_byte_ns is not None
