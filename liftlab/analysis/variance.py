"""Where the spread of times comes from: unlike cases, or repeats of a case.

"Variance" here is of ln seconds, so that it says by what share times differ. Cases and repeats
can only be told apart where cases repeat.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from liftlab.analysis.columns import CONFIDENCE, PROMPTS, Floats, as_array, in_range, indexed
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.latency import Timed

CASES_NEEDED = 5
REPEATS_NEEDED = 2
_LARGEST_RATIO = 1e6  # of case to repeat variance: beyond it repeats are as good as identical


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """How much of the spread of ln seconds is of cases, and how much of repeats."""

    # case, repeat: coefficients of variation: between cases, and of repeats of one case
    case: float | None
    repeat: Estimate
    share: Estimate  # the part of the variance that cases hold: the intra-class correlation
    reason: str = ""  # why nothing can be said; empty if something can


def components(seconds: ArrayLike, cases: ArrayLike) -> Components:
    """Split the variance of ln seconds into cases and repeats.

    Points by restricted maximum likelihood, which is the analysis of variance where all cases
    have the same number of repeats. The interval of the share is the exact one of the F
    distribution (Searle, Casella & McCulloch 1992, Variance Components, ch. 3), with unequal
    repeats by Thomas & Hultquist's harmonic mean (1978, Annals of Statistics 6).

    Times that are missing, infinite or not positive are left out. Below five cases with two repeats
    each there is a reason, and no number.

    Examples
    --------
    >>> times = [4.0, 4.2, 6.1, 5.8, 9.0, 9.5, 5.1, 5.0, 7.2, 7.0]
    >>> print(components(times, list("aabbccddee")).share)
    99.1 % (95 % interval 93.4 to > 99.9 %, n = 5)
    """
    values, names = as_array(seconds), np.asarray(cases).ravel()
    if len(names) != len(values):
        raise ValueError(f"{len(names)} cases for {len(values)} times")
    usable = in_range(values)
    index, _ = indexed(names[usable])
    repeated = np.bincount(index)[index] >= REPEATS_NEEDED
    logs = np.log(values[usable][repeated])
    groups, count = indexed(index[repeated])
    reason = _why_not(logs, groups, count)
    if reason:
        none = Estimate(value=None, n=count, reason=reason, unit="%")
        return Components(case=None, repeat=none, share=none, reason=reason)
    table = _Table(logs, groups)
    ratio, within = table.reml()
    repeat, share = _repeat(within, table), _share(ratio, table)
    return Components(case=_cv(ratio * within), repeat=repeat, share=share)


def components_of(timed: Timed) -> Components:
    """Split the variance of a run's times; those on which the client gave up have none."""
    kept = ~timed.given_up
    return components(timed.seconds[kept], timed.numbers[kept])


class _Table:
    """Sizes, means and sums of squares of groups of ln seconds."""

    def __init__(self, logs: Floats, groups: Any) -> None:
        self.sizes = np.bincount(groups).astype(np.float64)
        self.means = np.bincount(groups, logs) / self.sizes
        self.within = float(((logs - self.means[groups]) ** 2).sum())
        self.n, self.cases = len(logs), len(self.sizes)

    def reml(self) -> tuple[float, float]:
        """Return the ratio of case to repeat variance, and the repeat variance."""
        found = optimize.minimize_scalar(
            lambda ratio: self._deviance(math.exp(ratio)),
            bounds=(math.log(1e-6), math.log(_LARGEST_RATIO)),
            method="bounded",
            options={"xatol": 1e-10},
        )
        ratio = min(0.0, math.exp(float(found.x)), key=self._deviance)
        return ratio, self._residual(ratio)

    def _residual(self, ratio: float) -> float:
        weights = self.sizes / (1 + ratio * self.sizes)
        centre = float((weights * self.means).sum() / weights.sum())
        between = float((weights * (self.means - centre) ** 2).sum())
        return (self.within + between) / (self.n - 1)

    def _deviance(self, ratio: float) -> float:
        weights = self.sizes / (1 + ratio * self.sizes)
        spread_of_groups = float(np.log1p(ratio * self.sizes).sum())
        of_rows = (self.n - 1) * math.log(self._residual(ratio))
        return of_rows + spread_of_groups + math.log(float(weights.sum()))


def _share(ratio: float, table: _Table) -> Estimate:
    size, miss = table.cases / float((1 / table.sizes).sum()), (1 - CONFIDENCE) / 2  # harmonic mean
    between = size * float(table.means.var(ddof=1))
    freedom = (table.cases - 1, table.n - table.cases)
    observed = between / (table.within / freedom[1])
    low = observed / float(stats.f.isf(miss, *freedom))
    high = observed * float(stats.f.isf(miss, *reversed(freedom)))
    low, high = (max(0.0, (end - 1) / (end + size - 1)) for end in (low, high))
    one = Estimate(value=ratio / (1 + ratio), low=low, high=high, n=table.cases, unit="%")
    method = "F distribution" if np.ptp(table.sizes) == 0 else "F distribution, harmonic mean"
    return replace(one, confidence=CONFIDENCE, method=method, population=PROMPTS)


def _repeat(within: float, table: _Table) -> Estimate:
    freedom, miss = table.n - table.cases, (1 - CONFIDENCE) / 2
    low, high = (
        _cv(table.within / float(stats.chi2.isf(tail, freedom))) for tail in (miss, 1 - miss)
    )
    one = Estimate(value=_cv(within), low=low, high=high, n=table.n, unit="%")
    return replace(one, confidence=CONFIDENCE, method="chi-squared, if ln seconds are normal")


def _cv(variance: float) -> float:
    """Return the coefficient of variation of times whose logarithms have a variance."""
    return math.sqrt(math.expm1(variance)) if variance < 100 else math.inf


def _why_not(logs: Floats, groups: Any, cases: int) -> str:
    if cases < CASES_NEEDED:
        have = (
            f"{cases} ha{'s' if cases == 1 else 've'} them" if cases else "no prompt was repeated"
        )
        return f"needs {CASES_NEEDED} prompts with {REPEATS_NEEDED} repeats each; {have}"
    means = np.bincount(groups, logs) / np.bincount(groups)
    if float(((logs - means[groups]) ** 2).sum()) <= 1e-18 * len(logs):
        return "repeats of a prompt are all the same"
    return ""
