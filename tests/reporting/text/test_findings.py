"""Sentences on answers, times, drift and planned stages: each said once, right at first hearing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from liftlab.reporting.text import answers, budget, latency
from liftlab.settings import load_project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize

PROJECT = load_project(Path(__file__).parents[3], environ={})


def of(run: RunData) -> RunSummary:
    return summarize(run, PROJECT)


def outcomes(run: RunData, outcome: str) -> RunSummary:
    return of(replace(run, trials=run.trials.assign(outcome=outcome, failure_class=None)))


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("pass", "5 of 5 answers are right"),
        ("error", "No request was answered: 5 of 5 requests failed at the endpoint"),
        ("ungraded", "No answer was graded"),
    ],
)
def test_how_many_are_right(week2: RunData, outcome: str, said: str) -> None:
    assert answers.right(outcomes(week2, outcome).answers) == said


def test_what_is_wrong_with_most(week2: RunData) -> None:
    found = of(week2)
    assert answers.wrong(found.answers) == (
        "4 of 5 answers are wrong; most often (3) they return nothing."
    )
    assert answers.failures_title(found.failures) == "Missing returns cause most failures: 3 of 4"
    assert answers.spoiled(found.failures).startswith("They spoil 60 % (likely 15–95 %)")
    assert "not clearly more than indentation errors" in answers.spoiled(found.failures)


def test_no_class_is_picked_among_equals(week2: RunData) -> None:
    classes = ["timeout", "memory", "crash", "output", None]
    found = of(replace(week2, trials=week2.trials.assign(failure_class=classes)))
    assert answers.wrong(found.answers) == "4 of 5 answers are wrong."
    assert answers.failures_title(found.failures) == "4 answers fail in 4 different ways"


def test_groups_stand_apart_only_by_their_intervals(week2: RunData) -> None:
    assert answers.apart(of(week2).answers.by_category) == ""
    rows = [
        week2.trials.head(1).assign(case_id=f"{name}_{i}", category=name, outcome=outcome)
        for name, outcome in [("lists", "pass"), ("strings", "fail")]
        for i in range(9)
    ]
    found = of(replace(week2, trials=pd.concat(rows, ignore_index=True)))
    assert answers.apart(found.answers.by_category) == (
        "Best: lists, 9 of 9; worst: strings, 0 of 9."
    )


def test_requests_that_failed_are_counted_with_how(week2: RunData) -> None:
    trials, stages = week2.trials.copy(), week2.stages.copy()
    trials.loc[trials["case_id"] == "multiply", "outcome"] = "error"
    stages.loc[(stages["case_id"] == "multiply") & (stages["position"] == 0), "error_class"] = (
        "http_429"
    )
    found = of(replace(week2, trials=trials, stages=stages)).answers
    assert answers.errors(found) == "1 of 5 requests failed at the endpoint (rate limited)."


def test_by_when_it_is_right(week2: RunData) -> None:
    found = of(week2).right_by
    assert latency.right_by_title(found) == (
        "20 % have a right answer within 26.9 s; the others never get one"
    )
    assert next(latency.right_within(found)).startswith("Right within 15 s: 0 %")
    assert latency.right_by_title(outcomes(week2, "pass").right_by) == (
        "All have a right answer within 27.1 s"
    )


def test_a_timeout_is_longer_than_its_limit(week2: RunData) -> None:
    late = week2.trials["case_id"].isin(["max_of_two", "is_even", "multiply"])
    trials = week2.trials.assign(outcome=week2.trials["outcome"].where(~late, "error"))
    stages = week2.stages.assign(
        error_class=np.where(
            week2.stages["case_id"].isin(trials["case_id"][late]), "deadline", None
        )
    )
    said = latency.title(of(replace(week2, trials=trials, stages=stages)).latency)
    assert said.startswith("The median request takes over ")


def test_times_of_right_answers_have_their_own_name(week2: RunData) -> None:
    assert "The median right answer takes 26.9 s." in latency.sentences(of(week2).latency)
    said = latency.sentences(outcomes(week2, "pass").latency)
    assert not any("right answer" in sentence for sentence in said)


def test_drift_is_told_where_it_is_planted(forty: RunData, week2: RunData) -> None:
    n = len(forty.trials)
    started = [f"2025-11-01T10:{at // 60:02}:{at % 60:02}+00:00" for at in range(n)]
    slower = forty.trials["e2e_s"] * np.linspace(1, 3, n)
    run = replace(forty, trials=forty.trials.assign(e2e_s=slower, started_at=started))
    assert "End to end took" in latency.drift_title(of(run).drift)
    assert "longer at the end of the run" in latency.drift_title(of(run).drift)
    assert latency.drift_title(of(week2).drift) == (
        "The order of measuring is not known, so drift is not measurable"
    )


def test_planned_stages(week2: RunData) -> None:
    found = of(week2).budget
    assert budget.title(found) == (
        "With 5 planned stages the median request will take 21.3 s; now 14.96 s"
    )
    within, ends, lever, *_ = budget.sentences(found)
    assert within == "0 % of requests will end within 15 s; now 60 % do."
    assert ends.endswith("19.0–23.0 s.")
    assert lever.startswith("Halving NLP → IR would save")
    assert found.budget is not None
    assert "5 requests of 5 prompts" in budget.model(found.budget)
    assert budget.title(outcomes(week2, "error").budget).startswith("No request was answered")


def test_without_repeats_prompts_and_repeats_are_not_told_apart(week2: RunData) -> None:
    found = of(week2).spread
    assert latency.spread_title(found) == "Prompts and repeats cannot be told apart yet"
    assert "no prompt was repeated" in latency.between_prompts(found)
