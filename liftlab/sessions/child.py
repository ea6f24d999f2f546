"""The process that runs session checks: a load process whose trials are checks."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial

from liftlab.pipeline.own import Answer, OwnCode, OwnFunction
from liftlab.records import SESSIONS
from liftlab.runner import child
from liftlab.runner.limits import Count
from liftlab.runner.plan import PlannedTrial
from liftlab.runner.request import Job
from liftlab.runner.trace import Trace
from liftlab.runner.trials import committing, context_of, run_closed
from liftlab.runner.worker import FollowSchedule, Stop, emit, keep_events_apart, serve
from liftlab.sandbox.reports import ParseReport
from liftlab.sessions.caller import Setup, silence_of
from liftlab.sessions.checks import Checks, checks_of, steps_of
from liftlab.sessions.clean_up import uninterrupted
from liftlab.sessions.leftovers import delete_leftovers, sweep
from liftlab.sessions.pulse import Pulse
from liftlab.sessions.script import run_check
from liftlab.store import Journal, RunFolder
from liftlab.timing.trust import Trust


async def ready(
    job: Job, journal: Journal, stack: AsyncExitStack, concurrency: int
) -> FollowSchedule:
    """Make everything ready for the first check, and return what runs them all."""
    journal.abandon_open()
    folder, asked = RunFolder(job.folder), job.request.sessions
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
        hook = asked.restart_hook if asked else None
        setup = Setup(checks, job.request.endpoint, mine, Pulse(stop, silence), hook)
        seconds = checks.api.run_deadline_s
        reason = f"the checks took longer than {seconds:g} s"
        timer = asyncio.get_running_loop().call_later(seconds, setup.pulse.give_up, reason)
        try:
            await setup.pulse.look()
            if journal.attempts_made() and not setup.pulse.down:
                await delete_leftovers(setup, folder, [trial.case_id for trial in trials])
            for group, lanes in _groups(checks, trials, concurrency):
                await run_closed(mine, group, lanes, committing(journal, count), emit, stop=stop)
            if setup.pulse.down:
                emit({"event": "limit", "reached": setup.pulse.down})
            return len(journal.committed()) == len(job.trials)
        finally:
            timer.cancel()
            await uninterrupted(sweep(setup))

    return follow_schedule


def _groups(
    checks: Checks, trials: Sequence[PlannedTrial], concurrency: int
) -> list[tuple[list[PlannedTrial], int]]:
    """Return the checks that run beside others, then those that run alone, restarts last."""
    ranks: dict[int, list[PlannedTrial]] = {0: [], 1: [], 2: []}
    for trial in trials:
        check = checks[trial.case_id]
        restarts = any(step.restart for step in steps_of(check.step))
        ranks[2 if restarts else int(check.alone)].append(trial)
    return [(ranks[0], concurrency), (ranks[1] + ranks[2], 1)]


def main() -> int:
    """Read the job, do it, and return the exit code."""
    keep_events_apart()
    job = Job.from_line(sys.stdin.readline())
    return serve(partial(child.run, job, ready=ready))


if __name__ == "__main__":
    raise SystemExit(main())
