"""Kills a run of session checks at a chosen moment, lets it go on, and tells what remains."""

from __future__ import annotations

import json
import os
import random
import signal
from pathlib import Path
from typing import NamedTuple

from liftlab.cli.main import main
from liftlab.sessions.remains import Made, remaining
from tests.sessions.driver import short_checks
from tests.sessions.serving import serve


class Moment(NamedTuple):
    """When the load process is killed: at a call of the run, before or after the server does it."""

    call: int
    when: str


class Rest(NamedTuple):
    """What a killed and resumed run left."""

    unnamed: list[str]  # sessions on the server that nothing names
    needless: list[Made]  # named, with nothing of it on the server
    named: int
    resumed: int  # the exit code
    at_kill: int  # sessions on the server when the run was killed


def moment_of(seed: int, calls: int) -> Moment:
    """Return a moment within the first calls."""
    rng = random.Random(seed)
    return Moment(rng.randint(1, calls), rng.choice(["before", "after"]))


def killed_and_resumed(
    project: Path, moment: Moment, only: tuple[str, ...] = (), think_s: float = 0.05
) -> Rest:
    """Run checks in a project, kill the load process at a moment, and resume."""
    checks = project / "checks.toml"
    checks.write_bytes(short_checks(2.0))
    chosen = [part for name in only for part in ("--only", name)]
    runs, at_kill = project / "data/runs", -1
    with serve(think_s=think_s) as server:

        def kill(call: int, when: str) -> None:
            nonlocal at_kill
            if at_kill < 0 and (call, when) >= moment:
                at_kill = len(server.sessions)
                [lock] = runs.glob("*/run.lock")
                os.kill(json.loads(lock.read_text())["pid"], signal.SIGKILL)

        server.moment = kill
        first = main(["sessions", server.url, "--checks", str(checks), *chosen])
        assert (first, at_kill >= 0) == (5, True), "the run ended before it was killed"
        [folder] = (path for path in runs.iterdir() if path.is_dir())
        resumed = main(["sessions", "--resume", folder.name])
        rest = remaining(folder)
        names = {made.id for made in rest}
        users = {value for made in rest if made.id is None for _, value in made.user}
        left = server.sessions.values()
        unnamed = [
            one.session_id for one in left if {one.session_id, one.owner}.isdisjoint(names | users)
        ]
        there = {one.session_id for one in left} | {one.owner for one in left}
        needless = [
            made for made in rest if there.isdisjoint({made.id, *(value for _, value in made.user)})
        ]
    return Rest(unnamed, needless, len(rest), resumed, at_kill)
