"""Rates: the share that succeeds."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special, stats

from liftlab.analysis.columns import (
    PROMPTS,
    Floats,
    Indices,
    about_rows,
    as_array,
    check_confidence,
    checked,
    group_sums,
)
from liftlab.analysis.estimate import Estimate, RateTest, plain

RARE = 6  # cases with the rarer outcome, below which they say nothing about repeats


def proportion(
    successes: ArrayLike,
    n: int | None = None,
    clusters: ArrayLike | None = None,
    confidence: float = 0.95,
    *,
    rows: ArrayLike | None = None,
    picked_from: int = 1,
    by_rows: bool = False,
) -> Estimate:
    """Estimate a rate with Korn and Graubard's interval: exact, on the effective requests.

    Clopper and Pearson's interval (1934, Biometrika 26) on the number of independent requests
    that the repeats are worth (Korn & Graubard 1998, Survey Methodology 24). As there, that
    number is multiplied by (t(n - 1) / t(cases - 1))², quantiles of Student's t at .975, because
    few cases tell how much repeats are worth; it is never below the number of cases, and that
    where fewer than six cases show the rarer outcome. Every case counts the same.

    `successes`: how many of `n`; or, without `n`, the outcomes, true or false. `clusters`, (n,):
    the case of each outcome. `rows`, (n,): how many requests each stands for. `picked_from`: of how
    many rates this one was picked for being the largest: Bonferroni's correction. `by_rows`:
    whether every row counts the same instead, as in a count of this run.

    Examples
    --------
    >>> print(proportion(4, 5)), print(proportion(1, 5))
    80 % (95 % interval 28–99 %, n = 5)
    20 % (95 % interval 1–72 %, n = 5)
    (None, None)
    """
    check_confidence(confidence)
    if n is not None and clusters is None:
        count = int(np.asarray(successes))
        if count != successes:
            raise ValueError("a count of successes is a whole number")
        if n < 0 or not 0 <= count <= n:
            raise ValueError(f"{count} successes of {n}: a count lies between 0 and n")
        rate, trials, cases, worth = count / n if n else 0.0, n, n, 1.0
    else:
        outcomes = np.ravel(successes).astype(bool)
        if n is not None and len(outcomes) != n:
            raise ValueError(f"{len(outcomes)} outcomes, n = {n}: with clusters give each outcome")
        values, index, cases = checked(outcomes, clusters)
        counts = np.ones(len(values)) if rows is None else as_array(rows)
        trials, rate, worth = int(counts.sum()), 0.0, 1.0
        if trials:
            rate, worth = _rate(values, counts, index, cases, by_rows=by_rows)
    base = about_rows(trials, cases, clusters, "%")
    if trials == 0:
        return Estimate(value=None, reason="no data", **base)
    level = 1 - (1 - confidence) / picked_from
    low, high = clopper_pearson(rate, cases * worth, level)
    picked = f", picked from {picked_from} classes" if picked_from > 1 else ""
    return Estimate(
        value=rate,
        low=low,
        high=high,
        confidence=confidence,
        method=f"Korn–Graubard, {plain(cases * worth, 3)} effective requests{picked}",
        tested=partial(RateTest, rate, low, high, per_prompt=worth, confidence=level),
        **base,
    )


def clopper_pearson(rate: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a rate seen in n requests; n need not be whole."""
    miss, hits, others = (1 - confidence) / 2, rate * n, (1 - rate) * n
    low = float(special.betaincinv(hits, others + 1, miss)) if rate > 0 else 0.0
    high = float(special.betaincinv(hits + 1, others, 1 - miss)) if rate < 1 else 1.0
    return min(low, rate), max(high, rate)


def effective_n(sizes: Floats, hits: Floats, squares: Floats, *, by_rows: bool = False) -> Floats:
    """Return how many independent requests the repeats are worth, for indicators of a sample.

    By the ANOVA estimate of the intra-class correlation. Where all agree it is undefined, and
    each case is worth one.

    `sizes`, (cases,): requests of each case. `hits`, (k,): of each indicator, how many requests
    have it; `squares`: the sum over cases of (requests that have it)² / requests. `by_rows`:
    whether every row counts the same, and not every case.
    """
    cases, trials = len(sizes), float(sizes.sum())
    if cases == trials:
        return np.full(len(hits), float(cases))
    one_each = float((1 / sizes).mean())
    squares_of_sizes = float((sizes**2).sum()) / trials
    with np.errstate(divide="ignore", invalid="ignore"):
        within = (hits - squares) / (trials - cases)
        between = (squares - hits**2 / trials) / np.float64(cases - 1)
        typical = (trials - squares_of_sizes) / np.float64(cases - 1)
        icc = (between - within) / (between + (typical - 1) * within)
    agree = (hits < 0.5) | (hits > trials - 0.5) | ~np.isfinite(icc)
    icc = np.where(agree, 1.0, np.clip(icc, 0.0, 1.0))
    by_cases: Floats = cases / (icc + (1 - icc) * one_each)
    return trials / (1 + (squares_of_sizes - 1) * icc) if by_rows else by_cases


def confidence_sequence(successes: int, trials: int, confidence: float = 0.95) -> Estimate:
    """Estimate a rate by a sequence that covers it at every look at once.

    Rates against which the mixture likelihood ratio has not yet reached 1 / (1 - confidence).
    """
    base: dict[str, Any] = {"n": trials, "population": PROMPTS, "unit": "%"}
    if trials == 0:
        return Estimate(value=None, reason="no data", **base)
    failures = trials - successes
    allowed = -math.log(1 - confidence)
    mixture = float(special.betaln(successes + 0.5, failures + 0.5) - special.betaln(0.5, 0.5))

    def excess(rate: float) -> float:
        likelihood = special.xlogy(successes, rate) + special.xlog1py(failures, -rate)
        return mixture - float(likelihood) - allowed

    rate, edge = successes / trials, 1e-12
    low = 0.0 if successes == 0 else float(optimize.brentq(excess, edge, rate))
    high = 1.0 if failures == 0 else float(optimize.brentq(excess, rate, 1 - edge))
    base |= {"confidence": confidence, "method": "confidence sequence, Beta(1/2, 1/2) mixture"}
    return Estimate(value=rate, low=low, high=high, **base)


def _rate(
    outcomes: Floats, counts: Floats, index: Indices, cases: int, *, by_rows: bool
) -> tuple[float, float]:
    """Return the rate, and how many independent requests a case is worth."""
    sizes = group_sums(counts, index, cases)
    hits = group_sums(outcomes * counts, index, cases)
    rate = float(hits.sum() / sizes.sum() if by_rows else (hits / sizes).mean())
    rarer = hits > 0 if rate <= 0.5 else hits < sizes
    if rarer.sum() < RARE:
        return rate, 1.0
    squares = (hits**2 / sizes).sum(keepdims=True)
    worth = effective_n(sizes, hits.sum(keepdims=True), squares, by_rows=by_rows)
    t_rows, t_cases = (float(stats.t.ppf(0.975, n - 1)) for n in (sizes.sum(), cases))
    return rate, max(1.0, float(worth[0]) / cases * (t_rows / t_cases) ** 2)
