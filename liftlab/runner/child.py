"""The load process: its own interpreter and event loop, so that nothing disturbs its clock.

The parent writes one line of JSON (the job) to standard input and keeps it open; events
come back as JSON lines on standard output. When standard input ends, the parent is gone:
the load stops. SIGINT stops it, too; what is committed stays. A word on standard
input ends it well (`runner/halt.py`): no further trial is begun.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from liftlab.endpoints.base import Endpoint, Sampling
from liftlab.endpoints.connect import connected
from liftlab.endpoints.openai import OpenAIEndpoint
from liftlab.errors import LiftlabError
from liftlab.pipeline.build import Pipeline, build
from liftlab.records import Attempt
from liftlab.runner.cold import LEAST_COLD_S, ColdWatch
from liftlab.runner.context import Context
from liftlab.runner.duty import Notes, emit, keep_events_apart, serve
from liftlab.runner.halt import Halt
from liftlab.runner.learning import learn_and_record
from liftlab.runner.limits import Rates, Spending
from liftlab.runner.load import measure_memory, run_closed
from liftlab.runner.plan import PlannedTrial
from liftlab.runner.probing import learn_for_run
from liftlab.runner.trial import TrialDone
from liftlab.runner.waking import warm_up
from liftlab.runner.warm_stages import warm_stages
from liftlab.sandbox import Sandbox
from liftlab.settings import EndpointSettings, LimitSettings, Settings
from liftlab.store import Journal, RunFolder
from liftlab.timing.clock import Clock
from liftlab.timing.trust import Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the parent asks for."""

    folder: Path
    root: Path
    settings: Settings
    endpoint: EndpointSettings
    elsewhere: dict[str, tuple[EndpointSettings, Sampling]]  # by stage: what it has of its own
    pipeline: str
    sampling: Sampling
    seed: int
    concurrency: int
    trials: tuple[PlannedTrial, ...]
    memory: bool
    warm_up: bool
    limits: LimitSettings
    rates: Rates | None

    @classmethod
    def from_json(cls, line: str) -> Job:
        """Read the job's line."""
        data = json.loads(line)
        return cls(
            folder=Path(data["folder"]),
            root=Path(data["root"]),
            settings=Settings.model_validate(data["settings"]),
            endpoint=EndpointSettings.model_validate(data["endpoint"]),
            elsewhere={
                stage: (EndpointSettings.model_validate(endpoint), Sampling(**sampling))
                for stage, (endpoint, sampling) in data["elsewhere"].items()
            },
            pipeline=data["pipeline"],
            sampling=Sampling(**data["sampling"]),
            seed=data["seed"],
            concurrency=data["concurrency"],
            trials=tuple(PlannedTrial.from_json(trial) for trial in data["trials"]),
            memory=data["memory"],
            warm_up=data["warm_up"],
            limits=LimitSettings.model_validate(data["limits"]),
            rates=Rates(**data["rates"]) if data["rates"] else None,
        )


class JournalLedger:
    """A run's journal and artifacts, as the trials see them."""

    def __init__(self, folder: RunFolder, journal: Journal) -> None:
        self._artifacts = folder.artifacts
        self._journal = journal
        self._before = journal.attempts_made()
        self.next_seq: Callable[[], int] = journal.next_seq
        self.attempt_ended: Callable[[Attempt], None] = journal.attempt_ended

    async def attempt_sent(self, attempt: Attempt) -> None:
        """Write an attempt's row, and wait until no kill can lose it."""
        await asyncio.wrap_future(self._journal.attempt_sent(attempt))

    def attempts_before(self, case_id: str, repeat: int, stage: str) -> int:
        """Return how many attempts an earlier, broken-off session made at this stage."""
        return self._before.get((case_id, repeat, stage), 0)

    def keep(self, content: bytes) -> str:
        """Keep a text, and return its digest."""
        return self._artifacts.put(content)

    async def commit(self, done: TrialDone) -> None:
        """Wait until the trial is on disk."""
        await asyncio.wrap_future(self._journal.trial_ended(done.row, done.stages))


async def run(job: Job, halt: Halt) -> None:
    """Run the job's trials, or those begun before the halt; the journal is then complete."""
    folder = RunFolder(job.folder)
    async with AsyncExitStack() as stack:
        journal = stack.enter_context(Journal.open(folder))
        journal.abandon_open()
        pipeline = _imported(job, journal)
        sandbox = stack.enter_context(Sandbox())
        await asyncio.to_thread(_get_ready, sandbox)
        asked = job.endpoint.without(journal.left_out() or ())
        endpoint = await stack.enter_async_context(connected(asked))
        ledger = JournalLedger(folder, journal)
        context = Context(
            run_id=folder.run_id,
            stages=pipeline.stages,
            sampling=job.sampling,
            run_seed=job.seed,
            clock=Clock(),
            ledger=ledger,
            parse_source=sandbox.parse,
            note=Notes(),
            root=job.root,
            own=pipeline.own,
            **_of_endpoint(job.endpoint, endpoint),
        )
        context = replace(context, elsewhere=await _elsewhere(job, context, stack))
        if await _prepare(job, context, journal):
            await warm_stages(context, context.least_cold_s)
        await _measure(job, context, journal, ledger, halt)


def _of_endpoint(settings: EndpointSettings, endpoint: Endpoint) -> dict[str, Any]:
    """Return what trials have of the endpoint that they ask."""
    scale = settings.time_scale
    return {
        "endpoint": endpoint,
        "endpoint_name": settings.name,
        "deadline_s": settings.deadline_s,
        "watch": ColdWatch(idle_s=settings.idle_s / scale, least_s=LEAST_COLD_S / scale),
        "retry": settings.retry,
        "trial_deadline_s": settings.trial_deadline_s,
        "stream": settings.stream,
        "nonce": settings.nonce,
        "least_cold_s": LEAST_COLD_S / scale,
        "warm_s": settings.warm_s,
        "base_url": settings.base_url or settings.generate_url,
        "model": settings.model,
    }


async def _elsewhere(job: Job, context: Context, stack: AsyncExitStack) -> dict[str, Context]:
    """Return the contexts of stages that have an endpoint, a model or sampling of their own."""
    connections: dict[str, Context] = {job.endpoint.model_dump_json(): context}
    contexts = {}
    for stage, (settings, sampling) in job.elsewhere.items():
        key = settings.model_dump_json()
        if key not in connections:
            endpoint = await stack.enter_async_context(connected(settings))
            connections[key] = replace(context, **_of_endpoint(settings, endpoint))
        contexts[stage] = replace(connections[key], sampling=sampling)
    return contexts


async def _prepare(job: Job, run: Context, journal: Journal) -> bool:
    """Wake each endpoint, and learn how its requests have to look; say whether all are awake."""
    by_stage = {stage.name: run.of(stage.name) for stage in run.stages}
    contexts = {id(run.endpoint): run} | {id(c.endpoint): c for c in by_stage.values()}
    is_awake = job.warm_up
    for context in contexts.values():
        endpoint = context.endpoint
        mine = tuple(s for s in run.stages if by_stage[s.name].endpoint is endpoint)
        is_awake = job.warm_up and await _warm_up(context) and is_awake
        learning = None
        if job.warm_up and run.own is None and isinstance(endpoint, OpenAIEndpoint):
            learning = learn_for_run(replace(context, stages=mine), endpoint)
        if run.own is None and endpoint is run.endpoint:
            await learn_and_record(learning, endpoint, journal, job.sampling)
        elif learning is not None:
            await learning
    return is_awake


def _imported(job: Job, journal: Journal) -> Pipeline:
    """Return the pipeline, with code of the user's own imported before anything is sent."""
    try:
        return build(job.settings, job.pipeline, job.root, imports=True)
    except LiftlabError:
        journal.update_run(status="failed", finished_at=datetime.now(UTC).isoformat())
        raise


def _get_ready(sandbox: Sandbox) -> None:
    """Do now what the first reply would wait for: no request is under way yet."""
    import_module("jsonschema.validators")  # takes as long as a whole HTTP client
    sandbox.parse(b"pass")


async def _warm_up(context: Context) -> bool:
    """Wake the endpoint; its calls are rows, kept apart from what is measured."""
    woken = await warm_up(context, within_s=context.warm_s, least_s=context.least_cold_s)
    emit({"event": "warm", "ok": woken.ok, "seconds": woken.seconds, "status": woken.status})
    return woken.ok


async def _measure(
    job: Job, context: Context, journal: Journal, ledger: JournalLedger, halt: Halt
) -> None:
    committed = journal.committed()
    trials = [trial for trial in job.trials if trial.key not in committed]
    peaks = None
    if job.memory:
        once = {trial.case_id: trial for trial in reversed(trials)}
        peaks = await measure_memory(context, list(once.values()), emit)
    status = "interrupted"
    spending = Spending(job.limits, job.rates, context.clock.now_s)

    async def commit(done: TrialDone) -> None:
        await ledger.commit(done)
        spending.add(done)
        reached = spending.reached()
        if reached and halt.status is None:
            halt.status = "partial"
            emit({"event": "limit", "reached": reached})

    async with Trust(job.concurrency) as trust:
        context.watch.doubt(trust.uncertainty_s)
        try:
            await run_closed(context, trials, job.concurrency, commit, emit, peaks, halt)
            done = len(journal.committed()) == len(job.trials)
            status = "complete" if done else halt.status or "complete"
        finally:
            journal.raise_run(**trust.columns())
            journal.update_run(status=status, finished_at=datetime.now(UTC).isoformat())


def main() -> int:
    """Read the job, run it, and return the exit code."""
    keep_events_apart()
    job = Job.from_json(sys.stdin.readline())
    return serve(lambda halt: run(job, halt))


if __name__ == "__main__":
    raise SystemExit(main())
