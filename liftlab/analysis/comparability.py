"""Which runs may be set beside each other, and how much those that are alike differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from liftlab.analysis.columns import CONFIDENCE, Floats, floats

# What two runs must share for their numbers to be about the same thing, in words.
CONDITIONS = {
    "suite_sha256": "suite",
    "cases_sha256": "cases",
    "pipeline": "pipeline",
    "endpoint": "endpoint",
    "load": "load",
    "concurrency": "concurrency",
    "rate_rps": "rate",
    "repeats": "repeats",
    "time_scale": "time scale",
    "left_out": "parameters left out",
}
# What may be the cause of a difference; runs that share these, too, are alike.
SETTINGS = {
    "protocol": "protocol",
    "model": "model",
    "hardware": "hardware",
    "pipeline_sha256": "prompts or schemas",
    "temperature": "temperature",
    "top_p": "top p",
    "max_tokens": "max tokens",
    "sampling_extra": "further sampling",
    "price_id": "price",
}
_SHARES = ("success_rate", "parsed_rate")
RUNS_NEEDED = 5  # comparable runs, before their spread is worth using


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How much runs that are recorded alike differ: `sd` of shares, of times' and costs' ln."""

    sd: float
    runs: int

    @property
    def enough(self) -> bool:
        """Whether a verdict may rest on it."""
        return self.runs >= RUNS_NEEDED

    def half_width(self) -> float:
        """Return how far one run may lie from where runs lie, by Student's t."""
        from scipy import stats  # the history is listed without it, in half the time

        return float(stats.t.ppf((1 + CONFIDENCE) / 2, self.runs - 1)) * self.sd


def time_metrics(runs: pd.DataFrame) -> list[str]:
    """Return the columns of medians: end to end first, then the stages."""
    named = [str(name) for name in runs.columns if str(name).endswith("_median_s")]
    return sorted(named, key=lambda name: name != "e2e_median_s")


def metrics(runs: pd.DataFrame) -> list[str]:
    """Return the columns that runs are compared by."""
    return [*time_metrics(runs), "success_rate", "cost_per_trial_usd"]


def differences(
    one: Mapping[str, Any], other: Mapping[str, Any], columns: Mapping[str, str]
) -> dict[str, tuple[Any, Any]]:
    """Return by its name in words what differs between two runs; both unknown is the same."""
    return {
        words: (one.get(name), other.get(name))
        for name, words in columns.items()
        if _plain(one.get(name)) != _plain(other.get(name))
    }


def alike(
    runs: pd.DataFrame, run: Mapping[str, Any], only: Iterable[str] = (*CONDITIONS, *SETTINGS)
) -> pd.DataFrame:
    """Return the other complete runs that share columns with this one: all of how it was made."""
    kept = runs[(runs["status"] == "complete") & (runs["run_id"] != run.get("run_id"))]
    for name in ("provenance", *only):
        kept = kept[kept[name].map(_plain) == _plain(run.get(name))]
    return kept


def spreads(runs: pd.DataFrame, names: Iterable[str]) -> dict[str, Spread]:
    """Return by metric how much runs differ, where at least two of them have a number."""
    found = {name: spread_of(floats(runs, name), name) for name in names}
    return {name: spread for name, spread in found.items() if spread is not None}


def spread_of(values: Floats, metric: str) -> Spread | None:
    """Return how much a metric's values differ; None for fewer than two."""
    known = on_scale(values, metric)
    known = known[np.isfinite(known)]
    if len(known) < 2:
        return None
    return Spread(sd=float(known.std(ddof=1)), runs=len(known))


def on_scale(values: Floats, metric: str) -> Floats:
    """Return values as they are compared: shares as they are, times and costs by their ln."""
    if metric in _SHARES:
        return values
    logs: Floats = np.log(values, out=np.full(len(values), np.nan), where=values > 0)
    return logs


def is_share(metric: str) -> bool:
    """Whether a metric is a share, and better when larger."""
    return metric in _SHARES


def unit_of(metric: str) -> str:
    """Return the unit of a metric's values."""
    if is_share(metric):
        return "%"
    return "USD" if metric.endswith("_usd") else "s"


def _plain(value: Any) -> Any:
    """Return a value that equals itself: missing is an empty text, numbers are floats."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    return float(value) if isinstance(value, int | float | np.number) else str(value)
