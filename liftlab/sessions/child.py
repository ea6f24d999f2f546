"""The process that runs session checks: a load process whose trials are checks."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
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
from liftlab.sessions.caller import Caller, Setup, silence_of
from liftlab.sessions.checks import checks_of, steps_of
from liftlab.sessions.clean_up import Headers, id_of, uninterrupted
from liftlab.sessions.model import StepModel
from liftlab.sessions.pulse import Pulse
from liftlab.sessions.script import run_check
from liftlab.sessions.template import Unset
from liftlab.store import Journal, RunFolder, read_journal
from liftlab.timing.trust import Trust

_LOOKS_S = (0.2, 1.5)


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
        setup = Setup(checks, job.request.endpoint, mine, Pulse(stop, silence), hook)
        seconds = checks.api.run_deadline_s
        reason = f"the checks took longer than {seconds:g} s"
        timer = asyncio.get_running_loop().call_later(seconds, setup.pulse.give_up, reason)
        try:
            await setup.pulse.look()
            if journal.attempts_made() and not setup.pulse.down:
                await _delete_leftovers(setup, folder, [trial.case_id for trial in trials])
            commit = committing(journal, count)
            for alone, lanes in ((False, concurrency), (True, 1)):
                group = [trial for trial in trials if checks[trial.case_id].alone is alone]
                await run_closed(mine, group, lanes, commit, emit, stop=stop)
            if setup.pulse.down:
                emit({"event": "limit", "reached": setup.pulse.down})
            return len(journal.committed()) == len(job.trials)
        finally:
            timer.cancel()
            await uninterrupted(_sweep(setup))

    return follow_schedule


async def _delete_leftovers(setup: Setup, folder: RunFolder, check_ids: Iterable[str]) -> None:
    """Delete what checks that were begun and not committed have made, before they start over."""
    makes = {n: call.makes for n, call in setup.checks.api.calls.items() if call.makes}
    attempts = read_journal(folder)["attempt"]
    attempts = attempts[attempts["stage"].isin(list(makes))]
    for check_id in set(check_ids).intersection(attempts["case_id"]):
        caller, rows = Caller(setup, check_id), attempts[attempts["case_id"] == check_id]
        replies = rows.dropna(subset=["reply_sha256"])
        named = zip(replies["stage"], replies["reply_sha256"], strict=True)
        found = [id_of(folder.artifacts.get(digest), makes[stage]) for stage, digest in named]
        users = _users(setup, caller, [*steps_of(setup.checks[check_id].step)])
        caller.made.own(filter(None, found), users)
        await caller.made.delete()
        await caller.close()


def _users(setup: Setup, caller: Caller, steps: Sequence[StepModel]) -> set[Headers]:
    """Return all users of a check's steps, those of every lane and round."""
    users = set()
    for n in range(1, max(max(step.repeat, step.parallel) for step in steps) + 1):
        for step in steps:
            with suppress(Unset):
                users.add(caller.user(step.user, {**setup.scope, "n": n})[0])
    return users


async def _sweep(setup: Setup) -> None:
    """Delete what was made by calls that were given up, while the server may still be at them."""
    caller = Caller(setup, "sweep")
    for pause_s in _LOOKS_S if setup.unsure and not setup.pulse.down else ():
        await asyncio.sleep(pause_s)
        caller.made.own((), setup.unsure)
        await caller.made.delete()
    await caller.close()


def main() -> int:
    """Read the job, do it, and return the exit code."""
    keep_events_apart()
    job = Job.from_line(sys.stdin.readline())
    return serve(partial(child.run, job, ready=ready))


if __name__ == "__main__":
    raise SystemExit(main())
