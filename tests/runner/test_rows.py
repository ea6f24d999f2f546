"""Rows of ended requests on their way to the journal."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any

import pytest

from liftlab.errors import StorageFailed
from liftlab.records import Attempt, Stage, Trial
from liftlab.runner.rows import Batches

KEY: dict[str, Any] = {"run_id": "r", "case_id": "add", "repeat": 1}
STAGE = Stage(**KEY, stage="code", position=0, ok=True, latency_s=1.0, attempts=1)


class Journal:
    """Takes batches, and is done with them when it is told."""

    def __init__(self) -> None:
        self.batches: list[tuple[list[Attempt], list[Stage], list[Trial]]] = []
        self.futures: list[Future[None]] = []
        self.done = True
        self.fault: StorageFailed | None = None
        self.taken = asyncio.Event()

    def requests_ended(self, *batch: Any) -> Future[None]:
        if self.fault is not None:
            raise self.fault
        self.batches.append(batch)  # type: ignore[arg-type]
        self.taken.set()
        future: Future[None] = Future()
        if self.done:
            future.set_result(None)
        self.futures.append(future)
        return future


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def told() -> list[dict[str, Any]]:
    return []


def _batches(journal: Any, told: list[dict[str, Any]]) -> Batches:
    return Batches(journal, told.append)


def _attempt(seq: int) -> Attempt:
    return Attempt(run_id="r", seq=seq)


def _trial(completed: bool = True) -> Trial:
    return Trial(**KEY, e2e_s=1.0, attempts=1, completed=completed)


async def test_rows_wait_a_moment_for_each_other(journal: Journal, told: Any) -> None:
    batches = _batches(journal, told)
    batches.add(_attempt(1), STAGE, _trial())
    batches.add(_attempt(2))  # a warm-up's has neither
    batches.add(_attempt(3), STAGE, _trial(completed=False))
    assert journal.batches == []
    await asyncio.wait_for(journal.taken.wait(), 5)
    ((attempts, stages, trials),) = journal.batches
    assert [attempt.seq for attempt in attempts] == [1, 2, 3]
    assert (len(stages), len(trials)) == (2, 2)
    assert (batches.ended, batches.failed) == (2, 1)
    assert told == [{"event": "requests", "ended": 2, "failed": 1}]
    await batches.close()


async def test_a_thousand_wait_no_longer(journal: Journal, told: Any) -> None:
    batches = _batches(journal, told)
    for seq in range(999):
        batches.add(_attempt(seq))
    assert journal.batches == []
    batches.add(_attempt(999))
    assert [len(attempts) for attempts, _, _ in journal.batches] == [1000]
    batches.add(_attempt(1000))
    await batches.close()
    assert [len(attempts) for attempts, _, _ in journal.batches] == [1000, 1]


async def test_nothing_is_no_batch_and_what_is_told_is_seldom(journal: Journal, told: Any) -> None:
    batches = _batches(journal, told)
    batches.flush()
    assert journal.batches == []
    for seq in range(5):
        batches.add(_attempt(seq), STAGE, _trial())
        batches.flush()
    assert len(journal.batches) == 5
    assert len(told) == 1  # twice a second at most
    await batches.close()
    assert told[-1] == {"event": "requests", "ended": 5, "failed": 0}


async def test_whoever_can_wait_does_so_while_the_disk_is_far_behind(
    journal: Journal, told: Any
) -> None:
    batches, journal.done = _batches(journal, told), False
    for seq in range(8):
        batches.add(_attempt(seq))
        batches.flush()
    await asyncio.wait_for(batches.room(), 5)  # eight may be under way
    batches.add(_attempt(8))
    batches.flush()
    waiting = asyncio.ensure_future(batches.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    journal.futures[0].set_result(None)
    await asyncio.wait_for(waiting, 5)
    for future in journal.futures[1:]:
        future.set_result(None)
    await batches.close()


async def test_a_disk_that_fails_is_heard_of_later(journal: Journal, told: Any) -> None:
    batches, journal.fault = _batches(journal, told), StorageFailed("full")
    batches.add(_attempt(1))
    batches.flush()  # as a timer calls it
    with pytest.raises(StorageFailed, match="full"):
        batches.check()


async def test_a_batch_that_failed_on_its_way_is_heard_of(journal: Journal, told: Any) -> None:
    batches, journal.done = _batches(journal, told), False
    batches.add(_attempt(1))
    batches.flush()
    batches.check()  # under way is no failure
    journal.futures[0].set_exception(StorageFailed("full"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(StorageFailed, match="full"):
        batches.check()
