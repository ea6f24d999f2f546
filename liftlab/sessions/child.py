"""The process that runs session checks: a load process whose trials are checks."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial

from liftlab.pipeline.own import Answer, OwnCode, OwnFunction
from liftlab.records import SESSIONS
from liftlab.runner import child
from liftlab.runner.limits import Count
from liftlab.runner.request import Job
from liftlab.runner.trace import Trace
from liftlab.runner.trials import committing, context_of, run_closed
from liftlab.runner.worker import FollowSchedule, Stop, emit, keep_events_apart, serve
from liftlab.sandbox.reports import ParseReport
from liftlab.sessions import clean_up
from liftlab.sessions.caller import Caller, Setup, silence_of
from liftlab.sessions.checks import checks_of
from liftlab.sessions.clean_up import uninterrupted
from liftlab.sessions.pulse import Pulse, ServerDown
from liftlab.sessions.remains import Remains
from liftlab.sessions.script import run_check
from liftlab.store import Journal, RunFolder
from liftlab.timing.trust import Trust

_LOOKS_S, _LATE_S = (0.2, 1.5), 10.0
_MOST_NOTED = 5


async def ready(
    job: Job, journal: Journal, stack: AsyncExitStack, concurrency: int
) -> FollowSchedule:
    """Make everything ready for the first check, and return what runs them all."""
    journal.abandon_open()
    folder, asked = RunFolder(job.folder), job.request.sessions
    hook = asked.restart_hook if asked else None
    checks = checks_of(folder)
    context = await context_of(job, journal, stack, lambda source: ParseReport(parsed=not source))
    committed = journal.committed()
    trials = [trial for trial in job.trials if trial.key not in committed]

    async def follow_schedule(stop: Stop, count: Count, trust: Trust) -> bool:
        async def silence() -> str | None:
            return await silence_of(setup)

        async def check(prompt: str, trace: Trace) -> Answer:
            return await run_check(setup, prompt, trace)

        code = OwnCode(SESSIONS, "liftlab:sessions", context.root)
        mine = replace(context, own=OwnFunction(check, code, SESSIONS))
        remains = Remains(job.folder)
        setup = Setup(checks, job.request.endpoint, mine, Pulse(stop, silence), hook, remains)
        seconds = checks.api.run_deadline_s
        reason = f"the checks took longer than {seconds:g} s"
        timer = asyncio.get_running_loop().call_later(seconds, setup.pulse.give_up, reason)
        try:
            await setup.pulse.look()
            if not setup.pulse.down:
                await _sweep(setup, [0])
            commit = committing(journal, count)
            for alone, lanes in ((False, concurrency), (True, 1)):
                group = [trial for trial in trials if checks[trial.case_id].alone is alone]
                await run_closed(mine, group, lanes, commit, emit, stop=stop)
            if setup.pulse.down:
                emit({"event": "limit", "reached": setup.pulse.down})
            await _sweep(setup, _LOOKS_S[:1] if setup.pulse.down else _pauses(remains))
            return len(journal.committed()) == len(job.trials)
        except BaseException:
            await uninterrupted(_sweep(setup, _LOOKS_S, clean_up.CLEAN_UP_S))
            with suppress(BrokenPipeError):  # nobody is there any more to be told
                _note_rest(setup)
            raise
        finally:
            timer.cancel()
            remains.close()

    return follow_schedule


async def _sweep(setup: Setup, pauses: Iterable[float], within_s: float | None = None) -> None:
    """Delete what remains, once after each pause: a server may still be at calls given up."""
    caller, remains = Caller(setup, "clean-up", keeps=False), setup.remains
    try:
        async with asyncio.timeout(within_s):
            for pause_s in pauses:
                if not remains.of():
                    break
                await asyncio.sleep(pause_s)
                await caller.clean_up.delete()
            await caller.clean_up.doubt()
    except (TimeoutError, ServerDown):
        pass  # what remains is noted
    finally:
        await caller.close()


def _pauses(remains: Remains) -> Iterator[float]:
    """Return how long to wait before each look: in the end until every call has ended."""
    yield from _LOOKS_S
    late_s = max((made.until for made in remains.of()), default=0.0) - time.time()
    if late_s > 0:
        yield min(late_s, _LATE_S)


def _note_rest(setup: Setup) -> None:
    """Say what remains where no verdict is printed that says it."""
    rest, note = setup.remains.of(), setup.context.note
    for made in rest[:_MOST_NOTED]:
        note(f"left on the server: {made.line}")
    if more := len(rest[_MOST_NOTED:]):
        note(f"left on the server: {more:,} more, see: liftlab show {setup.context.run_id}")


def main() -> int:
    """Read the job, do it, and return the exit code."""
    keep_events_apart()
    job = Job.from_line(sys.stdin.readline())
    return serve(partial(child.run, job, ready=ready))


if __name__ == "__main__":
    raise SystemExit(main())
