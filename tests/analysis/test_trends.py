"""Series of runs: what shifted, what changed with it, and which runs belong together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from liftlab.analysis.comparability import CONDITIONS, SETTINGS, alike, differences, spreads
from liftlab.analysis.trends import run_series
from liftlab.reporting.text import history as text


def history(n: int, *, step_at: int | None = None, seed: int = 1, **columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    level = 15 * np.exp(rng.normal(0, 0.04, n))
    if step_at is not None:
        level = level * np.where(np.arange(n) >= step_at, 1.1, 1.0)
    names = [*CONDITIONS, *SETTINGS, "suite", "liftlab_version", "judged_by", "git_commit"]
    frame = pd.DataFrame(dict.fromkeys(names), index=range(n))
    frame["run_id"] = [f"run_{index:03}" for index in range(n)]
    frame["started_at"] = [(begun + timedelta(days=index)).isoformat() for index in range(n)]
    frame["status"], frame["provenance"] = "complete", "measured"
    frame["suite"], frame["endpoint"], frame["model"] = "mvp", "modal", "m1"
    frame["e2e_median_s"] = level
    frame["success_rate"], frame["cost_per_trial_usd"] = np.nan, np.nan
    frame["attempts_per_trial"], frame["prompt_tokens"], frame["output_tokens"] = 2.0, 300.0, 50.0
    return frame.assign(**columns)


def test_a_shift_comes_with_what_changed_and_only_that() -> None:
    runs = history(100, step_at=60)
    after = np.arange(100) >= 60
    runs["model"] = np.where(after, "m2", "m1")
    runs["prompt_tokens"] = np.where(after, 450.0, 300.0)
    runs["git_commit"] = [f"{index:040x}" for index in range(100)]
    (series,) = run_series(runs)
    (change,) = series.changes
    assert abs(int(change.run_id[-3:]) - 60) <= 2
    assert change.after / change.before == pytest.approx(1.1, abs=0.03)
    assert set(change.changed) == {"model", "prompt tokens", "commit"}
    assert change.changed["model"] == ("m1", "m2")
    assert change.changed["prompt tokens"] == ("300", "450")
    assert "changed with it: model m1 → m2" in text.shift(change)


def test_a_shift_without_a_recorded_change_says_so() -> None:
    (series,) = run_series(history(100, step_at=50))
    assert "nothing recorded changed with it" in text.shift(series.changes[0])


def test_a_slope_is_told_with_its_interval() -> None:
    runs = history(40)
    runs["e2e_median_s"] = 15 * np.exp(0.0005 * np.arange(40) + 0.001 * np.sin(np.arange(40)))
    slope = run_series(runs)[0].metrics[0].per_week
    assert slope.low is not None
    assert slope.high is not None
    assert slope.low < 0.0035 < slope.high
    assert run_series(history(9))[0].metrics[0].per_week.value is None


def test_endpoints_side_by_side_are_series_of_their_own() -> None:
    mixed = history(20, endpoint=["a", "b"] * 10)
    assert [len(series.runs) for series in run_series(mixed)] == [10, 10]
    switched = history(20, endpoint=["a"] * 10 + ["b"] * 10)
    (series,) = run_series(switched)
    assert series.title == "mvp · a → b"


def test_only_complete_runs_of_ones_own_count() -> None:
    runs = history(12)
    runs.loc[0, "status"], runs.loc[1, "provenance"] = "interrupted", "reference"
    runs.loc[2, "started_at"], runs.loc[3, "e2e_median_s"] = None, np.nan
    (series,) = run_series(runs)
    assert len(series.runs) == 9
    assert series.metrics[0].n == 8
    assert run_series(runs.head(0)) == []


def test_alike_is_what_shares_conditions_and_settings() -> None:
    runs = history(8)
    runs.loc[1, "model"], runs.loc[2, "concurrency"] = "m2", 4
    runs.loc[3, "status"], runs.loc[4, "temperature"] = "partial", 0.3
    this = runs.iloc[7].to_dict()
    assert alike(runs, this)["run_id"].tolist() == ["run_000", "run_005", "run_006"]
    other = runs.iloc[2].to_dict()
    assert differences(this, other, CONDITIONS) == {"concurrency": (None, 4)}
    assert differences(this, runs.iloc[0].to_dict(), CONDITIONS | SETTINGS) == {}


def test_a_spread_needs_two_numbers() -> None:
    runs = history(50)
    found = spreads(runs, ["e2e_median_s", "success_rate"])
    assert set(found) == {"e2e_median_s"}
    assert found["e2e_median_s"].sd == pytest.approx(0.04, abs=0.01)
    assert spreads(runs.head(1), ["e2e_median_s"]) == {}
