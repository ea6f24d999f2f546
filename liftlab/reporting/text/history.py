"""A history of runs for the terminal: a line a run, and what each series says."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from liftlab.analysis.comparability import is_share, time_metrics, unit_of
from liftlab.analysis.estimate import plain, quantity
from liftlab.analysis.trends import ChangePoint, MetricSeries, RunSeries, off_s
from liftlab.reporting.text.base import capitalised
from liftlab.summary.claims.model import metric_words
from liftlab.summary.result import Limits
from liftlab.words import counted, one_line, stage_words

_NAMES = ("suite", "endpoint", "model")
_COLUMNS = {
    "success": ("success_rate", "%"),
    "cost": ("cost_per_trial_usd", "USD"),
    "attempts": ("attempts_per_trial", ""),
}


def run_table(runs: pd.DataFrame, limits: Limits) -> str:
    """Return runs as lines of text, the newest last; no median is rounded onto its limit."""
    table = runs[["run_id", *_NAMES, "trials"]].copy()
    for name in _NAMES:
        table[name] = [_short(value) for value in table[name]]
    for name in time_metrics(runs):
        if runs[name].notna().any():
            limit = next((limit for _, limit in limits.of(name, required=True)), None)
            table[stage_words(name.removesuffix("_median_s"))] = _times(runs, name, limit)
    for title, (name, unit) in _COLUMNS.items():
        table[title] = [quantity(value, unit) for value in runs[name]]
    return table.to_string(index=False)


def run_list(runs: pd.DataFrame, limits: Limits) -> str:
    """Return runs as a table of text, a header over it; foreign text is bounded."""
    limit = next((limit for _, limit in limits.of("e2e_median_s", required=True)), None)
    shown: dict[str, Iterable[object]] = {
        "run": runs["run_id"],
        "suite": [_short(value) for value in runs["suite"]],
        "endpoint": [_short(value) for value in runs["endpoint"]],
        "status": runs["status"].fillna("unreadable"),
        "trials": [quantity(value) for value in runs["trials"]],
        "success": [quantity(value, "%") for value in runs["success_rate"]],
        "median": _times(runs, "e2e_median_s", limit),
        "label": [one_line(value) for value in runs["label"]],
    }
    columns = []
    for name, values in shown.items():
        cells = [name, *("" if value == "–" else str(value) for value in values)]
        width, right = max(map(len, cells)), name in ("trials", "success", "median")
        columns.append([cell.rjust(width) if right else cell.ljust(width) for cell in cells])
    return "\n".join("  ".join(row).rstrip() for row in zip(*columns, strict=True))


def _times(runs: pd.DataFrame, name: str, limit: float | None) -> list[str]:
    """Return times as all other pages write them: nothing below what the clock can tell."""
    both = zip(runs[name], off_s(runs), strict=True)
    return [quantity(s, "s", limit=limit, finest=off) for s, off in both]


def paragraph(series: RunSeries) -> list[str]:
    """Return what a series says: each metric, then every shift."""
    count = len(series.runs)
    lines = [f"{series.title}: {counted(count, 'run')}"]
    lines += [f"  {metric(row)}" for row in series.metrics]
    lines += [f"  shift: {shift(change)}" for change in series.changes]
    if count >= 2 and not series.changes:
        lines.append("  no shift found: one in a hundred steady series would show one")
    return lines


def metric(series: MetricSeries) -> str:
    """Return the newest value, the spread and the slope."""
    newest = quantity(series.latest, unit_of(series.metric), finest=series.off)
    name = capitalised(metric_words(series.metric))
    said = f"{name}: {newest}"
    if series.n > 1:
        said += f" in the newest of {series.n:,} runs"
    if series.sd is not None:
        said += f", which differ by {quantity(series.sd, '%')} (SD) at this level"
    slope = series.per_week
    if slope.value is not None:
        said += f"; {slope.value * 100:+.2g} % a week"
        said += f" ({slope.interval})" if slope.interval else ""
    return f"{said}."


def shift(change: ChangePoint) -> str:
    """Return what shifted, by how much, from which run on, and what changed with it."""
    size = f"{100 * (change.after / change.before - 1):+.1f} %"
    if is_share(change.metric):
        size = f"{100 * (change.after - change.before):+.1f} points"
    levels = (quantity(level, unit_of(change.metric)) for level in (change.before, change.after))
    settings = ", ".join(f"{name} {old} → {new}" for name, (old, new) in change.changed.items())
    beside = f"changed with it: {settings}" if settings else "nothing recorded changed with it"
    return (
        f"{metric_words(change.metric)} {size} ({' → '.join(levels)}) from run {change.run_id} on, "
        f"p = {plain(change.p, 2)}; {beside}."
    )


def _short(value: object) -> str:
    text = " ".join(str(value).split()) if isinstance(value, str) else "–"
    return text if len(text) <= 24 else f"{text[:23]}…"
