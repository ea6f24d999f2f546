"""Where a series of numbers shifts its level, and how sure that is.

The largest standardised difference of means over all places where the series can be cut (Hawkins
1977, JASA 72; the square is the likelihood ratio of a shift in a normal mean), against the same of
shuffled series, so that no shape of the noise is assumed. Neighbours that resemble each other make
large differences common: the statistic is divided by what autocorrelation inflates it by (Lund et
al. 2007, J. Climate 20). Further shifts are looked for on both sides of one that was found (binary
segmentation; Vostrikova 1981, Soviet Mathematics Doklady 24).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liftlab.analysis.columns import Floats, as_array

LEVEL = 0.01  # false alarms a series: several series are looked at together
SHORTEST = 5  # values on each side of a shift
_SHUFFLES = 999
_AT_ONCE = 50
_CLIP = 5.0  # medians of the differences
_MOST_CELLS = 2_000_000  # of a block of shuffled series


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A shift of the level between two neighbours of a series."""

    index: int  # of the first value at the new level
    # before, after: the means of the stretches on both sides, up to the next shift
    before: float
    after: float
    p: float  # chance of a difference that large anywhere in a steady series of this length


def shifts(values: ArrayLike, *, seed: int = 0) -> list[Shift]:
    """Find where a series shifts its level.

    `values`, (n,): in order of time, finite; for times and costs their logarithms. A series shorter
    than two stretches has no shift. `seed`: of the shuffling.

    Examples
    --------
    >>> series = np.random.default_rng(1).normal(0, 0.04, 100) + 0.1 * (np.arange(100) >= 60)
    >>> [found.index for found in shifts(series)]
    [60]
    """
    series = as_array(values)
    if not np.isfinite(series).all():
        raise ValueError("a value is missing or infinite")
    rng = np.random.default_rng(seed)
    cuts = sorted(_cut(series, 0, rng))
    edges = [0, *(index for index, _ in cuts), len(series)]
    return [
        Shift(
            index=index,
            before=float(series[edges[place] : index].mean()),
            after=float(series[index : edges[place + 2]].mean()),
            p=p,
        )
        for place, (index, p) in enumerate(cuts)
    ]


def _cut(series: Floats, offset: int, rng: np.random.Generator) -> list[tuple[int, float]]:
    """Return index and p of every shift of a stretch that begins at `offset`."""
    if len(series) < 2 * SHORTEST or np.ptp(series) == 0:
        return []
    seen = _differences(series[None, :])[0]
    place = int(seen.argmax())
    index = place + SHORTEST
    rho = _autocorrelation(series)
    largest = float(seen[place]) * math.sqrt((1 - rho) / (1 + rho))
    p = _chance(series, largest, rng)
    if p > LEVEL:
        return []
    return [
        *_cut(series[:index], offset, rng),
        (offset + index, p),
        *_cut(series[index:], offset + index, rng),
    ]


def _chance(series: Floats, largest: float, rng: np.random.Generator) -> float:
    """Return the share of shuffled series with a difference as large, what was seen among them.

    It stops when the share cannot come below the level any more (Besag & Clifford 1991, Biometrika
    78): most steady series need a tenth of the shuffles.
    """
    at_once = max(1, min(_AT_ONCE, _MOST_CELLS // len(series)))
    most = LEVEL * (1 + _SHUFFLES) - 1
    as_large = done = 0
    while done < _SHUFFLES and as_large <= most:
        rows = min(at_once, _SHUFFLES - done)
        shuffled = rng.permuted(np.tile(series, (rows, 1)), axis=1)
        as_large += int((_differences(shuffled).max(axis=1) >= largest).sum())
        done += rows
    return (1 + as_large) / (1 + done)


def _differences(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return |t| of the two means for every cut of each row; (rows, cuts)."""
    n = rows.shape[1]
    centred = rows - rows.mean(axis=1, keepdims=True)
    total = (centred**2).sum(axis=1, keepdims=True)
    sums = np.cumsum(centred, axis=1)[:, SHORTEST - 1 : n - SHORTEST]
    left = np.arange(SHORTEST, n - SHORTEST + 1)
    between = sums**2 * n / (left * (n - left))  # sum of squares that the cut explains
    within = np.maximum(total - between, 1e-12 * total + 1e-300)
    found: NDArray[np.float64] = np.sqrt(between * (n - 2) / within)
    return found


def _autocorrelation(series: Floats) -> float:
    """Return the correlation of neighbours, from 0 to .9, whatever shifts the series has.

    For a first-order autoregression, values two apart differ by 1 + rho times the square of what
    neighbours differ by. A shift is in one or two of those differences, and they are clipped.
    """
    squares = []
    for lag in (1, 2):
        apart = np.abs(series[lag:] - series[:-lag])
        squares.append(float((np.minimum(apart, _CLIP * np.median(apart)) ** 2).mean()))
    if squares[0] <= 0:
        return 0.0
    return min(0.9, max(0.0, squares[1] / squares[0] - 1))
