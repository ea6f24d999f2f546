"""By when an answer is right: the share of graded answers that are right within a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from liftlab.analysis import intervals
from liftlab.analysis.columns import Floats, labels
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.input_checks import as_array, case_weights
from liftlab.analysis.latency import judged_seconds, succeeded


@dataclass(frozen=True, kw_only=True, eq=False)
class SuccessCurve:
    """The share of graded answers that are right within a time; it ends at the success rate.

    `times` are those of each graded answer, `inf` where it is wrong; (n,).
    """

    times: Floats
    cases: Any

    @property
    def n(self) -> int:
        """Graded answers."""
        return len(self.times)

    @cached_property
    def seconds(self) -> Floats:
        """When the share rises; (k,)."""
        found: Floats = np.sort(self.times[np.isfinite(self.times)])
        return found

    @cached_property
    def share(self) -> Floats:
        """To what it rises, every case with the same weight; (k,)."""
        order = np.argsort(self.times, kind="stable")[: len(self.seconds)]
        weights = case_weights(self.cases)
        found: Floats = np.cumsum(weights[order]) / max(float(weights.sum()), 1.0)
        return found

    def at(self, t: float) -> Estimate:
        """Estimate the share of answers that are right within `t` seconds."""
        return intervals.proportion(self.times <= t, clusters=self.cases)

    def when(self, share: float) -> float | None:
        """Return the time by which so many are right; None where they never are."""
        place = int(np.searchsorted(self.share, share - 1e-9))
        return float(self.seconds[place]) if place < len(self.seconds) else None


def success_by(seconds: ArrayLike, ok: ArrayLike, cases: ArrayLike | None = None) -> SuccessCurve:
    """Return the share of graded answers that are right within each time.

    Examples
    --------
    >>> curve = success_by([14.92, 14.96, 14.16, 27.10, 26.90], [1, 1, 1, 0, 1])
    >>> print(curve.at(15.0))
    60 % (95 % interval 15–95 %, n = 5)
    """
    values, good = as_array(seconds), np.asarray(ok, dtype=np.bool_)
    names = np.arange(len(values)) if cases is None else np.asarray(cases).ravel()
    return SuccessCurve(times=np.where(good & np.isfinite(values), values, np.inf), cases=names)


def success_curve(trials: pd.DataFrame, success: str = "pass") -> SuccessCurve:
    """Return the share of answered and graded trials that succeed within each time."""
    graded = trials[np.isin(labels(trials, "outcome").astype(str), ("pass", "fail"))]
    good = succeeded(graded, success)
    return success_by(judged_seconds(graded), good, labels(graded, "case_id").astype(str))
