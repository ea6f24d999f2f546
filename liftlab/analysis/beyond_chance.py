"""Which steps are slower than chance makes them, whatever the tail of their times."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from liftlab.analysis.columns import Bools, Floats, Indices, group_medians, group_sums
from liftlab.analysis.outliers import (
    FIT_NEEDS,
    GATE,
    REPEATS_NEEDED,
    TO_SIGMA,
    pooled_limit,
    robust_scores,
    within_limit,
)

POOLED_NEEDS = 4
GAP_LEVEL = 0.01  # of all gaps together, and of all sets that are judged in one run
MOST = 0.15  # of the steps: more are a group of their own, not chance
_ALIKE = 1e-3  # residuals closer than this count as the same


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
    known = np.isfinite(over)
    cases = int(index.max(initial=-1)) + 1
    counts = group_sums(known, index, cases)[index]
    repeated, others = known & (counts >= REPEATS_NEEDED), known & (counts < REPEATS_NEEDED)
    mask, judged = np.zeros(len(over), dtype=np.bool_), 0
    own = group_medians(over[repeated], index[repeated], cases)
    # One of each repeated case shows how much cases differ, beside those that cannot.
    _, one = np.unique(index[repeated], return_index=True)
    alike = over[repeated][one]
    together = np.concatenate([over[others], alike])
    few = int(others.sum()) if len(together) >= (POOLED_NEEDS if pooled else FIT_NEEDS) else 0
    level = GAP_LEVEL / stages / (2 if repeated.any() and few else 1)
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
    found: Bools = (robust_scores(over, _ALIKE) > limit) & _apart(over, level, part)
    return found


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
    most = max(1, min(int(MOST * n + 0.5), tail - 2))
    ranks = np.arange(1, most + 1)
    inner = (spacings.sum() - np.cumsum(spacings)[:most]) / (tail - ranks)
    wide = spacings[:most] / np.maximum(inner, _ALIKE)
    levels = stats.f.isf(level / (ranks * (ranks + 1)), 2, 2 * (tail - ranks))
    parted = ranks[wide > levels]
    mask = np.zeros(n, dtype=np.bool_)
    mask[order[: parted.max(initial=0)]] = True
    return mask


def _over_twin(values: Floats, index: Indices) -> Bools:
    """Return which values are slow against the other of their case, or have none."""
    order = np.argsort(index, kind="stable")
    twins: NDArray[np.bool_] = index[order][1:] == index[order][:-1]
    one, other = order[:-1][twins], order[1:][twins]
    apart = values[one] - values[other]
    kept = np.ones(len(values), dtype=np.bool_)
    if len(apart) < POOLED_NEEDS:
        return kept
    scale = max(TO_SIGMA * float(np.median(np.abs(apart))), _ALIKE)
    limit = max(pooled_limit(len(apart)) * scale, math.log(GATE) / 2)
    kept[one], kept[other] = apart > limit, -apart > limit
    return kept
