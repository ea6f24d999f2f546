"""Results as tables for pandas, and drawn on axes of the caller's own."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.errors import UsageError
from liftlab.reporting.frames import frame, plot
from liftlab.settings import load_project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize
from liftlab.summary.budget import WhatIf
from liftlab.summary.comparison import RankedRuns
from liftlab.summary.trials import TrialDetails, rows_of
from tests.reporting.conftest import synthetic_run

PROJECT = load_project(Path(__file__).parents[2], environ={})


@pytest.fixture(scope="module")
def summary(forty: RunData) -> RunSummary:
    return summarize(forty, PROJECT)


@pytest.fixture
def ax() -> Any:
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def points(ax: Any) -> list[float]:
    return [float(x) for x in ax.lines[0].get_xdata()]


def names(ax: Any) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def spans(ax: Any) -> list[tuple[float, float, float]]:
    """Return each interval: its row, its low and its high end."""
    segments = [part for lines in ax.collections for part in lines.get_segments()]
    return [(float(a[1]), float(a[0]), float(b[0])) for a, b in segments]


def of(value: float | None, low: float | None = None, high: float | None = None) -> Estimate:
    return Estimate(value=value, low=low, high=high, n=9)


def assumed(summary: RunSummary, now: Estimate, then: Estimate) -> WhatIf:
    """Return what would be, of two medians."""
    e2e = summary.latency.e2e
    times: dict[str, Any] = {"now": replace(e2e, p50=now), "then": replace(e2e, p50=then)}
    costs: dict[str, Any] = {"cost_now": of(0.2), "cost_then": of(0.1)}
    return WhatIf(run=summary.run, month=None, **times, **costs)


def test_answers_are_a_row_a_group_the_whole_first(summary: RunSummary) -> None:
    rows = frame(summary.answers)
    whole, *groups = rows.to_dict("records")
    assert whole["group"] == "all"
    assert (whole["right"], whole["graded"], whole["failed"]) == (27, 40, 0)
    assert whole["value"] == 27 / 40
    assert sum(row["right"] for row in groups) == 27
    assert len(groups) == 5
    estimate = summary.answers.success.estimate
    assert (whole["low"], whole["high"]) == (estimate.low, estimate.high)


def test_failures_have_their_share_of_all_that_was_graded(summary: RunSummary) -> None:
    rows = frame(summary.failures)
    assert list(rows["value"]) == [count / 40 for count in rows["count"]]


def test_times_are_a_row_a_stage_and_end_to_end_last(summary: RunSummary) -> None:
    rows = frame(summary.latency).set_index("stage")
    assert list(rows.index) == ["nlp_to_ir", "ir_to_code", "e2e"]
    e2e: Any = rows.loc["e2e"]
    assert e2e["value"] < e2e["p90_s"] < e2e["p95_s"]
    assert pd.isna(e2e["p99_s"])
    assert e2e["mean_s"] == summary.latency.e2e.mean.value
    assert e2e["sd_s"] == summary.latency.e2e.std_s


def test_variation_and_drift_have_the_same_rows(summary: RunSummary) -> None:
    for result in (summary.spread, summary.drift):
        assert list(frame(result)["stage"]) == ["nlp_to_ir", "ir_to_code", "e2e"]
    by_stage = dict(summary.spread.rows)
    rows = frame(summary.spread).set_index("stage")
    assert rows.loc["e2e", "between_cases"] == by_stage["e2e"].case
    assert rows.loc["e2e", "value"] == by_stage["e2e"].repeat.value
    assert list(frame(summary.drift)["drifts"]) == [False] * 3


def test_a_budget_is_now_and_then_with_the_planned_stages(summary: RunSummary) -> None:
    rows = frame(summary.budget)
    assert list(rows["planned"]) == [False] * 3 + [True] * 3
    assert list(rows["quantile"]) == [0.5, 0.9, 0.95] * 2
    assert rows["value"][0] < rows["value"][3]
    assert frame(replace(summary.budget, budget=None)).empty


def test_targets_have_their_rule_and_their_verdict(summary: RunSummary) -> None:
    rows = frame(summary.targets).set_index("target")
    success = rows.loc["success"]
    assert (success["limit"], success["at_most"], success["value"]) == (0.7, False, 0.675)
    assert (success["required"], success["verdict"]) == (True, "undecided")
    assert frame(summary).equals(frame(summary.targets))


def test_costs_recommendations_curves_and_what_is_known_of_a_run(summary: RunSummary) -> None:
    assert list(frame(summary.cost)["cost"]) == ["a request", "a right answer"]
    assert list(frame(summary.recommendations)["do"]) == ["FixClass", "Settle"]
    assert len(frame(summary.right_by)) == len(summary.right_by.curve.seconds)
    assert frame(summary.right_by)["share"].iloc[-1] == pytest.approx(27 / 40)
    known = frame(summary.provenance).set_index("what")["value"]
    assert (known["suite"], known["concurrency"]) == ("mvp", 1)
    assert "checks" not in frame(summary.examples)
    assert len(frame(summary.examples)) == len(summary.examples.rows)


def test_what_if_is_before_and_after(summary: RunSummary) -> None:
    rows = frame(assumed(summary, of(4.0, 3.0, 5.0), of(2.0, 1.0, 3.0)))
    assert list(rows["when"]) == ["measured", "then"]
    assert list(rows["value"]) == [4.0, 2.0]
    assert list(rows["request_usd"]) == [0.2, 0.1]


def test_ranked_runs_keep_their_medians_apart_from_their_success() -> None:
    row: Any = SimpleNamespace(
        run_id="a", endpoint="e", model="m", success=of(0.5), median=of(2.0, 1.0),
        success_places=(1, 2), time_places=(1, 1),
    )  # fmt: skip
    rows = frame(RankedRuns(rows=(row,), shared=1))
    (only,) = rows.to_dict("records")
    assert (only["value"], only["median_value"], only["median_low"]) == (0.5, 2.0, 1.0)
    assert (only["success_places"], only["time_places"]) == ((1, 2), (1, 1))


def test_values_are_drawn_from_the_top_down_with_their_intervals(
    summary: RunSummary, ax: Any
) -> None:
    assert plot(summary.latency, ax) is ax
    rows = frame(summary.latency).iloc[::-1].reset_index(drop=True)
    assert points(ax) == list(rows["value"])
    assert names(ax) == ["End to end", "IR → Code", "NLP → IR"]
    assert spans(ax) == list(rows[["low", "high"]].itertuples(name=None))
    assert len(ax.lines) == 1  # a time has no value at which nothing changes


@pytest.mark.parametrize("ends", [(3.0, None), (None, 5.0)])
def test_what_has_no_value_is_not_drawn_and_half_an_interval_is_none(
    ends: Any, summary: RunSummary, ax: Any
) -> None:
    plot(assumed(summary, of(4.0, *ends), of(None)), ax)
    assert points(ax) == [4.0]
    assert spans(ax) == []


def test_a_drift_stands_beside_one(summary: RunSummary, ax: Any) -> None:
    plot(summary.drift, ax)
    assert list(ax.lines[1].get_xdata()) == [1.0, 1.0]


def test_targets_are_drawn_as_multiples_of_their_limits(summary: RunSummary, ax: Any) -> None:
    targets = frame(summary.targets)
    plot(summary.targets, ax)
    known = targets[targets["value"].notna() & (targets["limit"] > 0)].iloc[::-1]
    assert points(ax) == pytest.approx(list(known["value"] / known["limit"]))
    _, low, high = zip(*spans(ax), strict=True)
    assert low == pytest.approx(tuple(known["low"] / known["limit"]))
    assert high == pytest.approx(tuple(known["high"] / known["limit"]))
    assert list(ax.lines[1].get_xdata()) == [1.0, 1.0]


def test_a_curve_begins_at_nothing_and_is_a_share(summary: RunSummary, ax: Any) -> None:
    plot(summary.right_by, ax)
    (line,) = ax.lines
    x, y = line.get_data()
    assert (x[0], y[0]) == (0.0, 0.0)
    assert (x[1], y[1]) == (summary.right_by.curve.seconds[0], 1 / 40)
    assert line.get_drawstyle() == "steps-post"
    assert ax.get_ylim() == (0, 1)


def test_counts_and_seconds_are_bars(summary: RunSummary) -> None:
    for result, column in ((summary.failures, "count"), (summary.slow, "excess_s")):
        ax: Any = plot(result, plt.figure().subplots())
        assert [bar.get_width() for bar in ax.patches] == pytest.approx(list(frame(result)[column]))
        plt.close("all")


def test_a_budget_s_bars_are_in_pairs(summary: RunSummary, ax: Any) -> None:
    plot(summary.budget, ax)
    rows = frame(summary.budget)
    widths = sorted(bar.get_width() for bar in ax.patches if bar.get_width())
    assert widths == pytest.approx(sorted(rows["value"]))
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["now", "with planned stages"]


def test_every_trial_is_a_point(summary: RunSummary, ax: Any) -> None:
    plot(summary.trials, ax)
    assert sum(len(dots.get_offsets()) for dots in ax.collections) == 40


def test_a_trial_s_attempts_stand_where_they_were_sent(summary: RunSummary, ax: Any) -> None:
    attempts = rows_of(summary.run.attempts, "case_06", 1)
    sent = attempts["sent_s"] - attempts["sent_s"].min()
    ended = attempts["last_byte_s"].copy()
    ended.iloc[-1] = float("nan")  # its last byte never came
    gone = attempts.assign(last_byte_s=ended, ended_s=attempts["sent_s"] + 7.0)
    known: Any = {field.name: None for field in fields(TrialDetails)} | {"attempts": gone}
    plot(TrialDetails(**known), ax)
    assert [bar.get_x() for bar in ax.patches] == pytest.approx(list(sent))
    took = [bar.get_width() for bar in ax.patches]
    assert took[0] == pytest.approx(float((ended - attempts["sent_s"]).iloc[0]))
    assert took[-1] == pytest.approx(7.0)
    assert names(ax) == ["NLP → IR 1", "IR → Code 1", "IR → Code 2"]
    bottom, top = ax.get_ylim()
    assert bottom > top  # the first above the others


def test_axes_of_nothing_say_so_and_words_are_refused(ax: Any) -> None:
    empty = summarize(synthetic_run(0, 1), PROJECT)
    plot(empty.failures, ax)
    assert [text.get_text() for text in ax.texts] == ["not measured"]
    with pytest.raises(UsageError):
        plot(empty.recommendations, ax)


def test_without_axes_the_current_ones_are_drawn_on(summary: RunSummary, ax: Any) -> None:
    assert plot(summary.latency) is ax
    assert ax.has_data()
    assert not ax.texts
