"""What every trial of a run shares; and one HTTP exchange as a row, written before it is sent."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from liftlab.endpoints.base import Endpoint, Reply, Request, Sampling
from liftlab.pipeline.base import ParseSource, Prompt, Stage
from liftlab.pipeline.own import OwnFunction
from liftlab.records import Attempt, Phase
from liftlab.runner.cold_start import LEAST_COLD_S, Awakening, ColdWatch
from liftlab.runner.plan import PlannedTrial, attempt_seed
from liftlab.runner.retry import Sleep
from liftlab.sandbox import ParseReport
from liftlab.settings import EndpointSettings
from liftlab.store import Journal, RunFolder
from liftlab.timing.clock import Clock, Stamps


class Ledger:
    """Where rows and texts go: the journal and the artifacts of a run."""

    def __init__(self, folder: RunFolder, journal: Journal) -> None:
        self._journal = journal
        self._before = journal.attempts_made()
        self.next_seq: Callable[[], int] = journal.next_seq
        self.attempt_ended: Callable[[Attempt], None] = journal.attempt_ended
        self.keep: Callable[[bytes], str] = folder.artifacts.put

    async def attempt_sent(self, attempt: Attempt) -> None:
        """Write an attempt's row, and wait until no kill can lose it."""
        await asyncio.wrap_future(self._journal.attempt_sent(attempt))

    def attempts_before(self, case_id: str, repeat: int, stage: str) -> int:
        """Return how many attempts an earlier, broken-off session made at this stage."""
        return self._before.get((case_id, repeat, stage), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every trial of a run shares."""

    run_id: str
    stages: tuple[Stage, ...]
    endpoint: Endpoint
    settings: EndpointSettings  # of that endpoint, as it runs
    sampling: Sampling
    run_seed: int
    clock: Clock
    ledger: Ledger
    parse_source: ParseSource
    watch: ColdWatch
    sleep: Sleep = asyncio.sleep
    note: Callable[[str], None] = lambda text: None  # tells a person something, once
    noted: set[str] = field(default_factory=set)  # stages whose own work a person was told of
    root: Path = Path()
    elsewhere: Mapping[str, Context] = field(default_factory=dict)  # by stage: what is its own
    own: OwnFunction | None = None  # the user's own pipeline; there are no `stages` then

    @property
    def least_cold_s(self) -> float:
        """The shortest wait that counts as a cold start."""
        return LEAST_COLD_S / self.settings.time_scale

    def of(self, stage: str) -> Context:
        """Return what the attempts of one stage share."""
        return self.elsewhere.get(stage, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which attempt at which stage of which trial this is; without a trial one of the warm-up."""

    trial: PlannedTrial | None
    stage: str
    phase: Phase
    number: int
    retry_reason: str | None
    backoff_s: float | None
    deadline_s: float


async def send(context: Context, prompt: Prompt, asked: Asked) -> tuple[Attempt, Reply]:
    """Send one request, and return its row and its reply.

    The row is in the ledger as it was sent; the caller completes it once the reply is judged.
    """
    request, row = _prepared(context, prompt, asked)
    try:
        await context.ledger.attempt_sent(row)  # else a kill right now leaves it without a row
        awakening = context.watch.called(context.clock.now_ns())
        reply = await context.endpoint.generate(request)
    except asyncio.CancelledError:
        context.ledger.attempt_ended(cancelled(row, context.clock.now_s()))
        raise
    return completed(context, row, awakening, reply), reply


def _prepared(context: Context, prompt: Prompt, asked: Asked) -> tuple[Request, Attempt]:
    row = row_apart(context, asked.phase)
    case_id, repeat = asked.trial.key if asked.trial else (None, None)
    seed = attempt_seed(context.run_seed, case_id or "", repeat or 0, asked.stage, asked.number)
    request = prompt.as_request(
        row.request_id or "",
        context.sampling,
        seed,
        deadline_s=asked.deadline_s,
        stream=context.settings.stream,
        nonce=context.settings.nonce,
    )
    row = replace(
        row,
        case_id=case_id,
        repeat=repeat,
        stage=asked.stage,
        attempt=asked.number if asked.trial else None,
        seed=None if "seed" in context.endpoint.form.left_out else seed,
        called_s=context.clock.now_s(),
        retry_reason=asked.retry_reason,
        backoff_before_s=asked.backoff_s,
        prompt_sha256=context.ledger.keep(prompt_artifact(prompt)),
    )
    return request, row


def row_apart(context: Context, phase: Phase) -> Attempt:
    """Return the row of an attempt that belongs to no trial yet."""
    seq = context.ledger.next_seq()
    return Attempt(
        run_id=context.run_id,
        seq=seq,
        request_id=f"{context.run_id}-{seq}",
        phase=phase,
        endpoint=context.settings.name,
        called_s=context.clock.now_s(),
    )


_COLUMNS = {field.name for field in fields(Attempt)}
_TOLD = [field.name for field in fields(Reply) if field.name in _COLUMNS]
_SPANS = [field.name for field in fields(Stamps) if field.name in _COLUMNS]


def _moments_of(kind: type[Reply | Stamps]) -> list[tuple[str, str]]:
    """Return the fields that hold stamps, each with the column that has it in seconds."""
    names = [field.name.removesuffix("_ns") for field in fields(kind)]
    return [(f"{name}_ns", f"{name}_s") for name in names if f"{name}_s" in _COLUMNS]


_SOCKETS_MOMENTS, _TOKENS_MOMENTS = _moments_of(Stamps), _moments_of(Reply)


def measured(reply: Reply, clock: Clock) -> dict[str, Any]:
    """Return the columns of an attempt that a reply fills, moments since the run's zero."""
    stamps = reply.stamps
    row = {name: getattr(reply, name) for name in _TOLD}
    row |= {name: getattr(stamps, name) for name in _SPANS}
    row |= {name: clock.seconds(getattr(stamps, ns)) for ns, name in _SOCKETS_MOMENTS}
    row |= {name: clock.seconds(getattr(reply, ns)) for ns, name in _TOKENS_MOMENTS}
    return row | {"valid": reply.error_class is None and reply.failure is None}


def completed(context: Context, row: Attempt, awakening: Awakening | None, reply: Reply) -> Attempt:
    """Return a row with what its reply carries, and what it waited for."""
    wait = context.watch.ended(awakening, reply)
    return replace(
        row,
        **measured(reply, context.clock) | {"queue_s": wait.queue_s},
        cold=wait.cold,
        cold_s=wait.cold_s,
        reply_sha256=context.ledger.keep(reply.raw) if reply.raw else None,
    )


def cancelled(row: Attempt, ended_s: float) -> Attempt:
    """Return the row of an attempt that was given up."""
    return replace(row, ended_s=ended_s, error_class="cancelled", transport_ok=False, valid=False)


def prompt_artifact(prompt: Prompt) -> bytes:
    """Return the text kept for a prompt: what was asked, and under which schema."""
    asked = {"system": prompt.system, "prompt": prompt.text, "schema": prompt.schema}
    return json.dumps(asked, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace")


class Work:
    """Times what a stage's own methods do; no time of an attempt has it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def timed(self, sign: int = 1) -> Iterator[None]:
        """Add the time of a block, or take it off."""
        began_s = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += sign * (time.perf_counter() - began_s)

    def without(self, parse_source: ParseSource) -> ParseSource:
        """Return a parser whose own time is taken off: it waits for the sandbox."""

        def parse(source: bytes) -> ParseReport:
            with self.timed(-1):
                return parse_source(source)

        return parse


def client_s(attempts: Sequence[Attempt]) -> float | None:
    """Return how long liftlab worked between the first sent and the last byte of some attempts.

    That is from the end of each exchange to the next call (reading the reply, parsing in the
    sandbox, writing rows, building the prompt), less the pause before that call. None where
    nothing was sent.
    """
    sent = [attempt.sent_s is not None for attempt in attempts]
    if not any(sent):
        return None
    total_s = 0.0
    for before, after in pairwise(attempts[sent.index(True) :]):
        if before.ended_s is not None and after.called_s is not None:
            between_s = after.called_s - before.ended_s - (after.backoff_before_s or 0.0)
            total_s += max(0.0, between_s)
    return total_s
