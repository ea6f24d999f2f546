"""Which times are too slow to be chance: a flag that holds its false alarms at small n."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from liftlab.analysis.columns import Bools, Floats
from liftlab.analysis.estimate import plain
from liftlab.analysis.input_checks import (
    Indices,
    as_array,
    group_medians,
    group_sums,
    in_range,
    indexed,
)
from liftlab.analysis.limits import pooled_limit, within_limit
from liftlab.words import be

GATE = 1.5  # a flagged value is at least this many times what was expected
SMALLEST_N = 4
FIT_NEEDS = 8  # rows for a line in tokens
REPEATS_NEEDED = 3  # of a case, to judge within it
_TO_SIGMA = 1.4826  # MAD of a normal sample to its standard deviation
_SAME = 1e-3  # times closer than this share of each other count as equal
_FIT_SAMPLE = 1_000  # the slope is quadratic in memory; docs/calibration.md has the error


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outliers:
    """Which of n values are slow beyond chance.

    Parameters
    ----------
    mask : (n,)
        True where flagged.
    score : (n,)
        Distance of ln x from what was expected, in robust standard deviations; NaN where a
        value was not judged.
    limit
        The score that a clean sample exceeds once in 20; infinite where nothing can be judged.
    expected : (n,)
        What was expected: the median of the values, of the case, or the line in tokens.
    method
        How "expected" was made.
    reason
        Why nothing could be judged; empty if it could.
    """

    mask: Bools
    score: Floats
    limit: float
    expected: Floats
    method: str
    reason: str = ""

    def __str__(self) -> str:
        """Say how many are slow, by how much, and by which rule."""
        if self.reason:
            return f"Outliers cannot be told: {self.reason}."
        judged, count = int(np.isfinite(self.score).sum()), int(self.mask.sum())
        if count == 0:
            return f"None of {judged:,} values is slow beyond chance ({self.method})."
        top = float(self.score[self.mask].max())
        return (
            f"{count:,} of {judged:,} values {be(count)} slow beyond chance: score up to "
            f"{plain(top)}, limit {plain(self.limit, 3)} ({self.method})."
        )


def flag(x: ArrayLike, cases: ArrayLike | None = None, tokens: ArrayLike | None = None) -> Outliers:
    """Flag values that are slow beyond chance, on a log scale, slow side only.

    The score is (ln x - expected) / (1.4826 MAD) (Iglewicz & Hoaglin 1993); the limit is
    simulated for the n or the layout, so that a clean set gives any flag once in 20; and a
    flagged value is at least 1.5 times what was expected. Expected is the case's median where
    cases have 3 repeats; else a robust line in tokens (Theil-Sen); values are pooled only
    where no cases are given, because a hard case is no outlier.

    Parameters
    ----------
    x : (n,)
        Times in seconds. Those that are missing, infinite or not positive are not judged.
    cases : (n,), optional
        The case of each value.
    tokens : (n,), optional
        Output tokens of each value.

    Examples
    --------
    >>> print(flag([4.12, 4.19, 4.16, 17.08]))
    1 of 4 values is slow beyond chance: score up to 112.8, limit 4.73 (log scale, pooled).
    """
    values = as_array(x)
    fit_for = in_range(values)
    if cases is not None:
        index, groups = indexed(cases)
        counts = group_sums(fit_for, index, groups)[index]
        judged = fit_for & (counts >= REPEATS_NEEDED)
        if judged.any():
            return _within(values, index, judged, int(counts[judged].min()))
        if tokens is None:
            reason = f"prompts have fewer than {REPEATS_NEEDED} repeats, and tokens are not known"
            return _not_judged(values, "within cases", reason)
    if tokens is not None:
        sizes = as_array(tokens)
        return _along_tokens(values, sizes, fit_for & np.isfinite(sizes))
    n = int(fit_for.sum())
    if n < SMALLEST_N:
        return _not_judged(values, "pooled", f"needs n ≥ {SMALLEST_N}, has {n}")
    middle = np.full(n, float(np.median(values[fit_for])))
    return _scored(values, fit_for, middle, pooled_limit(n), "pooled")


def theil_sen(x: ArrayLike, y: ArrayLike, seed: int = 0) -> tuple[float, float]:
    """Return intercept and slope of a line through the medians: never falling, never negative.

    Theil (1950), Sen (1968). Beyond 1,000 points a seeded sample of them is used.

    Examples
    --------
    >>> theil_sen([10, 20, 30, 40, 50, 60], [1.5, 2.5, 3.5, 4.5, 5.5, 99.0])
    (0.5, 0.1)
    """
    across, up = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    chosen = fit_sample(len(across), seed)
    across, up = across[chosen], up[chosen]
    slope = 0.0
    if np.ptp(across) > 0:
        slope = max(0.0, float(stats.theilslopes(up, across).slope))
    return max(0.0, float(np.median(up - slope * across))), slope


def fit_sample(n: int, seed: int = 0) -> slice | NDArray[np.intp]:
    """Return which of n points a robust line is fitted to: all, or a seeded sample in order."""
    if n <= _FIT_SAMPLE:
        return slice(None)
    return np.sort(np.random.default_rng(seed).choice(n, _FIT_SAMPLE, replace=False))


def robust_scores(residuals: Floats, floor: float = _SAME) -> Floats:
    """Return residuals of ln x in robust standard deviations from their median."""
    centred = residuals - np.median(residuals)
    scale = max(_TO_SIGMA * float(np.median(np.abs(centred))), floor)
    scores: Floats = centred / scale
    return scores


def _within(values: Floats, index: Indices, judged: Bools, repeats: int) -> Outliers:
    groups, cases = indexed(index[judged])
    # The median of logarithms, so that the score does not depend on which side of a gap it lies.
    own = np.exp(group_medians(np.log(values[judged]), groups, cases))[groups]
    return _scored(values, judged, own, within_limit(cases, repeats), "within cases")


def _along_tokens(values: Floats, tokens: Floats, judged: Bools) -> Outliers:
    n = int(judged.sum())
    if n < FIT_NEEDS:
        reason = f"a line in tokens needs n ≥ {FIT_NEEDS}, has {n}"
        return _not_judged(values, "along tokens", reason)
    intercept, slope = theil_sen(tokens[judged], values[judged])
    line = intercept + slope * tokens[judged]
    line = np.maximum(line, values[judged].min())  # a line may reach zero
    return _scored(values, judged, line, pooled_limit(n), "along tokens")


def _scored(values: Floats, judged: Bools, expected: Floats, limit: float, method: str) -> Outliers:
    """Score the values that are judged against what was expected of them."""
    found = _not_judged(values, method, "")
    found.expected[judged] = expected
    found.score[judged] = robust_scores(np.log(values[judged]) - np.log(expected))
    found.mask[judged] = (found.score[judged] > limit) & (values[judged] >= GATE * expected)
    return replace(found, limit=limit)


def _not_judged(values: Floats, method: str, reason: str) -> Outliers:
    return Outliers(
        mask=np.zeros(len(values), dtype=np.bool_),
        score=np.full(len(values), np.nan),
        limit=math.inf,
        expected=np.full(len(values), np.nan),
        method=f"log scale, {method}",
        reason=reason,
    )
