"""Wake an endpoint, then let each stage's first use pay what it costs: a grammar, a prefix.

It is asked until its model is loaded, then once more to see what a warm call takes. A server
compiles a schema's grammar when it first sees it, which takes seconds, and reads a prompt's
unchanging beginning once. So each stage is asked for one token before the first trial, where it
has a schema twice: what the first takes longer is the compilation.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from liftlab.endpoints.base import Endpoint, Reply, WarmUp
from liftlab.pipeline.base import Prompt, Stage
from liftlab.pipeline.prompts import EMPTY_IR
from liftlab.records import STALE, Attempt
from liftlab.runner.attempt import Asked, Context, completed, row_apart, send
from liftlab.runner.cold_start import LEAST_COLD_S
from liftlab.runner.retry import Sleep, is_passing
from liftlab.words import stage_words

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 2.0
TELL_EVERY_S = 10.0

Ask = Callable[[float], Awaitable[WarmUp]]
Tell = Callable[[WarmUp, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUpResult:
    """What waking an endpoint came to.

    `seconds` is from the first call to the end of the last that was needed, pauses included;
    `again_s` what one more call took, None where there was none.
    """

    ok: bool
    url: str
    status: str
    calls: int
    seconds: float
    starting: bool = False
    again_s: float | None = None
    model: str | None = None
    least_s: float = LEAST_COLD_S

    @property
    def cold_s(self) -> float | None:
        """What waking took over a warm call; None where that is not known, 0 where it was awake.

        With several calls it is at most this: the model may have been ready during a pause.
        """
        if self.again_s is None:
            return None
        over_s = self.seconds - self.again_s
        return over_s if over_s >= self.least_s else 0.0


async def wake(
    endpoint: Endpoint,
    ask: Ask,
    *,
    within_s: float,
    now_s: Callable[[], float],
    sleep: Sleep,
    until_warm: bool = True,
    tell: Tell = lambda call, seconds: None,
    least_s: float = LEAST_COLD_S,
) -> WarmUpResult:
    """Ask an endpoint to load its model until it has, an answer is final, or time is up.

    One that has nothing to warm up is taken to be warm. With `until_warm` it is asked again while
    it says that it is starting. `tell` gets each answer, and the seconds since the first call.
    """
    if not endpoint.warmable:
        return WarmUpResult(ok=True, url="", status="no warm-up URL", calls=0, seconds=0.0)
    began_s, pause_s, calls = now_s(), FIRST_PAUSE_S, 0
    while True:
        calls += 1
        call = await ask(max(within_s - (now_s() - began_s), 1e-3))
        while call.reply.ask_otherwise:  # at once, as often as it refuses parameters
            call = await ask(max(within_s - (now_s() - began_s), 1e-3))
        tell(call, now_s() - began_s)
        wait_s = max(pause_s, call.reply.retry_after_s or 0.0)
        left_s = within_s - (now_s() - began_s)
        if not (call.starting and until_warm and wait_s < left_s):
            break
        await sleep(wait_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    seconds = now_s() - began_s
    second = await ask(within_s) if call.ok else None
    if second is not None and second.starting and second.reply.retry_after_s:
        left_s = within_s - (now_s() - began_s) if until_warm else 0.0
        await sleep(min(second.reply.retry_after_s, max(left_s, 0.0)))
    return WarmUpResult(
        ok=call.ok,
        url=call.url,
        status=call.status,
        calls=calls,
        seconds=seconds,
        starting=call.starting,
        again_s=second.seconds if second and second.ok else None,
        model=call.model,
        least_s=least_s,
    )


@asynccontextmanager
async def told_meanwhile(tell: Callable[[], None]) -> AsyncIterator[None]:
    """Tell every 10 s that the block goes on: a model may load for minutes."""

    async def ticking() -> None:
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            tell()

    task = asyncio.create_task(ticking())
    try:
        yield
    finally:
        task.cancel()


async def warm_up(context: Context) -> WarmUpResult:
    """Wake a run's endpoint; each call is an attempt of its own, in phase `warmup`.

    The first call that finds the model loaded is known to have been cold, and for how long,
    only after the next one: its row is completed then.
    """
    held: list[tuple[Attempt, WarmUp]] = []
    last = "no answer yet"
    began_s = context.clock.now_s()

    def tell_why() -> None:
        waited_s = context.clock.now_s() - began_s
        context.note(f"waiting for the endpoint since {waited_s:.0f} s: {last}")

    def keep_why(call: WarmUp, _: float) -> None:
        nonlocal last
        last = call.status

    async def ask(deadline_s: float) -> WarmUp:
        row = row_apart(context, "warmup")
        await context.ledger.attempt_sent(row)
        awakening = context.watch.called(context.clock.now_ns())
        call = await context.endpoint.warm(row.request_id or "", deadline_s)
        row = completed(context, row, awakening, call.reply)
        row = replace(row, model=call.model, valid=call.ok)
        if call.ok and not held:
            held.append((row, call))
        else:
            context.ledger.attempt_ended(row)
        return call

    async with told_meanwhile(tell_why):
        woken = await wake(
            context.endpoint,
            ask,
            within_s=context.settings.warm_s,
            now_s=context.clock.now_s,
            sleep=context.sleep,
            tell=keep_why,
            least_s=context.least_cold_s,
        )
    for row, call in held:
        over_s = None if woken.again_s is None else call.seconds - woken.again_s
        cold = None if over_s is None else over_s >= woken.least_s
        context.ledger.attempt_ended(replace(row, cold=cold, cold_s=over_s if cold else None))
    if woken.ok and context.endpoint.warmable and context.endpoint.warms_elsewhere:
        context.watch.goes_elsewhere()
    return woken


_TOLD_S = 0.05  # a first use that cost less is not worth a note
_REQUEST = "Add two numbers."


async def warm_stages(context: Context) -> None:
    """Ask each stage for one token; the rows are of phase `warmup`, and no failure counts."""
    for stage in context.stages:
        before = {other.name: EMPTY_IR for other in context.stages if other is not stage}
        try:
            prompt = replace(stage.prompt(_REQUEST, before), max_tokens=1)
        except Exception:  # noqa: S112  # a stage of the user's may want values of real trials
            continue
        row, reply = await _ask(context.of(stage.name), stage, prompt)
        if prompt.schema is not None and reply.transport_ok:
            again_row, again = await _ask(context.of(stage.name), stage, prompt)
            context.ledger.attempt_ended(again_row)
            over_s = _over_s(reply, again) - (row.cold_s or 0.0)
            if row.compile_s is None and again.transport_ok and over_s >= context.least_cold_s:
                row = replace(row, compile_s=over_s)
        context.ledger.attempt_ended(row)
        if row.compile_s and row.compile_s >= _TOLD_S:
            name = stage_words(stage.name)
            context.note(f"the first use of the schema of {name} took {row.compile_s:.1f} s more")


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
            deadline_s=context.settings.deadline_s,
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
    return min(reply.retry_after_s, context.settings.retry.retry_after_max_s)


def _over_s(first: Reply, again: Reply) -> float:
    """Return what a first request took longer than the next, apart from reading its prompt."""
    over_s = _seconds(first) - _seconds(again)
    if first.prefill_s is not None and again.prefill_s is not None:
        over_s -= first.prefill_s - again.prefill_s
    return over_s


def _seconds(reply: Reply) -> float:
    stamps = reply.stamps
    return ((stamps.ended_ns or 0) - (stamps.sent_ns or stamps.called_ns)) / 1e9
