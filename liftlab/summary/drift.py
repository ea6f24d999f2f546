"""Whether times change over a run."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from liftlab.analysis.columns import Floats, labels
from liftlab.analysis.drift import Drift as TimeDrift
from liftlab.analysis.drift import RunDrift, run_drift
from liftlab.analysis.latency import judged_seconds
from liftlab.store import RunData
from liftlab.summary.result import Result


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Drift(Result):
    """How the times of a run change."""

    times: RunDrift  # end to end and of each stage: last over first, neighbours, warm-up
    # (n,): each end-to-end time over its prompt's median, in the order of measuring
    relative: Floats


def drift_of(run: RunData) -> Drift:
    """Test each stage and end to end for a change over the run."""
    found = run_drift(run.trials, run.stages)
    stages = tuple(_named(row) for row in found.stages)
    times = replace(found, stages=stages, e2e=_named(found.e2e))
    return Drift(run=run, times=times, relative=_relative(run.trials))


def _named(row: TimeDrift) -> TimeDrift:
    return replace(row, ratio=replace(row.ratio, quantity=f"drift:{row.what}"))


def _relative(trials: pd.DataFrame) -> Floats:
    ordered = trials.sort_values("started_at", kind="stable")
    seconds = pd.Series(judged_seconds(ordered))
    cases = pd.Series(labels(ordered, "case_id").astype(str))
    usual = seconds.median() if cases.is_unique else seconds.groupby(cases).transform("median")
    return np.asarray(seconds / usual, dtype=np.float64)
