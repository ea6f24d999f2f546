"""What a run comes to that was made until it was decided."""

from __future__ import annotations

from liftlab.analysis.decide import Decision, of_run
from liftlab.store import RunData


def decision_of(run: RunData) -> Decision | None:
    """Return what a run comes to that was made until decided; None for any other.

    Trials count in the order of its plan.
    """
    asked = (run.folder.manifest().get("request") or {}).get("until")
    if asked is None:
        return None
    from liftlab.runner.plan import PlannedTrial, repeat_major

    seed = run.run.order_seed or 0
    keys = zip(run.trials["case_id"], run.trials["repeat"], strict=True)
    trials = [PlannedTrial(case_id=case, repeat=repeat, prompt="") for case, repeat in keys]
    place = {trial.key: number for number, trial in enumerate(repeat_major(trials, seed))}
    order = sorted(range(len(trials)), key=lambda row: place[trials[row].key])
    planned = run.trials.iloc[order].drop(columns="started_at")
    return of_run(planned, asked["target"], asked["zone"])
