"""The process that runs session checks; `liftlab.sessions.control` starts it."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from liftlab.endpoints.base import Sampling
from liftlab.endpoints.connect import connected
from liftlab.pipeline.own import Answer, OwnCode, OwnFunction
from liftlab.records import SESSIONS, Attempt
from liftlab.runner.cold_start import ColdWatch
from liftlab.runner.context import Context
from liftlab.runner.plan import PlannedTrial
from liftlab.runner.trace import Trace
from liftlab.runner.trial import TrialDone
from liftlab.runner.trials import JournalLedger, run_closed
from liftlab.runner.worker import Notes, Stop, emit, keep_events_apart, serve
from liftlab.sandbox.reports import ParseReport
from liftlab.sessions import checks as files
from liftlab.sessions.caller import Caller, Setup, uninterrupted
from liftlab.sessions.control import checks_of
from liftlab.sessions.leftovers import delete_leftovers, sweep
from liftlab.sessions.model import ApiModel, CallModel, CheckModel, StepModel
from liftlab.sessions.pulse import Pulse
from liftlab.sessions.script import run_check
from liftlab.sessions.template import places
from liftlab.settings import EndpointSettings
from liftlab.store import Journal, RunFolder
from liftlab.timing.clock import Clock
from liftlab.timing.failures import TransportFailure
from liftlab.timing.trust import Trust

_NO_REPLY_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the parent asks for."""

    folder: Path
    root: Path
    endpoint: EndpointSettings
    concurrency: int
    restart_hook: str | None
    trials: tuple[PlannedTrial, ...]

    @classmethod
    def from_json(cls, line: str) -> Job:
        """Read the job's line."""
        data = json.loads(line)
        return cls(
            folder=Path(data["folder"]),
            root=Path(data["root"]),
            endpoint=EndpointSettings.model_validate(data["endpoint"]),
            concurrency=data["concurrency"],
            restart_hook=data["restart_hook"],
            trials=tuple(PlannedTrial(**trial) for trial in data["trials"]),
        )


async def run(job: Job, stop: Stop) -> None:
    """Run the job's checks, or those begun before nothing answered any more."""
    folder = RunFolder(job.folder)
    checks = checks_of(folder)
    async with AsyncExitStack() as stack:
        journal = stack.enter_context(Journal.open(folder))
        journal.abandon_open()
        ledger = JournalLedger(folder, journal)
        context = await _context(job, folder, ledger, stack)

        async def answers() -> bool:
            return await _answers(setup)

        setup = Setup(checks, job.endpoint, context, Pulse(stop, answers), job.restart_hook)

        async def check(prompt: str, trace: Trace) -> Answer:
            return await run_check(setup, prompt, trace)

        own = OwnFunction(check, OwnCode(SESSIONS, "liftlab:sessions", job.root), SESSIONS)
        setup = replace(setup, context=replace(context, own=own))
        await _measure(job, setup, journal, ledger, stop)


async def _measure(
    job: Job, setup: Setup, journal: Journal, ledger: JournalLedger, stop: Stop
) -> None:
    committed = journal.committed()
    trials = [trial for trial in job.trials if trial.key not in committed]
    status = "interrupted"

    async def commit(done: TrialDone) -> None:
        await ledger.commit(done)

    loop, seconds = asyncio.get_running_loop(), setup.checks.api.run_deadline_s
    reason = f"the checks took longer than {seconds:g} s"
    timer = loop.call_later(seconds, setup.pulse.give_up, reason)
    if not (await setup.pulse.answers() or await setup.pulse.answers()):
        setup.pulse.give_up("the server does not answer")
    if journal.attempts_made():
        await delete_leftovers(setup, job.folder, trials)
    async with Trust(job.concurrency) as trust:
        try:
            for group, lanes in _groups(setup, trials, job.concurrency):
                await run_closed(setup.context, group, lanes, commit, emit, stop=stop)
            if setup.pulse.down:
                emit({"event": "limit", "reached": setup.pulse.down})
            done = len(journal.committed()) == len(job.trials)
            status = "complete" if done else stop.status or "complete"
        finally:
            timer.cancel()
            await uninterrupted(sweep(setup))
            journal.raise_run(**trust.columns())
            journal.update_run(status=status, finished_at=datetime.now(UTC).isoformat())


def _groups(
    setup: Setup, trials: list[PlannedTrial], concurrency: int
) -> list[tuple[list[PlannedTrial], int]]:
    """Return the checks that run beside others, then those that run alone, restarts last."""
    rank = {trial.key: _rank(setup.checks[trial.case_id]) for trial in trials}
    ordered = sorted(trials, key=lambda trial: rank[trial.key])  # stable: the order stays
    beside = [trial for trial in ordered if rank[trial.key] == 0]
    return [(beside, concurrency), (ordered[len(beside) :], 1)]


def _rank(check: CheckModel) -> int:
    return 2 if any(step.restart for step in files.steps_of(check)) else int(check.alone)


async def _answers(setup: Setup) -> bool:
    """Make the plainest call there is, as a row that is not measured; say if there is a reply."""
    context, api = setup.context, setup.checks.api
    name, call = _plainest(api)
    row = Attempt(
        run_id=context.run_id,
        seq=context.ledger.next_seq(),
        stage=name,
        phase="probe",
        endpoint=context.endpoint_name,
        called_s=context.clock.now_s(),
    )
    await context.ledger.attempt_sent(row)
    caller = Caller(setup, "probe")
    try:
        status = await caller.probe(StepModel(call=name), call, _NO_REPLY_S)
        row = replace(row, http_status=status, transport_ok=True, valid=True)
    except TransportFailure as failure:
        row = replace(row, error_class=failure.error_class, transport_ok=False, valid=False)
    finally:
        context.ledger.attempt_ended(replace(row, ended_s=context.clock.now_s()))
        await caller.close()
    return bool(row.transport_ok)


def _plainest(api: ApiModel) -> tuple[str, CallModel]:
    """Return a call that reads without needing anything; the first call where there is none."""
    plain = (
        (name, call)
        for name, call in api.calls.items()
        if call.method == "GET" and not list(places(call.path))
    )
    return next(plain, next(iter(api.calls.items())))


async def _context(
    job: Job, folder: RunFolder, ledger: JournalLedger, stack: AsyncExitStack
) -> Context:
    return Context(
        run_id=folder.run_id,
        stages=(),
        endpoint=await stack.enter_async_context(connected(job.endpoint)),
        endpoint_name=job.endpoint.name,
        sampling=Sampling(),
        run_seed=0,
        deadline_s=job.endpoint.deadline_s,
        clock=Clock(),
        ledger=ledger,
        parse_source=_parse_nothing,
        watch=ColdWatch(idle_s=job.endpoint.idle_s),
        retry=job.endpoint.retry,
        note=Notes(),
        root=job.root,
    )


def _parse_nothing(source: bytes) -> ParseReport:
    return ParseReport(parsed=not source)


def main() -> int:
    """Read the job, run it, and return the exit code."""
    keep_events_apart()
    job = Job.from_json(sys.stdin.readline())
    return serve(lambda stop: run(job, stop))


if __name__ == "__main__":
    raise SystemExit(main())
