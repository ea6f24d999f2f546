"""The trials of a suite: workers take planned ones in order and send them through the pipeline."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from itertools import groupby
from typing import Any

from liftlab.endpoints.connect import connected
from liftlab.endpoints.openai import OpenAIEndpoint
from liftlab.errors import LiftlabError
from liftlab.pipeline.base import ParseSource
from liftlab.pipeline.build import Pipeline, build
from liftlab.runner.attempt import Context, Ledger
from liftlab.runner.cold_start import LEAST_COLD_S, ColdWatch
from liftlab.runner.limits import Count
from liftlab.runner.own_trial import run_own_trial
from liftlab.runner.plan import PlannedTrial
from liftlab.runner.probe import learn_and_record, learn_for_run
from liftlab.runner.request import Job
from liftlab.runner.segment import begin
from liftlab.runner.trial import TrialDone, run_trial
from liftlab.runner.warmup import warm_stages, warm_up
from liftlab.runner.worker import FollowSchedule, Notes, Stop, closed, emit
from liftlab.sandbox import Sandbox
from liftlab.sandbox.extract import parse_fault
from liftlab.settings import EndpointSettings
from liftlab.store import Journal, RunFolder
from liftlab.timing.clock import Clock
from liftlab.timing.trust import Trust

Emit = Callable[[dict[str, Any]], None]
Commit = Callable[[TrialDone], Awaitable[None]]
Peaks = dict[str, dict[str, float]]  # client memory in MB, by case and stage


async def ready(
    job: Job, journal: Journal, stack: AsyncExitStack, concurrency: int
) -> FollowSchedule:
    """Make everything ready for the first trial, and return what runs them all."""
    request = job.request
    journal.abandon_open()
    pipeline = _imported(job, journal)
    sandbox = stack.enter_context(Sandbox())
    await asyncio.to_thread(_first_use, sandbox)
    context = await context_of(job, journal, stack, sandbox.parse)
    context = replace(context, stages=pipeline.stages, own=pipeline.own)
    context = replace(context, elsewhere=await _elsewhere(job, context, stack))
    if await _prepare(job, context, journal):
        await warm_stages(context)
    committed = journal.committed()
    trials = [trial for trial in job.trials if trial.key not in committed]
    peaks = None
    if request.memory:
        once = {trial.case_id: trial for trial in reversed(trials)}
        peaks = await measure_memory(context, list(once.values()), emit)

    async def follow_schedule(stop: Stop, count: Count, trust: Trust) -> bool:
        context.watch.doubt(trust.uncertainty_s)
        folder = RunFolder(job.folder)
        await begin(request.segment, folder, context.clock, stop, is_open=False)
        commit = committing(journal, count)
        for at_once, part in groupby(trials, request.at_once):
            await run_closed(context, list(part), at_once, commit, emit, peaks, stop)
        return journal.committed().issuperset(trial.key for trial in job.trials)

    return follow_schedule


async def context_of(
    job: Job, journal: Journal, stack: AsyncExitStack, parse_source: ParseSource
) -> Context:
    """Return what all trials of a job share; it has no stages yet."""
    folder, request = RunFolder(job.folder), job.request
    asked = request.endpoint.without(journal.left_out() or ())
    endpoint = await stack.enter_async_context(connected(asked))
    return Context(
        run_id=folder.run_id,
        stages=(),
        endpoint=endpoint,
        settings=request.endpoint,
        watch=_watch(request.endpoint),
        sampling=request.sampling,
        run_seed=request.seed,
        clock=Clock() if request.segment is None else request.segment.clock(),
        ledger=Ledger(folder, journal),
        parse_source=parse_source,
        note=Notes(),
        root=request.project.root,
    )


def committing(journal: Journal, count: Count) -> Commit:
    """Return what waits until a trial is on disk, and counts it."""

    async def commit(done: TrialDone) -> None:
        await asyncio.wrap_future(journal.trial_ended(done.row, done.stages))
        count(done.attempts, done.stages, done.no_answer)

    return commit


def _imported(job: Job, journal: Journal) -> Pipeline:
    """Return the pipeline, with code of the user's own imported before anything is sent."""
    project = job.request.project
    try:
        return build(project.settings, job.request.pipeline, project.root, imports=True)
    except LiftlabError:
        journal.update_run(status="failed", finished_at=datetime.now(UTC).isoformat())
        raise


def _first_use(sandbox: Sandbox) -> None:
    """Do now what the first reply would wait for: no request is under way yet."""
    import_module("jsonschema.validators")  # takes as long as a whole HTTP client
    sandbox.parse(b"pass")


def _watch(settings: EndpointSettings) -> ColdWatch:
    scale = settings.time_scale
    return ColdWatch(idle_s=settings.idle_s / scale, least_s=LEAST_COLD_S / scale)


async def _elsewhere(job: Job, context: Context, stack: AsyncExitStack) -> dict[str, Context]:
    """Return the contexts of stages that have an endpoint, a model or sampling of their own."""
    connections: dict[str, Context] = {job.request.endpoint.model_dump_json(): context}
    contexts = {}
    for stage, (settings, sampling) in job.elsewhere.items():
        key = settings.model_dump_json()
        if key not in connections:
            endpoint = await stack.enter_async_context(connected(settings))
            connections[key] = replace(
                context, endpoint=endpoint, settings=settings, watch=_watch(settings)
            )
        contexts[stage] = replace(connections[key], sampling=sampling)
    return contexts


async def _prepare(job: Job, run: Context, journal: Journal) -> bool:
    """Wake each endpoint, and learn how its requests have to look; say whether all are awake."""
    wakes = job.request.warm_up
    by_stage = {stage.name: run.of(stage.name) for stage in run.stages}
    contexts = {id(run.endpoint): run} | {id(c.endpoint): c for c in by_stage.values()}
    is_awake = wakes
    for context in contexts.values():
        endpoint = context.endpoint
        mine = tuple(s for s in run.stages if by_stage[s.name].endpoint is endpoint)
        if wakes:
            woken = await warm_up(context)
            told = {"ok": woken.ok, "seconds": woken.seconds, "status": woken.status}
            emit({"event": "warm", **told})
            is_awake = is_awake and woken.ok
        learning = None
        if wakes and run.own is None and isinstance(endpoint, OpenAIEndpoint):
            learning = learn_for_run(replace(context, stages=mine), endpoint)
        if run.own is None and endpoint is run.endpoint:
            await learn_and_record(learning, endpoint, journal, job.request.sampling)
        elif learning is not None:
            await learning
    return is_awake


async def run_closed(
    context: Context,
    trials: Sequence[PlannedTrial],
    concurrency: int,
    commit: Commit,
    emit: Emit,
    peaks: Peaks | None = None,
    stop: Stop | None = None,
) -> None:
    """Run all trials, at most `concurrency` at once, in the order given, or until stopped.

    A trial counts once `commit` has made it durable. If one worker raises, the others are
    cancelled.
    """

    async def run_one(planned: PlannedTrial) -> None:
        name = {"case_id": planned.case_id, "repeat": planned.repeat}
        emit({"event": "start", **name})
        if context.own is None:
            peak = (peaks or {}).get(planned.case_id)
            done = await run_trial(context, planned, peak_mb=peak)
        else:
            done = await run_own_trial(context, context.own, planned)
        await commit(done)
        told = {
            "completed": done.row.completed,
            "parsed": await asyncio.to_thread(_parses, context, done),
            "e2e_s": done.row.e2e_s,
            "reason": _reason(done),
        }
        emit({"event": "trial", **name, **told})

    await closed(trials, concurrency, run_one, stop or Stop())


def _reason(done: TrialDone) -> str | None:
    reason = next((stage.error_class for stage in done.stages if not stage.ok), None)
    return f"{reason}: {done.message}" if reason and done.message else reason


def _parses(context: Context, done: TrialDone) -> bool:
    if (code := done.code) is None:
        return False
    return parse_fault(code.source, code.function, context.parse_source) is None


async def measure_memory(context: Context, trials: Sequence[PlannedTrial], emit: Emit) -> Peaks:
    """Run each trial once, one at a time, under tracemalloc; return peak MB by case and stage.

    A pass of its own: tracing slows the client down, so these attempts are `probe`, never
    measured times. One MB is 1,000,000 bytes.
    """
    peaks: Peaks = {}
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
