"""Whether times change over a run: drift, a warm-up, neighbours that go together.

Cases differ, so that each is compared with itself wherever it repeats. Order is that of
measurement: a run's is random, so that unlike cases are no trend.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from liftlab.analysis import intervals
from liftlab.analysis.columns import (
    CONFIDENCE,
    Floats,
    Indices,
    as_array,
    group_medians,
    in_range,
    indexed,
    labels,
)
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.latency import (
    answered,
    answered_steps,
    judged_seconds,
    judged_steps,
    stage_names,
)
from liftlab.analysis.outliers import fit_sample

DRIFT_NEEDS = 10
NEIGHBOURS_NEED = 20
WARM_UP = 0.1  # the share of the run that is held against the rest
WARM_UP_NEEDS = 60  # so that six values, which an interval needs, are a tenth
_SAME = 1e-12
_PAIRS = 500_000  # compared at once
_SAMPLE = 200_000  # slopes that say where a rank lies
Cases = Sequence[tuple[Floats, Floats]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How one time changes over a run."""

    what: str
    ratio: Estimate  # last over first, along a robust line through the whole run
    p: float | None  # of Kendall's rank correlation with the order; None where nothing was tested
    # correlation of each time with the one before it: a state that lasts, such as a busy machine.
    # Repeats are then not independent.
    neighbours: Estimate
    warm_up: Estimate  # the first tenth of the run over the rest

    @property
    def drifts(self) -> bool:
        """Whether order and time go together beyond chance, at 5 %."""
        return self.p is not None and self.p < 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDrift:
    """How the times of a run change; `ordered`: whether the order of its trials is known."""

    stages: tuple[Drift, ...]
    e2e: Drift
    ordered: bool

    @property
    def drifting(self) -> tuple[Drift, ...]:
        """What drifts, stages first; empty where nothing does, or it cannot be told."""
        return tuple(drift for drift in (*self.stages, self.e2e) if self.ordered and drift.drifts)


def drift_of(seconds: ArrayLike, cases: ArrayLike | None = None, *, what: str = "e2e") -> Drift:
    """Estimate how times change in the order in which they were measured.

    Drift by Kendall's test and Sen's slope within cases (Hirsch, Slack & Smith 1982, Water
    Resources Research 18, with cases for seasons; Sen 1968, JASA 63): only pairs of repeats of
    a case are compared. Where no case repeats, all are pairs of one. Neighbours by the
    arcsine, which stabilises their variance of (1 - r²) / n (Bartlett 1946).

    Times that are missing, infinite or not positive are left out.
    """
    values = as_array(seconds)
    usable = in_range(values)
    logs, index = np.log(values[usable]), np.zeros(int(usable.sum()), dtype=np.intp)
    if cases is not None:
        names, groups = indexed(np.asarray(cases).ravel()[usable])
        index = names if groups < len(names) else index
    place = np.linspace(0, 1, len(logs))
    repeated = np.bincount(index)[index] > 1
    place, logs, index = place[repeated], logs[repeated], index[repeated]
    n = len(logs)
    own = group_medians(logs, index, int(index.max()) + 1 if n else 0)
    residuals = logs - own[index]
    if n < DRIFT_NEEDS or np.ptp(residuals) < _SAME:
        reason = "all are the same" if n >= DRIFT_NEEDS else _insufficient(DRIFT_NEEDS, n)
        none = Estimate(value=None, n=n, reason=reason)
        return Drift(what=what, ratio=none, p=None, neighbours=none, warm_up=none)
    ratio, p = _drift(place, logs, index)
    neighbours, warm_up = _neighbours(residuals), _warm_up(logs, index)
    return Drift(what=what, ratio=ratio, p=p, neighbours=neighbours, warm_up=warm_up)


def run_drift(trials: pd.DataFrame, stages: pd.DataFrame) -> RunDrift:
    """Estimate how a run's times change, without those of errors and the client's own work."""
    started = trials["started_at"].dropna().unique() if "started_at" in trials else ()
    trials = trials[answered(trials)]
    stages = stages[answered_steps(stages)] if len(stages) else stages
    drifts = []
    for name in stage_names(stages):
        frame = stages[stages["stage"] == name].sort_values("started_s", kind="stable")
        drifts.append(drift_of(judged_steps(frame), labels(frame, "case_id"), what=name))
    if len(trials):
        trials = trials.sort_values("started_at", kind="stable")
    e2e = drift_of(judged_seconds(trials), labels(trials, "case_id"))
    return RunDrift(stages=tuple(drifts), e2e=e2e, ordered=len(started) > 1)


def _drift(place: Floats, logs: Floats, index: Indices) -> tuple[Estimate, float]:
    """Return last over first with its interval, and the p of no drift."""
    cases = [*zip(_by_case(logs, index), _by_case(place, index), strict=True)]
    shapes = [times.shape for times, _ in cases]
    count = sum(alike * size * (size - 1) // 2 for alike, size in shapes)
    variance = sum(alike * size * (size - 1) * (2 * size + 5) / 18 for alike, size in shapes)
    score = sum(float(np.sign(slopes).sum()) for slopes in _slopes(cases))
    error = math.sqrt(variance)
    z = max(0.0, abs(score) - 1) / error
    half = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * error
    # Sen's limits: the slopes whose ranks lie that far from the middle.
    low, high = ((count + side * half) / 2 for side in (-1, 1))
    ranks = np.clip([low - 0.5, high + 0.5 - 1], 0, count - 1).round().astype(int)
    found = _at([ranks[0], (count - 1) // 2, count // 2, ranks[1]], count, cases)
    low, middle, high = map(math.exp, (found[0], (found[1] + found[2]) / 2, found[3]))
    one = Estimate(value=middle, low=low, high=high, n=len(logs), confidence=CONFIDENCE)
    method = "Sen's slope of ln seconds within cases"
    return replace(one, method=method), 2 * float(stats.norm.sf(z))


def _slopes(cases: Cases) -> Iterator[Floats]:
    """Yield the slopes between repeats of a case, part by part: all at once fill gigabytes."""
    for times, at in cases:
        one, other = np.triu_indices(times.shape[1], 1)
        step = max(1, _PAIRS // len(one))
        for begin in range(0, len(times), step):
            t, x = times[begin : begin + step], at[begin : begin + step]
            yield ((t[:, other] - t[:, one]) / (x[:, other] - x[:, one])).ravel()


def _at(ranks: list[int], count: int, cases: Cases) -> list[float]:
    """Return the slopes of some ranks, counted from 0: of a sorted list of all, without it.

    A sample says between which slopes they lie; those are kept and the ones below counted.
    """
    spread = max(1, count // _SAMPLE)
    sample = np.sort(np.concatenate([slopes[::spread] for slopes in _slopes(cases)]))
    far = 6 * math.sqrt(len(sample))
    first, last = (min(ranks) / count * len(sample) - far, max(ranks) / count * len(sample) + far)
    low = -math.inf if first < 0 or spread == 1 else sample[int(first)]
    high = math.inf if last >= len(sample) or spread == 1 else sample[int(last)]
    below, kept = 0, []
    for slopes in _slopes(cases):
        below += int((slopes < low).sum())
        kept.append(slopes[(slopes >= low) & (slopes <= high)])
    near = np.concatenate(kept)
    places = [rank - below for rank in ranks]
    if min(places) < 0 or max(places) >= len(near):  # a sample that misleads
        near, places = np.concatenate([*_slopes(cases)]), ranks
    near.partition(sorted(set(places)))
    return [float(near[place]) for place in places]


def _by_case(values: Floats, index: Indices) -> list[Floats]:
    """Return values as rectangles, a row a case, in order; a case of very many is sampled."""
    counts = np.bincount(index)
    ordered = values[np.argsort(index, kind="stable")]
    start = np.cumsum(counts) - counts
    rectangles = []
    for size in np.unique(counts[counts > 1]):
        alike = start[counts == size]
        chosen = np.arange(size)[fit_sample(int(size))]
        rectangles.append(ordered[alike[:, None] + chosen])
    return rectangles


def _neighbours(residuals: Floats) -> Estimate:
    n = len(residuals)
    if n < NEIGHBOURS_NEED:
        return Estimate(value=None, n=n, reason=_insufficient(NEIGHBOURS_NEED, n))
    centred = residuals - residuals.mean()
    found = float((centred[1:] * centred[:-1]).sum() / (centred**2).sum())
    found = min(0.999, max(-0.999, found + (1 + 3 * found) / n))  # its bias (Kendall 1954)
    half = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) / math.sqrt(n)
    low = math.sin(max(-math.pi / 2, math.asin(found) - half))
    high = math.sin(min(math.pi / 2, math.asin(found) + half))
    one = Estimate(value=found, low=low, high=high, n=n, method="arcsine")
    return replace(one, confidence=CONFIDENCE)


def _warm_up(logs: Floats, index: Indices) -> Estimate:
    """Estimate the first tenth over the rest, each time against its own case's later ones."""
    n = len(logs)
    first = int(WARM_UP * n)
    cases = int(index.max()) + 1
    later = group_medians(logs[first:], index[first:], cases)[index[:first]]
    over = (logs[:first] - later)[np.isfinite(later)]
    if n < WARM_UP_NEEDS or len(over) < WARM_UP * WARM_UP_NEEDS:
        return Estimate(value=None, n=n, reason=_insufficient(WARM_UP_NEEDS, n))
    found = intervals.median(np.exp(over), unit="")
    return replace(found, method="median against the case's later times")


def _insufficient(needed: int, n: int) -> str:
    return f"needs {needed} requests, has {n:,}"
