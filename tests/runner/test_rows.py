"""Rows of a load on their way to the journal; after a kill what was sent is not sent again."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from liftlab.errors import RunFolderCorrupt, StorageFailed
from liftlab.records import LOAD, Attempt, Stage, Trial
from liftlab.runner.rows import SENT_FILE, Batches, Sent
from liftlab.store import RunFolder

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
    for waiting in (batches.room(), batches.close()):
        with pytest.raises(StorageFailed):
            await waiting


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


NUMBERS = range(1, 9, 2)  # the second of two segments of eight requests


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def test_what_was_marked_is_known_to_the_next_session(folder: RunFolder) -> None:
    first = Sent(folder, NUMBERS)
    assert list(first.left()) == [0, 1, 2, 3]
    for place in (0, 2):
        first.mark(place)
    # Not closed: a killed process closes nothing.
    second = Sent(folder, NUMBERS)
    assert list(second.left()) == [1, 3]
    assert second.lost({}, {(LOAD, 2)}) == [5]  # that of request 1 has repeat 2


def test_places_are_taken_as_they_are_asked_for(folder: RunFolder) -> None:
    sent = Sent(folder, range(3))
    taken = []
    for place in sent.left():
        sent.mark(place)
        taken.append(place)
    assert taken == [0, 1, 2]
    assert list(sent.left()) == []


def test_an_attempt_that_the_journal_knows_counts_as_sent(folder: RunFolder) -> None:
    Sent(folder, NUMBERS)
    sent = Sent(folder, NUMBERS)
    assert sent.lost({(LOAD, 4, "request"): 1}, set()) == [3]
    assert list(sent.left()) == [0, 2, 3]


def test_a_file_cut_short_is_filled_and_one_of_another_load_refused(folder: RunFolder) -> None:
    path = folder.path / SENT_FILE
    path.write_bytes(b"\x01")
    assert list(Sent(folder, range(3)).left()) == [1, 2]
    path.write_bytes(bytes(4))
    with pytest.raises(RunFolderCorrupt, match="does not tell of 3 requests"):
        Sent(folder, range(3))


def test_without_the_file_a_load_that_was_begun_does_not_go_on(folder: RunFolder) -> None:
    for _ in range(2):
        with pytest.raises(RunFolderCorrupt, match="is missing"):
            Sent(folder, NUMBERS).lost({(LOAD, 2, "request"): 1}, {(LOAD, 2)})


class Kept:
    """A journal of an earlier session, which takes what is given up."""

    def __init__(self, made: dict[tuple[str, int, str], int], cancelled: set[int]) -> None:
        self._made, self._cancelled = made, cancelled
        self.rows: list[Any] = []

    def attempts_made(self) -> dict[tuple[str, int, str], int]:
        return self._made

    def cancelled(self) -> set[int]:
        return self._cancelled

    def committed(self) -> set[tuple[str, int]]:
        return {(LOAD, 1)}

    def requests_ended(self, *rows: Any) -> Future[None]:
        self.rows.append(rows)
        future: Future[None] = Future()
        future.set_result(None)
        return future


async def test_what_has_no_end_is_given_up_with_an_attempt_that_counts(folder: RunFolder) -> None:
    sent = Sent(folder, range(5))
    for place in (0, 1, 2, 3):
        sent.mark(place)
    # Request 0 has ended; 1 has no row at all; 2 has one, and 3 was given up with its second.
    journal: Any = Kept({(LOAD, 3, "s"): 1, (LOAD, 4, "s"): 2}, {4})

    def facts(number: int) -> dict[str, Any]:
        return {"run_id": "r", "case_id": LOAD, "repeat": number + 1, "seq": 70 + number}

    await Sent(folder, range(5)).give_up(journal, "s", facts)
    [(attempts, stages, trials)] = journal.rows
    assert [(row.seq, row.repeat, row.attempt) for row in attempts] == [(71, 2, 1), (72, 3, 2)]
    assert {(row.error_class, row.abandoned, row.valid) for row in attempts} == {
        ("cancelled", True, False)
    }
    assert not any(row.transport_ok for row in attempts)
    assert [(row.repeat, row.attempts) for row in stages] == [(2, 1), (3, 2), (4, 2)]
    assert {(row.position, row.ok, row.error_class) for row in stages} == {(0, False, "cancelled")}
    assert [(row.repeat, row.attempts, row.completed) for row in trials] == [
        (2, 1, False),
        (3, 2, False),
        (4, 2, False),
    ]


async def test_where_all_has_an_end_nothing_is_written(folder: RunFolder) -> None:
    journal: Any = Kept({}, set())
    await Sent(folder, range(1)).give_up(journal, "s", lambda number: {})
    assert journal.rows == []
