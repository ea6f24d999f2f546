"""Rates: the share that succeeds, and what one success takes.

`liftlab.analysis.intervals` offers both beside the other estimates.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from liftlab.analysis.columns import Floats
from liftlab.analysis.estimate import Estimate, plain
from liftlab.analysis.samples import (
    PROMPTS,
    THIS_RUN,
    as_array,
    check_confidence,
    group_sums,
    indexed,
    unfit,
)

PER_SUCCESS_NEEDS = 20  # below it the delta interval covers .75 to .85


def proportion(
    successes: ArrayLike,
    n: int | None = None,
    clusters: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Estimate a success rate with Wilson's score interval.

    Parameters
    ----------
    successes
        How many of `n`; or, without `n`, the outcomes themselves, true or false.
    n
        Trials, where `successes` is a count.
    clusters : (n,), optional
        The case of each outcome. Where cases repeat, n becomes n / (1 + (m - 1) ICC) with the
        ANOVA estimate of the intra-class correlation, and z becomes Student's t on cases - 1;
        the estimate's n is the number of cases.

    Examples
    --------
    >>> print(proportion(4, 5))
    80 % (95 % interval 37.6–96.4 %, n = 5)
    """
    check_confidence(confidence)
    if clusters is not None:
        return _clustered_proportion(_outcomes(successes, n), np.asarray(clusters), confidence)
    if n is None:
        outcomes = _outcomes(successes, n)
        count, n = int(outcomes.sum()), len(outcomes)
    else:
        count = int(np.asarray(successes))
        if count != successes:
            raise ValueError("a count of successes is a whole number")
    if n < 0 or not 0 <= count <= n:
        raise ValueError(f"{count} successes of {n}: a count lies between 0 and n")
    base: dict[str, Any] = {"n": n, "population": THIS_RUN, "unit": "%"}
    if n == 0:
        return Estimate(value=None, reason="no trials", **base)
    interval = stats.binomtest(count, n).proportion_ci(confidence, method="wilson")
    return Estimate(
        value=count / n,
        low=float(interval.low),
        high=float(interval.high),
        confidence=confidence,
        method="Wilson",
        **base,
    )


def per_success(
    spent: ArrayLike,
    ok: ArrayLike,
    clusters: ArrayLike | None = None,
    confidence: float = 0.95,
    *,
    unit: str = "s",
) -> Estimate:
    """Estimate what one success takes: everything spent, failures too, over the successes.

    The interval is the delta method's on ln(ratio), with Student's t; none below n = 20.

    Parameters
    ----------
    spent : (n,)
        Seconds or USD of each trial.
    ok : (n,)
        Whether it succeeded.
    clusters : (n,), optional
        The case of each trial; sums over a case then count once.

    Examples
    --------
    >>> print(per_success([14.92, 14.96, 14.16, 27.10, 26.90], [1, 1, 1, 0, 1]))
    24.51 s (n = 5: no interval below n = 20)
    """
    check_confidence(confidence)
    values, succeeded = as_array(spent), np.asarray(ok, dtype=bool)
    population = THIS_RUN
    if clusters is not None:
        index, cases = indexed(clusters)
        population = PROMPTS if cases < len(values) else population
        values, counts = group_sums(values, index, cases), group_sums(succeeded, index, cases)
    else:
        counts = succeeded.astype(np.float64)
    n = len(values)
    base: dict[str, Any] = {"n": n, "population": population, "unit": unit}
    reason = unfit(values) or ("a value is infinite" if np.isinf(values).any() else "")
    if not reason and counts.sum() == 0:
        reason = "no success yet: all that was spent bought nothing"
    if reason:
        return Estimate(value=None, reason=reason, **base)
    point = float(values.sum() / counts.sum())
    if n < PER_SUCCESS_NEEDS:
        return Estimate(value=point, reason=f"no interval below n = {PER_SUCCESS_NEEDS}", **base)
    deviations = values / values.mean() - counts / counts.mean()
    error = math.sqrt(float((deviations**2).sum()) / (n * (n - 1)))
    factor = math.exp(float(stats.t.ppf((1 + confidence) / 2, n - 1)) * error)
    return Estimate(
        value=point,
        low=point / factor,
        high=point * factor,
        confidence=confidence,
        method="delta method on ln",
        **base,
    )


def wilson(rate: Floats | float, n: Floats | float, z: float) -> tuple[Floats, Floats]:
    """Return Wilson's interval for rates observed in n trials; n need not be whole.

    Examples
    --------
    >>> low, high = wilson(0.8, 5, 1.959964)
    >>> round(float(low), 3), round(float(high), 3)
    (0.376, 0.964)
    """
    share, trials = np.asarray(rate, dtype=np.float64), np.asarray(n, dtype=np.float64)
    shrink = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / shrink
    spread = share * (1 - share) / trials + z * z / (4 * trials * trials)
    half = z * np.sqrt(spread) / shrink
    return np.maximum(0.0, centre - half), np.minimum(1.0, centre + half)


def _clustered_proportion(outcomes: Floats, clusters: Any, confidence: float) -> Estimate:
    index, cases = indexed(clusters)
    trials = len(outcomes)
    if cases == trials:
        return proportion(int(outcomes.sum()), trials, confidence=confidence)
    base: dict[str, Any] = {"n": cases, "population": PROMPTS, "unit": "%"}
    if trials == 0:
        return Estimate(value=None, reason="no trials", **base)
    rate = float(outcomes.mean())
    if cases < 2:
        return Estimate(value=rate, reason="one case says nothing about others", **base)
    sizes = np.bincount(index).astype(float)
    rates = np.bincount(index, outcomes) / sizes
    effective = _effective_n(sizes, rates, rate)
    z = float(stats.t.ppf((1 + confidence) / 2, cases - 1))
    low, high = (float(end) for end in wilson(rate, effective, z))
    return Estimate(
        value=rate,
        low=low,
        high=high,
        confidence=confidence,
        method=f"Wilson on {plain(effective, 3)} effective trials of {trials}",
        **base,
    )


def _effective_n(sizes: Floats, rates: Floats, rate: float) -> float:
    """Return n / (1 + (m - 1) ICC), with the ANOVA estimate of the ICC for unequal sizes."""
    cases, trials = len(sizes), float(sizes.sum())
    within = float((sizes * rates * (1 - rates)).sum())
    between = float((sizes * (rates - rate) ** 2).sum())
    if within + between == 0:  # all outcomes agree: the ICC is undefined, cases are what counts
        return float(cases)
    within /= trials - cases
    between /= cases - 1
    typical = (trials - float((sizes**2).sum()) / trials) / (cases - 1)
    icc = (between - within) / (between + (typical - 1) * within)
    icc = min(1.0, max(0.0, icc))
    weighted = float((sizes**2).sum()) / trials
    return trials / (1 + (weighted - 1) * icc)


def _outcomes(successes: ArrayLike, n: int | None) -> Floats:
    outcomes = np.asarray(successes)
    if n is not None and outcomes.size != n:
        raise ValueError(f"{outcomes.size} outcomes, n = {n}: with clusters give each outcome")
    return outcomes.ravel().astype(bool).astype(np.float64)
