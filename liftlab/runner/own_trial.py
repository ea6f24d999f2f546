"""One case through a pipeline of the user's own, as the same records that any trial has."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import json
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from liftlab.endpoints.replies import count_or_none
from liftlab.errors import LiftlabError
from liftlab.pipeline.base import Code
from liftlab.pipeline.own import Answer, OwnFunction, told
from liftlab.records import Attempt, Stage, Trial
from liftlab.runner.attempt import Context, cancelled
from liftlab.runner.plan import PlannedTrial
from liftlab.runner.trace import Trace, TracedStage, class_of, observing
from liftlab.runner.trial import TrialDone, is_cold, total
from liftlab.store.artifacts import MAX_BYTES
from liftlab.suite.signature import mentions
from liftlab.timing.observed import Observer, observer


@dataclass(frozen=True, slots=True)
class _Result:
    """What the function gave, or how it failed; `seconds` are on the run's clock."""

    ended_s: float
    answer: Answer | None = None
    error_class: str | None = None
    message: str | None = None


async def run_own_trial(context: Context, own: OwnFunction, planned: PlannedTrial) -> TrialDone:
    """Call the user's function for one case, and return what was recorded meanwhile.

    Its exceptions end the trial, never the run. A function that is not async runs in a thread.
    """
    began_s = context.clock.now_s()
    trace = Trace(context, planned, own.stage, began_s)
    more = _more_for(own.call, planned, trace)
    call = partial(own.call, planned.prompt, **more)
    result = _Result(context.clock.now_s(), error_class="cancelled")
    try:
        result = await _called(context, own, call, observing(context, trace))
    finally:
        tokens = result.answer.tokens if result.answer else None
        stages, unwritten, entered = trace.closed(result.ended_s, tokens)
        if result.error_class is not None and entered in stages:
            stages = [*(stage for stage in stages if stage is not entered), entered]
        await _write(context, stages, unwritten, result.ended_s)
    asked = f"{planned.prompt}\n{planned.signature if 'signature' in more else ''}"
    return _done(context, planned, stages, result, began_s, asked)


async def _called(
    context: Context, own: OwnFunction, call: Callable[[], Any], began: Observer
) -> _Result:
    """Call the function in a task of its own: what it sets there, no other trial sees."""
    task = asyncio.create_task(_outcome(own, call, began))
    try:
        async with asyncio.timeout(context.settings.trial_deadline_s) as limit:
            given, error = await task
    except TimeoutError:
        if not limit.expired():
            raise
        said = f"no answer within {context.settings.trial_deadline_s:g} s"
        return _Result(context.clock.now_s(), error_class="deadline", message=said)
    ended_s = context.clock.now_s()
    if isinstance(error, LiftlabError):
        raise error  # such as a journal that cannot be written: it ends the run
    if error is not None:
        reason = class_of(error) or "pipeline_error"
        return _Result(ended_s, error_class=reason, message=told(error, own.code.root))
    answer = Answer(given) if isinstance(given, str) else given
    fault = _fault_of(answer)
    if fault is None and isinstance(answer, Answer):
        return _Result(ended_s, answer=answer)
    said = f"{own.code.target} returned {fault}"
    return _Result(ended_s, error_class="pipeline_error", message=said)


def _fault_of(answer: object) -> str | None:
    """Say what is wrong with what the function returned; None if it is an answer."""
    if not isinstance(answer, Answer):
        return f"{type(answer).__name__}, which is neither code nor liftlab.Answer"
    wanted = {"code": str, "function": str | None, "tokens": int | None}
    for name, kind in wanted.items():
        if not isinstance(getattr(answer, name), kind):
            return f"an Answer whose {name} is {type(getattr(answer, name)).__name__}"
    if answer.tokens is not None and count_or_none(answer.tokens) is None:
        return "an Answer whose tokens are no count"
    try:
        size = len(json.dumps([answer.code, answer.function, answer.ir]))
    except (TypeError, ValueError, RecursionError):
        return "an Answer whose ir is no JSON data"
    if size > MAX_BYTES - 100:  # the keys that it is kept under
        return f"an answer of {size:,} bytes, more than a run keeps"
    return None


async def _outcome(
    own: OwnFunction, call: Callable[[], Any], began: Observer
) -> tuple[Any, BaseException | None]:
    """Return what the function gives, or raises."""
    observer.set(began)
    try:
        if any(map(inspect.iscoroutinefunction, (own.call, type(own.call).__call__))):
            return await call(), None
        given, error = await _in_thread(call)
        return (await given if inspect.isawaitable(given) else given), error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return None, error
    except BaseException as error:  # foreign code: SystemExit, too, ends its trial only
        return None, error


async def _in_thread(call: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """Call in a thread of its own, which does not keep an interrupted run from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
    inherited = contextvars.copy_context()

    def settle(outcome: tuple[Any, BaseException | None]) -> None:
        if not done.done():
            done.set_result(outcome)

    def work() -> None:
        outcome: tuple[Any, BaseException | None]
        try:
            outcome = inherited.run(call), None
        except BaseException as error:
            outcome = None, error
        with suppress(RuntimeError):  # the run has ended meanwhile
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=work, name="pipeline", daemon=True).start()
    return await done


def _more_for(call: Callable[..., Any], planned: PlannedTrial, trace: Trace) -> dict[str, Any]:
    """Return what the function gets beside the prompt: what it has parameters for."""
    known = {"trace": trace, "signature": planned.signature}
    try:
        parameters = inspect.signature(call).parameters
    except (TypeError, ValueError):  # a built-in one
        return {}
    return {name: value for name, value in known.items() if name in parameters}


async def _write(
    context: Context, stages: list[TracedStage], unwritten: set[int], ended_s: float
) -> None:
    """Complete the rows of all attempts; one that is still under way was given up."""
    for stage in stages:
        for row in stage.attempts:
            if row.seq in unwritten:
                await context.ledger.attempt_sent(row)
        stage.attempts[:] = [
            row if row.ended_s is not None else cancelled(row, ended_s) for row in stage.attempts
        ]
        for row in stage.attempts:
            context.ledger.attempt_ended(row)


def _done(
    context: Context,
    planned: PlannedTrial,
    stages: list[TracedStage],
    result: _Result,
    began_s: float,
    asked: str,
) -> TrialDone:
    answer = result.answer
    key: dict[str, Any] = {
        "run_id": context.run_id,
        "case_id": planned.case_id,
        "repeat": planned.repeat,
        "client_s": 0.0,  # the work between attempts is the user's own
    }
    attempts = tuple(attempt for stage in stages for attempt in stage.attempts)
    rows = []
    for position, stage in enumerate(stages):
        is_last = position == len(stages) - 1
        kept = _kept(result, position, is_last)
        error_class = result.error_class if is_last else None
        rows.append(
            Stage(
                **key,
                stage=stage.name,
                position=position,
                ok=error_class is None,
                started_s=stage.started_s,
                finished_s=stage.finished_s,
                latency_s=stage.latency_s,
                attempts=_count(stage.attempts),
                output_tokens=total(a.output_tokens for a in stage.attempts),
                error_class=error_class,
                value_sha256=None
                if kept is None
                else context.ledger.keep(json.dumps(kept).encode()),
            )
        )
    row = Trial(
        **key,
        category=planned.category,
        difficulty=planned.difficulty,
        started_at=context.clock.utc(began_s),
        e2e_s=result.ended_s - began_s,
        attempts=_count(attempts),
        cold=is_cold(attempts),
        completed=answer is not None,
        asked_function=planned.function if mentions(asked, planned.function) else None,
    )
    return TrialDone(
        row=row,
        stages=tuple(rows),
        attempts=attempts,
        code=None if answer is None else Code(source=answer.code, function=answer.function),
        message=result.message,
    )


def _count(attempts: Sequence[Attempt]) -> int | None:
    """Return how many attempts there were; None where one of them has no number."""
    return len(attempts) if all(attempt.attempt is not None for attempt in attempts) else None


def _kept(result: _Result, position: int, is_last: bool) -> dict[str, Any] | None:
    """Return what is kept of a stage: the first has the IR, the last the code or the fault."""
    answer = result.answer
    if answer is None:
        return {"message": result.message} if is_last and result.message else None
    if is_last:
        kept = {"code": answer.code, "function": answer.function}
        return kept if position or answer.ir is None else kept | {"ir": answer.ir}
    return {"value": answer.ir} if position == 0 and answer.ir is not None else None
