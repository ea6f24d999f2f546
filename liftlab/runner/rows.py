"""The rows of a load: committed many at a time, and which of its requests were sent at all."""

from __future__ import annotations

import asyncio
import mmap
import os
import time
from collections import deque
from collections.abc import Callable, Collection, Container, Iterator, Sequence
from typing import Any

from liftlab.errors import RunFolderCorrupt, StorageFailed
from liftlab.records import LOAD, Attempt, Stage, Trial
from liftlab.store import Journal, RunFolder
from liftlab.store.files import refuse_odd, writing

BATCH_S = 0.05  # how long an ended request may wait for its commit to begin
SENT_FILE = "sent.map"
_BATCH_ROWS = 1000
_BATCHES_UNDER_WAY = 8  # then the writer is behind: whoever can wait does
_TOLD_EVERY_S = 0.5


class Batches:
    """Rows of ended requests, committed many at a time by the journal's own thread.

    `check`, `room` and `close` raise StorageFailed if the journal could not write.
    """

    def __init__(self, journal: Journal, tell: Callable[[dict[str, Any]], None]) -> None:
        self._journal = journal
        self._tell = tell
        self._rows: list[tuple[Attempt, Stage | None, Trial | None]] = []
        self._under_way: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._failure: StorageFailed | None = None
        self._told_s = 0.0
        self.ended = self.failed = 0

    def add(self, attempt: Attempt, stage: Stage | None = None, trial: Trial | None = None) -> None:
        """Take the rows of one request; does not wait."""
        self._rows.append((attempt, stage, trial))
        if trial is not None:
            self.ended += 1
            self.failed += not trial.completed
        if len(self._rows) >= _BATCH_ROWS:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BATCH_S, self.flush)

    def flush(self) -> None:
        """Hand what has gathered to the journal."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        rows, self._rows = self._rows, []
        if rows:
            try:
                done = self._journal.requests_ended(
                    [attempt for attempt, _, _ in rows],
                    [stage for _, stage, _ in rows if stage is not None],
                    [trial for _, _, trial in rows if trial is not None],
                )
            except StorageFailed as failure:  # a timer calls: nobody would hear of it
                self._failure = failure
                return
            self._under_way.append(asyncio.wrap_future(done))
        if time.monotonic() - self._told_s >= _TOLD_EVERY_S:
            self._told_s = time.monotonic()
            self._tell_count()

    def check(self) -> None:
        """Forget the batches that are on the disk."""
        if self._failure is not None:
            raise self._failure
        while self._under_way and self._under_way[0].done():
            self._under_way.popleft().result()

    async def room(self) -> None:
        """Wait while the disk is far behind: memory must not grow with the length of a load."""
        self.check()
        while len(self._under_way) > _BATCHES_UNDER_WAY:
            await self._under_way.popleft()

    async def close(self) -> None:
        """Wait until everything is on the disk."""
        self.flush()
        while self._under_way:
            await self._under_way.popleft()
        self.check()
        self._tell_count()

    def _tell_count(self) -> None:
        self._tell({"event": "requests", "ended": self.ended, "failed": self.failed})


class Sent:
    """Which requests of a closed loop were sent, so that resuming sends none twice.

    A byte a request is set before it is sent; like an attempt's row it outlasts a killed process.
    `numbers`: the requests of this run, by their place in the plan.
    """

    def __init__(self, folder: RunFolder, numbers: Sequence[int]) -> None:
        self._numbers = numbers
        self._path = path = folder.path / SENT_FILE
        with writing(path):
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, 0o666)
            try:
                refuse_odd(path, os.fstat(handle))
                size = os.fstat(handle).st_size
                # No hole: the disk has room for all of it.
                os.pwrite(handle, bytes(max(0, len(numbers) - size)), size)
                if os.fstat(handle).st_size != len(numbers):
                    raise RunFolderCorrupt(path, f"does not tell of {len(numbers)} requests")
                self._map = mmap.mmap(handle, len(numbers))
                self._is_new = not size
            finally:
                os.close(handle)

    def mark(self, place: int) -> None:
        """Note that the request at a place of `numbers` is about to be sent."""
        self._map[place] = 1

    def left(self) -> Iterator[int]:
        """Yield the places of those never sent; each has to be marked before the next is taken."""
        return (place for place in range(len(self._numbers)) if not self._map[place])

    def lost(
        self, made: Collection[tuple[str, int, str]], have: Container[tuple[str, int]]
    ) -> list[int]:
        """Return the numbers of those sent that have no trial.

        `made` and `have`: the keys of attempts and of trials in the journal, which after a power
        cut may know more. Raises RunFolderCorrupt if requests were sent and the file was not there.
        """
        if made and self._is_new:
            self._path.unlink()
            raise RunFolderCorrupt(self._path, "is missing: what was sent, nobody can tell")
        if not made and self._map.find(b"\1") < 0:  # it begins
            return []
        places = {number: place for place, number in enumerate(self._numbers)} if made else {}
        for _, repeat, _ in made:
            if repeat - 1 in places:
                self.mark(places[repeat - 1])
        sent = (n for n, mark in zip(self._numbers, self._map[:], strict=True) if mark)
        return [number for number in sent if (LOAD, number + 1) not in have]

    async def give_up(
        self, journal: Journal, stage: str, facts: Callable[[int], dict[str, Any]]
    ) -> None:
        """Keep rows of each request that an earlier session sent and has no end of.

        `facts`: gives what the row of a request says of it before it is sent.
        """
        made, cancelled = journal.attempts_made(), journal.cancelled()
        attempts, stages, trials = [], [], []
        for number in self.lost(made, journal.committed()):
            known = number + 1 in cancelled  # its attempt has a row already
            told = facts(number)
            key = {name: told[name] for name in ("run_id", "case_id", "repeat")}
            attempt = made.get((LOAD, number + 1, stage), 0) + (not known)
            ended: dict[str, Any] = {"stage": stage, "error_class": "cancelled"}
            if not known:
                row = told | ended | {"attempt": attempt, "request_id": None, "scheduled_s": None}
                attempts.append(Attempt(**row, transport_ok=False, valid=False, abandoned=True))
            stages.append(Stage(**key, **ended, position=0, ok=False, attempts=attempt))
            trials.append(Trial(**key, attempts=attempt, completed=False))
        if trials:
            await asyncio.wrap_future(journal.requests_ended(attempts, stages, trials))
