"""The load: workers that take planned trials in order and send them through the pipeline."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from liftlab.runner.context import Context
from liftlab.runner.duty import first_of
from liftlab.runner.halt import Halt
from liftlab.runner.own_trial import run_own_trial
from liftlab.runner.plan import PlannedTrial
from liftlab.runner.trial import TrialDone, run_trial
from liftlab.sandbox.extract import parse_fault

Emit = Callable[[dict[str, Any]], None]
Commit = Callable[[TrialDone], Awaitable[None]]


async def run_closed(
    context: Context,
    trials: Sequence[PlannedTrial],
    concurrency: int,
    commit: Commit,
    emit: Emit,
    peaks: dict[str, dict[str, float]] | None = None,
    halt: Halt | None = None,
) -> None:
    """Run all trials, at most `concurrency` at once, in the order given, or until halted.

    Closed loop: a worker sends its next trial when its last one has ended. A trial counts
    once `commit` has made it durable. If one worker raises, the others are cancelled.
    """
    waiting, halt = iter(trials), halt or Halt()

    async def work() -> None:
        while halt.status is None and (planned := next(waiting, None)) is not None:
            emit({"event": "start", "case_id": planned.case_id, "repeat": planned.repeat})
            peak = (peaks or {}).get(planned.case_id)
            own = context.own
            if own is None:
                done = await run_trial(context, planned, peak_mb=peak)
            else:
                done = await run_own_trial(context, own, planned)
            await commit(done)
            emit(
                {
                    "event": "trial",
                    "case_id": planned.case_id,
                    "repeat": planned.repeat,
                    "completed": done.row.completed,
                    "parsed": await asyncio.to_thread(_parses, context, done),
                    "e2e_s": done.row.e2e_s,
                    "reason": _reason(done),
                }
            )

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, len(trials))):
                group.create_task(work())
    except BaseExceptionGroup as failed:
        raise first_of(failed) from failed


def _reason(done: TrialDone) -> str | None:
    reason = next((stage.error_class for stage in done.stages if not stage.ok), None)
    return f"{reason}: {done.message}" if reason and done.message else reason


def _parses(context: Context, done: TrialDone) -> bool:
    code = done.code
    return (
        code is not None and parse_fault(code.source, code.function, context.parse_source) is None
    )


async def measure_memory(
    context: Context, trials: Sequence[PlannedTrial], emit: Emit
) -> dict[str, dict[str, float]]:
    """Run each trial once, one at a time, under tracemalloc; return peak MB by case and stage.

    A pass of its own: tracing slows the client down, so these attempts are `probe`, never
    measured times. One MB is 1,000,000 bytes.
    """
    peaks: dict[str, dict[str, float]] = {}
    tracemalloc.start()
    try:
        for planned in trials:
            emit({"event": "probe", "case_id": planned.case_id})
            mine = peaks.setdefault(planned.case_id, {})
            await run_trial(context, planned, phase="probe", around=partial(_metered, mine))
    finally:
        tracemalloc.stop()
    return peaks


@contextmanager
def _metered(peaks: dict[str, float], stage: str) -> Iterator[None]:
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    yield
    _, peak = tracemalloc.get_traced_memory()
    peaks[stage] = (peak - before) / 1e6
