"""Two runs beside each other as data, and several runs by their places."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from liftlab.settings import Project
from liftlab.store import RunData
from liftlab.summary import summarize
from liftlab.summary.comparison import Side, compare, ranked


def side(name: str, day: RunData, factor: float = 1.0, **row: Any) -> Side:
    trials = day.trials.assign(e2e_s=day.trials["e2e_s"] * factor)
    stages = day.stages.assign(latency_s=day.stages["latency_s"] * factor)
    return Side(run_id=name, row={"model": "m"} | row, trials=trials, stages=stages)


def test_a_request_is_compared_in_money_where_both_have_the_same_price(day: RunData) -> None:
    first = side("r1", day, price_id="p", cost_per_trial_usd=0.5)
    second = side("r2", day, price_id="p", cost_per_trial_usd=0.25)
    found = compare(first, second)
    assert found.costs == (0.5, 0.25)
    assert found.as_json()["cost_per_trial_usd"] == [0.5, 0.25]
    dearer = replace(second, row=dict(second.row) | {"price_id": "q"})
    assert compare(first, dearer).costs is None
    unknown = replace(second, row=dict(second.row) | {"cost_per_trial_usd": None})
    assert compare(first, unknown).costs is None
    assert compare(unknown, first).as_json()["cost_per_trial_usd"] is None


def test_what_was_not_the_same_is_named_with_both_values(day: RunData) -> None:
    found = compare(side("r1", day, liftlab_version="1"), side("r2", day, model="n"))
    assert found.differs["model"] == ("m", "n")
    assert found.as_json()["differs"]["model"] == ["m", "n"]
    assert not compare(side("r1", day), side("r2", day)).differs


def test_the_less_certain_clock_counts_at_real_length(day: RunData) -> None:
    one = side("r1", day, timing_uncertainty_s=0.002)
    sped_up = side("r2", day, timing_uncertainty_s=0.001, time_scale=10.0)
    none = side("r3", day)
    assert (one.uncertainty_s, sped_up.uncertainty_s, none.uncertainty_s) == (0.002, 0.01, None)
    assert compare(one, sped_up).uncertainty_s == 0.01
    assert compare(none, one).uncertainty_s == 0.002
    assert compare(none, none).uncertainty_s is None


def test_a_baseline_alone_has_no_bottleneck_and_nothing_unproven(day: RunData) -> None:
    found = compare(side("r1", day), side("r2", day))
    assert (found.bottlenecks, found.unproven) == ((), ())


def test_a_run_whose_grader_misjudged_says_so_in_a_comparison(day: RunData) -> None:
    grades = day.grades.assign(verdict_integrity="unproven", controls="2 of 3")
    bad = replace(side("r2", day), data=replace(day, grades=grades))
    [said] = compare(replace(side("r1", day), data=day), bad).unproven
    assert "only 2 of 3 known answers" in said


def test_cases_that_changed_are_left_out_of_both(day: RunData) -> None:
    found = compare(side("r1", day), side("r2", day, 2.0), changed_cases=["is_even"], why="asked")
    assert found.times.shared == 4
    told = found.as_json()
    assert (told["changed_cases"], told["why"], told["shared_cases"]) == (["is_even"], "asked", 4)
    assert "is_even" not in {row["case_id"] for row in told["cases"]}
    assert compare(side("r1", day), side("r2", day)).times.shared == 5


def test_times_and_cases_are_told_with_their_ends(day: RunData) -> None:
    told = compare(side("r1", day), side("r2", day, 2.0)).as_json()
    assert (told["first"], told["second"]) == ("r1", "r2")
    times = {row["what"]: row for row in told["times"]}
    assert times["e2e"]["ratio"] == pytest.approx(2.0)
    assert times["e2e"]["cases"] == 5
    assert told["success"]["first"] == told["success"]["second"] == pytest.approx(0.2)
    cases = {row["case_id"]: row for row in told["cases"]}
    assert cases["is_even"]["first_s"] == pytest.approx(26.9)
    assert cases["is_even"]["second_s"] == pytest.approx(53.8)


def test_runs_are_ranked_by_how_often_they_are_right(day: RunData, project: Project) -> None:
    wrong = day.trials.assign(outcome="fail", failure_class="wrong_answer")
    right = day.trials.assign(outcome="pass", failure_class=None)
    parts = {"never": wrong, "always": right, "once": day.trials}
    summaries = [
        summarize(replace(day, run=replace(day.run, run_id=name), trials=trials), project)
        for name, trials in parts.items()
    ]
    found = ranked(summaries)
    assert found.shared == 5
    assert [row.run_id for row in found.rows] == ["always", "once", "never"]
    assert [row.success.value for row in found.rows] == pytest.approx([1.0, 0.2, 0.0])
    told = found.as_json()
    assert told["shared_cases"] == 5
    assert [row["run_id"] for row in told["runs"]] == ["always", "once", "never"]
    assert told["runs"][0]["e2e_median_s"] == pytest.approx(14.96)
    assert told["runs"][0]["success_places"] == list(found.rows[0].success_places)


def test_only_cases_that_all_runs_have_are_ranked(day: RunData, project: Project) -> None:
    less = replace(day, trials=day.trials[day.trials["case_id"] != "is_even"])
    assert isinstance(less.trials, pd.DataFrame)
    summaries = [summarize(run, project) for run in (day, less)]
    assert ranked(summaries).shared == 4
    assert ranked(summaries, changed_cases=["multiply", "is_even"]).shared == 3
