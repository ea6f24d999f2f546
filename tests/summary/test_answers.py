"""Counts of a run's answers, and which rows each of them is of."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from liftlab.settings import Project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize


def test_the_published_day(summary: RunSummary) -> None:
    found = summary.answers
    assert (found.trials, found.cases, found.graded, found.right, found.wrong) == (5, 5, 5, 1, 4)
    assert (found.parsed.successes, found.errors, found.answered) == (4, 0, 5)
    assert [(row.failure_class, row.count) for row in found.failures] == [
        ("missing_return", 3),
        ("indentation_error", 1),
    ]
    assert (found.limit, found.repeats) == (0.7, (1, 1))
    assert [row.k for row in found.pass_at_k] == [1]


def test_errors_are_in_no_rate_of_answers(day: RunData, project: Project) -> None:
    trials = day.trials.copy()
    failed = trials["case_id"] == "multiply"
    trials.loc[failed, ["outcome", "failure_class"]] = ["error", "endpoint_error"]
    stages = day.stages.copy()
    stages.loc[stages["case_id"] == "multiply", "error_class"] = "http_5xx"
    found = summarize(replace(day, trials=trials, stages=stages), project).answers
    assert (found.errors, found.graded, found.answered) == (1, 4, 4)
    assert found.success.estimate.value == pytest.approx(0.25)
    assert found.error_rate.value == pytest.approx(0.2)
    assert dict(found.error_classes).keys() == {"http_5xx"}
    shares = [row.of_trials.value for row in found.failures]
    assert shares == pytest.approx([0.5, 0.25])


def test_what_was_not_graded_is_answered(day: RunData, project: Project) -> None:
    trials = day.trials.assign(outcome="ungraded", failure_class=None, parsed=None)
    found = summarize(replace(day, trials=trials), project).answers
    assert (found.graded, found.answered, found.repeats) == (0, 5, (0, 0))
    assert found.success.estimate.value is None


def test_pass_at_k_goes_as_far_as_every_case_s_repeats(day: RunData, project: Project) -> None:
    again = day.trials[day.trials["case_id"] == "is_even"].assign(repeat=2)
    trials = pd.concat([day.trials, again], ignore_index=True)
    found = summarize(replace(day, trials=trials), project).answers
    assert found.repeats == (1, 2)
    assert [row.k for row in found.pass_at_k] == [1]


def test_every_estimate_knows_which_quantity_it_is(summary: RunSummary) -> None:
    found = summary.answers
    assert found.success.estimate.quantity == "success_rate"
    assert found.worst_class.quantity == "worst_class_share"
    assert {rate.estimate.quantity for rate in found.by_category} == {
        f"success_rate:category={rate.group}" for rate in found.by_category
    }
    assert found.failures[0].of_failures.quantity == "share_of_failures:missing_return"


def test_difficulties_come_from_easy_to_hard(day: RunData, project: Project) -> None:
    levels = ["hard", "odd", "easy", "medium", "easy"]
    found = summarize(replace(day, trials=day.trials.assign(difficulty=levels)), project).answers
    assert [rate.group for rate in found.by_difficulty] == ["easy", "medium", "hard", "odd"]


def test_a_lead_of_one_class_is_clear_only_beyond_chance(
    summary: RunSummary, day: RunData, project: Project
) -> None:
    assert not summary.failures.clearly_first
    assert summary.failures.count == 4
    alike = day.trials["failure_class"].where(day.trials["outcome"] != "fail", "missing_return")
    found = summarize(replace(day, trials=day.trials.assign(failure_class=alike)), project)
    assert found.failures.clearly_first


@pytest.mark.parametrize(
    ("ahead", "behind", "is_clear"),
    [(8, 1, True), (7, 1, False), (5, 5, False), (1, 6, False)],
)
def test_a_lead_is_counted_by_prompts(
    ahead: int, behind: int, is_clear: bool, day: RunData, project: Project
) -> None:
    one, other = "missing_return", "indentation_error"
    # One prompt that failed very often in the first way makes it the most frequent.
    classes = [one] * ahead + [other] * behind + [one] * 9
    cases = [*(f"c{n}" for n in range(ahead + behind)), *["c0"] * 9]
    trials = pd.concat([day.trials.head(1)] * len(cases), ignore_index=True)
    trials = trials.assign(case_id=cases, repeat=range(len(cases)), failure_class=classes)
    found = summarize(replace(day, trials=trials.assign(outcome="fail")), project).failures
    assert found.rows[0].failure_class == one
    assert found.clearly_first is is_clear
