"""What a broken-off session of a run left on the server: found in its journal, and deleted."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from liftlab.runner.plan import PlannedTrial
from liftlab.sessions.caller import Caller, Setup, id_of
from liftlab.sessions.checks import steps_of
from liftlab.store import RunFolder, read_journal

_LOOKS_S = (0.2, 0.5, 1.0)


async def delete_leftovers(setup: Setup, path: Path, trials: Sequence[PlannedTrial]) -> None:
    """Delete what checks that were begun and not committed have made, before they start over."""
    if setup.pulse.down:
        return
    folder = RunFolder(path)
    makes = {n: call.makes for n, call in setup.checks.api.calls.items() if call.makes}
    attempts = read_journal(folder)["attempt"]
    left: dict[str, list[str]] = defaultdict(list)
    begun = {trial.case_id for trial in trials}
    for row in attempts[attempts["stage"].isin(list(makes))].to_dict("records"):
        if row["case_id"] in begun:
            mine = left[row["case_id"]]
            if isinstance(row["reply_sha256"], str):
                content = folder.artifacts.get(row["reply_sha256"])
                found = id_of(content, makes[row["stage"]] or "")
                mine += [found] if found is not None else []
    for check_id, made in left.items():
        steps = steps_of(setup.checks[check_id])
        users = dict.fromkeys(step.user for step in steps if isinstance(step.user, str))
        caller = Caller(setup, check_id)
        caller.own(list(users), made)
        await _cleaned(setup, caller)
        await caller.close()


async def sweep(setup: Setup) -> None:
    """Delete what was made by calls that were given up, while the server may still be at them."""
    if not setup.unsure or setup.pulse.down:
        return
    caller = Caller(setup, "sweep")
    for pause_s in _LOOKS_S:
        await asyncio.sleep(pause_s)
        caller.own_doubts()
        if await _cleaned(setup, caller):
            break
    await caller.close()


async def _cleaned(setup: Setup, caller: Caller) -> list[str]:
    left = await caller.clean_up()
    for line in left:
        setup.context.note(f"could not be deleted: {line}")
    return left
