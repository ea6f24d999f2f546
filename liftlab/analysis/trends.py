"""The history as series: where a level shifted, what changed with it, and where it is going."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from liftlab.analysis.changepoint import Shift, shifts
from liftlab.analysis.columns import Floats, floats
from liftlab.analysis.comparability import SETTINGS, is_share, metrics, on_scale, time_metrics
from liftlab.analysis.estimate import Estimate, plain

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
        names = ("metric", "last_before", "run_id", "started_at", "before", "after", "p")
        changed = {name: list(pair) for name, pair in self.changed.items()}
        return {name: getattr(self, name) for name in names} | {"changed": changed}


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

    `runs`: the history, with its stages as columns; complete runs that were measured or imported
    count. Endpoints that were used one after the other are one series, so that the change from one
    to the next can show; those used side by side are series of their own.
    """
    kept = runs[(runs["status"] == "complete") & (runs["provenance"] != "reference")]
    kept = kept[kept["started_at"].notna()].sort_values(["started_at", "run_id"])
    found = []
    for _, same in kept.groupby(list(_SERIES), dropna=False, sort=False):
        for part in _by_endpoint(same):
            names = [name for name in metrics(part) if np.isfinite(floats(part, name)).any()]
            found.append(
                RunSeries(
                    title=_title(part),
                    runs=tuple(part["run_id"]),
                    metrics=tuple(_metric_series(part, name) for name in names),
                )
            )
    return sorted(found, key=lambda series: -len(series.runs))


def _by_endpoint(runs: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield stretches of runs: a new one where endpoints overlap in time."""
    ends = runs.groupby("endpoint", dropna=False, sort=False)["started_at"].agg(["min", "max"])
    ends = ends.sort_values("min")
    successive = bool((ends["min"].iloc[1:].to_numpy() > ends["max"].cummax()[:-1]).all())
    if successive:
        yield runs
    else:
        for _, part in runs.groupby("endpoint", dropna=False, sort=False):
            yield part


def _metric_series(runs: pd.DataFrame, metric: str) -> MetricSeries:
    known = runs[np.isfinite(on_scale(floats(runs, metric), metric))]
    values = on_scale(floats(known, metric), metric)
    found = shifts(values)
    changes = tuple(_change(known, metric, shift, found) for shift in found)
    first = found[-1].index if found else 0
    level = values[first:]
    return MetricSeries(
        metric=metric,
        n=len(known),
        latest=float(floats(known, metric)[-1]) if len(known) else math.nan,
        off=_off(known) if len(known) and metric in time_metrics(known) else None,
        sd=float(level.std(ddof=1)) if len(level) >= 2 else None,
        per_week=_slope(known["started_at"].iloc[first:], level),
        changes=changes,
    )


def _off(runs: pd.DataFrame) -> float | None:
    if "timing_uncertainty_s" not in runs:
        return None
    off = float(floats(runs, "timing_uncertainty_s")[-1])
    return off if off > 0 else None


def _change(runs: pd.DataFrame, metric: str, shift: Shift, every: Sequence[Shift]) -> ChangePoint:
    edges = [0, *(each.index for each in every), len(runs)]
    place = edges.index(shift.index)
    before = runs.iloc[max(edges[place - 1], shift.index - _WINDOW) : shift.index]
    after = runs.iloc[shift.index : min(edges[place + 1], shift.index + _WINDOW)]
    first = runs.iloc[shift.index]
    levels = [shift.before, shift.after]
    if not is_share(metric):
        levels = [math.exp(level) for level in levels]
    return ChangePoint(
        metric=metric,
        last_before=str(runs["run_id"].iloc[shift.index - 1]),
        run_id=str(first["run_id"]),
        started_at=str(first["started_at"]),
        before=levels[0],
        after=levels[1],
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
            yield words, (_middle(old_counts), _middle(new_counts))


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


def _middle(values: Floats) -> str:
    return plain(float(np.nanmedian(values)), 3)


def _slope(started: pd.Series[str], values: Floats) -> Estimate:
    """Return the slope a week by Theil and Sen, with Sen's interval (1968, JASA 63)."""
    n = len(values)
    if n < TREND_NEEDS:
        return Estimate(value=None, n=n, unit="%", reason=f"needs {TREND_NEEDS} runs at one level")
    moments = pd.to_datetime(started, utc=True, errors="coerce", format="ISO8601")
    weeks = (moments - moments.iloc[0]).dt.total_seconds().to_numpy() / (7 * 86_400)
    weeks, values = weeks[-_MOST_RUNS:], values[-_MOST_RUNS:]
    usable = np.isfinite(weeks)
    if np.ptp(weeks[usable]) <= 0 or usable.sum() < TREND_NEEDS:
        return Estimate(value=None, n=n, unit="%", reason="all runs began at the same time")
    low, slope, high = _theil_sen(weeks[usable], values[usable])
    return Estimate(
        value=slope, low=low, high=high, n=n, confidence=0.95, method="Theil-Sen", unit="%"
    )


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
