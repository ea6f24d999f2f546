"""The load process: its own interpreter and event loop, so that nothing disturbs its clock.

The parent writes one line of JSON (the job) to standard input and keeps it open; events
come back as JSON lines on standard output. When standard input ends, the parent is gone:
the load stops. SIGINT stops it, too; what is committed stays. A word on standard
input ends it well (`runner/worker.py`): no further trial is begun.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from importlib import import_module

from liftlab.records import Attempt, Stage
from liftlab.runner.limits import Count, Spending
from liftlab.runner.request import Job
from liftlab.runner.worker import FollowSchedule, Stop, emit, first_of, keep_events_apart, serve
from liftlab.store.folder import RunFolder
from liftlab.store.journal import Journal
from liftlab.timing.transport import why_around
from liftlab.timing.trust import Trust

Ready = Callable[[Job, Journal, AsyncExitStack, int], Awaitable[FollowSchedule]]
_CONNECTIONS = 16  # that an open loop without a limit is calibrated with


async def run(job: Job, stop: Stop, ready: Ready | None = None) -> None:
    """Do the job, or what was begun of it before the stop; the journal is then complete.

    `ready`: makes what is not a suite or a load ready, and returns what runs it.
    """
    # A load is often short, and needs nothing of what trials import.
    if ready is None:
        home = "requests" if job.request.prompt is not None else "trials"
        ready = import_module(f"liftlab.runner.{home}").ready
    assert ready is not None
    concurrency = job.request.lanes or _CONNECTIONS
    status = "interrupted"
    try:
        async with AsyncExitStack() as stack:
            journal = stack.enter_context(Journal.open(RunFolder(job.folder)))
            follow_schedule = await ready(job, journal, stack, concurrency)
            try:
                async with Trust(concurrency) as trust:
                    if (why := why_around()) is not None:
                        emit({"event": "note", "message": f"times are less exact: {why}"})
                    try:
                        is_done = await follow_schedule(stop, _limiting(job, stop), trust)
                        status = "complete" if is_done else stop.status or "complete"
                    finally:
                        journal.raise_run(**trust.columns())
            finally:
                journal.update_run(status=status, finished_at=datetime.now(UTC).isoformat())
    except BaseExceptionGroup as failed:
        raise first_of(failed) from failed


def _limiting(job: Job, stop: Stop) -> Count:
    """Return what counts trials, and ends the session once one of its limits is reached."""
    limits, segment = job.request.project.settings.limits, job.request.segment
    spending = Spending(limits, job.request.rates, time.monotonic, segment.of if segment else 1)
    is_limited = any(limit is not None for limit in limits.model_dump().values())

    def count(attempts: Sequence[Attempt], stages: Sequence[Stage], no_answer: bool) -> None:
        if is_limited:
            spending.add(attempts, stages, no_answer)
            reached = spending.reached()
            if reached and stop.status is None:
                stop.status = "partial"
                emit({"event": "limit", "reached": reached})

    return count


def main() -> int:
    """Read the job, do it, and return the exit code."""
    keep_events_apart()
    job = Job.from_line(sys.stdin.readline())
    return serve(lambda stop: run(job, stop))


if __name__ == "__main__":
    raise SystemExit(main())
