"""Series of runs: what shifted, what changed with it, and which runs belong together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftlab.analysis.comparability import CONDITIONS, SETTINGS, alike, differences, spreads
from liftlab.analysis.trends import off_s, run_series, shifts
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
    assert change.changed["commit"] == ("0" * 10, "0" * 10)
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


SD = 0.04


def series(seed: int, n: int = 100, at: int | None = None, step: float = 0.1) -> np.ndarray:
    values = np.random.default_rng(seed).normal(0, SD, n)
    return values if at is None else values + np.log1p(step) * (np.arange(n) >= at)


def test_a_step_of_ten_percent_is_found_where_it_is() -> None:
    found = [shifts(series(seed, at=50), seed=seed) for seed in range(30)]
    near = [any(abs(shift.index - 50) <= 10 for shift in each) for each in found]
    assert sum(near) == 30
    assert all(each[0].after > each[0].before for each in found)


def test_steady_series_seldom_show_one() -> None:
    assert sum(bool(shifts(series(seed), seed=seed)) for seed in range(60)) <= 3


def test_neighbours_that_resemble_each_other_do_not_make_a_shift() -> None:
    alarms = 0
    for seed in range(40):
        noise = np.random.default_rng(seed).normal(0, 1, 100)
        for index in range(1, 100):
            noise[index] += 0.4 * noise[index - 1]
        alarms += bool(shifts(noise, seed=seed))
    assert alarms <= 4


def test_several_shifts_are_told_with_their_levels() -> None:
    values = np.repeat([0.0, 1.0, 0.2], 40) + series(3, 120)
    found = shifts(values)
    assert [shift.index for shift in found] == [40, 80]
    assert [round(shift.before, 1) for shift in found] == [0.0, 1.0]
    assert [round(shift.after, 1) for shift in found] == [1.0, 0.2]


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 9, [2.0] * 50])
def test_what_cannot_shift_does_not(values: list[float]) -> None:
    assert shifts(values) == []


def test_missing_values_are_the_callers_to_leave_out() -> None:
    with pytest.raises(ValueError, match="missing or infinite"):
        shifts([1.0, float("nan")] * 10)


@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.floats(-1e6, 1e6), max_size=60),
    factor=st.floats(0.01, 100),
    offset=st.floats(-100, 100),
)
def test_scale_and_offset_do_not_matter(values: list[float], factor: float, offset: float) -> None:
    rounded = np.round(np.array(values), 3)
    if len(values):
        rounded[len(values) // 2 :] += 5 * np.ptp(rounded)
    found = shifts(rounded)
    assert all(5 <= shift.index <= len(values) - 5 for shift in found)
    if len(values) and np.ptp(rounded) > 1:
        moved = shifts(rounded * factor + offset)
        assert [shift.index for shift in moved] == [shift.index for shift in found]


def _doubled(n: int = 60, at: int = 30) -> pd.DataFrame:
    later, runs = np.arange(n) >= at, history(n)
    runs["e2e_median_s"] = np.where(later, 20.0, 10.0) * np.exp(0.001 * np.sin(np.arange(n)))
    return runs.assign(
        repeats=np.where(later, 4, 2), suite_sha256=np.where(later, "b" * 64, "c" * 64)
    )


def test_a_shift_has_its_runs_its_levels_and_its_chance() -> None:
    (series,) = run_series(_doubled())
    (change,) = series.changes
    assert (change.last_before, change.run_id) == ("run_029", "run_030")
    assert change.started_at.startswith("2026-01-31")
    assert (change.before, change.after) == (pytest.approx(10, 0.001), pytest.approx(20, 0.001))
    assert change.p == 0.001  # none of 999 shuffles
    told = change.as_json()
    assert told["changed"] == {"repeats": ["2", "4"], "suite": ["c" * 10, "b" * 10]}
    assert (told["run_id"], told["p"]) == ("run_030", 0.001)
    metric = series.metrics[0]
    assert (metric.n, metric.off) == (60, None)
    assert metric.sd == pytest.approx(0.00073, rel=0.05)  # since the shift, as a share
    assert metric.latest == pytest.approx(20.0127, abs=0.0001)
    assert metric.per_week.n == 30


def test_shifts_of_all_metrics_are_told_oldest_first_and_a_share_as_it_is() -> None:
    rate = np.where(np.arange(60) >= 20, 0.9, 0.5) + 0.001 * np.sin(np.arange(60))
    runs = _doubled().assign(success_rate=rate, timing_uncertainty_s=0.002, time_scale=10.0)
    (series,) = run_series(runs)
    assert [change.metric for change in series.changes] == ["success_rate", "e2e_median_s"]
    share = series.changes[0]
    assert (share.before, share.after) == (pytest.approx(0.5, 0.001), pytest.approx(0.9, 0.001))
    off = {metric.metric: metric.off for metric in series.metrics}
    assert off == {"success_rate": None, "e2e_median_s": 0.02}  # of times only, at real length


def test_what_changed_is_looked_for_between_neighbouring_shifts_only() -> None:
    runs = _doubled(90).assign(model="m1")
    at = np.arange(90)
    runs["e2e_median_s"] *= np.where(at >= 60, 2.0, 1.0)
    runs.loc[at >= 60, "model"] = "m2"
    runs.loc[at < 9, "hardware"] = "old"  # 21 runs before the first shift
    first, second = run_series(runs)[0].changes
    assert set(first.changed) == {"repeats", "suite"}
    assert set(second.changed) == {"model"}


@pytest.mark.parametrize(("n", "is_told"), [(4, False), (5, True)])
def test_counts_change_where_there_are_five_on_both_sides(n: int, is_told: bool) -> None:
    runs, at = _doubled(), np.arange(60)
    runs["output_tokens"] = np.where(at >= 30, 123.45, 50.0)
    runs.loc[(at >= 30 + n), "output_tokens"] = np.nan
    changed = run_series(runs)[0].changes[0].changed
    assert changed.get("output tokens") == (("50", "123") if is_told else None)
    runs["output_tokens"] = 50.0 + at % 2  # steady
    assert "output tokens" not in run_series(runs)[0].changes[0].changed


def test_by_how_much_times_may_be_off() -> None:
    assert off_s(history(2)) == [None, None]
    off = pd.DataFrame({"timing_uncertainty_s": [0.002, 0.0, None]})
    assert off_s(off) == [0.002, None, None]
    scaled = pd.DataFrame({"timing_uncertainty_s": [0.002, 0.002], "time_scale": [10.0, None]})
    assert off_s(scaled) == [0.02, 0.002]


def test_a_steady_growth_is_its_slope_a_week() -> None:
    runs = history(10)
    runs["e2e_median_s"] = 15 * np.exp(0.001 * np.arange(10))
    slope = run_series(runs)[0].metrics[0].per_week
    assert (slope.low, slope.value, slope.high) == (pytest.approx(0.007),) * 3
    assert (slope.n, slope.reason, slope.confidence) == (10, "", 0.95)
    at_once = run_series(runs.assign(started_at="2026-01-01T00:00:00+00:00"))[0].metrics[0].per_week
    assert at_once.value is None
    assert "same time" in at_once.reason
    pairs = runs.assign(started_at=np.repeat(runs["started_at"].to_numpy()[:5], 2))
    assert run_series(pairs)[0].metrics[0].per_week.value is not None


def test_an_interval_of_a_slope_covers_it_as_often_as_it_says() -> None:
    inside, widths = 0, []
    for seed in range(60):
        slope = run_series(history(40, seed=seed))[0].metrics[0].per_week
        assert slope.low is not None
        assert slope.high is not None
        inside += slope.low <= 0 <= slope.high
        widths.append(slope.high - slope.low)
    assert 51 <= inside <= 60
    assert np.median(widths) == pytest.approx(2 * 1.96 * 0.04 * 7 / np.sqrt(40**3 / 12), rel=0.2)


def test_the_longest_series_comes_first_and_work_that_differs_is_apart() -> None:
    runs = history(12)
    runs.loc[:3, "suite"] = "small"
    found = run_series(runs)
    assert [len(series.runs) for series in found] == [8, 4]
    assert [series.title for series in found] == ["mvp · modal", "small · modal"]
    assert found[0].runs[0] == "run_004"
    (lone,) = run_series(runs.head(1))[0].metrics
    assert (lone.n, lone.sd, lone.changes) == (1, None, ())
    (two,) = run_series(runs.head(2))[0].metrics
    assert two.sd is not None


def test_endpoints_that_overlap_in_time_are_apart() -> None:
    touching = history(12, endpoint=["a"] * 6 + ["b"] * 6)
    assert len(run_series(touching)) == 1
    within = history(12, endpoint=["a"] * 4 + ["b"] * 4 + ["a"] * 4)
    assert [len(series.runs) for series in run_series(within)] == [8, 4]
    touching.loc[6, "started_at"] = touching.loc[5, "started_at"]
    assert len(run_series(touching)) == 2


@pytest.mark.parametrize(
    ("before", "after", "index"), [(5, 6, 5), (6, 5, 6), (7, 5, 7), (4, 8, None), (4, 5, None)]
)
def test_a_level_has_five_values_at_least(before: int, after: int, index: int | None) -> None:
    found = shifts([0.0] * before + [1.0] * after)
    assert [shift.index for shift in found] == ([] if index is None else [index])
    assert all((shift.before, shift.after) == (0.0, 1.0) for shift in found)
    assert all(0 < shift.p <= 0.01 for shift in found)


@pytest.mark.parametrize("commits", [("a" * 40, "a" * 40), (None, "a" * 40), ("a" * 40, None)])
def test_a_commit_changed_only_where_both_are_known_and_differ(
    commits: tuple[str | None, str | None],
) -> None:
    runs = _doubled()
    runs["git_commit"] = [commits[place >= 30] for place in range(60)]
    assert set(run_series(runs)[0].changes[0].changed) == {"repeats", "suite"}
