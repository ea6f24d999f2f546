"""The pacer: never early, and it leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from liftlab.timing import pace
from liftlab.timing.pace import Pacer

MS = 1_000_000


@pytest.fixture(params=["timerfd", "loop"])
def pacer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[Pacer]:
    if request.param == "loop":
        monkeypatch.setattr(pace, "_timer", lambda: None)
    return Pacer


async def test_it_is_never_early(pacer: type[Pacer]) -> None:
    start = time.perf_counter_ns()
    with pacer() as waiting:
        for moment in (start + MS, start + 3 * MS, start + 4 * MS):
            await waiting.until(moment)
            assert time.perf_counter_ns() >= moment


async def test_a_past_moment_does_not_wait(pacer: type[Pacer]) -> None:
    with pacer() as waiting:
        task = asyncio.current_task()
        await asyncio.wait_for(waiting.until(time.perf_counter_ns() - MS), 5)
        await waiting.until(0)
        assert not task.cancelling()


async def test_a_wait_that_is_cancelled_can_be_followed_by_another(pacer: type[Pacer]) -> None:
    with pacer() as waiting:
        task = asyncio.create_task(waiting.until(time.perf_counter_ns() + 3600_000 * MS))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        moment = time.perf_counter_ns() + MS
        await waiting.until(moment)
        assert time.perf_counter_ns() >= moment


@pytest.mark.skipif(sys.platform != "linux", reason="timers that are files are Linux's")
async def test_on_linux_the_timer_is_a_file_and_is_closed() -> None:
    def timers() -> int:
        handles = Path("/proc/self/fd")
        return sum("timerfd" in os.readlink(h) for h in handles.iterdir() if h.is_symlink())

    before = timers()
    with Pacer() as waiting:
        await waiting.until(time.perf_counter_ns() + MS)
        assert timers() == before + 1
    assert timers() == before
