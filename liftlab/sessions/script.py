"""Runs the script of one check: its steps in order, in lanes, and again."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from liftlab.pipeline.own import Answer
from liftlab.runner.trace import Trace
from liftlab.sessions.caller import Caller, Setup, uninterrupted
from liftlab.sessions.checks import calls_of, with_inner
from liftlab.sessions.judge import Judge, at_path, fits
from liftlab.sessions.model import NO_REPLY, AllModel, CheckModel, StepModel
from liftlab.sessions.paths import MISSING
from liftlab.sessions.pulse import ServerDown
from liftlab.sessions.record import Exchange, Record
from liftlab.sessions.template import Unset, fill, fill_text

_ASK_AGAIN_S, _MOST_ITEMS = 0.2, 200
_HOOK_S, _UP_AGAIN_S = 120.0, 60.0
Scope = dict[str, Any]


class _Stop(Exception):
    """A step was not as expected: what follows rests on it."""


class _Untested(Exception):
    """The check cannot be made here."""


async def run_check(setup: Setup, check_id: str, trace: Trace) -> Answer:
    """Run one check, delete what it made, and return the record of it as an answer's IR."""
    script = _Script(setup, setup.checks[check_id], trace)
    record = await script.run()
    return Answer("", ir=record.as_json())


class _Script:
    """One check under way."""

    def __init__(self, setup: Setup, check: CheckModel, trace: Trace) -> None:
        self._setup, self._check = setup, check
        self._caller = Caller(setup, check.id, trace)
        self._judge = Judge(setup.checks, check)
        self._record = Record()
        self._bodies: dict[str, bytes] = {}

    async def run(self) -> Record:
        record = self._record
        scope = {**self._setup.checks.values, "run": self._setup.context.run_id[-4:], "n": 1}
        try:
            async with asyncio.timeout(self._check.deadline_s):
                await self._steps(self._check.step, "", scope)
        except TimeoutError:
            record.fault = f"not at its end after {self._check.deadline_s:g} s"
        except _Untested as reason:
            record.untested = str(reason)
        except ServerDown as reason:
            record.untested, record.down = str(reason), True
        except (_Stop, Unset):
            pass  # what was found says why
        finally:
            record.left = await self._caller_done()
        record.lost_kept = self._caller.lost_kept
        return record

    async def _caller_done(self) -> list[str]:
        """Delete what there is, even while the run is being stopped."""
        left = await uninterrupted(self._caller.clean_up())
        await self._caller.close()
        for line in left:
            self._setup.context.note(f"could not be deleted: {line}")
        return left

    async def _steps(self, steps: Sequence[StepModel], prefix: str, scope: Scope) -> None:
        for number, step in enumerate(steps, 1):
            await self._step(step, f"{prefix}{number}", scope)

    async def _step(self, step: StepModel, at: str, scope: Scope) -> None:
        if step.wait is not None:
            await asyncio.sleep(step.wait)
        elif step.restart:
            await self._restart()
        elif step.parallel > 1:
            await self._in_parallel(step, at, scope)
        else:
            await self._in_turn(step, at, scope)
        if step.all != AllModel():
            self._look_over(at)

    async def _in_turn(self, step: StepModel, at: str, scope: Scope) -> None:
        if step.each is None and step.repeat == 1:
            await self._once(step, at, scope)
            return
        items: Any = [None] * step.repeat
        if step.each is not None:
            items = fill(step.each, scope)
            if not isinstance(items, list):
                self._record.fault = f"{step.each} is no list"
                raise _Stop
        for number, item in enumerate(items[:_MOST_ITEMS] if step.each else items, 1):
            scope |= {"n": number} | ({"each": item} if step.each else {})
            await self._once(step, f"{at}#{number}", scope)

    async def _in_parallel(self, step: StepModel, at: str, scope: Scope) -> None:
        lanes: list[Scope] = [{**scope, "n": n} for n in range(1, step.parallel + 1)]
        await _together(self._once(step, f"{at}#{lane['n']}", lane) for lane in lanes)
        for name in {name for inner in with_inner(step) for name in inner.save}:
            scope[name] = [lane[name] for lane in lanes if name in lane]

    async def _once(self, step: StepModel, at: str, scope: Scope) -> None:
        for name, template in step.variables.items():
            scope[name] = fill(template, scope)
        if step.steps:
            await self._steps(step.steps, f"{at}.", scope)
        for name in calls_of(step):
            await self._call(step, name, at, scope)
        if step.lanes:
            scopes = [dict(scope) for _ in step.lanes]
            await _together(
                self._steps(lane, f"{at}.l{number}.", mine)
                for number, (lane, mine) in enumerate(zip(step.lanes, scopes, strict=True), 1)
            )
            for mine in scopes:
                scope |= {k: v for k, v in mine.items() if v is not scope.get(k) and k != "n"}

    async def _call(self, step: StepModel, name: str, at: str, scope: Scope) -> None:
        pulse = self._setup.pulse
        pulse.check()
        if pulse.is_hopeless(name):
            raise _Untested(f"{name} gives no reply")
        until = time.monotonic() + (step.eventually or 0.0)
        while True:
            exchange, body = await self._caller.call(step, name, at, scope)
            self._refuse_untestable(step, exchange, body)
            findings = self._judge.exchange(exchange, body) if exchange.judged else []
            passed = all(one.passed for one in findings)
            if passed or time.monotonic() >= until:
                break
            self._record.exchanges.append(replace(exchange, judged=False))
            await asyncio.sleep(_ASK_AGAIN_S)
        self._record.exchanges.append(exchange)
        self._bodies[exchange.reply_sha256 or ""] = body
        for variable, path in step.save.items():
            value = at_path(fill_text(path, scope), exchange, body)
            if value is not MISSING:
                scope[variable] = value
        if not passed and not self._check.go_on:
            raise _Stop

    def _refuse_untestable(self, step: StepModel, exchange: Exchange, body: bytes) -> None:
        gaps = step.untested_if
        lost = exchange.status is None and NO_REPLY in gaps
        if not lost and not (exchange.status is not None and fits(exchange.status, gaps)):
            return
        self._record.exchanges.append(replace(exchange, judged=False))
        said = exchange.message or f"status {exchange.status}"
        with suppress(ValueError, AttributeError, RecursionError):
            said += f", {str(json.loads(body).get('detail', ''))[:200]}"
        raise _Untested(f"{exchange.call} is not available here ({said.rstrip(', ')})")

    def _look_over(self, at: str) -> None:
        """Judge the replies of a step together, which ends the check like any other judgement."""
        self._record.overs.append(at)
        findings = self._judge.over(
            at, self._record.exchanges, lambda one: self._bodies[one.reply_sha256 or ""]
        )
        if not self._check.go_on and not all(one.passed for one in findings):
            raise _Stop

    async def _restart(self) -> None:
        hook, pulse = self._setup.restart_hook, self._setup.pulse
        if hook is None:
            raise _Untested("restarts the server: give the command as --restart-hook")
        process = await asyncio.create_subprocess_shell(
            hook,
            cwd=self._setup.context.root,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(_HOOK_S):
                code = await process.wait()
        except TimeoutError:
            process.kill()
            raise _Untested(f"the restart hook did not end within {_HOOK_S:g} s") from None
        if code:
            raise _Untested(f"the restart hook ended with {code}")
        until = time.monotonic() + _UP_AGAIN_S
        while not await pulse.answers():
            if time.monotonic() > until:
                raise _Untested(f"no answer within {_UP_AGAIN_S:g} s after the restart hook")
            await asyncio.sleep(_ASK_AGAIN_S)


async def _together(lanes: Any) -> None:
    """Run lanes at the same time, all to their end; then raise what the first one raised."""
    work: list[Coroutine[Any, Any, None]] = list(lanes)
    raised = await asyncio.gather(*work, return_exceptions=True)
    errors = [one for one in raised if isinstance(one, BaseException)]
    if errors:
        raise next((one for one in errors if not isinstance(one, _Stop)), errors[0])
