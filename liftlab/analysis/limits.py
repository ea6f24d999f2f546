"""Limits of the outlier flag, simulated by `benchmarks/calibrate_limits.py`.

A clean sample of times whose logarithms are normal exceeds its limit once in 20. They depend
on n, below 10 also on whether n is odd, because the scale is estimated from the same values.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

POOLED: dict[int, float] = {
    4: 4.73,  # here and at 5 the limit is known to .03 only
    5: 5.74,
    6: 4.36,
    7: 4.67,
    8: 4.05,
    9: 4.23,
    10: 3.88,
    11: 3.98,
    12: 3.77,
    13: 3.84,
    14: 3.69,
    15: 3.75,
    16: 3.64,
    17: 3.68,
    18: 3.60,
    19: 3.63,
    20: 3.57,
    21: 3.60,
    22: 3.54,
    23: 3.57,
    24: 3.53,
    25: 3.56,
    26: 3.51,
    27: 3.54,
    28: 3.50,
    29: 3.51,
    30: 3.49,
    35: 3.50,
    40: 3.48,
    50: 3.47,
    75: 3.49,
    100: 3.51,
    150: 3.57,
    200: 3.61,
    300: 3.68,
    500: 3.78,
    1000: 3.92,
    2000: 4.07,
}
WITHIN_CASES = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 2000)
WITHIN: dict[int, tuple[float, ...]] = {  # by repeats; a column for each of WITHIN_CASES
    3: (11.12, 8.79, 12.42, 11.12, 9.82, 9.43, 9.19, 9.29, 9.50, 9.87, 10.62),
    4: (4.68, 5.89, 5.59, 5.37, 5.22, 5.24, 5.37, 5.53, 5.76, 6.07, 6.54),
    5: (5.72, 5.18, 5.49, 5.33, 5.22, 5.30, 5.48, 5.66, 5.88, 6.19, 6.64),
    6: (4.35, 4.78, 4.79, 4.70, 4.71, 4.79, 4.96, 5.17, 5.36, 5.63, 6.06),
    7: (4.64, 4.37, 4.48, 4.47, 4.52, 4.59, 4.83, 5.01, 5.22, 5.47, 5.87),
    8: (4.03, 4.23, 4.26, 4.29, 4.35, 4.47, 4.67, 4.87, 5.05, 5.30, 5.68),
    9: (4.23, 4.08, 4.15, 4.17, 4.24, 4.38, 4.58, 4.75, 4.93, 5.18, 5.56),
    10: (3.88, 3.95, 4.05, 4.05, 4.18, 4.29, 4.50, 4.67, 4.85, 5.10, 5.46),
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
