"""Runs checks in this process and judges them: what a run does, without its folder."""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from liftlab.runner.worker import Stop
from liftlab.sandbox import Sandbox
from liftlab.sessions.caller import Setup, silence_of
from liftlab.sessions.checks import Checks, parse
from liftlab.sessions.grade import Judged, judge
from liftlab.sessions.judge import Finding
from liftlab.sessions.model import SEVERITIES, Severity
from liftlab.sessions.pulse import Pulse
from liftlab.sessions.record import Record
from liftlab.sessions.script import run_check
from liftlab.settings import EndpointSettings
from tests.conftest import ROOT

PATIENCE_S = 1.0
LIFT = ROOT / "data/sessions/lift.toml"


class Kept(dict[str, bytes]):
    """Artifacts in memory."""

    def keep(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self[digest] = content
        return digest


def lift_checks(*ids: str, deadline_s: float = 10.0) -> Checks:
    """Return the checks of the lift API, with deadlines of calls as if the usual one were this."""
    return parse(short_checks(deadline_s), LIFT).only(ids)


def short_checks(deadline_s: float) -> bytes:
    """Return the file of these checks."""
    source = LIFT.read_bytes()
    for given in (10, 120):
        shorter = b"deadline_s = %g\n" % (given * deadline_s / 10)
        source = re.sub(rb"deadline_s = %d\b.*\n" % given, shorter, source)
    return source


async def run_checks(
    url: str,
    checks: Checks,
    sandbox: Sandbox,
    *,
    concurrency: int = 1,
    seed: int = 0,
    restart_hook: str | None = None,
) -> dict[str, Judged]:
    """Run checks in a shuffled order, those that run alone last, and return their verdicts."""
    kept, records = Kept(), {}
    context = SimpleNamespace(
        run_id=f"20260101_000000_{seed:04x}", ledger=kept, note=lambda _: None, root=Path.cwd()
    )

    async def silence() -> str | None:
        return await silence_of(setup, PATIENCE_S)

    endpoint = EndpointSettings(name="reference", protocol="lift", base_url=url)
    pulse = Pulse(Stop(), silence)
    setup = Setup(checks, endpoint, cast(Any, context), pulse, restart_hook)
    limit = asyncio.Semaphore(concurrency)

    async def one(check_id: str) -> None:
        async with limit:
            answer = await run_check(setup, check_id, cast(Any, None))
            records[check_id] = Record.from_json(answer.ir)

    order = [check.id for check in checks.check]
    random.Random(seed).shuffle(order)
    together = [name for name in order if not checks[name].alone]
    await asyncio.gather(*map(one, together))
    for name in order:
        if checks[name].alone:
            await one(name)
    artifacts = cast(Any, kept)
    return {
        name: judge(checks, name, record, artifacts, sandbox) for name, record in records.items()
    }


def failures(verdicts: dict[str, Judged]) -> Iterator[tuple[str, Finding]]:
    """Return what failed, with the check that saw it."""
    for name, verdict in sorted(verdicts.items()):
        for finding in verdict.findings:
            if not finding.passed:
                yield name, finding


def worst(found: Iterable[tuple[str, Finding]]) -> Severity | None:
    """Return the worst severity of failures."""
    return min((one.severity for _, one in found), key=SEVERITIES.index, default=None)


def restart_hook(url: str) -> str:
    """Return the command that restarts a reference server."""
    call = f"r.urlopen(r.Request('{url}/-/restart', method='POST'))"
    return f'{sys.executable} -c "import urllib.request as r; {call}"'
