"""One case through all stages: dropped requests are sent again, refused replies asked again."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from liftlab.endpoints.base import Reply
from liftlab.pipeline.base import PROGRAM, SIGNATURE, Code, Prompt, Stage, StageError
from liftlab.pipeline.build import is_built_in
from liftlab.pipeline.own import told
from liftlab.records import STALE, Attempt, Phase, Trial
from liftlab.records import Stage as StageRow
from liftlab.runner.attempt import Asked, Work, client_s, send
from liftlab.runner.context import Context
from liftlab.runner.limits import ASK_AGAIN
from liftlab.runner.plan import PlannedTrial, attempt_seed
from liftlab.runner.retry import retrying
from liftlab.runner.worker import STALE_NOTE
from liftlab.suite.signature import mentions
from liftlab.words import work_note


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDone:
    """A stage's row and its value; the value of a failed stage is what there was of it.

    `names_function` says that its prompt has the name of the function that is graded.
    """

    row: StageRow
    value: Any
    names_function: bool
    attempts: tuple[Attempt, ...]
    no_answer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialDone:
    """A trial's row, its stages, its attempts, and the code it ended with, if any.

    `no_answer` says that the last reply was whole and held nothing of a model's.
    """

    row: Trial
    stages: tuple[StageRow, ...]
    attempts: tuple[Attempt, ...]
    code: Code | None
    no_answer: bool = False
    message: str | None = None  # why the user's own code failed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """A reply, the stage's value of it, and why it was refused; no reason if it was not."""

    reply: Reply
    outcome: Any
    reason: str | None


@dataclass(slots=True, kw_only=True)
class _StageRun:
    """The attempts of one stage so far."""

    context: Context
    trial: PlannedTrial
    stage: Stage
    phase: Phase
    until_s: float  # when the trial's time is up
    values: Mapping[str, Any]
    number: int
    attempts: list[Attempt] = field(default_factory=list)
    work: Work = field(default_factory=Work)

    def note_work(self) -> None:
        """Warn, once a stage, of work that no time shows."""
        told = work_note(self.stage.name, self.work.seconds)
        if told and self.stage.name not in self.context.noted:
            self.context.noted.add(self.stage.name)
            self.context.note(told)

    def left_s(self) -> float:
        """Return the seconds that the trial still has."""
        return self.until_s - self.context.clock.now_s()


async def run_trial(
    context: Context,
    planned: PlannedTrial,
    *,
    phase: Phase = "measure",
    peak_mb: Mapping[str, float] | None = None,
    around: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> TrialDone:
    """Send one case through all stages, and stop at the first that fails.

    Parameters
    ----------
    phase
        `measure`, or `probe` for a pass that is not counted.
    peak_mb
        Client memory by stage, where a pass of its own has measured it.
    around
        A context manager made for each stage's name and held while the stage runs.
    """
    values: dict[str, Any] = {SIGNATURE: planned.signature, PROGRAM: planned.is_program}
    done: list[StageDone] = []
    until_s = context.clock.now_s() + (context.trial_deadline_s or math.inf)
    for position, stage in enumerate(context.stages):
        running = _StageRun(
            context=context.of(stage.name),
            trial=planned,
            stage=stage,
            phase=phase,
            until_s=until_s,
            values=values,
            number=context.ledger.attempts_before(planned.case_id, planned.repeat, stage.name),
        )
        with around(stage.name):
            finished = await _run_stage(running, position, (peak_mb or {}).get(stage.name))
        done.append(finished)
        if not finished.row.ok:
            break
        values[stage.name] = finished.value
    return TrialDone(
        row=_trial_row(context, planned, done),
        stages=tuple(stage.row for stage in done),
        attempts=tuple(attempt for stage in done for attempt in stage.attempts),
        code=next((d.value for d in reversed(done) if isinstance(d.value, Code)), None),
        no_answer=done[-1].no_answer,
    )


async def _run_stage(running: _StageRun, position: int, peak_mb: float | None) -> StageDone:
    context, stage = running.context, running.stage
    try:
        with running.work.timed():
            prompt = stage.prompt(running.trial.prompt, running.values)
    except Exception as error:  # a stage of the user's own
        return _broken(running, position, error)
    if not is_built_in(stage) and (prompt.max_tokens or 0) > context.sampling.max_tokens:
        context.note(
            f"{stage.name} asks for up to {prompt.max_tokens:,} tokens and gets "
            f"{context.sampling.max_tokens:,}: set max_tokens in [stages.{stage.name}]"
        )
    judged: _Judged | None = None
    reason: str | None = None
    for _ in range(running.stage.attempts):
        if running.left_s() <= 0:
            reason = reason or "deadline"
            break
        judged = await _ask(running, prompt, reason)
        reason = judged.reason
        failed = judged.reply.error_class
        given_up = reason == "pipeline_error" or (failed and failed not in ASK_AGAIN)
        if reason is None or given_up:
            break
    if not is_built_in(stage):
        running.note_work()
    outcome = judged.outcome if judged else None
    value = outcome.value if isinstance(outcome, StageError) else outcome
    kept = _refusal(judged) if value is None else _as_artifact(value)
    if kept is not None and judged is not None and judged.reply.notes:
        kept["reply"] = list(judged.reply.notes)
    return StageDone(
        row=_stage_row(running, position, reason, kept, peak_mb),
        value=value,
        names_function=mentions(f"{prompt.system}\n{prompt.text}", running.trial.function),
        attempts=tuple(running.attempts),
        no_answer=judged is not None and judged.reply.no_answer,
    )


def _broken(running: _StageRun, position: int, error: Exception) -> StageDone:
    """Return a stage whose prompt could not be built."""
    kept = {"message": told(error, running.context.root)}
    return StageDone(
        row=_stage_row(running, position, "pipeline_error", kept, None),
        value=None,
        names_function=False,
        attempts=(),
        no_answer=False,
    )


async def _ask(running: _StageRun, prompt: Prompt, reason: str | None) -> _Judged:
    """Send a prompt until the transport holds, or its retries are spent."""
    context, trial, stage = running.context, running.trial, running.stage
    why, waited_s = reason, None if reason is None else 0.0

    async def sleep(seconds: float) -> None:
        nonlocal waited_s
        began_s = context.clock.now_s()
        await context.sleep(seconds)
        waited_s = context.clock.now_s() - began_s

    async def attempt() -> _Judged:
        nonlocal why, waited_s
        judged = await _attempt(running, prompt, why, waited_s)
        while _is_stale(judged.reply):
            context.note(STALE_NOTE)
            judged = await _attempt(running, prompt, STALE, 0.0)
        why, waited_s = judged.reason, 0.0
        return judged

    seed = attempt_seed(
        context.run_seed, trial.case_id, trial.repeat, stage.name, running.number + 1
    )
    again = retrying(context.retry, seed=seed, sleep=sleep, left_s=running.left_s)
    judged: _Judged = await again(attempt)
    return judged


def _is_stale(reply: Reply) -> bool:
    """Say whether a request goes out again without a pause and without being a retry."""
    return reply.error_class == STALE and bool(reply.stamps.connection_reused)


async def _attempt(
    running: _StageRun, prompt: Prompt, reason: str | None, backoff_s: float | None
) -> _Judged:
    """Make one attempt, judge its reply, and complete its row."""
    running.number += 1
    asked = Asked(
        trial=running.trial,
        stage=running.stage.name,
        phase=running.phase,
        number=running.number,
        retry_reason=reason,
        backoff_s=backoff_s,
        deadline_s=min(running.context.deadline_s, max(running.left_s(), 1e-3)),
    )
    row, reply = await send(running.context, prompt, asked)
    judged = await _judge(running, reply)
    row = dataclasses.replace(row, valid=judged.reason is None)
    running.attempts.append(row)
    running.context.ledger.attempt_ended(row)
    return judged


async def _judge(running: _StageRun, reply: Reply) -> _Judged:
    """Let the stage read a reply: its value, or what there is of it and why it was refused."""
    if reason := reply.failure or reply.error_class:
        return _Judged(reply=reply, outcome=None, reason=reason)
    # Parsing waits for the sandbox; the loop must go on reading other replies meanwhile.
    parse_source = running.work.without(running.context.parse_source)

    def parse() -> Any:
        try:
            with running.work.timed():
                return running.stage.parse(reply.value, running.values, parse_source)
        except Exception as error:  # a stage of the user's own
            said = told(error, running.context.root)
            return StageError(reason="pipeline_error", message=said)

    outcome = await asyncio.to_thread(parse)
    refused = outcome.reason if isinstance(outcome, StageError) else None
    return _Judged(reply=reply, outcome=outcome, reason=refused)


def _stage_row(
    running: _StageRun,
    position: int,
    reason: str | None,
    kept: dict[str, Any] | None,
    peak_mb: float | None,
) -> StageRow:
    attempts = running.attempts
    started_s, finished_s = _first_sent(attempts), attempts[-1].last_byte_s if attempts else None
    return StageRow(
        run_id=running.context.run_id,
        case_id=running.trial.case_id,
        repeat=running.trial.repeat,
        stage=running.stage.name,
        position=position,
        ok=reason is None,
        started_s=started_s,
        finished_s=finished_s,
        latency_s=_difference(finished_s, started_s),
        client_s=client_s(attempts),
        work_s=None if is_built_in(running.stage) else running.work.seconds,
        attempts=len(attempts),
        output_tokens=total(a.output_tokens for a in attempts),
        error_class=reason,
        client_peak_mb=peak_mb,
        value_sha256=None
        if kept is None
        else running.context.ledger.keep(json.dumps(kept).encode()),
    )


def _as_artifact(value: Any) -> dict[str, Any]:
    """Return what to keep of a stage's value; code is told apart from other values by its key."""
    if isinstance(value, Code):
        return {"code": value.source, "function": value.function}
    return {"value": value}


def _refusal(judged: _Judged | None) -> dict[str, Any] | None:
    """Return what to keep of a stage without a value: what was wrong with the last reply."""
    if judged is None:
        return None
    refused = isinstance(judged.outcome, StageError)
    message = judged.outcome.message if refused else judged.reply.message
    return None if message is None else {"message": message, "no_answer": judged.reply.no_answer}


def _trial_row(context: Context, planned: PlannedTrial, done: list[StageDone]) -> Trial:
    attempts = [attempt for stage in done for attempt in stage.attempts]
    started_s, finished_s = _first_sent(attempts), done[-1].row.finished_s
    return Trial(
        run_id=context.run_id,
        case_id=planned.case_id,
        repeat=planned.repeat,
        category=planned.category,
        difficulty=planned.difficulty,
        started_at=None if started_s is None else context.clock.utc(started_s),
        e2e_s=_difference(finished_s, started_s),
        client_s=client_s(attempts),
        attempts=len(attempts),
        cold=is_cold(attempts),
        completed=len(done) == len(context.stages) and done[-1].row.ok,
        asked_function=planned.function if any(stage.names_function for stage in done) else None,
    )


def _first_sent(attempts: Iterable[Attempt]) -> float | None:
    return next((a.sent_s for a in attempts if a.sent_s is not None), None)


def _difference(end: float | None, start: float | None) -> float | None:
    return None if end is None or start is None else end - start


def is_cold(attempts: Iterable[Attempt]) -> bool | None:
    """Say whether any attempt found the endpoint asleep; None if that is not known of any."""
    known = [attempt.cold for attempt in attempts if attempt.cold is not None]
    return any(known) if known else None


def total(counts: Iterable[int | None]) -> int | None:
    """Return the sum of what is known; None if nothing is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
