"""The history as series: where a level shifted, what changed with it, and where it is going."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from liftlab.analysis.columns import Floats, as_array, floats
from liftlab.analysis.comparability import SETTINGS, is_share, metrics, on_scale, time_metrics
from liftlab.analysis.estimate import Estimate, plain

LEVEL = 0.01  # false alarms a series: several series are looked at together
_SHORTEST = 5  # values on each side of a shift
_AT_ONCE = 50
_CLIP = 5.0  # medians of the differences
_MOST_CELLS = 2_000_000  # of a block of shuffled series
TREND_NEEDS = 10  # runs at one level
_WINDOW = 20  # runs on each side of a shift whose settings are looked at
_SHUFFLES = 999
_MOST_RUNS = 1_000  # the slope takes the square of them
# Runs of one series are about the same work; whatever else differs may be why they do.
_SERIES = ("suite", "cases_sha256", "pipeline", "load")
_MAY_CHANGE = {
    "endpoint": "endpoint",
    **SETTINGS,
    "concurrency": "concurrency",
    "repeats": "repeats",
    "suite_sha256": "suite",
    "liftlab_version": "liftlab",
    "judged_by": "grader or prices",
}
_COUNTS = {
    "attempts_per_trial": "attempts a trial",
    "prompt_tokens": "prompt tokens",
    "output_tokens": "output tokens",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePoint:
    """A shift of one metric between two runs, and what changed at the same time."""

    metric: str
    # last_before: the last run at the old level; run_id, started_at: the first at the new one
    last_before: str
    run_id: str
    started_at: str
    # before, after: levels: geometric means of times and costs, means of shares
    before: float
    after: float
    # by name, the value before and after: settings, attempts, tokens. Not proven causes.
    changed: Mapping[str, tuple[str, str]]
    p: float  # chance of such a shift anywhere in a steady series

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        data = asdict(self)
        changed = {name: list(pair) for name, pair in data.pop("changed").items()}
        return data | {"changed": changed}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSeries:
    """One metric of a series of runs."""

    metric: str
    # n, latest: runs that have a number, and that of the newest
    n: int
    latest: float
    # by how much a time may be off: nothing below it is written; None where it is not known
    off: float | None = None
    sd: float | None  # spread of the runs since the last shift: as a share for times and costs
    per_week: Estimate  # its slope since then, as a share a week for times and costs
    changes: tuple[ChangePoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSeries:
    """Runs of the same work, in order of time."""

    title: str
    runs: tuple[str, ...]
    metrics: tuple[MetricSeries, ...]

    @property
    def changes(self) -> list[ChangePoint]:
        """All shifts of all metrics, oldest first."""
        found = [change for metric in self.metrics for change in metric.changes]
        return sorted(found, key=lambda change: change.started_at)


def run_series(runs: pd.DataFrame) -> list[RunSeries]:
    """Split a history into series of the same work, and look for shifts and slopes in each.

    Complete runs that were measured or imported count. Endpoints that were used one after the other
    are one series, so that the change from one to the next can show; those used side by side are
    series of their own.
    """
    kept = runs[(runs["status"] == "complete") & (runs["provenance"] != "reference")]
    kept = kept[kept["started_at"].notna()].sort_values(["started_at", "run_id"])
    found = []
    for _, same in kept.groupby(list(_SERIES), dropna=False, sort=False):
        for part in _by_endpoint(same):
            names = [name for name in metrics(part) if np.isfinite(floats(part, name)).any()]
            series = tuple(_metric_series(part, name) for name in names)
            found.append(RunSeries(title=_title(part), runs=tuple(part["run_id"]), metrics=series))
    return sorted(found, key=lambda series: -len(series.runs))


def _by_endpoint(runs: pd.DataFrame) -> list[pd.DataFrame]:
    """Return stretches of runs: one an endpoint where these overlap in time."""
    ends = runs.groupby("endpoint", dropna=False, sort=False)["started_at"].agg(["min", "max"])
    ends = ends.sort_values("min")
    if (ends["min"].iloc[1:].to_numpy() > ends["max"].cummax()[:-1]).all():
        return [runs]
    return [part for _, part in runs.groupby("endpoint", dropna=False, sort=False)]


def _metric_series(runs: pd.DataFrame, metric: str) -> MetricSeries:
    known = runs[np.isfinite(on_scale(floats(runs, metric), metric))]
    values = on_scale(floats(known, metric), metric)
    found = shifts(values)
    first = found[-1].index if found else 0
    level = values[first:]
    return MetricSeries(
        metric=metric,
        n=len(known),
        latest=float(floats(known, metric)[-1]) if len(known) else math.nan,
        off=off_s(known)[-1] if len(known) and metric in time_metrics(known) else None,
        sd=float(level.std(ddof=1)) if len(level) >= 2 else None,
        per_week=_slope(known["started_at"].iloc[first:], level),
        changes=tuple(_change(known, metric, shift, found) for shift in found),
    )


def off_s(runs: pd.DataFrame) -> list[float | None]:
    """Return by how much each run's times may be off, at real length; None where nobody knows."""
    if "timing_uncertainty_s" not in runs:
        return [None] * len(runs)
    off = floats(runs, "timing_uncertainty_s")
    if "time_scale" in runs:
        off = off * np.nan_to_num(floats(runs, "time_scale"), nan=1.0)
    return [float(seconds) if seconds > 0 else None for seconds in off]


def _change(runs: pd.DataFrame, metric: str, shift: Shift, every: Sequence[Shift]) -> ChangePoint:
    edges = [0, *(each.index for each in every), len(runs)]
    place = edges.index(shift.index)
    before = runs.iloc[max(edges[place - 1], shift.index - _WINDOW) : shift.index]
    after = runs.iloc[shift.index : min(edges[place + 1], shift.index + _WINDOW)]
    first, level = runs.iloc[shift.index], float if is_share(metric) else math.exp
    return ChangePoint(
        metric=metric,
        last_before=str(runs["run_id"].iloc[shift.index - 1]),
        run_id=str(first["run_id"]),
        started_at=str(first["started_at"]),
        before=level(shift.before),
        after=level(shift.after),
        changed=dict(_changed(before, after)),
        p=shift.p,
    )


def _changed(before: pd.DataFrame, after: pd.DataFrame) -> Iterator[tuple[str, tuple[str, str]]]:
    for name, words in _MAY_CHANGE.items():
        old, new = _usual(before, name), _usual(after, name)
        if old != new:
            yield words, (old, new)
    commits = (before["git_commit"].iloc[-1], after["git_commit"].iloc[0])
    if commits[0] != commits[1] and all(isinstance(commit, str) for commit in commits):
        yield "commit", (commits[0][:10], commits[1][:10])
    for name, words in _COUNTS.items():
        old_counts, new_counts = (floats(part, name) for part in (before, after))
        if _differ(old_counts, new_counts):
            middles = (plain(float(np.nanmedian(x)), 3) for x in (old_counts, new_counts))
            yield words, (next(middles), next(middles))


def _usual(runs: pd.DataFrame, name: str) -> str:
    """Return the most frequent value in words; digests are cut short."""
    values = runs[name].dropna()
    if len(values) == 0:
        return "unknown"
    usual = values.mode().iloc[0]
    text = plain(float(usual)) if isinstance(usual, int | float | np.number) else str(usual)
    return text[:10] if name.endswith("_sha256") else text


def _differ(old: Floats, new: Floats) -> bool:
    """Tell whether two means differ by more than shuffled values' means do, at 1 %."""
    old, new = old[np.isfinite(old)], new[np.isfinite(new)]
    both = np.concatenate([old, new])
    if min(len(old), len(new)) < 5 or np.ptp(both) == 0:
        return False
    rows = np.tile(both, (_SHUFFLES, 1))
    shuffled = np.random.default_rng(0).permuted(rows, axis=1)[:, : len(old)].mean(axis=1)
    apart = np.abs(shuffled - both.mean()) >= abs(old.mean() - both.mean()) - 1e-12
    return bool(1 + apart.sum() <= 0.01 * (1 + _SHUFFLES))


def _slope(started: pd.Series[str], values: Floats) -> Estimate:
    """Return the slope a week by Theil and Sen, with Sen's interval (1968, JASA 63)."""
    none = Estimate(value=None, n=len(values), unit="%", reason="all runs began at the same time")
    if len(values) < TREND_NEEDS:
        return replace(none, reason=f"needs {TREND_NEEDS} runs at one level")
    moments = pd.to_datetime(started, utc=True, errors="coerce", format="ISO8601")
    weeks = (moments - moments.iloc[0]).dt.total_seconds().to_numpy() / (7 * 86_400)
    weeks, values = weeks[-_MOST_RUNS:], values[-_MOST_RUNS:]
    usable = np.isfinite(weeks)
    if np.ptp(weeks[usable]) <= 0 or usable.sum() < TREND_NEEDS:
        return none
    low, slope, high = _theil_sen(weeks[usable], values[usable])
    found = replace(none, value=slope, low=low, high=high, confidence=0.95)
    return replace(found, method="Theil-Sen", reason="")


def _theil_sen(x: Floats, y: Floats) -> tuple[float, float, float]:
    """Return the median of the slopes of all pairs between the ends of its 95 % interval."""
    n = len(x)
    first, second = np.triu_indices(n, k=1)
    steps = x[second] - x[first]
    apart = steps != 0
    slopes = (y[second] - y[first])[apart] / steps[apart]
    half = 1.96 * math.sqrt(n * (n - 1) * (2 * n + 5) / 18) / 2
    ends = [math.floor(len(slopes) / 2 - half), math.ceil(len(slopes) / 2 + half)]
    ends = [min(max(end, 0), len(slopes) - 1) for end in ends]
    low, high = np.partition(slopes, ends)[ends]  # half the time of sorting half a million
    return float(low), float(np.median(slopes)), float(high)


def _title(runs: pd.DataFrame) -> str:
    last = runs.iloc[-1]
    endpoints = [str(name) for name in runs["endpoint"].dropna().unique()]
    parts = [last["suite"], last["pipeline"], " → ".join(endpoints)]
    return " · ".join(str(part) for part in parts if isinstance(part, str) and part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A shift of the level between two neighbours of a series."""

    index: int  # of the first value at the new level
    # before, after: the means of the stretches on both sides, up to the next shift
    before: float
    after: float
    p: float  # chance of a difference that large anywhere in a steady series of this length


def shifts(values: ArrayLike, *, seed: int = 0) -> list[Shift]:
    """Find where a series shifts its level, and how sure that is.

    The largest standardised difference of means over all places where the series can be cut
    (Hawkins 1977, JASA 72; the square is the likelihood ratio of a shift in a normal mean), against
    the same of shuffled series, so that no shape of the noise is assumed. Neighbours that resemble
    each other make large differences common: the statistic is divided by what autocorrelation
    inflates it by (Lund et al. 2007, J. Climate 20). Further shifts are looked for on both sides of
    one that was found (binary segmentation; Vostrikova 1981, Soviet Mathematics Doklady 24).

    `values`, (n,): in order of time, finite; for times and costs their logarithms. A series shorter
    than two stretches has no shift.
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
    if len(series) < 2 * _SHORTEST or np.ptp(series) == 0:
        return []
    seen = _differences(series[None, :])[0]
    place = int(seen.argmax())
    index = place + _SHORTEST
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


def _differences(rows: Floats) -> Floats:
    """Return |t| of the two means for every cut of each row; (rows, cuts)."""
    n = rows.shape[1]
    centred = rows - rows.mean(axis=1, keepdims=True)
    total = (centred**2).sum(axis=1, keepdims=True)
    sums = np.cumsum(centred, axis=1)[:, _SHORTEST - 1 : n - _SHORTEST]
    left = np.arange(_SHORTEST, n - _SHORTEST + 1)
    between = sums**2 * n / (left * (n - left))  # sum of squares that the cut explains
    within = np.maximum(total - between, 1e-12 * total + 1e-300)
    found: Floats = np.sqrt(between * (n - 2) / within)
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
