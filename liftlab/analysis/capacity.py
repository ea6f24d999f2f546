"""Right answers a second at several levels of load: how many, up to where, and as right as ever.

Requests of one level share a queue, so neighbours are not independent: intervals come from means
of batches of neighbours. They speak for these prompts, asked again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import isotonic_regression

from liftlab.analysis.columns import AGAIN, Bools, Floats
from liftlab.analysis.compare import SuccessChange, success
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.paired import LEVEL, holm_levels, interval_levels

UNIT, PLACES = "a second", "at once"
BATCHES_NEEDED = 5  # for Student's t on their means
_MOST_BATCHES = 30
_DRAWS = 2_000
_FEW = "not enough requests for an interval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goodput:
    """Right answers within the limit a second, at one level."""

    at_once: int
    n: int
    value: float  # NaN where nothing was timed
    error: float  # standard error of the value, from batches; NaN where they are too few
    freedom: int
    none_above: float  # where none was right: what their rate is below, at 95 %

    def estimate(self, *, picked_from: int = 1) -> Estimate:
        """Return it with its interval.

        `picked_from`: of how many levels this one was picked for being the best (Bonferroni).
        """
        base: dict[str, Any] = {"n": self.n, "unit": UNIT, "population": AGAIN}
        if math.isnan(self.value):
            return Estimate(value=None, reason="no request was timed", **base)
        one = Estimate(
            value=self.value, confidence=1 - LEVEL, method="batch means, Student's t", **base
        )
        if self.value == 0:
            return replace(one, low=0.0, high=self.none_above, method="Clopper–Pearson")
        if math.isnan(self.error):
            return replace(one, confidence=None, method="", reason=_FEW)
        half = float(stats.t.isf(LEVEL / picked_from / 2, self.freedom)) * self.error
        return replace(one, low=max(0.0, self.value - half), high=self.value + half)


def goodput(seconds: Floats, good: Bools, at_once: int) -> Goodput:
    """Estimate right answers within the limit a second, where so many requests are under way.

    By Little's law (1961, Operations Research 9) requests end at a rate of how many are under way
    over how long each is; so right answers a second are `at_once` times the good ones over the
    seconds of all. Interval: non-overlapping batches of neighbours, each at least as long as the
    number under way (Schmeiser 1982, Operations Research 30), ratio by the delta method.

    `seconds`, `good`, (n,): how long each request was under way, and whether it ended with a right
    answer within the limit; in the order in which they began.

    Examples
    --------
    >>> found = goodput(np.full(40, 2.0), np.array([True, True, True, False] * 10), at_once=4)
    >>> print(found.estimate())
    1.5 a second (n = 40)
    """
    known = np.isfinite(seconds)
    seconds, good = seconds[known], good[known]
    n, total = len(seconds), float(seconds.sum())
    if total <= 0:
        return Goodput(
            at_once=at_once, n=n, value=math.nan, error=math.nan, freedom=0, none_above=math.nan
        )
    size = max(at_once, 2, math.ceil(n / _MOST_BATCHES))
    batches, error = n // size, math.nan
    ratio = float(good.sum()) / total
    if batches >= BATCHES_NEEDED:
        parts = np.array_split(good - ratio * seconds, batches)
        rests = np.array([part.sum() for part in parts])
        error = math.sqrt(batches / (batches - 1) * float((rests**2).sum())) / total
    return Goodput(
        at_once=at_once,
        n=n,
        value=at_once * ratio,
        error=at_once * error,
        freedom=batches - 1,
        none_above=at_once * n * (1 - LEVEL ** (1 / n)) / total,
    )


class Knee(NamedTuple):
    """Where goodput stops to rise with load: at `value`, and surely not outside of the others.

    Where goodput falls from one level to the next the knee may lie anywhere up to that next one.
    """

    low: float
    value: float
    high: float


def two_segments(levels: Floats, rates: Floats, weights: Floats) -> Knee:
    """Fit a line through the origin, and from a knee on rates that no longer rise.

    Least squares over all places of the knee (Hudson 1966, Journal of the American Statistical
    Association 61); beyond it monotone regression (Frisén 1986, The Statistician 35). The knee is
    where the line reaches the first rate beyond it, as the asymptotic bounds of a closed queueing
    network have it (Muntz & Wong 1974; Denning & Buzen 1978, Computing Surveys 10).

    `levels`, `rates`, `weights`, (k,): by rising level.

    Examples
    --------
    >>> levels = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    >>> two_segments(levels, np.array([1.0, 2.0, 4.0, 6.0, 6.0]), np.ones(5)).value
    6.0
    >>> two_segments(levels, np.array([1.0, 2.0, 4.0, 3.0, 3.0]), np.ones(5))
    Knee(low=4.0, value=4.0, high=8.0)
    """
    best, found = math.inf, Knee(*3 * (float(levels[-1]),))
    for count in range(1, len(levels)):
        near, far = slice(count), slice(count, None)
        slope = float((weights * levels * rates)[near].sum() / (weights * levels**2)[near].sum())
        rest = isotonic_regression(rates[far], weights=weights[far], increasing=False).x
        misfit = float((weights * (rates - slope * levels) ** 2)[near].sum())
        misfit += float((weights[far] * (rates[far] - rest) ** 2).sum())
        if slope <= 0 or misfit > best:  # of equals the last
            continue
        last, after = float(levels[count - 1]), float(levels[count])
        meets = min(float(rest[0]) / slope, after)
        best = misfit
        found = Knee(last, last, after) if meets < last else Knee(meets, meets, meets)
    return found


def knee(points: Sequence[Goodput], *, seed: int = 0) -> Estimate:
    """Estimate the level at which goodput stops to rise.

    The fit of `two_segments`; its interval by a parametric bootstrap: rates are drawn again by
    Student's t with the standard errors of their batches, and fitted again. A knee at the
    highest level is none: goodput may go on rising.

    `points`: the levels, at least three, by rising level.
    """
    base: dict[str, Any] = {"n": sum(point.n for point in points), "unit": PLACES}
    base["population"] = AGAIN
    timed = [point for point in points if math.isfinite(point.value)]
    if len(timed) < 3 or not any(point.value > 0 for point in timed):
        reason = "needs three levels with right answers within the limit"
        return Estimate(value=None, reason=reason, **base)
    levels = np.array([float(point.at_once) for point in timed])
    rates = np.array([point.value for point in timed])
    weights = _weights(levels, rates, timed)
    found, highest = two_segments(levels, rates, weights), float(levels[-1])
    if found.value >= highest:
        reason = f"still rising at {highest:.0f} at once: name higher levels"
        return Estimate(value=None, reason=reason, **base)
    one = Estimate(value=found.value, method="two segments, bootstrap", **base)
    if any(math.isnan(point.error) and point.value > 0 for point in timed):
        return replace(one, reason=_FEW)
    drawn = _drawn(timed, np.random.default_rng(seed))
    fits = [two_segments(levels, row, weights) for row in drawn]
    low = float(np.quantile([fit.low for fit in fits], LEVEL / 2))
    high = float(np.quantile([fit.high for fit in fits], 1 - LEVEL / 2))
    open_end = high >= highest and found.high < highest
    return replace(
        one,
        low=min(low, found.low),
        high=None if open_end else max(high, found.high),
        confidence=1 - LEVEL,
        reason=f"goodput may still rise up to {highest:.0f} at once" if open_end else "",
    )


def _weights(levels: Floats, rates: Floats, points: Sequence[Goodput]) -> Floats:
    """Weigh levels by their requests; the error of a rate grows with the rate, up to the best."""
    counts = np.array([point.n for point in points], dtype=np.float64)
    weights: Floats = counts / np.minimum(levels, levels[int(np.argmax(rates))]) ** 2
    return weights


def _drawn(points: Sequence[Goodput], rng: np.random.Generator) -> Floats:
    columns = [
        point.value + np.nan_to_num(point.error) * rng.standard_t(max(point.freedom, 1), _DRAWS)
        for point in points
    ]
    drawn: Floats = np.maximum(np.column_stack(columns), 0.0)
    return drawn


def changes(levels: Mapping[int, pd.DataFrame]) -> dict[int, SuccessChange]:
    """Compare the answers of each level with those of the lowest, by case.

    Holm's correction over the levels, for verdicts and intervals; each comparison is that of two
    runs: `liftlab.analysis.compare.success`.

    `levels`: the graded trials of each level.
    """
    lowest, *others = sorted(levels)
    found = {level: success(levels[lowest], levels[level]) for level in others}
    tested = [level for level in others if found[level].p is not None]
    p_values = [found[level].p or 0.0 for level in tested]
    corrected = zip(tested, holm_levels(p_values), interval_levels(p_values), strict=True)
    for level, p, miss in corrected:
        found[level] = replace(success(levels[lowest], levels[level], miss=miss), p=p)
    return found
