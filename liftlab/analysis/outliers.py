"""Which times are too slow to be chance: a flag that holds its false alarms at small n.

Its limits are simulated by `benchmarks/calibrate_limits.py`: a clean sample of times whose
logarithms are normal exceeds its limit once in 20. They depend on n, below 10 also on whether n
is odd, because the scale is estimated from the same values. `beyond_chance` judges the steps of a
run, whatever the tail of their times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from liftlab.analysis.columns import (
    Bools,
    Floats,
    Indices,
    as_array,
    group_medians,
    group_sums,
    in_range,
    indexed,
)
from liftlab.analysis.estimate import plain
from liftlab.words import be

_POOLED_N = (*range(4, 31), 35, 40, 50, 75, 100, 150, 200, 300, 500, 1000, 2000)
_POOLED = (  # at 4 and 5 the limit is known to .03 only
    *(4.73, 5.74, 4.36, 4.67, 4.06, 4.22, 3.89, 3.99, 3.77, 3.84, 3.70, 3.75, 3.64, 3.68, 3.60),
    *(3.63, 3.57, 3.60, 3.54, 3.57, 3.53, 3.55, 3.51, 3.53, 3.50, 3.52, 3.49, 3.49, 3.47, 3.47),
    *(3.49, 3.51, 3.56, 3.61, 3.68, 3.78, 3.92, 4.08),
)
POOLED: dict[int, float] = dict(zip(_POOLED_N, _POOLED, strict=True))
WITHIN_CASES = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 2000)
WITHIN: dict[int, tuple[float, ...]] = {  # by repeats; a column for each of WITHIN_CASES
    3: (10.89, 8.80, 12.44, 11.28, 9.75, 9.37, 9.21, 9.28, 9.49, 9.88, 10.60),
    4: (4.74, 5.90, 5.63, 5.37, 5.21, 5.23, 5.36, 5.54, 5.76, 6.06, 6.54),
    5: (5.74, 5.19, 5.47, 5.34, 5.25, 5.31, 5.48, 5.67, 5.89, 6.19, 6.64),
    6: (4.32, 4.75, 4.76, 4.70, 4.71, 4.79, 4.97, 5.16, 5.36, 5.64, 6.07),
    7: (4.66, 4.40, 4.51, 4.48, 4.51, 4.62, 4.83, 5.01, 5.20, 5.47, 5.85),
    8: (4.05, 4.22, 4.27, 4.28, 4.36, 4.47, 4.68, 4.86, 5.04, 5.31, 5.67),
    9: (4.21, 4.06, 4.14, 4.15, 4.23, 4.36, 4.57, 4.75, 4.92, 5.17, 5.54),
    10: (3.91, 3.98, 4.03, 4.06, 4.16, 4.29, 4.49, 4.69, 4.86, 5.11, 5.47),
}
GATE = 1.5  # a flagged value is at least this many times what was expected
SMALLEST_N = 4
FIT_NEEDS = 8  # rows for a line in tokens
REPEATS_NEEDED = 3  # of a case, to judge within it
TO_SIGMA = 1.4826  # MAD of a normal sample to its standard deviation
_SAME = 1e-3  # times closer than this share of each other count as equal
_FIT_SAMPLE = 1_000  # the slope is quadratic in memory; docs/calibration.md has the error
_POOLED_NEEDS = 4
_GAP_LEVEL = 0.01  # of all gaps together, and of all sets that are judged in one run
_MOST = 0.15  # of the steps: more are a group of their own, not chance


def pooled_limit(n: int) -> float:
    """Return the limit for n values judged together."""
    if n < min(POOLED):
        return math.inf
    if n in POOLED:
        return POOLED[n]
    last = max(POOLED)
    if n > last:  # the scale is known by then: what is left is the largest of n normal values
        return POOLED[last] + _largest_normal(n) - _largest_normal(last)
    sizes = sorted(POOLED)
    return float(np.interp(math.log(n), np.log(sizes), [POOLED[size] for size in sizes]))


def within_limit(cases: int, repeats: int) -> float:
    """Return the limit for residuals from medians; between tabulated layouts the larger one."""
    if cases < 1 or repeats < min(WITHIN):
        return math.inf
    row = WITHIN[max(size for size in WITHIN if size <= repeats)]
    last = WITHIN_CASES[-1]
    if cases >= last:
        return row[-1] + _largest_normal(cases * repeats) - _largest_normal(last * repeats)
    right = int(np.searchsorted(WITHIN_CASES, cases))
    left = right if WITHIN_CASES[right] == cases else right - 1
    return max(row[left], row[right])


def _largest_normal(n: int) -> float:
    return float(stats.norm.ppf(0.95 ** (1 / n)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outliers:
    """Which of n values are slow beyond chance."""

    mask: Bools  # (n,): true where flagged
    # (n,): distance of ln x from what was expected, in robust SD; NaN where it was not judged
    score: Floats
    # the score that a clean sample exceeds once in 20; infinite where nothing can be judged
    limit: float
    # (n,): what was expected: the median of the values, of the case, or the line in tokens
    expected: Floats
    method: str  # how "expected" was made
    reason: str = ""  # why nothing could be judged; empty if it could

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

    Values that are missing, infinite or not positive are not judged. `tokens` are output tokens.

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


def theil_sen(x: ArrayLike, y: ArrayLike) -> tuple[float, float]:
    """Return intercept and slope of a line through the medians: never falling, never negative.

    Theil (1950), Sen (1968). Beyond 1,000 points a seeded sample of them is used.
    """
    chosen = fit_sample(np.size(x))
    across, up = as_array(x)[chosen], as_array(y)[chosen]
    slope = max(0.0, float(stats.theilslopes(up, across).slope)) if np.ptp(across) > 0 else 0.0
    return max(0.0, float(np.median(up - slope * across))), slope


def fit_sample(n: int) -> slice | NDArray[np.intp]:
    """Return which of n points a robust line is fitted to: all, or a seeded sample in order."""
    if n <= _FIT_SAMPLE:
        return slice(None)
    return np.sort(np.random.default_rng(0).choice(n, _FIT_SAMPLE, replace=False))


def _robust_scores(residuals: Floats) -> Floats:
    """Return residuals of ln x in robust standard deviations from their median."""
    centred = residuals - np.median(residuals)
    scores: Floats = centred / max(TO_SIGMA * float(np.median(np.abs(centred))), _SAME)
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
    found.score[judged] = _robust_scores(np.log(values[judged]) - np.log(expected))
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


def beyond_chance(
    over: Floats, index: Indices, *, pooled: bool = False, stages: int = 1
) -> tuple[Bools, int, str]:
    """Return which values lie beyond chance, of how many, and why others could not be judged.

    A value lies beyond chance if its score, (value - median) / (1.4826 MAD), exceeds the limit
    that a clean set of this size exceeds once in 20, and if a gap parts it from the others that is
    wide for their own tail: spacings of order statistics of an exponential tail, so that heavy
    tails are no alarm (Weissman 1978). Cases with three repeats are judged against their own
    median; with two, a slow value has to be slow against its twin, too.

    `over`, (n,): ln of what each took over what was expected of it; NaN where it is not judged.
    `index`, (n,): the case of each, from 0. `pooled`: judge values together though nothing is known
    of their tokens. `stages`: how many sets of one run share the level of the gap.
    """
    known, cases = np.isfinite(over), int(index.max(initial=-1)) + 1
    counts = group_sums(known, index, cases)[index]
    repeated, others = known & (counts >= REPEATS_NEEDED), known & (counts < REPEATS_NEEDED)
    mask, judged = np.zeros(len(over), dtype=np.bool_), 0
    own = group_medians(over[repeated], index[repeated], cases)
    # One of each repeated case shows how much cases differ, beside those that cannot.
    _, one = np.unique(index[repeated], return_index=True)
    alike = over[repeated][one]
    together = np.concatenate([over[others], alike])
    few = int(others.sum()) if len(together) >= (_POOLED_NEEDS if pooled else FIT_NEEDS) else 0
    level = _GAP_LEVEL / stages / (2 if repeated.any() and few else 1)
    if repeated.any():
        limit = within_limit(len(alike), int(counts[repeated].min()))
        mask[repeated] = _beyond(over[repeated] - own[index[repeated]], limit, level, 3)
        judged += int(repeated.sum())
    if few:
        mask[others] = _beyond(together, pooled_limit(len(together)), level)[:few]
        mask[others] &= _over_twin(over[others], index[others])
        judged += few
    needed = f"needs {FIT_NEEDS} steps with tokens, or {REPEATS_NEEDED} repeats of a prompt"
    return mask, judged, "" if judged else needed


def _beyond(over: Floats, limit: float, level: float, part: int = 2) -> Bools:
    beyond: Bools = (_robust_scores(over) > limit) & _apart(over, level, part)
    return beyond


def _apart(values: Floats, level: float, part: int) -> Bools:
    """Return which of the largest are parted from the rest by a gap too wide for their tail.

    The tail lies in the upper half, or third: of residuals from medians many are zero.
    """
    n = len(values)
    if n < FIT_NEEDS:
        return np.ones(n, dtype=np.bool_)
    tail = max(4, min(n // part, max(10, 2 * math.isqrt(n))))
    order = np.argsort(-values, kind="stable")
    top = values[order[: tail + 1]]
    # The i-th gap from the top, times i, is exponential with the scale of the tail.
    spacings = np.arange(1, tail + 1) * -np.diff(top)
    most = max(1, min(int(_MOST * n + 0.5), tail - 2))
    ranks = np.arange(1, most + 1)
    inner = (spacings.sum() - np.cumsum(spacings)[:most]) / (tail - ranks)
    wide = spacings[:most] / np.maximum(inner, _SAME)
    levels = stats.f.isf(level / (ranks * (ranks + 1)), 2, 2 * (tail - ranks))
    parted = ranks[wide > levels]
    mask = np.zeros(n, dtype=np.bool_)
    mask[order[: parted.max(initial=0)]] = True
    return mask


def _over_twin(values: Floats, index: Indices) -> Bools:
    """Return which values are slow against the other of their case, or have none."""
    order = np.argsort(index, kind="stable")
    twins: Bools = index[order][1:] == index[order][:-1]
    one, other = order[:-1][twins], order[1:][twins]
    apart = values[one] - values[other]
    kept = np.ones(len(values), dtype=np.bool_)
    if len(apart) < _POOLED_NEEDS:
        return kept
    scale = max(TO_SIGMA * float(np.median(np.abs(apart))), _SAME)
    limit = max(pooled_limit(len(apart)) * scale, math.log(GATE) / 2)
    kept[one], kept[other] = apart > limit, -apart > limit
    return kept
