"""What a broken-off session of a run left on the server: found in its journal, and deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress

from liftlab.sessions.caller import Caller, Setup
from liftlab.sessions.checks import steps_of
from liftlab.sessions.clean_up import Headers, id_of
from liftlab.sessions.model import StepModel
from liftlab.sessions.template import Unset
from liftlab.store import RunFolder, read_journal

_LOOKS_S = (0.2, 0.5, 1.0)


async def delete_leftovers(setup: Setup, folder: RunFolder, check_ids: Iterable[str]) -> None:
    """Delete what checks that were begun and not committed have made, before they start over."""
    makes = {n: call.makes for n, call in setup.checks.api.calls.items() if call.makes}
    attempts = read_journal(folder)["attempt"]
    attempts = attempts[attempts["stage"].isin(list(makes))]
    for check_id in set(check_ids).intersection(attempts["case_id"]):
        caller, rows = Caller(setup, check_id), attempts[attempts["case_id"] == check_id]
        replies = rows.dropna(subset=["reply_sha256"])
        named = zip(replies["stage"], replies["reply_sha256"], strict=True)
        found = [id_of(folder.artifacts.get(digest), makes[stage]) for stage, digest in named]
        users = _users(setup, caller, [*steps_of(setup.checks[check_id].step)])
        caller.made.own(filter(None, found), users)
        await delete_made(setup, caller)
        await caller.close()


def _users(setup: Setup, caller: Caller, steps: Sequence[StepModel]) -> set[Headers]:
    """Return all users of a check's steps, those of every lane and round."""
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
