"""The pacer: never early, and it leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from liftlab.timing import pace
from liftlab.timing.pace import Departure, Pacer, departure, lull, may_depart

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
async def test_a_timer_that_fired_wakes_the_loop_once() -> None:
    with Pacer() as waiting:
        await waiting.until(time.perf_counter_ns() + MS)
        assert waiting._handle is not None
        with pytest.raises(BlockingIOError):
            os.read(waiting._handle, 8)


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


async def test_many_may_wait_and_each_goes_at_its_own_moment(pacer: type[Pacer]) -> None:
    gone: list[int] = []

    async def wait(waiting: Pacer, moment: int) -> None:
        await waiting.until(moment)
        assert time.perf_counter_ns() >= moment
        gone.append(moment)

    start = time.perf_counter_ns()
    moments = [start + n * MS for n in (5, 2, 4, 2, 3)]
    with pacer() as waiting:
        async with asyncio.TaskGroup() as group:
            for moment in moments:
                group.create_task(wait(waiting, moment))
    assert sorted(gone) == sorted(moments)


@pytest.mark.skipif(sys.platform != "linux", reason="timers that are files are Linux's")
async def test_on_linux_they_go_in_order_and_one_that_gave_up_holds_up_nobody() -> None:
    gone: list[int] = []

    async def wait(waiting: Pacer, number: int) -> None:
        await waiting.until(start + number * MS)
        gone.append(number)

    start = time.perf_counter_ns()
    with Pacer() as waiting:
        tasks = [asyncio.create_task(wait(waiting, number)) for number in (4, 1, 3, 2)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert gone == [2, 3, 4]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody knows what is near")
async def test_work_that_can_wait_lets_a_near_departure_go_first() -> None:
    order: list[str] = []

    async def depart(waiting: Pacer) -> None:
        departure.set(Departure(waiting, time.perf_counter_ns() + MS // 4))
        await may_depart()
        order.append("departed")

    async def work(waiting: Pacer) -> None:
        departure.set(Departure(waiting, 0))  # its own is past
        await may_depart()
        await lull()
        order.append("worked")

    with Pacer() as waiting:
        await asyncio.gather(depart(waiting), work(waiting))
        assert order == ["departed", "worked"]
        far = asyncio.create_task(waiting.until(time.perf_counter_ns() + 3600_000 * MS))
        await asyncio.sleep(0)
        await asyncio.wait_for(waiting.lull(), 5)  # not so near as to wait for
        far.cancel()


async def test_without_a_plan_nothing_waits() -> None:
    await asyncio.wait_for(may_depart(), 5)
    await asyncio.wait_for(lull(), 5)
