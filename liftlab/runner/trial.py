"""One case through all stages: every HTTP exchange a row, every refused reply another attempt."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

from liftlab.endpoints.base import Endpoint, Reply, Request, Sampling
from liftlab.pipeline.base import Code, ParseSource, Prompt, Stage, StageError
from liftlab.records import Attempt, Phase, Trial
from liftlab.records import Stage as StageRow
from liftlab.runner.plan import PlannedTrial, attempt_seed
from liftlab.timing import Clock

# What a model, asked again with another seed, may well get right; the rest is the endpoint's.
ASK_AGAIN = frozenset({"invalid_json", "schema_mismatch", "length"})


class Ledger(Protocol):
    """Where rows and texts go: the journal and the artifacts of a run."""

    def next_seq(self) -> int:
        """Return the number of the next attempt."""
        ...

    def attempts_before(self, case_id: str, repeat: int, stage: str) -> int:
        """Return how many attempts an earlier, broken-off session made at this stage."""
        ...

    def attempt_sent(self, attempt: Attempt) -> None:
        """Note an attempt as it is sent."""
        ...

    def attempt_ended(self, attempt: Attempt) -> None:
        """Complete an attempt's row."""
        ...

    def keep(self, content: bytes) -> str:
        """Keep a text, and return its digest."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every trial of a run shares."""

    run_id: str
    stages: tuple[Stage, ...]
    endpoint: Endpoint
    endpoint_name: str
    sampling: Sampling
    run_seed: int
    deadline_s: float
    clock: Clock
    ledger: Ledger
    parse_source: ParseSource


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDone:
    """A stage's row and its value; the value of a failed stage is what there was of it."""

    row: StageRow
    value: Any
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialDone:
    """A trial's row, its stages, and the code it ended with, if any."""

    row: Trial
    stages: tuple[StageRow, ...]
    code: Code | None


@dataclass(slots=True)
class _StageRun:
    """The attempts of one stage so far."""

    context: Context
    trial: PlannedTrial
    stage: Stage
    phase: Phase
    attempts: list[Attempt] = field(default_factory=list)


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
    context
        What every trial of the run shares.
    planned
        The case and its repeat.
    phase
        `measure`, or `probe` for a pass that is not counted.
    peak_mb
        Client memory by stage, where a pass of its own has measured it.
    around
        A context manager made for each stage's name and held while the stage runs.
    """
    values: dict[str, Any] = {}
    done: list[StageDone] = []
    for position, stage in enumerate(context.stages):
        running = _StageRun(context, planned, stage, phase)
        with around(stage.name):
            finished = await _run_stage(running, position, values, (peak_mb or {}).get(stage.name))
        done.append(finished)
        if not finished.row.ok:
            break
        values[stage.name] = finished.value
    return TrialDone(
        row=_trial_row(context, planned, done),
        stages=tuple(stage.row for stage in done),
        code=next((d.value for d in reversed(done) if isinstance(d.value, Code)), None),
    )


async def _run_stage(
    running: _StageRun, position: int, values: Mapping[str, Any], peak_mb: float | None
) -> StageDone:
    context, stage = running.context, running.stage
    prompt = stage.prompt(running.trial.prompt, values)
    outcome: Any = None
    reason: str | None = None
    before = context.ledger.attempts_before(running.trial.case_id, running.trial.repeat, stage.name)
    for number in range(before + 1, before + stage.attempts + 1):
        reply = await _attempt(running, prompt, number, reason)
        outcome, reason = await _judge(running, reply, values)
        running.attempts[-1] = dataclasses.replace(running.attempts[-1], valid=reason is None)
        context.ledger.attempt_ended(running.attempts[-1])
        if reason is None or (reply.error_class and reply.error_class not in ASK_AGAIN):
            break
    value = outcome.value if isinstance(outcome, StageError) else outcome
    first, last = running.attempts[0], running.attempts[-1]
    return StageDone(
        row=StageRow(
            run_id=context.run_id,
            case_id=running.trial.case_id,
            repeat=running.trial.repeat,
            stage=stage.name,
            position=position,
            ok=reason is None,
            started_s=first.sent_s,
            finished_s=last.last_byte_s,
            latency_s=_difference(last.last_byte_s, first.sent_s),
            attempts=len(running.attempts),
            output_tokens=_total(a.output_tokens for a in running.attempts),
            error_class=reason,
            client_peak_mb=peak_mb,
            value_sha256=None if value is None else context.ledger.keep(_as_artifact(value)),
        ),
        value=value,
        attempts=tuple(running.attempts),
    )


async def _attempt(
    running: _StageRun, prompt: Prompt, number: int, retry_reason: str | None
) -> Reply:
    """Send one request; its row is in the journal before the request is on the wire."""
    context, trial, ledger = running.context, running.trial, running.context.ledger
    seq = ledger.next_seq()
    seed = attempt_seed(context.run_seed, trial.case_id, trial.repeat, running.stage.name, number)
    request = Request(
        prompt=prompt.text,
        system=prompt.system,
        schema=prompt.schema,
        stop=prompt.stop,
        request_id=f"{context.run_id}-{seq}",
        sampling=_sampling(context.sampling, prompt.max_tokens, seed),
        deadline_s=context.deadline_s,
    )
    row = Attempt(
        run_id=context.run_id,
        seq=seq,
        case_id=trial.case_id,
        repeat=trial.repeat,
        stage=running.stage.name,
        attempt=number,
        request_id=request.request_id,
        phase=running.phase,
        endpoint=context.endpoint_name,
        seed=seed,
        called_s=context.clock.now_s(),
        retry_reason=retry_reason,
        backoff_before_s=None if retry_reason is None else 0.0,
        prompt_sha256=ledger.keep(prompt_artifact(prompt)),
    )
    ledger.attempt_sent(row)
    try:
        reply = await context.endpoint.generate(request)
    except asyncio.CancelledError:
        ledger.attempt_ended(
            dataclasses.replace(
                row,
                ended_s=context.clock.now_s(),
                error_class="cancelled",
                valid=False,
                transport_ok=False,
            )
        )
        raise
    running.attempts.append(completed(row, reply, context.clock, ledger))
    return reply


async def _judge(
    running: _StageRun, reply: Reply, values: Mapping[str, Any]
) -> tuple[Any, str | None]:
    """Return the stage's value and None, or what there is of it and why it was refused."""
    if reply.error_class is not None:
        return None, reply.error_class
    # Parsing waits for the sandbox; the loop must go on reading other replies meanwhile.
    outcome = await asyncio.to_thread(
        running.stage.parse, reply.value, values, running.context.parse_source
    )
    return outcome, outcome.reason if isinstance(outcome, StageError) else None


def completed(row: Attempt, reply: Reply, clock: Clock, ledger: Ledger) -> Attempt:
    """Fill an attempt's row in with what its reply carries."""
    stamps = reply.stamps
    return dataclasses.replace(
        row,
        model=reply.model,
        called_s=clock.seconds(stamps.called_ns),
        pool_s=stamps.pool_s,
        dns_s=stamps.dns_s,
        tcp_s=stamps.tcp_s,
        tls_s=stamps.tls_s,
        connection_reused=stamps.connection_reused,
        sent_s=clock.seconds(stamps.sent_ns),
        headers_s=clock.seconds(stamps.headers_ns),
        first_byte_s=clock.seconds(stamps.first_byte_ns),
        first_token_s=clock.seconds(reply.first_token_ns),
        first_reasoning_s=clock.seconds(reply.first_reasoning_ns),
        last_token_s=clock.seconds(reply.last_token_ns),
        last_byte_s=clock.seconds(stamps.last_byte_ns),
        ended_s=clock.seconds(stamps.ended_ns),
        chunks=stamps.chunks,
        max_gap_s=stamps.max_gap_s,
        server_s=reply.server_s,
        queue_s=_queue(reply),
        hops=stamps.hops,
        prompt_tokens=reply.prompt_tokens,
        cached_tokens=reply.cached_tokens,
        output_tokens=reply.output_tokens,
        reasoning_tokens=reply.reasoning_tokens,
        finish_reason=reply.finish_reason,
        http_status=reply.http_status,
        response_id=reply.response_id,
        bytes_sent=stamps.bytes_sent,
        bytes_received=stamps.bytes_received,
        transport_ok=reply.transport_ok,
        valid=reply.error_class is None,
        error_class=reply.error_class,
        retry_after_s=reply.retry_after_s,
        reply_sha256=ledger.keep(reply.raw) if reply.raw else None,
    )


def prompt_artifact(prompt: Prompt) -> bytes:
    """Return the text kept for a prompt: what was asked, and under which schema."""
    asked = {"system": prompt.system, "prompt": prompt.text, "schema": prompt.schema}
    return json.dumps(asked, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace")


def _as_artifact(value: Any) -> bytes:
    """Return a stage's value as JSON; code is told apart from other values by its key."""
    if isinstance(value, Code):
        value = {"code": value.source, "function": value.function}
    else:
        value = {"value": value}
    return json.dumps(value, ensure_ascii=True).encode()


def _sampling(sampling: Sampling, max_tokens: int | None, seed: int) -> Sampling:
    limit = min(sampling.max_tokens, max_tokens or sampling.max_tokens)
    return dataclasses.replace(sampling, max_tokens=limit, seed=seed)


def _queue(reply: Reply) -> float | None:
    """Time before the first byte that the server did not work: queue and network together."""
    stamps = reply.stamps
    if reply.server_s is None or stamps.sent_ns is None or stamps.first_byte_ns is None:
        return None
    return max(0.0, (stamps.first_byte_ns - stamps.sent_ns) / 1e9 - reply.server_s)


def _trial_row(context: Context, planned: PlannedTrial, done: list[StageDone]) -> Trial:
    attempts = [attempt for stage in done for attempt in stage.attempts]
    first, last = attempts[0], attempts[-1]
    return Trial(
        run_id=context.run_id,
        case_id=planned.case_id,
        repeat=planned.repeat,
        category=planned.category,
        difficulty=planned.difficulty,
        started_at=None if first.sent_s is None else context.clock.utc(first.sent_s),
        e2e_s=_difference(last.last_byte_s, first.sent_s),
        attempts=len(attempts),
        cold=any(cold) if (cold := [a.cold for a in attempts if a.cold is not None]) else None,
        completed=len(done) == len(context.stages) and done[-1].row.ok,
    )


def _difference(end: float | None, start: float | None) -> float | None:
    return None if end is None or start is None else end - start


def _total(counts: Iterator[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
