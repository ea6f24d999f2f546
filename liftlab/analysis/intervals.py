"""Intervals that hold at small n, or the reason why there is none.

Every function takes bare arrays and returns an `Estimate`. Values are times, sizes or money:
a value of zero or less, or one that is missing (NaN), gives a reason and never a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from liftlab.analysis import outliers
from liftlab.analysis.columns import (
    PROMPTS,
    THIS_RUN,
    Floats,
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
    base = _of_rows(values, cases, clusters, unit)
    reason = unfit(values)
    if reason:
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
    return Estimate(
        value=centre,
        low=centre - half,
        high=centre + half,
        confidence=confidence,
        method="Student's t",
        reason="leaves out tails not yet seen",
        **base,
    )


def deviation(x: ArrayLike, clusters: ArrayLike | None = None) -> float | None:
    """Return the standard deviation of requests, every case with the same weight.

    Examples
    --------
    >>> deviation([1.0, 2.0, 3.0]), deviation([1.0])
    (1.0, None)
    """
    values, index, _ = checked(x, clusters)
    if len(values) < 2 or not np.isfinite(values).all():
        return None
    weights = case_weights(index)
    weights /= weights.sum()
    centre = float(weights @ values)
    variance = float(weights @ (values - centre) ** 2) * len(values) / (len(values) - 1)
    return math.sqrt(variance)


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
    base = _of_rows(values, cases, clusters, "%")
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
    if high is not None and high > CV_CEILING:
        high = None
    return Estimate(
        value=point,
        low=low,
        high=high,
        confidence=confidence,
        method="non-central t, if values are normal",
        reason="" if high is not None else "spread too large for an upper limit",
        **base,
    )


def _of_rows(values: Floats, cases: int, clusters: ArrayLike | None, unit: str) -> dict[str, Any]:
    population = THIS_RUN if clusters is None else PROMPTS
    return {"n": len(values), "cases": cases, "population": population, "unit": unit}


def _cv_interval(point: float, n: int, confidence: float) -> tuple[float, float | None]:
    miss = (1 - confidence) / 2
    if n > _EXACT_CV_N or point < 0.01 or point > 1:
        return _vangel(point, n, 1 - miss), _vangel(point, n, miss)
    root, observed = math.sqrt(n), math.sqrt(n) / point
    ends: list[float | None] = []
    for chance in (miss, 1 - miss):
        excess = _cdf_minus(observed, n - 1, chance)
        if excess(1e-9) <= 0:  # no spread, however large, is excluded
            ends.append(None)
            continue
        ends.append(root / optimize.brentq(excess, 1e-9, 10 * observed))
    low, high = ends
    return low if low is not None else 0.0, high


def _cdf_minus(observed: float, freedom: int, chance: float) -> Callable[[float], float]:
    def excess(noncentrality: float) -> float:
        below = float(stats.nct.cdf(observed, freedom, noncentrality))
        # SciPy gives NaN where the probability is some 1e-200.
        far_below = math.isnan(below) and noncentrality > observed
        return (0.0 if far_below else below) - chance

    return excess


def _vangel(point: float, n: int, chance: float) -> Any:
    u = float(stats.chi2.ppf(chance, n - 1))
    inside = ((u + 2) / n - 1) * point**2 + u / (n - 1)
    return point / math.sqrt(inside) if inside > 0 else None
