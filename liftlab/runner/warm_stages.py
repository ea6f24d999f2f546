"""Let the warm-up pay what the first use of each stage costs: its schema's grammar, its prefix.

A server compiles a schema's grammar when it first sees it, which takes seconds, and reads a
prompt's unchanging beginning once. So each stage is asked for one token before the first trial,
where it has a schema twice: what the first takes longer is the compilation.
"""

from __future__ import annotations

from dataclasses import replace

from liftlab.endpoints.base import Reply
from liftlab.pipeline.base import Prompt, Stage
from liftlab.pipeline.prompts import EMPTY_IR
from liftlab.records import STALE, Attempt
from liftlab.runner.attempt import Asked, send
from liftlab.runner.context import Context
from liftlab.runner.retry import is_passing
from liftlab.words import stage_words

_TOLD_S = 0.05  # a first use that cost less is not worth a note
_REQUEST = "Add two numbers."


async def warm_stages(context: Context, least_s: float) -> None:
    """Ask each stage for one token; the rows are of phase `warmup`, and no failure counts.

    `context`: what all trials share. `least_s`: the shortest compilation of a grammar that is told
    apart.
    """
    for stage in context.stages:
        prompt = _prompt(context, stage)
        if prompt is None:
            continue
        row, reply = await _ask(context.of(stage.name), stage, prompt)
        if prompt.schema is not None and reply.transport_ok:
            again_row, again = await _ask(context.of(stage.name), stage, prompt)
            context.ledger.attempt_ended(again_row)
            over_s = _over_s(reply, again) - (row.cold_s or 0.0)
            if row.compile_s is None and again.transport_ok and over_s >= least_s:
                row = replace(row, compile_s=over_s)
        context.ledger.attempt_ended(row)
        if row.compile_s and row.compile_s >= _TOLD_S:
            name = stage_words(stage.name)
            context.note(f"the first use of the schema of {name} took {row.compile_s:.1f} s more")


def _prompt(context: Context, stage: Stage) -> Prompt | None:
    """Return what a stage would ask; None where that takes values of real trials."""
    before = {other.name: EMPTY_IR for other in context.stages if other is not stage}
    try:
        return replace(stage.prompt(_REQUEST, before), max_tokens=1)
    except Exception:  # a stage of the user's may do with its values what it likes
        return None


async def _ask(context: Context, stage: Stage, prompt: Prompt) -> tuple[Attempt, Reply]:
    """Ask, again after the pause that the server asks for; the last row is the caller's to end."""
    why, wait_s = None, None
    for number in (1, 2):
        asked = Asked(
            trial=None,
            stage=stage.name,
            phase="warmup",
            number=number,
            retry_reason=why,
            backoff_s=wait_s,
            deadline_s=context.deadline_s,
        )
        row, reply = await send(context, prompt, asked)
        row = replace(row, valid=reply.transport_ok)
        why, wait_s = reply.error_class, _pause_s(context, reply)
        if wait_s is None or number > 1:
            break
        context.ledger.attempt_ended(row)
        await context.sleep(wait_s)
    return row, reply


def _pause_s(context: Context, reply: Reply) -> float | None:
    """Return the pause after which a request is worth sending again; None if it is not."""
    if reply.error_class == STALE:
        return 0.0
    if reply.retry_after_s is None or not is_passing(reply):
        return None
    return min(reply.retry_after_s, context.retry.retry_after_max_s)


def _over_s(first: Reply, again: Reply) -> float:
    """Return what a first request took longer than the next, apart from reading its prompt."""
    over_s = _seconds(first) - _seconds(again)
    if first.prefill_s is not None and again.prefill_s is not None:
        over_s -= first.prefill_s - again.prefill_s
    return over_s


def _seconds(reply: Reply) -> float:
    stamps = reply.stamps
    return ((stamps.ended_ns or 0) - (stamps.sent_ns or stamps.called_ns)) / 1e9
