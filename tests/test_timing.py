from __future__ import annotations

import asyncio
import errno
import ssl
from itertools import count, pairwise

import aiohttp
import httpx
import pytest
from aiohttp.http_exceptions import HttpProcessingError
from hypothesis import given
from hypothesis import strategies as st

from liftlab.records import columns
from liftlab.timing.calibration import Calibration, calibrate
from liftlab.timing.clock import (
    Clock,
    CpuShare,
    LoopLag,
    Stamps,
    clock_resolution_s,
    peak_memory_mb,
)
from liftlab.timing.failures import TransportFailure, error_class_of, words_of
from liftlab.timing.recorder import Recorder
from liftlab.timing.trust import Trust
from liftlab.timing.wire import StampedHandler


def ticking(step_ns: int = 1_000_000):
    ticks = count(0, step_ns)
    return lambda: next(ticks)


def test_the_clock_has_one_zero_and_one_anchor():
    walls = iter([1_700_000_000.25])
    clock = Clock(monotonic_ns=ticking(500_000_000), wall_s=lambda: next(walls))
    assert clock.now_s() == 0.5
    assert clock.seconds(clock.zero_ns + 1_500_000_000) == 1.5
    assert clock.seconds(None) is None
    # Only one value to give: a second look at the wall clock would raise.
    assert clock.utc(0.5) == "2023-11-14T22:13:20.750000+00:00"
    assert clock.utc(60.0).endswith("+00:00")


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


async def test_a_whole_reply_does_not_end_with_its_connection():
    recorder = Recorder(ticking())
    handler = serving(recorder)
    handler.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab")
    handler.connection_lost(None)
    after_ns = recorder.now_ns()
    recorder.ended()
    assert recorder.last_byte_ns < after_ns < recorder.ended_ns


def test_a_recorder_keeps_a_bounded_number_of_chunks(monkeypatch):
    monkeypatch.setattr("liftlab.timing.recorder.MAX_STAMPED_CHUNKS", 3)
    recorder = Recorder(ticking())
    for _ in range(5):
        recorder.got_chunk(1)
    stamps = recorder.stamps()
    assert (len(stamps.chunk_ns), len(stamps.chunk_end), stamps.chunks) == (3, 3, 5)


@given(st.lists(st.floats(0, 0.9), min_size=1, max_size=200), st.floats(0.01, 1))
def test_loop_lag_quantiles_are_right_to_a_tenth_of_a_millisecond(lags, q):
    lag = LoopLag()
    for value in lags:
        lag.add(value)
    value = lag.quantile(q)
    assert sum(x <= value for x in lags) >= q * len(lags) - 1e-9
    assert sum(x < value - 1.01e-4 for x in lags) <= q * len(lags) + 1e-9
    assert lag.quantile(1.0) == pytest.approx(max(lags), abs=1.01e-4)


def test_loop_lag_beyond_a_second_is_the_longest_seen():
    lag = LoopLag()
    lag.add(-0.001)
    lag.add(3.5)
    assert lag.p99_s == 3.5
    assert LoopLag().p50_s is None


async def test_loop_lag_samples_while_it_is_open_and_leaves_no_task():
    before = asyncio.all_tasks()
    async with LoopLag(period_s=0.0) as lag:
        while lag.samples < 3:  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert lag.p50_s >= 0
    assert asyncio.all_tasks() == before


def test_cpu_share_is_cpu_over_wall():
    cpu, wall = iter([1.0, 2.5]), iter([10.0, 13.0])
    assert CpuShare(cpu_s=lambda: next(cpu), wall_s=lambda: next(wall)).value() == 0.5
    assert CpuShare(cpu_s=lambda: 0.0, wall_s=lambda: 0.0).value() is None


def test_clock_resolution_is_the_smallest_step_seen():
    steps = iter([0, 0, 300, 400, 400, 900])
    assert clock_resolution_s(monotonic_ns=lambda: next(steps), reads=5) == pytest.approx(1e-7)
    assert clock_resolution_s(monotonic_ns=lambda: 5, reads=3) > 0
    assert 0 < clock_resolution_s() < 0.1


def test_peak_memory_is_that_of_a_python_process():
    assert 5 < peak_memory_mb() < 100_000


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


async def test_calibration_holds_the_client_against_a_server_that_knows() -> None:
    for concurrency in (1, 4):
        found = await calibrate(concurrency)
        assert 0 < found.p50_s <= found.p99_s < 1.0
    before = asyncio.all_tasks()
    await calibrate(2)
    assert asyncio.all_tasks() == before


def test_errors_are_summarised_by_their_size() -> None:
    found = Calibration.of([-0.003, 0.001, 0.002])
    assert (found.p50_s, found.p99_s) == (0.002, 0.003)


async def test_times_are_no_surer_than_the_calibration_nor_than_the_loop_in_the_load() -> None:
    assert Trust(1).uncertainty_s is None
    async with Trust(1) as trust:
        calibrated_s = trust.uncertainty_s
        trust.lag.add(0.0)
        quiet = trust.columns()
        for _ in range(1000):
            trust.lag.add(0.9)
    busy = trust.columns()
    assert quiet["timing_uncertainty_s"] == calibrated_s > 0
    assert busy["loop_lag_p99_s"] >= 0.9
    assert busy["timing_uncertainty_s"] == busy["loop_lag_p99_s"] > quiet["timing_uncertainty_s"]
    assert set(busy) <= set(columns("run"))
