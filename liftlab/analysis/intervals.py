"""Intervals that hold at small n, or the reason why there is none.

Every function takes bare arrays and returns an `Estimate`. Values are times, sizes or money:
a value of zero or less, or one that is missing (NaN), gives a reason and never a number.
`inf` stands for "never": a failure counted as a latency beyond all others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from liftlab.analysis import outliers
from liftlab.analysis.columns import Floats
from liftlab.analysis.estimate import Estimate, plain
from liftlab.analysis.rates import per_success, proportion
from liftlab.analysis.samples import check_confidence, per_cluster, unfit

__all__ = ["cv", "mean", "median", "per_success", "proportion", "quantile", "quantile_needs"]

MEAN_NEEDS = 20  # below this t intervals of skewed times cover far less than they say
CV_NEEDS = 3
CV_CEILING = 10.0  # an upper limit beyond this says only that there is none
_EXACT_CV_N = 30  # beyond it the approximation agrees to three digits


def quantile(
    x: ArrayLike,
    q: float,
    confidence: float = 0.95,
    clusters: ArrayLike | None = None,
    *,
    unit: str = "s",
) -> Estimate:
    """Estimate the q-quantile with an interval that assumes no shape.

    At the median, interpolated order statistics (Nyblom 1992, Statistics & Probability Letters
    14; Hettmansperger & Sheather 1986, ibid. 4); elsewhere exact binomial ranks. The point is
    the median, or the smallest value with at least a share q at or below it.

    Parameters
    ----------
    x : (n,)
        Positive values; `inf` for "never".
    q
        Between 0 and 1.
    confidence
        What is asked for; the estimate says what it has.
    clusters : (n,), optional
        The case of each value. Repeats of a case are not independent: each case then counts
        once, by the median of its repeats, and n is the number of cases.
    unit
        Unit of x, for the sentence.

    Returns
    -------
    Estimate
        No point where n < 1 / (1 - q) (above the median); below the n for a bound, a point
        "without upper limit"; then a one-sided bound; then an interval. At the median an
        interval from n = 6, at n = 5 smallest to largest labelled with what that has.

    Examples
    --------
    >>> print(quantile([14.92, 14.96, 14.16, 27.10, 26.90], 0.5))
    14.96 s (93.75 % interval 14.16–27.10 s, n = 5)
    >>> print(quantile([14.92, 14.96, 14.16, 27.10, 26.90], 0.95))
    – (n = 5: P95 needs n ≥ 20; n ≥ 59 for an upper bound, n ≥ 72 for an interval)
    """
    if not 0 < q < 1:
        raise ValueError(f"q is {q}: a quantile lies between 0 and 1")
    check_confidence(confidence)
    values, population = per_cluster(x, clusters, "median")
    reason = unfit(values)
    base: dict[str, Any] = {"n": len(values), "population": population, "unit": unit}
    if reason:
        return Estimate(value=None, reason=reason, **base)
    ordered = np.sort(values)
    if q == 0.5:
        return _median(ordered, confidence, base)
    return _tail_quantile(ordered, q, confidence, base)


def median(
    x: ArrayLike, confidence: float = 0.95, clusters: ArrayLike | None = None, *, unit: str = "s"
) -> Estimate:
    """Estimate the median: `quantile` at 0.5."""
    return quantile(x, 0.5, confidence, clusters, unit=unit)


def quantile_needs(q: float, confidence: float = 0.95) -> tuple[int, int, int]:
    """Return the n from which the q-quantile has a point, a bound on one side, an interval.

    Examples
    --------
    >>> quantile_needs(0.95), quantile_needs(0.90), quantile_needs(0.99)
    ((20, 59, 72), (10, 29, 36), (100, 299, 368))
    """
    tail = max(q, 1 - q)
    miss = 1 - confidence
    point = math.ceil(round(1 / (1 - tail), 9))
    return point, _reaches(tail, miss), _reaches(tail, miss / 2)


def mean(
    x: ArrayLike, confidence: float = 0.95, clusters: ArrayLike | None = None, *, unit: str = "s"
) -> Estimate:
    """Estimate the mean with Student's t, where the data can carry it.

    No interval below n = 20, nor where a slow outlier is among the values: there t intervals
    of heavy-tailed times cover as little as 40 %, and no formula repairs it.

    Parameters
    ----------
    x : (n,)
        Positive, finite values.
    clusters : (n,), optional
        The case of each value; each case then counts once, by the mean of its repeats.

    Examples
    --------
    >>> print(mean([4.12, 4.19, 4.16, 17.08]))
    7.39 s (n = 4: no interval for a mean below n = 20)
    """
    check_confidence(confidence)
    values, population = per_cluster(x, clusters, "mean")
    n = len(values)
    base: dict[str, Any] = {"n": n, "population": population, "unit": unit}
    reason = unfit(values) or ("a value is infinite" if np.isinf(values).any() else "")
    if reason:
        return Estimate(value=None, reason=reason, **base)
    centre = float(values.mean())
    if n < MEAN_NEEDS:
        reason = f"no interval for a mean below n = {MEAN_NEEDS}"
    elif outliers.flag(values).mask.any():
        share = plain(100 * float(values.max() / values.sum()), 2)
        reason = f"no interval: one of {n:,} values holds {share} % of the sum (heavy tail)"
    if reason:
        return Estimate(value=centre, method="mean", reason=reason, **base)
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n))
    return Estimate(
        value=centre,
        low=centre - half,
        high=centre + half,
        confidence=confidence,
        method="Student's t",
        **base,
    )


def cv(x: ArrayLike, confidence: float = 0.95, clusters: ArrayLike | None = None) -> Estimate:
    """Estimate the coefficient of variation, standard deviation / mean, as a share.

    Exact for normal values by the non-central t distribution (Johnson & Welch 1940) up to
    n = 30, beyond it by Vangel's modification of McKay's approximation (1996, The American
    Statistician 50). With clusters: of the means of the cases, so across cases.

    Examples
    --------
    >>> print(cv([10.80, 10.77, 10.01, 7.33, 9.81]))
    14.6 % (95 % interval 8.7–43.8 %, n = 5)
    """
    check_confidence(confidence)
    values, population = per_cluster(x, clusters, "mean")
    n = len(values)
    base: dict[str, Any] = {"n": n, "population": population, "unit": "%"}
    reason = unfit(values) or ("a value is infinite" if np.isinf(values).any() else "")
    if not reason and n < CV_NEEDS:
        reason = f"needs n ≥ {CV_NEEDS}"
    if reason:
        return Estimate(value=None, reason=reason, **base)
    centre = float(values.mean())
    point = float((values / centre).std(ddof=1))
    if point < 1e-12:
        return Estimate(value=0.0, reason="all values are the same", **base)
    low, high = _cv_interval(point, n, confidence)
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


def _median(ordered: Floats, confidence: float, base: dict[str, Any]) -> Estimate:
    n = len(ordered)
    lower, upper = ordered[(n - 1) // 2], ordered[n // 2]
    point = float((lower + upper) / 2)
    if math.isinf(point):
        return Estimate(value=None, reason="half or more never succeed", **base)
    if n < 5:
        reason = "no interval below n = 5; 95 % needs n ≥ 6"
        return Estimate(value=point, method="median", reason=reason, **base)
    depth = 1 + int(stats.binom.ppf((1 - confidence) / 2, n, 0.5))
    while depth > 0 and _coverage(depth, n) < confidence:  # one step, or two
        depth -= 1
    if depth == 0:
        low, high, confidence = float(ordered[0]), float(ordered[-1]), _coverage(1, n)
        method = "smallest to largest"
    else:
        low, high = _interpolated(ordered, depth, confidence)
        method = "interpolated order statistics"
    return _bounded(point, low, high, confidence, method=method, base=base)


def _coverage(depth: int, n: int) -> float:
    """Return the chance that the median lies between the depth-th values from either end."""
    return float(1 - 2 * stats.binom.cdf(depth - 1, n, 0.5))


def _interpolated(ordered: Floats, depth: int, confidence: float) -> tuple[float, float]:
    n = len(ordered)
    outer, inner = _coverage(depth, n), _coverage(depth + 1, n)
    if outer - inner <= 0:
        weight = 0.0
    else:
        part = (outer - confidence) / (outer - inner)
        weight = (n - depth) * part / (depth + (n - 2 * depth) * part)
    low = (1 - weight) * ordered[depth - 1] + weight * ordered[depth]
    far, near = ordered[n - depth], ordered[n - depth - 1]
    high = far if math.isinf(far) else (1 - weight) * far + weight * near
    return float(low), float(high)


def _tail_quantile(ordered: Floats, q: float, confidence: float, base: dict[str, Any]) -> Estimate:
    n = len(ordered)
    for_point, for_bound, for_interval = quantile_needs(q, confidence)
    name, side = f"P{plain(100 * q)}", "upper" if q > 0.5 else "lower"
    needs = f"n ≥ {for_bound} for {'an upper' if q > 0.5 else 'a lower'} bound"
    if n < for_point:
        reason = f"{name} needs n ≥ {for_point}; {needs}, n ≥ {for_interval} for an interval"
        return Estimate(value=None, reason=reason, **base)
    point = float(ordered[max(1, math.ceil(round(q * n, 9))) - 1])
    if math.isinf(point):
        share = plain(100 * float(np.isfinite(ordered).mean()), 3)
        return Estimate(value=None, reason=f"{name} is never: {share} % succeeded", **base)
    if n < for_bound:
        reason = f"no {side} limit: needs {needs}"
        return Estimate(value=point, method="order statistic", reason=reason, **base)
    miss = 1 - confidence
    low: float | None
    high: float | None
    if n < for_interval:
        bound = _upper_end(ordered, q, miss) if q > 0.5 else _lower_end(ordered, q, miss)
        low, high = (None, bound) if q > 0.5 else (bound, None)
        note = f"n ≥ {for_interval} for an interval"
    else:
        low, high = _lower_end(ordered, q, miss / 2), _upper_end(ordered, q, miss / 2)
        note = ""
    return _bounded(point, low, high, confidence, method="order statistics", base=base, note=note)


def _bounded(
    point: float,
    low: float | None,
    high: float | None,
    confidence: float,
    *,
    method: str,
    base: dict[str, Any],
    note: str = "",
) -> Estimate:
    if high is not None and math.isinf(high):
        high, note = None, "no upper limit: it falls among those that never succeed"
    return Estimate(
        value=point, low=low, high=high, confidence=confidence, method=method, reason=note, **base
    )


def _upper_end(ordered: Floats, q: float, miss: float) -> float:
    """Return the smallest value that lies below the q-quantile with a chance of at most `miss`."""
    n = len(ordered)
    rank = int(stats.binom.isf(miss, n, q)) + 1
    return float(ordered[min(rank, n) - 1])


def _lower_end(ordered: Floats, q: float, miss: float) -> float:
    """Return the largest value that lies above the q-quantile with a chance of at most `miss`."""
    return -_upper_end(-ordered[::-1], 1 - q, miss)


def _reaches(tail: float, miss: float) -> int:
    return math.ceil(round(math.log(miss) / math.log(tail), 9))


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
