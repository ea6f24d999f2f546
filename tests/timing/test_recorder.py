"""Moments and spans of one exchange, by a clock that ticks."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import pairwise

import pytest

from liftlab.timing.recorder import Recorder, Waits
from tests.timing.conftest import ticking


def test_a_recorder_gives_spans_and_moments_in_order():
    recorder = Recorder(ticking())
    recorder.body_bytes = 7
    recorder.connecting()
    recorder.resolving()
    recorder.resolving()
    recorder.handshaking()
    recorder.connected(0.0004)
    recorder.sending()
    recorder.got_headers()
    recorder.got_chunk(10)
    recorder.got_chunk(5)
    recorder.completed()
    recorder.ended()
    stamps = recorder.stamps()
    assert (stamps.pool_s, stamps.dns_s, stamps.tcp_s, stamps.tls_s) == (
        pytest.approx(0.001),
        pytest.approx(0.001),
        pytest.approx(0.001),
        pytest.approx(0.001),
    )
    assert stamps.round_trip_s == 0.0004
    moments = (
        stamps.called_ns,
        stamps.sent_ns,
        stamps.headers_ns,
        stamps.first_byte_ns,
        stamps.last_byte_ns,
        stamps.ended_ns,
    )
    assert all(a < b for a, b in pairwise(moments))
    assert stamps.chunk_end == (10, 15)
    assert (stamps.chunks, stamps.bytes_received, stamps.bytes_sent) == (2, 15, 7)
    assert stamps.max_gap_s == pytest.approx(0.001)
    assert stamps.connection_reused is False


def test_a_used_connection_has_no_connecting_times():
    recorder = Recorder(ticking())
    recorder.reused()
    stamps = recorder.stamps()
    assert stamps.connection_reused is True
    assert stamps.pool_s == pytest.approx(0.001)
    assert stamps.dns_s is stamps.tcp_s is stamps.tls_s is stamps.round_trip_s is None


def test_where_no_round_trip_is_told_the_connection_s_wait_is_closest_to_it():
    recorder = Recorder(ticking())
    recorder.connecting()
    recorder.connected(None)
    assert recorder.stamps().round_trip_s == recorder.stamps().tcp_s == pytest.approx(0.001)


def test_hops_keep_the_first_sending_and_the_last_receiving():
    recorder = Recorder(ticking())
    recorder.connecting()
    recorder.sending()
    first_sent = recorder.stamps().sent_ns
    recorder.got_headers()
    recorder.got_chunk(4)
    recorder.completed()
    recorder.redirected()
    recorder.reused()
    recorder.sending()
    recorder.got_headers()
    recorder.got_chunk(6)
    stamps = recorder.stamps()
    assert stamps.sent_ns == first_sent
    assert stamps.connection_reused is False
    assert (stamps.hops, stamps.chunks, stamps.chunk_end) == (1, 1, (6,))
    assert stamps.bytes_received == 10
    assert stamps.last_byte_ns is None


def test_a_hop_that_cannot_be_sent_takes_nothing_back_of_the_first():
    recorder = Recorder(ticking())
    recorder.sending()
    recorder.broke()  # the first hop's reply ended with its connection
    recorder.completed()
    recorder.redirected()
    recorder.unsent()
    recorder.got_chunk(1)
    recorder.completed()
    recorder.ended()
    stamps = recorder.stamps()
    assert stamps.sent_ns < stamps.first_byte_ns < stamps.last_byte_ns < stamps.ended_ns


def test_a_recorder_keeps_a_bounded_number_of_chunks(monkeypatch):
    monkeypatch.setattr("liftlab.timing.recorder.MAX_STAMPED_CHUNKS", 3)
    recorder = Recorder(ticking())
    for _ in range(5):
        recorder.got_chunk(1)
    stamps = recorder.stamps()
    assert (len(stamps.chunk_ns), len(stamps.chunk_end), stamps.chunks) == (3, 3, 5)


def test_a_used_connection_has_no_round_trip_though_a_new_one_was_made_before():
    recorder = Recorder(ticking())
    recorder.connecting()
    recorder.connected(0.05)
    assert recorder.stamps().round_trip_s == 0.05
    recorder.reused()
    assert recorder.stamps().round_trip_s is None


async def _left_s(waits: Waits) -> float | None:
    when = waits.timer.when()
    return None if when is None else when - asyncio.get_running_loop().time()


async def test_a_wait_has_its_own_limit_or_none() -> None:
    waits = Waits(20.0, None)
    async with waits.timer:
        assert await _left_s(waits) is None
        waits.for_first_byte()
        assert await _left_s(waits) == pytest.approx(20, abs=5)
        assert waits.words() == "no byte of a reply within 20 s of sending"
        waits.for_next_read()
        assert await _left_s(waits) is None
    waits = Waits(None, 0.5)
    async with waits.timer:
        waits.for_first_byte()
        assert await _left_s(waits) is None
        waits.for_next_read()
        left_s = await _left_s(waits)
        assert left_s is not None
        assert left_s <= 0.5
        assert waits.words() == "nothing more of the reply within 0.5 s"


async def test_bytes_that_come_when_time_is_up_change_nothing() -> None:
    waits = Waits(0.0, 5.0)
    with suppress(TimeoutError):
        async with waits.timer:
            waits.for_first_byte()
            try:
                await asyncio.Event().wait()
            finally:
                waits.for_next_read()
    assert waits.timer.expired()
