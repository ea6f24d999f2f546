"""Success rates, groups, failure classes, and pass@k."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.analysis.rates import clopper_pearson
from liftlab.analysis.success import (
    SuccessCurve,
    error_rate,
    failure_classes,
    pass_at_k,
    pass_at_k_of,
    pass_at_k_of_case,
    success_by,
    success_by_group,
    success_curve,
    success_rate,
    worst_class_share,
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


def test_a_curve_rises_with_each_right_answer_and_ends_at_the_success_rate() -> None:
    curve = success_by([3.0, 1.0, 2.0, np.nan, 4.0], [True, True, False, True, True])
    assert curve.n == 5
    assert curve.seconds.tolist() == [1.0, 3.0, 4.0]
    assert curve.share.tolist() == pytest.approx([0.2, 0.4, 0.6])
    assert [curve.at(t).value for t in (0.9, 1.0, 3.5, 99.0)] == pytest.approx([0, 0.2, 0.4, 0.6])
    assert curve.at(1.0).n == 5
    none = success_by([], [])
    assert (none.n, none.seconds.tolist(), none.share.tolist()) == (0, [], [])


def test_on_a_curve_a_case_weighs_the_same_however_often_it_was_asked() -> None:
    curve = success_by([1.0, 2.0, 3.0], [True, True, True], ["a", "a", "b"])
    assert curve.share.tolist() == pytest.approx([0.25, 0.5, 1.0])
    assert curve.at(2.0).value == pytest.approx(0.5)
    assert curve.at(2.0).cases == 2


def test_a_run_that_was_looked_at_all_the_time_has_wider_intervals() -> None:
    times = np.arange(1.0, 41)
    once = SuccessCurve(times=times, cases=np.arange(40)).at(20.0)
    always = SuccessCurve(times=times, cases=np.arange(40), anytime=True).at(20.0)
    assert (once.value, always.value) == (0.5, 0.5)
    assert always.low is not None
    assert once.low is not None
    assert always.low < once.low < 0.5


def test_the_curve_of_a_run_leaves_out_what_was_not_graded() -> None:
    trials = pd.DataFrame(
        {
            "case_id": list("abcde"),
            "outcome": ["pass", "fail", "error", "ungraded", "pass"],
            "e2e_s": [1.0, 2.0, 3.0, 4.0, 5.0],
            "client_s": [0.0, 0.0, 0.0, 0.0, 1.0],
        }
    )
    curve = success_curve(trials)
    assert (curve.n, curve.seconds.tolist()) == (3, [1.0, 4.0])
    assert curve.share.tolist() == pytest.approx([1 / 3, 2 / 3])


def test_the_worst_class_is_corrected_for_having_been_picked() -> None:
    trials = published()
    first, second = failure_classes(trials)
    worst = worst_class_share(trials, [second, first])
    assert worst == first.picked
    assert (worst.value, worst.n) == (first.of_trials.value, 5)
    assert first.picked.low is not None
    assert first.of_trials.low is not None
    assert first.picked.low < first.of_trials.low
    right = trials.assign(outcome="pass", failure_class=None)
    assert (worst_class_share(right, []).value, worst_class_share(right, []).n) == (0.0, 5)


def test_errors_are_a_share_of_all_trials_each_alike() -> None:
    trials = pd.DataFrame({"case_id": list("aaab"), "outcome": ["error", "pass", "fail", "error"]})
    assert (error_rate(trials).value, error_rate(trials).n) == (0.5, 4)
    counted = trials.assign(rows=[3, 1, 1, 1])
    assert (error_rate(counted).value, error_rate(counted).n) == (pytest.approx(4 / 6), 6)


def test_rows_that_stand_for_several_trials_count_as_many() -> None:
    counted = published().assign(rows=[1, 2, 3, 4, 10])
    rate = success_rate(counted)
    assert (rate.successes, rate.trials, rate.cases) == (10, 20, 5)
    more = pd.DataFrame([{"case_id": "x", "outcome": "error", "rows": 3}])
    more = pd.concat([counted, more, more.assign(outcome="ungraded", rows=2)])
    assert (success_rate(more).errors, success_rate(more).ungraded) == (3, 2)
    first, second = failure_classes(counted)
    assert (first.count, second.count) == (6, 4)
    assert pass_at_k_of(counted, 1).samples == 20


def test_several_tries_are_as_exact_as_the_cases_and_the_draws() -> None:
    for right in (1, 2, 3):  # no case differs from another: so many cases
        even = pass_at_k([4] * 12, [right] * 12, 2).estimate
        low, high = clopper_pearson(even.value or 0.0, 12)
        assert (even.low, even.high) == (pytest.approx(low), pytest.approx(high))
    trials = published().assign(outcome=["pass"] * 4 + ["fail"])
    lone = pass_at_k([1] * 5, [1, 1, 1, 1, 0], 1).estimate
    assert str(lone) == str(success_rate(trials).estimate)
