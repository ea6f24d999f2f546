"""One case through all stages: dropped requests are sent again, refused replies asked again."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from liftlab.endpoints.base import Reply
from liftlab.pipeline.base import PROGRAM, SIGNATURE, Code, Prompt, Stage, StageError
from liftlab.pipeline.build import is_built_in
from liftlab.pipeline.own import told
from liftlab.records import STALE, Attempt, Phase, Trial
from liftlab.records import Stage as StageRow
from liftlab.runner.attempt import Asked, Context, Work, client_s, send
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
    attempts: tuple[Attempt, ...]
    value: Any = None
    names_function: bool = False
    no_answer: bool = False


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


@dataclass(frozen=True, slots=True)
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
    position: int
    phase: Phase
    peak_mb: float | None
    until_s: float  # when the trial's time is up
    values: Mapping[str, Any]
    number: int
    attempts: list[Attempt] = field(default_factory=list)
    work: Work = field(default_factory=Work)

    def left_s(self) -> float:
        return self.until_s - self.context.clock.now_s()

    def row(self, reason: str | None, kept: dict[str, Any] | None) -> StageRow:
        """Return the stage's row; `kept` is what its artifact holds."""
        attempts, keep = self.attempts, self.context.ledger.keep
        started_s = _first_sent(attempts)
        finished_s = attempts[-1].last_byte_s if attempts else None
        return StageRow(
            run_id=self.context.run_id,
            case_id=self.trial.case_id,
            repeat=self.trial.repeat,
            stage=self.stage.name,
            position=self.position,
            ok=reason is None,
            started_s=started_s,
            finished_s=finished_s,
            latency_s=_difference(finished_s, started_s),
            client_s=client_s(attempts),
            work_s=None if is_built_in(self.stage) else self.work.seconds,
            attempts=len(attempts),
            output_tokens=total(a.output_tokens for a in attempts),
            error_class=reason,
            client_peak_mb=self.peak_mb,
            value_sha256=None if kept is None else keep(json.dumps(kept).encode()),
        )


async def run_trial(
    context: Context,
    planned: PlannedTrial,
    *,
    phase: Phase = "measure",
    peak_mb: Mapping[str, float] | None = None,
    around: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> TrialDone:
    """Send one case through all stages, and stop at the first that fails.

    `phase` is `probe` for a pass that is not counted. `peak_mb`: client memory by stage, where a
    pass of its own has measured it. `around` is made for each stage's name, and held meanwhile.
    """
    values: dict[str, Any] = {SIGNATURE: planned.signature, PROGRAM: planned.is_program}
    done: list[StageDone] = []
    until_s = context.clock.now_s() + (context.settings.trial_deadline_s or math.inf)
    for position, stage in enumerate(context.stages):
        running = _StageRun(
            context=context.of(stage.name),
            trial=planned,
            stage=stage,
            position=position,
            phase=phase,
            peak_mb=(peak_mb or {}).get(stage.name),
            until_s=until_s,
            values=values,
            number=context.ledger.attempts_before(*planned.key, stage.name),
        )
        with around(stage.name):
            finished = await _run_stage(running)
        done.append(finished)
        if not finished.row.ok:
            break
        values[stage.name] = finished.value
    attempts = tuple(attempt for stage in done for attempt in stage.attempts)
    return TrialDone(
        row=_trial_row(context, planned, done, attempts),
        stages=tuple(stage.row for stage in done),
        attempts=attempts,
        code=next((d.value for d in reversed(done) if isinstance(d.value, Code)), None),
        no_answer=done[-1].no_answer,
    )


async def _run_stage(running: _StageRun) -> StageDone:
    context, stage = running.context, running.stage
    is_foreign = not is_built_in(stage)
    try:
        with running.work.timed():
            prompt = stage.prompt(running.trial.prompt, running.values)
    except Exception as error:  # a stage of the user's own
        kept = {"message": told(error, context.root)}
        row = replace(running.row("pipeline_error", kept), client_peak_mb=None)
        return StageDone(row=row, attempts=())
    if is_foreign and (prompt.max_tokens or 0) > context.sampling.max_tokens:
        context.note(
            f"{stage.name} asks for up to {prompt.max_tokens:,} tokens and gets "
            f"{context.sampling.max_tokens:,}: set max_tokens in [stages.{stage.name}]"
        )
    judged: _Judged | None = None
    reason: str | None = None
    for _ in range(stage.attempts):
        if running.left_s() <= 0:
            reason = reason or "deadline"
            break
        judged = await _ask(running, prompt, reason)
        reason, failed = judged.reason, judged.reply.error_class
        given_up = reason == "pipeline_error" or (failed and failed not in ASK_AGAIN)
        if reason is None or given_up:
            break
    words = work_note(stage.name, running.work.seconds)
    if is_foreign and words and stage.name not in context.noted:
        context.noted.add(stage.name)
        context.note(words)
    outcome = judged.outcome if judged else None
    value = outcome.value if isinstance(outcome, StageError) else outcome
    return StageDone(
        row=running.row(reason, _kept(judged, value)),
        value=value,
        names_function=mentions(f"{prompt.system}\n{prompt.text}", running.trial.function),
        attempts=tuple(running.attempts),
        no_answer=judged is not None and judged.reply.no_answer,
    )


async def _ask(running: _StageRun, prompt: Prompt, reason: str | None) -> _Judged:
    """Send a prompt until the transport holds, or its retries are spent."""
    context = running.context
    why, waited_s = reason, None if reason is None else 0.0

    async def sleep(seconds: float) -> None:
        nonlocal waited_s
        began_s = context.clock.now_s()
        await context.sleep(seconds)
        waited_s = context.clock.now_s() - began_s

    async def attempt() -> _Judged:
        nonlocal why, waited_s
        judged = await _attempt(running, prompt, why, waited_s)
        # Such a request goes out again without a pause, and without being a retry.
        while judged.reply.error_class == STALE and judged.reply.stamps.connection_reused:
            context.note(STALE_NOTE)
            judged = await _attempt(running, prompt, STALE, 0.0)
        why, waited_s = judged.reason, 0.0
        return judged

    seed = attempt_seed(
        context.run_seed, *running.trial.key, running.stage.name, running.number + 1
    )
    again = retrying(context.settings.retry, seed=seed, sleep=sleep, left_s=running.left_s)
    judged: _Judged = await again(attempt)
    return judged


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
        deadline_s=min(running.context.settings.deadline_s, max(running.left_s(), 1e-3)),
    )
    row, reply = await send(running.context, prompt, asked)
    judged = await _judge(running, reply)
    row = replace(row, valid=judged.reason is None)
    running.attempts.append(row)
    running.context.ledger.attempt_ended(row)
    return judged


async def _judge(running: _StageRun, reply: Reply) -> _Judged:
    """Let the stage read a reply: its value, or what there is of it and why it was refused."""
    if reason := reply.failure or reply.error_class:
        return _Judged(reply, None, reason)
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
    return _Judged(reply, outcome, outcome.reason if isinstance(outcome, StageError) else None)


def _kept(judged: _Judged | None, value: Any) -> dict[str, Any] | None:
    """Return what to keep of a stage: its value, code by a key of its own; else what was wrong."""
    kept: dict[str, Any]
    if isinstance(value, Code):
        kept = {"code": value.source, "function": value.function}
    elif value is not None:
        kept = {"value": value}
    elif judged is None:
        return None
    else:
        refused = isinstance(judged.outcome, StageError)
        message = judged.outcome.message if refused else judged.reply.message
        if message is None:
            return None
        kept = {"message": message, "no_answer": judged.reply.no_answer}
    if judged is not None and judged.reply.notes:
        kept["reply"] = list(judged.reply.notes)
    return kept


def _trial_row(
    context: Context,
    planned: PlannedTrial,
    done: list[StageDone],
    attempts: tuple[Attempt, ...],
) -> Trial:
    started_s = _first_sent(attempts)
    return Trial(
        run_id=context.run_id,
        case_id=planned.case_id,
        repeat=planned.repeat,
        category=planned.category,
        difficulty=planned.difficulty,
        started_at=None if started_s is None else context.clock.utc(started_s),
        e2e_s=_difference(done[-1].row.finished_s, started_s),
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
