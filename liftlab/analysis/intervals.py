"""Intervals that hold at small n, or the reason why there is none.

Every function takes bare arrays and returns an `Estimate`. Values are times, sizes or money:
a value of zero or less, or one that is missing (NaN), gives a reason and never a number.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from liftlab.analysis import outliers
from liftlab.analysis.columns import (
    about_rows,
    case_weights,
    check_confidence,
    checked,
    group_sums,
    unfit,
)
from liftlab.analysis.estimate import Estimate, quantity
from liftlab.analysis.quantiles import median, quantile, quantile_needs
from liftlab.analysis.rates import proportion

__all__ = ["cv", "deviation", "mean", "median", "proportion", "quantile", "quantile_needs"]

MEAN_NEEDS = 20  # below this t intervals of skewed times cover far less than they say
CV_NEEDS = 3
CV_CEILING = 10.0  # an upper limit beyond this says only that there is none
_EXACT_CV_N = 30  # beyond it the approximation agrees to three digits


def mean(
    x: ArrayLike, confidence: float = 0.95, clusters: ArrayLike | None = None, *, unit: str = "s"
) -> Estimate:
    """Estimate the mean of requests with Student's t, where the data can carry it.

    No interval below 20 prompts, nor where a slow outlier is among the values: there t intervals
    of heavy-tailed times cover as little as 40 %, and no formula repairs it. An outlier that has
    not come up yet is not in it either.

    `clusters`: the case of each value; every case counts the same, and cases are the sample.

    Examples
    --------
    >>> print(mean([4.12, 4.19, 4.16, 17.08]))
    7.39 s (n = 4: needs 20 prompts for an interval)
    """
    check_confidence(confidence)
    values, index, cases = checked(x, clusters)
    base = about_rows(len(values), cases, clusters, unit)
    if reason := unfit(values):
        return Estimate(value=None, reason=reason, **base)
    means = group_sums(values, index, cases) / np.bincount(index)
    centre, needs = float(means.mean()), ""
    if cases < MEAN_NEEDS:
        reason = "not enough prompts for an interval"
        needs = f"needs {MEAN_NEEDS} prompts for an interval"
    elif np.ptp(means) == 0:
        reason = f"no interval: all {len(values):,} values are the same"
    elif outliers.flag(means).mask.any():
        share = quantity(float(means.max() / means.sum()), "%")
        reason = f"no interval: one of {cases:,} values holds {share} of the sum (heavy tail)"
    if reason:
        return Estimate(value=centre, method="mean", reason=reason, needs=needs, **base)
    half = float(stats.t.ppf((1 + confidence) / 2, cases - 1) * means.std(ddof=1))
    half /= math.sqrt(cases)
    base |= {"method": "Student's t", "reason": "leaves out tails not yet seen"}
    low, high = centre - half, centre + half
    return Estimate(value=centre, low=low, high=high, confidence=confidence, **base)


def deviation(x: ArrayLike, clusters: ArrayLike | None = None) -> float | None:
    """Return the standard deviation of requests, every case with the same weight."""
    values, index, _ = checked(x, clusters)
    if len(values) < 2 or not np.isfinite(values).all():
        return None
    weights = case_weights(index)
    weights /= weights.sum()
    variance = float(weights @ (values - weights @ values) ** 2)
    return math.sqrt(variance * len(values) / (len(values) - 1))


def cv(x: ArrayLike, confidence: float = 0.95, clusters: ArrayLike | None = None) -> Estimate:
    """Estimate the coefficient of variation of requests, standard deviation / mean, as a share.

    Exact for normal values by the non-central t distribution (Johnson & Welch 1940) up to
    n = 30, beyond it by Vangel's modification of McKay's approximation (1996, The American
    Statistician 50). Where cases repeat, n is the number of cases: too wide rather than too narrow.

    Examples
    --------
    >>> print(cv([10.80, 10.77, 10.01, 7.33, 9.81]))
    15 % (95 % interval 9–44 %, n = 5)
    """
    check_confidence(confidence)
    values, index, cases = checked(x, clusters)
    n = len(values)
    base = about_rows(n, cases, clusters, "%")
    reason = unfit(values)
    if not reason and n < CV_NEEDS:
        reason = f"needs n ≥ {CV_NEEDS}"
    if reason:
        return Estimate(value=None, reason=reason, **base)
    scaled = values / float(values @ case_weights(index) / cases)
    point = deviation(scaled, index) or 0.0
    if point < 1e-12:
        return Estimate(value=0.0, reason="all values are the same", **base)
    if cases < CV_NEEDS:
        return Estimate(value=point, reason=f"no interval below {CV_NEEDS} prompts", **base)
    low, high = _cv_interval(point, cases, confidence)
    if high is None or high > CV_CEILING:
        high, reason = None, "spread too large for an upper limit"
    base |= {"confidence": confidence, "method": "non-central t, if values are normal"}
    return Estimate(value=point, low=low, high=high, reason=reason, **base)


def _cv_interval(point: float, n: int, confidence: float) -> tuple[float, float | None]:
    miss = (1 - confidence) / 2
    if n > _EXACT_CV_N or point < 0.01 or point > 1:
        return _vangel(point, n, 1 - miss), _vangel(point, n, miss)
    root, observed = math.sqrt(n), math.sqrt(n) / point
    ends: list[float | None] = []

    def excess(noncentrality: float, chance: float) -> float:
        below = float(stats.nct.cdf(observed, n - 1, noncentrality))
        # SciPy gives NaN where the probability is some 1e-200.
        far_below = math.isnan(below) and noncentrality > observed
        return (0.0 if far_below else below) - chance

    for chance in (miss, 1 - miss):
        unbounded = excess(1e-9, chance) <= 0  # no spread, however large, is excluded
        most = 10 * observed
        ends.append(None if unbounded else root / optimize.brentq(excess, 1e-9, most, (chance,)))
    low, high = ends
    return low or 0.0, high


def _vangel(point: float, n: int, chance: float) -> Any:
    u = float(stats.chi2.ppf(chance, n - 1))
    inside = ((u + 2) / n - 1) * point**2 + u / (n - 1)
    return point / math.sqrt(inside) if inside > 0 else None
