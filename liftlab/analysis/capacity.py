"""Right answers a second at several levels of load: how many, up to where, and as right as ever.

Requests of one level share a queue, so neighbours are not independent: intervals come from means
of batches of neighbours. They speak for these prompts, asked again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from liftlab.analysis.columns import AGAIN, Bools, Floats
from liftlab.analysis.compare import SuccessChange, success
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.paired import LEVEL, holm_levels, interval_levels

UNIT, PLACES = "a second", "requests at once"
BATCHES_NEEDED = 5  # for Student's t on their means
_MANY_BATCHES, _MOST_BATCHES = 10, 30
_DRAWS = 1_000
_EACH = 4.0  # what a further rate off the line has to gain: two standard errors
_LEAST = 1e-9
_FEW = "not enough requests for an interval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goodput:
    """Right answers within the limit a second, at one level."""

    at_once: int  # how many requests were to be under way
    under_way: float  # how many really were, on average
    n: int
    value: float  # NaN where nothing was timed
    error: float  # standard error of the value, from batches; NaN where they are too few
    freedom: int
    none_above: float  # where none was right: what their rate is below, at 95 %

    def estimate(self, *, picked_from: int = 1) -> Estimate:
        """Return it; `picked_from`: of how many levels, for being the best (Bonferroni)."""
        one = Estimate(value=self.value, n=self.n, unit=UNIT, population=AGAIN)
        if math.isnan(self.value):
            return replace(one, value=None, reason="no request was timed")
        if self.value and math.isnan(self.error):
            return replace(one, reason=_FEW)
        half = float(stats.t.isf(LEVEL / picked_from / 2, self.freedom)) * self.error
        low, high, method = self.value - half, self.value + half, "batch means, Student's t"
        if self.value == 0:
            low, high, method = 0.0, self.none_above, "Clopper–Pearson"
        return replace(one, low=max(0.0, low), high=high, confidence=1 - LEVEL, method=method)


def goodput(seconds: Floats, good: Bools, under_way: float, at_once: int) -> Goodput:
    """Estimate right answers within the limit a second, where so many requests are under way.

    By Little's law (1961, Operations Research 9) requests end at a rate of how many are under way
    over how long each is; so right answers a second are `under_way` times the good ones over the
    seconds of all. Interval: non-overlapping batches of neighbours, each at least as long as the
    number under way (Schmeiser 1982, Operations Research 30), ratio by the delta method.

    `seconds`, `good`, (n,): how long each request was under way, and whether it ended with a right
    answer within the limit; in the order in which they began. `under_way`, `at_once`: how many were
    on average, as measured, and how many were to be: a client that is slow between requests has
    fewer under way than it was asked for.
    """
    known = np.isfinite(seconds)
    seconds, good = seconds[known], good[known]
    n, total = len(seconds), float(seconds.sum())
    base: dict[str, Any] = {"at_once": at_once, "under_way": under_way, "n": n}
    if total <= 0:
        return Goodput(value=math.nan, error=math.nan, freedom=0, none_above=math.nan, **base)
    # Twice as long as the queue where there are enough: neighbours across a border are alike.
    twice = min(2 * under_way, n / _MANY_BATCHES)
    size = math.ceil(max(under_way, twice, 2, n / _MOST_BATCHES) - 1e-9)
    batches, error = n // size, math.nan
    ratio = float(good.sum()) / total
    if batches >= BATCHES_NEEDED:
        parts = np.array_split(good - ratio * seconds, batches)
        rests = np.array([part.sum() for part in parts])
        error = math.sqrt(batches / (batches - 1) * float((rests**2).sum())) / total
    return Goodput(
        value=under_way * ratio,
        error=under_way * error,
        freedom=batches - 1,
        none_above=under_way * n * (1 - LEVEL ** (1 / n)) / total,
        **base,
    )


def busy_until(began: Floats, ended: Floats) -> Floats:
    """Return for each beginning, in rising order, the seconds that all were under way before it."""
    whole = np.concatenate([[0.0], np.cumsum(np.sort(ended))])
    over = np.searchsorted(np.sort(ended), began, side="right")
    begun = np.concatenate([[0.0], np.cumsum(began)])[: len(began)]
    busy: Floats = whole[over] + (np.arange(len(began)) - over) * began - begun
    return busy


def two_segments(
    levels: Floats, rates: Floats, weights: Floats, asked: Floats | None = None
) -> tuple[Floats, Floats]:
    """Fit a line through the origin, and from a knee on rates that no longer rise.

    Least squares over all places of the knee (Hudson 1966, Journal of the American Statistical
    Association 61); beyond it monotone regression (Frisén 1986, The Statistician 35), where each
    new rate has to gain two standard errors, or any dip of a level would be a knee. The knee is
    where the line reaches the first rate beyond it, as the asymptotic bounds of a closed queueing
    network have it (Muntz & Wong 1974; Denning & Buzen 1978, Computing Surveys 10).

    `levels`, `weights`, (k,): by rising level; weights are one over the variance of a rate.
    `rates`, (m, k): one curve a row. `asked`, (k,): how many requests were to be under way, where
    they were fewer on average: at times they all were, so that where rates fall right after a level
    the knee is not below that. Returns where the knee is, and the first level beyond it, both (m,):
    between the last level on the line and that one nobody has looked.

    Examples
    --------
    >>> levels = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    >>> curves = np.array([[1.0, 2.0, 4.0, 6.0, 6.0], [1.0, 2.0, 4.0, 3.0, 3.0]])
    >>> [ends.tolist() for ends in two_segments(levels, curves, np.full(5, 100.0))]
    [[6.0, 4.0], [8.0, 8.0]]
    """
    asked = levels if asked is None else asked
    best = np.full(len(rates), np.inf)
    value, beyond = (np.full(len(rates), levels[-1]) for _ in range(2))
    for count in range(1, len(levels)):
        near, far = slice(count), slice(count, None)
        slope = (weights * levels * rates)[:, near].sum(1) / (weights * levels**2)[near].sum()
        misfit = (weights * (rates - slope[:, None] * levels) ** 2)[:, near].sum(1)
        rest, off = _beyond(rates[:, far], weights[far])
        misfit += off
        last, after = levels[count - 1], levels[count]
        with np.errstate(divide="ignore", invalid="ignore"):
            meets = np.minimum(rest / slope, after)
        held = asked[count - 1] if asked[count - 1] < after else last
        meets = np.where(meets <= last, held, meets)
        better = (slope > 0) & (misfit <= best)  # of equals the last
        best = np.where(better, misfit, best)
        value = np.where(better, meets, value)
        beyond = np.where(better, asked[count], beyond)
    return value, beyond


def _beyond(rates: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the first fitted rate beyond the knee, and the misfit of all: falling, or as one."""
    falling = _falling(rates, weights)
    steps = 1 + (np.diff(falling, axis=1) < 0).sum(1)
    misfit = (weights * (rates - falling) ** 2).sum(1) + _EACH * steps
    level = (weights * rates).sum(1) / weights.sum()
    flat = (weights * (rates - level[:, None]) ** 2).sum(1) + _EACH
    return np.where(flat <= misfit, level, falling[:, 0]), np.minimum(flat, misfit)


def _falling(rates: Floats, weights: Floats) -> Floats:
    """Return the least-squares fit of rates that never rise, by the max-min formula; (m, k)."""
    count = len(weights)
    sums = np.cumsum(np.pad(rates * weights, ((0, 0), (1, 0))), axis=1)
    sizes = np.cumsum(np.pad(weights, (1, 0)))
    fitted = np.empty_like(rates)
    for place in range(count):
        last = np.arange(place + 1, count + 1)
        means = [
            (sums[:, last] - sums[:, [first]]) / (sizes[last] - sizes[first])
            for first in range(place + 1)
        ]
        fitted[:, place] = np.min(means, axis=0).max(axis=1)
    return fitted


def knee(points: Sequence[Goodput], *, seed: int = 0) -> Estimate:
    """Estimate the level at which goodput stops rising.

    The fit of `two_segments`; its interval by a parametric bootstrap: rates are drawn again by
    Student's t with the standard errors of their batches, and fitted again. A knee at the
    highest level is none: goodput may go on rising.
    """
    total = sum(point.n for point in points)
    base: dict[str, Any] = {"n": total, "unit": PLACES, "population": AGAIN}
    timed = [point for point in points if math.isfinite(point.value)]
    timed.sort(key=lambda point: point.under_way)
    if len(timed) < 3 or not any(point.value > 0 for point in timed):
        reason = "it takes three levels with right answers in time"
        return Estimate(value=None, reason=reason, **base)
    levels = np.array([point.under_way for point in timed])
    rates = np.array([point.value for point in timed])
    weights = _weights(levels, rates, timed)
    asked = np.array([float(point.at_once) for point in timed])
    value, beyond = (float(part[0]) for part in two_segments(levels, rates[None], weights, asked))
    highest = float(levels[-1])
    if value >= highest:
        reason = f"right answers a second still rise at {highest:.3g} at once, name higher levels"
        return Estimate(value=None, reason=reason, **base)
    one = Estimate(value=value, method="two segments, bootstrap", **base)
    if any(math.isnan(point.error) and point.value > 0 for point in timed):
        return replace(one, reason=_FEW)
    drawn = _drawn(timed, np.random.default_rng(seed))
    values, ends = two_segments(levels, drawn, weights, asked)
    low, high = np.quantile(values, LEVEL / 2), np.quantile(ends, 1 - LEVEL / 2)
    one = replace(one, low=min(float(low), value), confidence=1 - LEVEL)
    if high >= asked[-1] > beyond:
        return replace(one, reason=f"they may still rise up to {highest:.3g} at once")
    return replace(one, high=max(float(high), beyond))


def _weights(levels: Floats, rates: Floats, points: Sequence[Goodput]) -> Floats:
    """Return one over the variance of each rate.

    Batches of one level tell its error badly: all levels tell together how large it is for a
    request, in parts of the rate that the line would have there, up to the best level's.
    """
    size = np.minimum(levels, levels[int(np.argmax(rates))])
    counts = np.array([point.n for point in points], dtype=np.float64)
    each = np.array([point.error for point in points]) ** 2 * counts / size**2
    known = np.isfinite(each)
    freedom = np.array([point.freedom for point in points], dtype=np.float64)[known]
    common = float((each[known] * freedom).sum() / freedom.sum()) if known.any() else 1.0
    weights: Floats = counts / size**2 / max(common, _LEAST * float(rates.max()) ** 2)
    return weights


def _drawn(points: Sequence[Goodput], rng: np.random.Generator) -> Floats:
    columns = [
        point.value + np.nan_to_num(point.error) * rng.standard_t(max(point.freedom, 1), _DRAWS)
        for point in points
    ]
    drawn: Floats = np.maximum(np.column_stack(columns), 0.0)
    return drawn


def changes(levels: Mapping[int, pd.DataFrame]) -> dict[int, SuccessChange]:
    """Compare the graded trials of each level with those of the lowest, by case.

    Holm's correction over the levels, for verdicts and intervals; each comparison is that of two
    runs: `liftlab.analysis.compare.success`.
    """
    lowest, *others = sorted(levels)
    found = {n: success(levels[lowest], levels[n]) for n in others}
    tested = {n: change.p for n, change in found.items() if change.p is not None}
    p_values = list(tested.values())
    for n, p, miss in zip(tested, holm_levels(p_values), interval_levels(p_values), strict=True):
        found[n] = replace(success(levels[lowest], levels[n], miss=miss), p=p)
    return found
