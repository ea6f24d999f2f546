"""What it takes to tell a cold start from warm trials."""

from __future__ import annotations

import numpy as np

from liftlab import store
from liftlab.analysis.columns import floats, labels
from liftlab.analysis.plans import trials_per_arm
from liftlab.jobs.opening import open_run
from liftlab.settings import Project

_NEEDED = 5  # trials beyond one a case, for a spread to be worth a plan


def cold_plan(project: Project, endpoint: str, cold_s: float) -> str:
    """Say how many cold and warm trials it takes to see a cold start end to end.

    By the spread between repeats of one case in the newest measured run on this endpoint.

    Parameters
    ----------
    project
        Has the runs.
    endpoint
        Whose.
    cold_s
        What a cold trial takes longer, in seconds.
    """
    for summary in store.list_runs(project.path("runs")):
        if summary.endpoint == endpoint and summary.provenance == "measured":
            sd_s = _repeat_sd(project, summary.run_id)
            if sd_s is not None:
                n = trials_per_arm(cold_s, sd_s)
                return (
                    f"To see {cold_s:.2f} s end to end takes {n} cold and {n} warm trials: "
                    f"repeats of a case in {summary.run_id} spread by SD {sd_s:.2f} s."
                )
    return (
        "How many cold and warm trials it takes to see that end to end, "
        "a run on this endpoint with repeats will tell."
    )


def _repeat_sd(project: Project, run_id: str) -> float | None:
    """Return the pooled standard deviation between repeats of a case; None where too few."""
    trials = open_run(run_id, project=project).trials
    known = trials[trials["completed"].fillna(False).astype(bool) & trials["e2e_s"].notna()]
    seconds, cases = floats(known, "e2e_s"), labels(known, "case_id").astype(str)
    names, place = np.unique(cases, return_inverse=True)
    freedom = len(seconds) - len(names)
    if freedom < _NEEDED:
        return None
    means = np.bincount(place, seconds) / np.bincount(place)
    return float(np.sqrt(((seconds - means[place]) ** 2).sum() / freedom))
