"""The journal of a run: what was measured, written by one thread while the load goes on.

The load loop only puts rows into a queue. The writer thread takes all that wait there and
commits them together: attempts at once but without waiting for the disk, which outlasts a
killed process; a trial with `synchronous = FULL`, which outlasts a power cut.
"""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from operator import attrgetter
from queue import Empty, SimpleQueue
from typing import Any, Self

from liftlab.errors import StorageFailed
from liftlab.records import KEYS, Attempt, Stage, Trial, columns
from liftlab.store import schema
from liftlab.store.folder import RunFolder
from liftlab.store.lock import RunLock

Write = Callable[[sqlite3.Connection], Any]

_BATCH = 1000  # rows in one transaction: bounds how long the first of them waits


@dataclass(frozen=True, slots=True)
class _Job:
    """One thing for the writer thread to do in its next transaction."""

    write: Write
    durable: bool = False
    done: Future[Any] = field(default_factory=Future)


class Journal:
    """The one writer of a run. Use it as a context manager, or call `close`.

    Whatever goes wrong in the writer thread is raised by the next call, whichever it is,
    as `StorageFailed`; nothing is written after that.
    """

    def __init__(self, folder: RunFolder, connection: sqlite3.Connection, lock: RunLock) -> None:
        self._folder = folder
        self._connection = connection
        self._lock = lock
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._failure: StorageFailed | None = None
        self._closed = False
        self._numbers = itertools.count(self._first_seq())
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, folder: RunFolder) -> Journal:
        """Open a run's journal for writing.

        Raises StorageFailed if a living process writes to this run, or the folder cannot be
        written; else as `schema.connect`.
        """
        with ExitStack() as undo:
            lock = RunLock(folder.path)
            undo.callback(lock.release)
            connection = schema.connect(folder.journal_path, write=True)
            undo.callback(connection.close)
            journal = cls(folder, connection, lock)
            undo.pop_all()
        return journal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, StorageFailed):
            self._shut()  # the reason is on its way already
        else:
            self.close()

    def next_seq(self) -> int:
        """Return the number of the next attempt; it goes on where an earlier session ended."""
        return next(self._numbers)

    def attempt_sent(self, attempt: Attempt) -> Future[None]:
        """Write an attempt's row as it is sent; done when it outlives this process."""
        values = _VALUES["attempt"]
        return self._put(_Job(lambda c: schema.insert(c, "attempt", values(attempt))))

    def attempt_ended(self, attempt: Attempt) -> None:
        """Complete an attempt's row; does not wait."""
        values = _VALUES["attempt"]
        self._put(_Job(lambda c: _complete(c, values(attempt), attempt)))

    def trial_ended(self, trial: Trial, stages: Sequence[Stage]) -> Future[None]:
        """Commit a trial with its stages and all that came before.

        Done when the disk has them; the future raises StorageFailed when it does not.
        """

        def write(connection: sqlite3.Connection) -> None:
            schema.insert(connection, "trial", _VALUES["trial"](trial))
            for stage in stages:
                schema.insert(connection, "stage", _VALUES["stage"](stage))

        return self._put(_Job(write, durable=True))

    def requests_ended(
        self, attempts: Sequence[Attempt], stages: Sequence[Stage], trials: Sequence[Trial]
    ) -> Future[None]:
        """Commit whole rows of requests that have ended, many together; done as `trial_ended`."""

        def write(connection: sqlite3.Connection) -> None:
            schema.insert_ended(connection, map(_VALUES["attempt"], attempts))
            schema.insert_many(connection, "stage", map(_VALUES["stage"], stages))
            schema.insert_many(connection, "trial", map(_VALUES["trial"], trials))

        return self._put(_Job(write, durable=True))

    def update_run(self, **changes: Any) -> None:
        """Set columns of the run's row, such as `status` and `finished_at`; does not wait."""
        unknown = set(changes) - set(columns("run")) | set(changes) & {"run_id"}
        if unknown:
            raise ValueError(f"not columns of `run` that can change: {', '.join(sorted(unknown))}")
        sql = f"UPDATE run SET {', '.join(f'{name} = ?' for name in changes)}"  # noqa: S608
        self._put(_Job(lambda c: c.execute(sql, tuple(changes.values()))))

    def raise_run(self, **highest: float | None) -> None:
        """Set columns of the run's row where they are lower: a resumed run has its worst."""
        known = {name: value for name, value in highest.items() if value is not None}
        if unknown := set(known) - set(columns("run")):
            raise ValueError(f"not columns of `run`: {', '.join(sorted(unknown))}")
        if known:
            changes = ", ".join(f"{name} = MAX(COALESCE({name}, 0), ?)" for name in known)
            sql = f"UPDATE run SET {changes}"  # noqa: S608
            self._put(_Job(lambda c: c.execute(sql, tuple(known.values()))))

    def left_out(self) -> frozenset[str] | None:
        """Return which parameters the run's requests leave out; None if that is not known yet."""
        [(names,)] = self._ask(lambda c: c.execute("SELECT left_out FROM run").fetchall())
        return None if names is None else frozenset(filter(None, names.split(", ")))

    def began_at(self) -> str | None:
        """Return when the run was made, in UTC."""
        [(began_at,)] = self._ask(lambda c: c.execute("SELECT started_at FROM run").fetchall())
        return None if began_at is None else str(began_at)

    def cancelled(self) -> set[int]:
        """Return the repeats of which an attempt was ended by an interrupt."""
        return {repeat for (repeat,) in self._ask(lambda c: c.execute(_CANCELLED).fetchall())}

    def committed(self) -> set[tuple[str, int]]:
        """Return case and repeat of every trial that is on disk."""
        return set(self._ask(lambda c: c.execute(_COMMITTED).fetchall()))

    def attempts_made(self) -> dict[tuple[str, int, str], int]:
        """Return the highest attempt number of each case, repeat and stage so far."""
        rows = self._ask(lambda c: c.execute(_ATTEMPTS_MADE).fetchall())
        return {(case_id, repeat, stage): highest for case_id, repeat, stage, highest in rows}

    def abandon_open(self) -> int:
        """Mark attempts, paid for, that a broken-off session never ended; return how many."""
        return int(self._ask(lambda c: c.execute(_ABANDON).rowcount))

    def close(self) -> None:
        """Write what waits, and give the run back; may be called again. Raises StorageFailed."""
        if not self._closed:
            self._queue.put(_Job(lambda _: None, durable=True))
        self._shut()
        if self._failure is not None:
            raise StorageFailed(str(self._failure)) from self._failure

    def _first_seq(self) -> int:
        with schema.reading(self._folder.journal_path):
            (last,) = self._connection.execute("SELECT MAX(seq) FROM attempt").fetchone()
        return 1 if last is None else int(last) + 1

    def _shut(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        self._thread.join()
        try:
            self._connection.close()
        finally:
            self._lock.release()

    def _put(self, job: _Job) -> Future[Any]:
        if self._failure is not None:
            raise StorageFailed(str(self._failure)) from self._failure
        if self._closed:
            raise StorageFailed(f"{self._folder.path}: the journal is closed")
        # Running from the start: a caller that stops waiting must not stop the commit.
        job.done.set_running_or_notify_cancel()
        self._queue.put(job)
        return job.done

    def _ask(self, write: Write) -> Any:
        return self._put(_Job(write, durable=True)).result()

    def _run(self) -> None:
        """Commit what waits in the queue until it ends; the writer thread."""
        open_ended = True
        while open_ended:
            batch, open_ended = self._next_batch()
            try:
                if self._failure is not None:
                    raise self._failure
                results = self._commit(batch) if batch else []
            except Exception as error:  # handed on to the callers, all of them
                self._failure = self._failure or self._explain(error)
                for job in batch:
                    job.done.set_exception(self._failure)
            else:
                for job, result in zip(batch, results, strict=True):
                    job.done.set_result(result)

    def _next_batch(self) -> tuple[list[_Job], bool]:
        batch: list[_Job] = []
        job = self._queue.get()
        try:
            while job is not None:
                batch.append(job)
                if len(batch) == _BATCH:
                    return batch, True
                job = self._queue.get_nowait()
        except Empty:
            return batch, True
        return batch, False

    def _commit(self, batch: list[_Job]) -> list[Any]:
        connection = self._connection
        durable = any(job.durable for job in batch)
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        try:
            results = [job.write(connection) for job in batch]
            connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'revision'")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite undoes some of its failures by itself
                connection.execute("ROLLBACK")
            raise
        return results

    def _explain(self, error: Exception) -> StorageFailed:
        failure = StorageFailed(
            f"{self._folder.journal_path}: cannot be written: {error}. What was committed is "
            f"kept; then finish with: liftlab run --resume {self._folder.run_id}"
        )
        failure.__cause__ = error
        return failure


def _complete(connection: sqlite3.Connection, values: Sequence[Any], attempt: Attempt) -> None:
    """Fill in a row that was sent and has not ended; what has ended is never changed."""
    done = connection.execute(_END_ATTEMPT, (*values, attempt.run_id, attempt.seq)).rowcount
    if done != 1:
        raise ValueError(f"attempt {attempt.seq} was not sent, or has ended already")


_VALUES: dict[str, Callable[[Any], tuple[Any, ...]]] = {
    table: attrgetter(*columns(table)) for table in schema.TABLES
}
_END_ATTEMPT = (
    f"UPDATE attempt SET {', '.join(f'{name} = ?' for name in columns('attempt'))}, ended = 1 "  # noqa: S608
    f"WHERE {' AND '.join(f'{name} = ?' for name in KEYS['attempt'])} AND ended = 0"
)
_ABANDON = "UPDATE attempt SET abandoned = 1, ended = 1 WHERE ended = 0"
_CANCELLED = (
    "SELECT repeat FROM attempt WHERE phase = 'measure' AND error_class = 'cancelled' "
    "AND repeat IS NOT NULL"
)
_COMMITTED = "SELECT case_id, repeat FROM trial"
_ATTEMPTS_MADE = (
    "SELECT case_id, repeat, stage, MAX(attempt) FROM attempt WHERE phase = 'measure' "
    "AND case_id IS NOT NULL AND repeat IS NOT NULL AND stage IS NOT NULL "
    "AND attempt IS NOT NULL GROUP BY case_id, repeat, stage"
)
