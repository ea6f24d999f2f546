"""One HTTP exchange as a row, written before it is on the wire; and liftlab's own time between."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

from liftlab.endpoints.base import Reply, Request
from liftlab.pipeline.base import ParseSource, Prompt
from liftlab.records import Attempt, Phase
from liftlab.runner.cold_start import Wait
from liftlab.runner.context import Context, Ledger
from liftlab.runner.plan import PlannedTrial, attempt_seed
from liftlab.runner.rows import measured
from liftlab.sandbox import ParseReport
from liftlab.timing.clock import Clock


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which attempt at which stage of which trial this is, and why it is made.

    Without a trial it is one of the warm-up.
    """

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
    ledger = context.ledger
    request, row = _prepared(context, prompt, asked)
    try:
        await ledger.attempt_sent(row)  # else a kill right now leaves a request without a row
        awakening = context.watch.called(context.clock.now_ns())
        reply = await context.endpoint.generate(request)
    except asyncio.CancelledError:
        ended_s = context.clock.now_s()
        ledger.attempt_ended(
            dataclasses.replace(
                row, ended_s=ended_s, error_class="cancelled", valid=False, transport_ok=False
            )
        )
        raise
    wait = context.watch.ended(awakening, reply)
    return completed(row, reply, wait, context.clock, ledger), reply


def _prepared(context: Context, prompt: Prompt, asked: Asked) -> tuple[Request, Attempt]:
    trial, ledger = asked.trial, context.ledger
    seq = ledger.next_seq()
    case_id, repeat = (trial.case_id, trial.repeat) if trial else (None, None)
    seed = attempt_seed(context.run_seed, case_id or "", repeat or 0, asked.stage, asked.number)
    request = prompt.as_request(
        f"{context.run_id}-{seq}",
        context.sampling,
        seed,
        deadline_s=asked.deadline_s,
        stream=context.stream,
        nonce=context.nonce,
    )
    row = Attempt(
        run_id=context.run_id,
        seq=seq,
        case_id=case_id,
        repeat=repeat,
        stage=asked.stage,
        attempt=asked.number if trial else None,
        request_id=request.request_id,
        phase=asked.phase,
        endpoint=context.endpoint_name,
        seed=None if "seed" in context.endpoint.form.left_out else seed,
        called_s=context.clock.now_s(),
        retry_reason=asked.retry_reason,
        backoff_before_s=asked.backoff_s,
        prompt_sha256=ledger.keep(prompt_artifact(prompt)),
    )
    return request, row


def completed(row: Attempt, reply: Reply, wait: Wait, clock: Clock, ledger: Ledger) -> Attempt:
    """Fill an attempt's row in with what its reply carries."""
    return dataclasses.replace(
        row,
        **measured(reply, clock) | {"queue_s": wait.queue_s},
        cold=wait.cold,
        cold_s=wait.cold_s,
        reply_sha256=ledger.keep(reply.raw) if reply.raw else None,
    )


def prompt_artifact(prompt: Prompt) -> bytes:
    """Return the text kept for a prompt: what was asked, and under which schema."""
    asked = {"system": prompt.system, "prompt": prompt.text, "schema": prompt.schema}
    return json.dumps(asked, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace")


class Work:
    """Times what a stage's own methods do; no time of an attempt has it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Add the time of a block."""
        began_s = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - began_s

    def without(self, parse_source: ParseSource) -> ParseSource:
        """Return a parser whose own time is taken off: it waits for the sandbox."""

        def parse(source: bytes) -> ParseReport:
            began_s = time.perf_counter()
            try:
                return parse_source(source)
            finally:
                self.seconds -= time.perf_counter() - began_s

        return parse


def client_s(attempts: Sequence[Attempt]) -> float | None:
    """Return how long liftlab worked between the first sent and the last byte of some attempts.

    That is from the end of each exchange to the next call (reading the reply, parsing in the
    sandbox, writing rows, building the prompt), less the pause before that call. None where
    nothing was sent.

    Examples
    --------
    >>> first = Attempt(run_id="r", seq=1, sent_s=0.0, ended_s=1.0)
    >>> again = Attempt(run_id="r", seq=2, called_s=2.0, sent_s=2.0, backoff_before_s=0.75)
    >>> client_s([first, again]), client_s([first]), client_s([])
    (0.25, 0.0, None)
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
