"""Limits of the outlier flag, simulated by `benchmarks/calibrate_limits.py`.

A clean sample of times whose logarithms are normal exceeds its limit once in 20. They depend
on n, below 10 also on whether n is odd, because the scale is estimated from the same values.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

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


def pooled_limit(n: int) -> float:
    """Return the limit for n values judged together.

    Examples
    --------
    >>> pooled_limit(4), pooled_limit(5), pooled_limit(3)
    (4.73, 5.74, inf)
    """
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
    """Return the limit for residuals from the medians of `cases` cases of `repeats` each.

    Between tabulated layouts the larger neighbour holds.

    Examples
    --------
    >>> within_limit(20, 2)
    inf
    """
    if cases < 1 or repeats < min(WITHIN):
        return math.inf
    row = WITHIN[max(size for size in WITHIN if size <= repeats)]
    last = WITHIN_CASES[-1]
    if cases >= last:
        grown = _largest_normal(cases * repeats) - _largest_normal(last * repeats)
        return row[-1] + grown
    right = int(np.searchsorted(WITHIN_CASES, cases))
    left = right if WITHIN_CASES[right] == cases else right - 1
    return max(row[left], row[right])


def _largest_normal(n: int) -> float:
    return float(stats.norm.ppf(0.95 ** (1 / n)))
