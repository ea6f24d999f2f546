"""Runs the script of one check: its steps in order, in lanes, and again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from liftlab.pipeline.own import Answer
from liftlab.runner.trace import Trace
from liftlab.sessions.caller import Caller, Setup
from liftlab.sessions.checks import steps_of
from liftlab.sessions.clean_up import uninterrupted
from liftlab.sessions.judge import Finding, Judge
from liftlab.sessions.model import AllModel, CheckModel, StepModel
from liftlab.sessions.pulse import ServerDown
from liftlab.sessions.record import Exchange, Record
from liftlab.sessions.replies import MISSING, at_path, fits
from liftlab.sessions.template import Unset, fill, fill_text

_MOST_ITEMS = 200
_RESTART_S, _LOOK_AGAIN_S = 180.0, 0.2
Scope = dict[str, Any]


class _Stop(Exception):
    """A step was not as expected: what follows rests on it."""


class _Untested(Exception):
    """The check cannot be made here."""


async def run_check(setup: Setup, check_id: str, trace: Trace) -> Answer:
    """Run one check, delete what it made, and return the record of it as an answer's IR."""
    return Answer("", ir=asdict(await _Script(setup, setup.checks[check_id], trace).run()))


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
        try:
            async with asyncio.timeout(self._check.deadline_s):
                await self._steps(self._check.step, "", self._setup.scope)
        except TimeoutError:
            record.fault = f"not at its end after {self._check.deadline_s:g} s"
        except _Untested as reason:
            record.untested = str(reason)
        except ServerDown as reason:
            record.untested, record.down = str(reason), True
        except (_Stop, Unset):
            pass  # what was found says why
        finally:
            try:
                await uninterrupted(self._caller.clean_up.delete(self._check.id))
            finally:
                await self._caller.close()
        record.lost_kept = self._caller.wire.lost_kept
        return record

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
        items = [None] * step.repeat if step.each is None else fill(step.each, scope)
        if not isinstance(items, list):
            self._record.fault = f"{step.each} is no list"
            raise _Stop
        outer = scope["n"]
        for number, item in enumerate(items if step.each is None else items[:_MOST_ITEMS], 1):
            scope |= {"n": number} | ({"each": item} if step.each else {})
            await self._once(step, f"{at}#{number}", scope)
        scope["n"] = outer

    async def _in_parallel(self, step: StepModel, at: str, scope: Scope) -> None:
        lanes: list[Scope] = [{**scope, "n": n} for n in range(1, step.parallel + 1)]
        await _together(self._once(step, f"{at}#{lane['n']}", lane) for lane in lanes)
        for name in {name for inner in steps_of([step]) for name in inner.save}:
            scope[name] = [lane[name] for lane in lanes if name in lane]

    async def _once(self, step: StepModel, at: str, scope: Scope) -> None:
        for name, template in step.variables.items():
            scope[name] = fill(template, scope)
        if step.steps:
            await self._steps(step.steps, f"{at}.", scope)
        for name in step.call:
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
        self._setup.pulse.check()
        exchange, body = await self._caller.call(step, name, at, scope)
        self._refuse_untestable(step, exchange, body)
        findings = self._judge.exchange(exchange, body) if exchange.judged else []
        self._record.exchanges.append(exchange)
        self._bodies[exchange.reply_sha256 or ""] = body
        for variable, path in step.save.items():
            value = at_path(fill_text(path, scope), exchange, body)
            if value is not MISSING:
                scope[variable] = value
        self._stop_unless(findings)

    def _refuse_untestable(self, step: StepModel, exchange: Exchange, body: bytes) -> None:
        if not exchange.judged or not fits(exchange.status, step.untested_if):
            return
        self._record.exchanges.append(replace(exchange, judged=False))
        said = exchange.message or f"status {exchange.status}"
        with suppress(ValueError, AttributeError, RecursionError):
            said += f", {str(json.loads(body).get('detail', ''))[:200]}"
        raise _Untested(f"{exchange.call} is not available here ({said.rstrip(', ')})")

    def _look_over(self, at: str) -> None:
        """Judge the replies of a step together, which ends the check like any other judgement."""
        self._record.overs.append(at)
        bodies, exchanges = self._bodies, self._record.exchanges
        self._stop_unless(
            self._judge.over(at, exchanges, lambda one: bodies[one.reply_sha256 or ""])
        )

    def _stop_unless(self, findings: Sequence[Finding]) -> None:
        """End the check where something is not as expected, unless it is to go on."""
        if not self._check.go_on and not all(one.passed for one in findings):
            raise _Stop

    async def _restart(self) -> None:
        if self._setup.restart_hook is None:
            raise _Untested("restarts the server: give the command as --restart-hook")
        no, root = asyncio.subprocess.DEVNULL, self._setup.context.root
        hook = await asyncio.create_subprocess_shell(
            self._setup.restart_hook, cwd=root, stdin=no, stdout=no
        )
        try:
            async with asyncio.timeout(_RESTART_S):
                if code := await hook.wait():
                    raise _Untested(f"the restart hook ended with {code}")
                while await self._setup.pulse.silence():  # noqa: ASYNC110 - nothing tells of it
                    await asyncio.sleep(_LOOK_AGAIN_S)
        except TimeoutError:
            raise _Untested(f"no answer within {_RESTART_S:g} s of the restart hook") from None
        finally:
            if hook.returncode is None:
                hook.kill()
                await hook.wait()


async def _together(lanes: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run lanes at the same time, all to their end; then raise what the first one raised."""
    raised = await asyncio.gather(*lanes, return_exceptions=True)
    errors = [one for one in raised if isinstance(one, BaseException)]
    if errors:
        raise next((one for one in errors if not isinstance(one, _Stop)), errors[0])
