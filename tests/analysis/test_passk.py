from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.analysis.passk import of_case, pass_at_k, pass_at_k_of
from liftlab.analysis.success import success_rate


@given(
    st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n)))
)
def test_it_is_the_share_of_choices_with_a_right_answer(counts: tuple[int, int, int]) -> None:
    n, c, k = counts
    choices = [min(chosen) < c for chosen in combinations(range(n), k)]
    assert of_case(n, c, k) == pytest.approx(sum(choices) / len(choices), abs=1e-12)


def test_large_counts_neither_overflow_nor_leave_the_range() -> None:
    assert of_case(100_000, 1, 1) == pytest.approx(1e-5)
    assert 0.999 < of_case(100_000, 1_000, 1_000) <= 1


@pytest.mark.parametrize(("n", "c", "k"), [(5, 1, 6), (5, 1, 0), (5, 6, 1), (5, -1, 1), (0, 0, 1)])
def test_more_tries_than_answers_are_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="lies between"):
        of_case(n, c, k)


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
