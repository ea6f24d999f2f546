"""Which requests of a closed loop were sent, so that resuming it sends none of them twice."""

from __future__ import annotations

import asyncio
import mmap
import os
from collections.abc import Callable, Collection, Container, Iterator, Sequence
from typing import Any

from liftlab.errors import RunFolderCorrupt
from liftlab.records import LOAD, Attempt, Stage, Trial
from liftlab.store.files import refuse_odd, writing
from liftlab.store.folder import RunFolder
from liftlab.store.journal import Journal

FILE_NAME = "sent.map"
Key = tuple[str, int]


class Sent:
    """A byte a request, set before it is sent; like an attempt's row it outlasts a killed process.

    `numbers`: the requests of this run, by their place in the plan.
    """

    def __init__(self, folder: RunFolder, numbers: Sequence[int]) -> None:
        self._numbers = numbers
        self._path = path = folder.path / FILE_NAME
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

    def lost(self, made: Collection[tuple[str, int, str]], have: Container[Key]) -> list[int]:
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
            key: dict[str, Any] = {"case_id": LOAD, "repeat": number + 1}
            known = number + 1 in cancelled  # its attempt has a row already
            told = facts(number)
            key["run_id"] = told["run_id"]
            attempt = made.get((LOAD, number + 1, stage), 0) + (not known)
            ended: dict[str, Any] = {"stage": stage, "error_class": "cancelled"}
            if not known:
                row = told | ended | {"attempt": attempt, "request_id": None, "scheduled_s": None}
                attempts.append(Attempt(**row, transport_ok=False, valid=False, abandoned=True))
            stages.append(Stage(**key, **ended, position=0, ok=False, attempts=attempt))
            trials.append(Trial(**key, attempts=attempt, completed=False))
        if trials:
            await asyncio.wrap_future(journal.requests_ended(attempts, stages, trials))
