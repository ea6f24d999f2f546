from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from liftlab.analysis.rates import clopper_pearson, effective_n, proportion


def test_four_of_five() -> None:
    estimate = proportion(4, 5)
    assert estimate.value == 0.8
    exact = stats.binomtest(4, 5).proportion_ci(method="exact")
    assert (estimate.low, estimate.high) == pytest.approx((exact.low, exact.high))
    assert proportion([1, 1, 1, 0, 1]) == estimate
    assert proportion([1, 1, 1, 0, 1], clusters=list("abcde")).low == estimate.low
    assert str(proportion(1, 5)) == "20 % (95 % interval 1–72 %, n = 5)"


def test_unequal_repeats_weigh_every_prompt_the_same() -> None:
    estimate = proportion([1] * 10 + [0] * 9, clusters=["a"] * 10 + list("bcdefghij"))
    assert (estimate.value, estimate.n, estimate.cases) == (0.1, 19, 10)
    assert (estimate.low, estimate.high) == pytest.approx((0.0025, 0.445), abs=5e-4)
    assert proportion([1] * 10 + [0] * 9, clusters=[0] * 10 + [*range(9)], by_rows=True).value == (
        10 / 19
    )


def test_a_rate_that_was_picked_is_wider_and_says_so() -> None:
    plain, picked = proportion(4, 10), proportion(4, 10, picked_from=5)
    assert picked.low < plain.low < plain.high < picked.high
    assert picked.confidence == 0.95
    assert "picked from 5 classes" in picked.method


def test_no_trials() -> None:
    assert proportion(0, 0).reason == "no data"
    assert proportion([], clusters=[]).reason == "no data"


@pytest.mark.parametrize(("successes", "n"), [(6, 5), (-1, 5), (0, -1)])
def test_impossible_counts_raise(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="between 0 and n"):
        proportion(successes, n)


def test_counts_cannot_be_clustered() -> None:
    with pytest.raises(ValueError, match="give each outcome"):
        proportion(4, 5, clusters=list("aabbc"))


def test_all_or_nothing_cases_count_once() -> None:
    outcomes = np.repeat([1, 1, 1, 0, 1, 0, 1, 1, 0, 1], 5)
    estimate = proportion(outcomes, clusters=np.repeat(np.arange(10), 5))
    assert (estimate.n, estimate.cases) == (50, 10)
    assert (estimate.low, estimate.high) == (proportion(7, 10).low, proportion(7, 10).high)


def test_agreement_leaves_the_number_of_cases() -> None:
    estimate = proportion(np.ones(40), clusters=np.repeat(np.arange(20), 2))
    assert estimate.low == proportion(20, 20).low
    assert estimate.high == 1
    assert proportion([1, 1, 1], clusters=["a"] * 3).low == proportion(1, 1).low


def test_fewer_than_six_prompts_with_the_rarer_outcome_say_nothing_of_repeats() -> None:
    cases = np.repeat(np.arange(20), 2)
    few, some = np.ones(40), np.ones(40)
    few[:10:2], some[:12:2] = 0, 0
    assert proportion(few, clusters=cases).low == proportion_of(0.875, 20)
    assert proportion(some, clusters=cases).low > proportion_of(0.85, 20)


def proportion_of(rate: float, n: float) -> float:
    return clopper_pearson(rate, n)[0]


@pytest.mark.parametrize("rho", [0.05, 0.2, 0.8])
def test_clustered_interval_covers_what_it_says(rho: float) -> None:
    rng = np.random.default_rng(int(rho * 100))
    shape = np.array([0.8, 0.2]) * (1 - rho) / rho
    clusters = np.repeat(np.arange(20), 5)
    covered = []
    for _ in range(600):
        outcomes = rng.random(100) < np.repeat(rng.beta(*shape, 20), 5)
        estimate = proportion(outcomes, clusters=clusters)
        covered.append(estimate.low <= 0.8 <= estimate.high)
    assert np.mean(covered) >= 0.92


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=60))
def test_rates_lie_in_their_intervals(rows: list[tuple[int, bool]]) -> None:
    cases, outcomes = [case for case, _ in rows], [ok for _, ok in rows]
    estimate = proportion(outcomes, clusters=cases)
    by_case = [np.mean([ok for case, ok in rows if case == name]) for name in set(cases)]
    assert estimate.value == pytest.approx(np.mean(by_case))
    assert proportion(outcomes, clusters=cases, by_rows=True).value == pytest.approx(
        np.mean(outcomes)
    )
    if estimate.has_interval:
        assert 0 <= estimate.low <= estimate.value + 1e-12
        assert estimate.value - 1e-12 <= estimate.high <= 1


@pytest.mark.parametrize(
    ("hits", "squares", "worth"),
    [
        (0, 0.0, 10),  # all agree: a case each
        (20, 20.0, 10),
        (1, 0.5, 20),  # one of two: the other repeat was worth asking for
        (19, 18.5, 20),
        (10, 10.0, 10),  # half of the cases, both of their repeats
        (10, 5.0, 20),  # one repeat of each case
    ],
)
def test_what_repeats_are_worth(hits: int, squares: float, worth: float) -> None:
    sizes = np.full(10, 2.0)
    for by_rows in (False, True):
        found = effective_n(sizes, np.array([hits]), np.array([squares]), by_rows=by_rows)
        assert found == pytest.approx([worth])


def test_without_repeats_every_request_counts() -> None:
    assert effective_n(np.ones(7), np.array([0, 3]), np.array([0.0, 3.0])).tolist() == [7, 7]
