"""One HTTP exchange as a row: written before the request is on the wire, completed at its end."""

from __future__ import annotations

import asyncio
import dataclasses
import json

from liftlab.endpoints.base import Reply, Request, Sampling
from liftlab.pipeline.base import Prompt
from liftlab.records import Attempt, Phase
from liftlab.runner.cold import Wait
from liftlab.runner.context import Context, Ledger
from liftlab.runner.measured import measured
from liftlab.runner.plan import PlannedTrial, attempt_seed
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
    request = Request(
        prompt=prompt.text,
        system=prompt.system,
        schema=prompt.schema,
        needs=prompt.needs,
        stop=prompt.stop,
        request_id=f"{context.run_id}-{seq}",
        sampling=_sampling(context.sampling, prompt.max_tokens, seed),
        deadline_s=asked.deadline_s,
        stream=context.stream,
    )
    if context.nonce:
        request = request.with_nonce()
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


def _sampling(sampling: Sampling, max_tokens: int | None, seed: int) -> Sampling:
    limit = min(sampling.max_tokens, max_tokens or sampling.max_tokens)
    return dataclasses.replace(sampling, max_tokens=limit, seed=seed)
