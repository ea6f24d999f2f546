"""A history of runs for the terminal: a line a run, and what each series says."""

from __future__ import annotations

import pandas as pd

from liftlab.analysis.comparable import time_metrics
from liftlab.analysis.estimate import quantity
from liftlab.analysis.trends import RunSeries
from liftlab.summary.limits import Limits
from liftlab.words import counted

_NAMES = ("suite", "endpoint", "model")
_COLUMNS = {
    "right": ("success_rate", "%"),
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
            told = [quantity(seconds, "s", limit=limit) for seconds in runs[name]]
            table[name.removesuffix("_median_s")] = told
    for title, (name, unit) in _COLUMNS.items():
        table[title] = [quantity(value, unit) for value in runs[name]]
    return table.to_string(index=False)


def paragraph(series: RunSeries) -> list[str]:
    """Return what a series says: each metric, then every shift."""
    count = len(series.runs)
    lines = [f"{series.title}: {counted(count, 'run')}"]
    lines += [f"  {metric.sentence()}" for metric in series.metrics]
    lines += [f"  shift: {change.sentence()}" for change in series.changes]
    if count >= 2 and not series.changes:
        lines.append("  no shift found: one in a hundred steady series would show one")
    return lines


def _short(value: object) -> str:
    text = " ".join(str(value).split()) if isinstance(value, str) else "–"
    return text if len(text) <= 24 else f"{text[:23]}…"
