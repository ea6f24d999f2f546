from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from liftlab.analysis.outliers import (
    POOLED,
    WITHIN,
    WITHIN_CASES,
    Outliers,
    beyond_chance,
    flag,
    pooled_limit,
    theil_sen,
    within_limit,
)

IR_TO_CODE = [4.12, 4.19, 4.16, 17.08]
times = st.lists(st.floats(1e-3, 1e5), min_size=1, max_size=40)


def flags(found: Outliers) -> list[bool]:
    return found.mask.tolist()


def test_the_published_outlier_is_flagged() -> None:
    found = flag(IR_TO_CODE)
    assert flags(found) == [False, False, False, True]
    assert found.score[3] == pytest.approx(112.8, abs=0.05)
    assert found.limit == 4.73
    assert str(found) == (
        "1 of 4 values is slow beyond chance: score up to 112.8, limit 4.73 (log scale, pooled)."
    )


def test_the_published_day_otherwise() -> None:
    slow = flag([14.92, 14.96, 14.16, 27.10, 26.90])
    assert flags(slow) == [False, False, False, True, True]
    assert slow.score[3:] == pytest.approx([7.3, 7.2], abs=0.05)
    assert slow.limit == 5.74
    quick = flag([10.80, 10.77, 10.01, 7.33, 9.81])
    assert not quick.mask.any()
    assert quick.score.min() == pytest.approx(-2.87, abs=0.05)
    assert str(quick) == "None of 5 values is slow beyond chance (log scale, pooled)."


def test_unlike_cases_are_no_outliers() -> None:
    rng = np.random.default_rng(1)
    cases = np.repeat(np.arange(20), 3)
    x = np.repeat([4.2] * 15 + [10.5] * 5, 3) * rng.lognormal(0, 0.05, 60)
    assert flag(x).mask.any()  # pooled, the hard cases would be
    assert not flag(x, cases).mask.any()
    x[7] *= 2.5
    assert np.flatnonzero(flag(x, cases).mask).tolist() == [7]


def test_a_case_with_too_few_repeats_is_not_judged() -> None:
    x = [1.0, 1.01, 1.02, 9.0, 1.0, 1.01, 0.99]
    found = flag(x, ["a", "a", "a", "b", "c", "c", "c"])
    assert np.isnan(found.score[3])
    assert not found.mask.any()


def test_without_repeats_tokens_tell() -> None:
    rng = np.random.default_rng(2)
    tokens = rng.integers(20, 120, 20).astype(float)
    tokens[0] = 900
    x = (0.6 + 0.028 * tokens) * rng.lognormal(0, 0.05, 20)
    cases = np.repeat(np.arange(10), 2)
    assert not flag(x, cases, tokens).mask.any()
    x[5] += 12
    assert np.flatnonzero(flag(x, cases, tokens).mask).tolist() == [5]


def test_without_repeats_and_tokens_nothing_can_be_told() -> None:
    found = flag([1.0, 2.0, 3.0, 40.0], list("aabb"))
    assert not found.mask.any()
    assert found.limit == math.inf
    assert "repeats" in str(found)
    assert "n ≥ 8" in flag(IR_TO_CODE, tokens=[1, 2, 3, 4]).reason


def test_too_few_values_give_a_reason() -> None:
    assert "n ≥ 4" in flag([1.0, 1.0, 9.0]).reason
    assert "n ≥ 4" in flag([]).reason


def test_values_that_are_no_times_are_not_judged() -> None:
    found = flag([math.nan, 0.0, -1.0, math.inf, *IR_TO_CODE])
    assert flags(found) == [False] * 7 + [True]
    assert np.isnan(found.score[:4]).all()


def test_ties_do_not_make_everything_else_an_outlier() -> None:
    assert flags(flag([4.16, 4.16, 4.16, 4.17])) == [False] * 4
    assert flags(flag([4.16, 4.16, 4.16, 17.08])) == [False, False, False, True]


def test_only_the_slow_side_counts() -> None:
    assert not flag([10.0, 10.1, 9.9, 10.05, 0.5]).mask.any()


def test_theil_sen_needs_no_scale() -> None:
    tokens = np.linspace(10, 400, 3000)
    intercept, slope = theil_sen(tokens, 0.6 + 0.028 * tokens)
    assert (intercept, slope) == (pytest.approx(0.6), pytest.approx(0.028))
    assert theil_sen([5, 5, 5], [1, 2, 3]) == (2.0, 0.0)
    assert theil_sen([1, 2, 3], [3, 2, 1])[1] == 0


def test_theil_sen_on_a_sample_is_near_the_full_fit() -> None:
    rng = np.random.default_rng(3)
    tokens = rng.integers(20, 400, 20_000).astype(float)
    y = (0.6 + 0.028 * tokens) * rng.lognormal(0, 0.05, 20_000)
    intercept, slope = theil_sen(tokens, y)
    assert slope == pytest.approx(0.028, rel=0.01)
    assert intercept == pytest.approx(0.6, abs=0.06)


@pytest.mark.parametrize("n", [4, 5, 8, 20])
def test_false_alarms_stay_within_the_promise(n: int) -> None:
    rng = np.random.default_rng(n)
    alarms = [flag(rng.lognormal(0, 0.35, n)).mask.any() for _ in range(1500)]
    assert np.mean(alarms) <= 0.065  # .05, and the simulation's error


@pytest.mark.parametrize("repeats", [3, 5])
def test_false_alarms_within_cases(repeats: int) -> None:
    rng = np.random.default_rng(repeats)
    cases = np.repeat(np.arange(20), repeats)
    level = np.repeat([4.2] * 15 + [10.5] * 5, repeats)
    noise = (rng.lognormal(0, 0.35, len(cases)) for _ in range(400))
    assert np.mean([flag(level * each, cases).mask.any() for each in noise]) <= 0.065


def test_tabulated_limits_change_little_from_one_size_to_the_next() -> None:
    """A slip in one of the simulated figures stands out among its neighbours."""
    pooled = [POOLED[n] for n in sorted(POOLED)]
    by_parity = [pooled[n + 2] - pooled[n] for n in range(2, 25)]  # odd sizes lie higher
    assert all(abs(step) < 0.5 for step in by_parity)
    assert all(abs(b - a) < 0.2 for a, b in itertools.pairwise(pooled[25:]))
    for repeats, row in WITHIN.items():
        first, widest = {3: (4, 0.75), 4: (1, 0.6)}.get(repeats, (0, 0.6))
        assert all(abs(b - a) < widest for a, b in itertools.pairwise(row[first:]))


def test_limits_are_tabulated_and_continued() -> None:
    assert pooled_limit(3) == math.inf
    assert min(POOLED[150], POOLED[200]) < pooled_limit(170) < max(POOLED[150], POOLED[200])
    assert POOLED[2000] < pooled_limit(10_000) < POOLED[2000] + 0.5
    assert within_limit(20, 2) == math.inf
    assert within_limit(20, 3) == WITHIN[3][WITHIN_CASES.index(20)]
    assert within_limit(30, 3) == max(WITHIN[3][5:7])
    assert within_limit(20, 99) == WITHIN[max(WITHIN)][5]
    assert within_limit(10_000, 5) > within_limit(2000, 5)


@pytest.mark.parametrize("far", [4_000, 1_000_000])
def test_a_continued_limit_grows_as_the_largest_of_so_many_normal_values(far: int) -> None:
    largest = {n: stats.norm.isf(-math.expm1(math.log(0.95) / n)) for n in (2000, far)}
    grown = pooled_limit(far) - POOLED[2000]
    assert grown == pytest.approx(largest[far] - largest[2000], abs=1e-6)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40))
def test_never_raises_on_finite_input(values: list[float]) -> None:
    cases = [str(index % 7) for index in range(len(values))]
    tokens = list(range(len(values)))
    for found in (flag(values), flag(values, cases), flag(values, cases, tokens)):
        assert str(found)
        assert found.mask.shape == found.score.shape == (len(values),)


@given(times, st.sampled_from([0.001, 60.0, 1024.0]))
def test_flags_do_not_depend_on_the_unit(values: list[float], factor: float) -> None:
    before, after = flag(values), flag(np.array(values) * factor)
    clear = np.abs(np.nan_to_num(before.score) - before.limit) > 1e-6
    clear &= np.abs(np.array(values) / before.expected - 1.5) > 1e-6
    assert (before.mask[clear] == after.mask[clear]).all()


@given(times, st.integers(0, 2**31))
def test_flags_follow_their_values(values: list[float], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(values))
    before, after = flag(values), flag(np.array(values)[order])
    assert (before.mask[order] == after.mask).all()


Rng = np.random.Generator
SETS = 120
TAILS: dict[str, Callable[[Rng, int], np.ndarray]] = {
    "lognormal": lambda rng, n: rng.lognormal(0, 0.35, n),
    "wide": lambda rng, n: rng.lognormal(0, 0.8, n),
    "floor and Pareto": lambda rng, n: (5 + 2 * rng.pareto(1.5, n)) / 6.2,
}


def sets(cases: int, repeats: int, seed: int) -> list[tuple[Rng, np.ndarray]]:
    index = np.repeat(np.arange(cases), repeats)
    return [(np.random.default_rng([seed, each]), index) for each in range(SETS)]


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize(("cases", "repeats"), [(20, 1), (20, 2), (20, 3), (20, 5), (5, 20)])
def test_false_alarms_whatever_the_tail(tail: str, cases: int, repeats: int) -> None:
    alarms = 0
    for rng, index in sets(cases, repeats, 1):
        alarms += beyond_chance(np.log(TAILS[tail](rng, len(index))), index)[0].any()
    assert alarms / SETS <= 0.05 + 2 * (0.05 * 0.95 / SETS) ** 0.5


@pytest.mark.parametrize("stages", [1, 3])
def test_stages_and_unequal_repeats_share_the_false_alarms_of_a_run(stages: int) -> None:
    rng, runs, alarms = np.random.default_rng(5), 600 // stages, 0
    for _ in range(runs):
        index = np.repeat(np.arange(20), rng.choice([1, 2, 3, 4, 8], 20))
        made = [np.log(TAILS["floor and Pareto"](rng, len(index))) for _ in range(stages)]
        alarms += any(beyond_chance(over, index, stages=stages)[0].any() for over in made)
    assert alarms / runs <= 0.05


@pytest.mark.parametrize("repeats", [2, 3, 5])
def test_slow_cases_are_no_alarm_where_they_repeat(repeats: int) -> None:
    alarms = 0
    for rng, index in sets(20, repeats, 2):
        hard = np.where(rng.random(20) < 0.2, 1.0, 0.0)[index]
        alarms += beyond_chance(hard + rng.normal(0, 0.1, len(index)), index)[0].any()
    assert alarms / SETS <= 0.05


@pytest.mark.parametrize("repeats", [1, 2, 3, 5])
def test_one_that_takes_three_times_as_long_is_found(repeats: int) -> None:
    found = 0
    for rng, index in sets(20, repeats, 3):
        over = rng.normal(0, 0.1, len(index))
        over[7] += np.log(3)
        mask, judged, reason = beyond_chance(over, index)
        found += mask.tolist() == (np.arange(len(over)) == 7).tolist()
        assert (judged, reason) == (len(over), "")
    assert found / SETS >= 0.65


def test_values_that_are_all_alike_but_one() -> None:
    over = np.zeros(20)
    over[3] = 1.0
    mask, *_ = beyond_chance(over, np.arange(20))
    assert np.flatnonzero(mask).tolist() == [3]
    assert not beyond_chance(np.zeros(20), np.arange(20))[0].any()


def test_too_few_to_judge_say_what_it_needs() -> None:
    over = np.array([0.0, 0.01, -0.01, 0.02, 1.4])
    mask, judged, reason = beyond_chance(over, np.arange(5))
    assert (mask.any(), judged) == (False, 0)
    assert reason.startswith("needs 8 steps with tokens, or 3 repeats")
    assert beyond_chance(over, np.arange(5), pooled=True)[0].tolist() == [False] * 4 + [True]
    assert beyond_chance(np.full(9, np.nan), np.arange(9))[1] == 0
    assert beyond_chance(np.zeros(0), np.zeros(0, dtype=np.intp))[1] == 0
