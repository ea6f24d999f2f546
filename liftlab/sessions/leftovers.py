"""What a broken-off session of a run left on the server: found in its journal, and deleted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from liftlab.runner.plan import PlannedTrial
from liftlab.sessions.caller import Caller, Setup, id_of
from liftlab.sessions.checks import steps_of
from liftlab.sessions.pulse import ServerDown
from liftlab.store import RunFolder, read_journal


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
        try:
            for line in await caller.clean_up():
                setup.context.note(f"could not be deleted: {line}")
        except ServerDown:
            return
        finally:
            await caller.close()
