"""Success rates, groups, failure classes, and pass@k."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.analysis.success import (
    failure_classes,
    pass_at_k,
    pass_at_k_of,
    pass_at_k_of_case,
    success_by_group,
    success_rate,
)


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


@given(
    st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n)))
)
def test_it_is_the_share_of_choices_with_a_right_answer(counts: tuple[int, int, int]) -> None:
    n, c, k = counts
    choices = [min(chosen) < c for chosen in combinations(range(n), k)]
    assert pass_at_k_of_case(n, c, k) == pytest.approx(sum(choices) / len(choices), abs=1e-12)


def test_large_counts_neither_overflow_nor_leave_the_range() -> None:
    assert pass_at_k_of_case(100_000, 1, 1) == pytest.approx(1e-5)
    assert 0.999 < pass_at_k_of_case(100_000, 1_000, 1_000) <= 1


@pytest.mark.parametrize(("n", "c", "k"), [(5, 1, 6), (5, 1, 0), (5, 6, 1), (5, -1, 1), (0, 0, 1)])
def test_more_tries_than_answers_are_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="lies between"):
        pass_at_k_of_case(n, c, k)


def test_one_case_with_too_few_answers_refuses_all() -> None:
    with pytest.raises(ValueError, match="pass@3 of 2 answers"):
        pass_at_k([5, 2], [1, 1], 3)


def test_cases_weigh_alike_however_many_answers_they_have() -> None:
    assert pass_at_k([4, 2], [2, 2], 1).estimate.value == 0.75


def test_cases_weigh_alike_and_are_the_sample() -> None:
    result = pass_at_k([10] * 20, [0, 10] * 10, 5)
    assert (result.estimate.value, result.estimate.n, result.samples) == (0.5, 20, 200)
    assert result.estimate.low is not None
    assert result.estimate.high is not None
    assert result.estimate.low < 0.3  # as wide as 20 answers, not 200
    assert result.estimate.high > 0.7


def test_the_interval_covers() -> None:
    draw = np.random.default_rng(7)
    covered = 0
    for _ in range(300):
        chances = draw.beta(0.3, 0.3, 20)
        estimate = pass_at_k([5] * 20, draw.binomial(5, chances), 1).estimate
        assert estimate.low is not None
        assert estimate.high is not None
        covered += estimate.low <= 0.5 <= estimate.high
    assert covered / 300 > 0.92


def test_a_trial_table_counts_only_what_could_be_judged() -> None:
    outcomes = ["pass", "fail", "pass", "pass", "error", "ungraded"]
    trials = pd.DataFrame({"case_id": list("aabbab"), "outcome": outcomes})
    result = pass_at_k_of(trials, 2)
    assert (result.cases, result.samples, result.estimate.value) == (2, 4, 1.0)
    assert pass_at_k_of(trials, 1).estimate.value == 0.75


def test_one_answer_a_case_is_the_success_rate() -> None:
    trials = pd.DataFrame({"case_id": list("abcde"), "outcome": ["pass"] * 4 + ["fail"]})
    assert str(pass_at_k_of(trials, 1).estimate) == str(success_rate(trials).estimate)


def test_nothing_and_one_case_have_no_interval() -> None:
    assert pass_at_k([], [], 1).estimate.reason == "no data"
    assert pass_at_k([3], [1], 2).estimate.reason == "no interval from one prompt"
