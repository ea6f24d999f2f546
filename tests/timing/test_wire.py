"""Reads are stamped where they come in, on a handler without a wire."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from liftlab.timing.recorder import Recorder
from liftlab.timing.wire import StampedHandler
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
