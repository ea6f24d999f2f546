from __future__ import annotations

import pandas as pd
import pytest

from liftlab.analysis.success import failure_classes, success_by_group, success_rate


def published() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "case_id": ["add_numbers", "multiply", "string_length", "max_of_two", "is_even"],
            "category": ["arithmetic", "arithmetic", "strings", "control flow", "control flow"],
            "outcome": ["fail", "fail", "fail", "fail", "pass"],
            "parsed": [True, True, True, False, True],
            "failure_class": ["missing_return"] * 3 + ["indentation_error", None],
        }
    )


def test_parsed_is_not_right() -> None:
    right, parsed = success_rate(published()), success_rate(published(), "parsed")
    assert (right.successes, right.trials, right.estimate.value) == (1, 5, 0.2)
    assert (parsed.successes, parsed.trials, parsed.estimate.value) == (4, 5, 0.8)


def test_endpoint_errors_are_counted_and_in_no_denominator() -> None:
    trials = published()
    more = {"case_id": "x", "category": "strings", "outcome": "error", "parsed": None}
    trials = pd.concat([trials, pd.DataFrame([more, {**more, "outcome": "ungraded"}])])
    rate = success_rate(trials)
    assert (rate.successes, rate.trials, rate.errors, rate.ungraded) == (1, 5, 1, 1)
    assert success_rate(trials, "parsed").trials == 5


def test_repeats_count_by_case() -> None:
    trials = pd.concat([published()] * 4, ignore_index=True)
    rate = success_rate(trials)
    assert (rate.trials, rate.cases, rate.estimate.n, rate.estimate.cases) == (20, 5, 20, 5)
    assert rate.estimate.high > 0.5


def test_groups_keep_their_order() -> None:
    groups = success_by_group(published(), "category")
    assert [(g.group, g.successes, g.trials) for g in groups] == [
        ("arithmetic", 0, 2),
        ("strings", 0, 1),
        ("control flow", 1, 2),
    ]
    assert success_by_group(published(), "difficulty") == []


def test_failure_classes_come_most_frequent_first() -> None:
    first, second = failure_classes(published())
    assert (first.failure_class, first.count) == ("missing_return", 3)
    assert first.cases == ("add_numbers", "multiply", "string_length")
    assert first.of_failures.value == 0.75
    assert first.of_failures.low == pytest.approx(0.194, abs=0.005)
    assert first.of_trials.value == 0.6
    assert (second.failure_class, second.count) == ("indentation_error", 1)


def test_no_trials() -> None:
    empty = published().iloc[:0]
    assert success_rate(empty).estimate.reason == "no data"
    assert failure_classes(empty) == []
    assert failure_classes(published()[lambda t: t["outcome"] == "pass"]) == []
