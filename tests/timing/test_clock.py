"""The clock of a run, the lag of its loop, and what it costs."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.timing.clock import Clock, CpuShare, LoopLag, clock_resolution_s, peak_memory_mb
from tests.timing.conftest import ticking


def test_the_clock_has_one_zero_and_one_anchor():
    walls = iter([1_700_000_000.25])
    clock = Clock(monotonic_ns=ticking(500_000_000), wall_s=lambda: next(walls))
    assert clock.now_s() == 0.5
    assert clock.seconds(clock.zero_ns + 1_500_000_000) == 1.5
    assert clock.seconds(None) is None
    # Only one value to give: a second look at the wall clock would raise.
    assert clock.utc(0.5) == "2023-11-14T22:13:20.750000+00:00"
    assert clock.utc(60.0).endswith("+00:00")


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
    assert lag.quantile(0.99) == 3.5
    assert LoopLag().quantile(0.5) is None


async def test_loop_lag_samples_while_it_is_open_and_leaves_no_task():
    before = asyncio.all_tasks()
    async with LoopLag(period_s=0.0) as lag:
        while lag.samples < 3:  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert lag.quantile(0.5) >= 0
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


def test_a_clock_may_have_a_moment_of_the_wall_clock_as_its_zero():
    before_s = time.time()
    clock = Clock.since(before_s - 3600)
    assert 3600 <= clock.now_s() <= 3600 + time.time() - before_s + 0.01
    assert clock.utc(0.0) == Clock(wall_s=lambda: before_s - 3600).utc(0.0)
    assert Clock.since(0.0, zero_ns=17).zero_ns == 17
