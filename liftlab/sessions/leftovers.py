"""What a broken-off session of a run left on the server: found in its journal, and deleted."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

from liftlab.runner.plan import PlannedTrial
from liftlab.sessions.caller import Caller, Setup
from liftlab.sessions.checks import steps_of
from liftlab.sessions.clean_up import Headers, id_of
from liftlab.sessions.model import CheckModel
from liftlab.sessions.template import Unset
from liftlab.store import RunFolder, read_journal

_LOOKS_S = (0.2, 0.5, 1.0)


async def delete_leftovers(setup: Setup, folder: RunFolder, trials: Sequence[PlannedTrial]) -> None:
    """Delete what checks that were begun and not committed have made, before they start over."""
    makes = {n: call.makes for n, call in setup.checks.api.calls.items() if call.makes}
    attempts = read_journal(folder)["attempt"]
    begun = attempts["case_id"].isin([trial.case_id for trial in trials])
    left: dict[str, list[str | None]] = defaultdict(list)
    for row in attempts[begun & attempts["stage"].isin(list(makes))].to_dict("records"):
        digest = row["reply_sha256"]
        content = folder.artifacts.get(digest) if isinstance(digest, str) else b""
        left[row["case_id"]].append(id_of(content, makes[row["stage"]]))
    for check_id, made in left.items():
        caller = Caller(setup, check_id)
        caller.made.own(filter(None, made), _users(setup, caller, setup.checks[check_id]))
        await delete_made(setup, caller)
        await caller.close()


def _users(setup: Setup, caller: Caller, check: CheckModel) -> set[Headers]:
    """Return all users that a check has, those of every lane and round."""
    steps = [*steps_of(check.step)]
    users = set()
    for n in range(1, max(max(step.repeat, step.parallel) for step in steps) + 1):
        for step in steps:
            with suppress(Unset):
                users.add(caller.user(step.user, {**setup.scope, "n": n})[0])
    return users


async def sweep(setup: Setup) -> None:
    """Delete what was made by calls that were given up, while the server may still be at them."""
    if not setup.unsure or setup.pulse.down:
        return
    caller = Caller(setup, "sweep")
    for pause_s in _LOOKS_S:
        await asyncio.sleep(pause_s)
        caller.made.own((), setup.unsure)
        if await delete_made(setup, caller):
            break
    await caller.close()


async def delete_made(setup: Setup, caller: Caller) -> list[str]:
    """Delete what a check made, and tell what is left."""
    left = await caller.made.delete()
    for line in left:
        setup.context.note(f"could not be deleted: {line}")
    return left
