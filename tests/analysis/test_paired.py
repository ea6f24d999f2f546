"""Paired comparisons: errors, power, equivalence and exact tests."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from liftlab.analysis.paired import detectable_effect, interval_levels, sign_flip_p, times, together

CASES = list("abcdefghij")


def two_weeks(
    rng: np.random.Generator, cases: int, repeats: int, change: float = 1.0, slow: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two weeks of the same cases: case SD .4, run SD .1, case x week SD .05."""
    names = np.repeat(np.arange(cases), repeats)
    of_case = rng.normal(2, 0.4, cases)
    weeks = []
    for ratio in (1.0, change):
        level = of_case + rng.normal(0, 0.05 / np.sqrt(2), cases) + np.log(ratio)
        own = rng.normal(0, 0.1, len(names)) + np.log(3) * (rng.random(len(names)) < slow)
        weeks.append(np.exp(level[names] + own))
    return names, weeks[0], weeks[1]


def test_it_is_the_paired_t_test_of_medians() -> None:
    names, first, second = two_weeks(np.random.default_rng(1), 10, 3, 1.2)
    found = times(first, names, second, names)
    medians = [np.median(np.log(week).reshape(10, 3), axis=1) for week in (first, second)]
    expected = stats.ttest_rel(medians[1], medians[0])
    low, high = expected.confidence_interval()
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.ratio.low, found.ratio.high) == pytest.approx((np.exp(low), np.exp(high)))
    assert found.ratio.n == 10


@pytest.mark.parametrize(("cases", "repeats"), [(5, 5), (20, 1), (20, 3)])
@pytest.mark.parametrize("slow", [0.0, 0.1])
def test_false_alarms_hold(cases: int, repeats: int, slow: float) -> None:
    rng = np.random.default_rng(cases + repeats)
    alarms = []
    for _ in range(300):
        names, first, second = two_weeks(rng, cases, repeats, slow=slow)
        alarms.append(times(first, names, second, names).p < 0.05)
    assert np.mean(alarms) <= 0.085


def test_false_alarms_of_three_stages_hold_together() -> None:
    rng = np.random.default_rng(12)
    alone, corrected = [], []
    for _ in range(200):
        names, *ir = two_weeks(rng, 10, 2)
        _, *code = two_weeks(rng, 10, 2)
        total = [ir[0] + code[0], ir[1] + code[1]]
        changes = [times(a, names, b, names) for a, b in (ir, code, total)]
        alone.append(any(change.p < 0.05 for change in changes))
        corrected.append(any(change.p < 0.05 for change in together(changes)))
    assert np.mean(corrected) <= 0.08
    assert np.mean(corrected) < np.mean(alone)


@pytest.mark.parametrize("direction", [1, -1])
def test_power_at_the_detectable_ratio(direction: int) -> None:
    rng = np.random.default_rng(13)
    cases, deviation = 20, np.sqrt(2 * 0.1**2 + 0.05**2)
    change = np.exp(direction * deviation * detectable_effect(cases))
    found = []
    for _ in range(300):
        names, first, second = two_weeks(rng, cases, 1, change)
        found.append(times(first, names, second, names).verdict)
    expected = "slower" if direction > 0 else "faster"
    assert np.mean(np.array(found) == expected) == pytest.approx(0.8, abs=0.07)


def test_the_same_is_called_equivalent_and_a_margin_is_not() -> None:
    rng = np.random.default_rng(14)
    same, apart = [], []
    for _ in range(200):
        names, first, second = two_weeks(rng, 20, 5)
        same.append(times(first, names, second, names).equivalent)
        _, first, second = two_weeks(rng, 20, 5, 1.1)
        apart.append(times(first, names, second, names).equivalent)
    assert np.mean(same) >= 0.9
    assert np.mean(apart) <= 0.08


def test_verdicts() -> None:
    base = np.array([4.1, 6.0, 8.8, 5.2, 7.1, 3.0, 4.4, 9.0, 5.5, 6.6])
    wiggle = np.exp(np.array([1, -1, 2, -2, 1, -1, 0, 1, -2, 1]) * 0.01)
    faster = times(base, CASES, base * wiggle * 0.7, CASES, what="code")
    assert faster.verdict == "faster"
    assert faster.ratio.value == pytest.approx(0.7, rel=0.02)
    assert times(base, CASES, base * wiggle * 1.4, CASES).verdict == "slower"
    same = times(base, CASES, base * wiggle, CASES)
    assert same.verdict == "equivalent"
    close = times(base, CASES, base * wiggle * 1.03, CASES)
    assert close.verdict == "slower"
    assert close.equivalent
    wild = times(base, CASES, base * wiggle**30, CASES)
    assert wild.verdict == "cannot tell"


def test_single_runs_give_a_ratio_and_no_verdict() -> None:
    single = times([21.7], ["add"], [14.9], ["add"])
    assert single.verdict == "cannot tell"
    assert single.ratio.value == pytest.approx(14.9 / 21.7)
    assert single.ratio.reason == "needs 5 shared prompts"
    unlike = times([21.7], ["factorial"], [14.9], ["add"])
    assert unlike.ratio.reason == "no prompt is in both runs"
    assert unlike.ratio.value is None  # what other cases take says nothing
    nothing = times([], [], [14.9], ["add"])
    assert nothing.ratio.value is None
    assert (nothing.verdict, nothing.ratio.reason) == (
        "not measurable",
        "a run has no answered request",
    )


def test_many_repeats_of_few_cases_stay_few_cases() -> None:
    names, first, second = two_weeks(np.random.default_rng(3), 4, 100, 2.0)
    assert times(first, names, second, names).verdict == "cannot tell"


def test_unusable_times_are_left_out() -> None:
    base = np.arange(2.0, 12.0)
    holed = np.append(base, [np.nan, -1, 0])
    found = times(holed, [*CASES, "a", "a", "a"], base, CASES)
    assert found.ratio.value == pytest.approx(1)
    with pytest.raises(ValueError, match="1 cases for 2 times"):
        times([1, 2], ["a"], [1], ["a"])
    with pytest.raises(ValueError, match="a share between 0 and 1"):
        times([1], ["a"], [1], ["a"], margin=1.5)


def test_a_case_that_the_client_gave_up_on_counts_as_slow_or_not_at_all() -> None:
    base = np.arange(2.0, 12.0)
    names = np.repeat(CASES, 3)
    thrice = np.repeat(base, 3)
    some = thrice.copy()
    some[[0, 3, 4]] = np.inf  # one of three, and two of three
    found = times(thrice, names, some, names)
    assert (found.ratio.n, found.ratio.value) == (9, pytest.approx(1))


@pytest.mark.parametrize("seed", range(20))
def test_an_interval_excludes_no_change_exactly_where_the_verdict_says_so(seed: int) -> None:
    rng = np.random.default_rng(seed)
    base = np.arange(2.0, 12.0)
    ratios = np.exp(rng.normal(0, 0.08, 4))
    changes = [
        times(base, CASES, base * ratio * np.exp(rng.normal(0, 0.1, 10)), CASES) for ratio in ratios
    ]
    for change in together(changes, [0.03]):
        apart = not change.ratio.low <= 1 <= change.ratio.high
        assert apart == (change.verdict in ("faster", "slower")) == (change.p < 0.05)


def test_intervals_are_as_wide_as_the_correction() -> None:
    assert interval_levels([0.5, 0.9]) == [0.025, 0.025]
    assert interval_levels([0.001, 0.04]) == [0.025, 0.05]  # only the second step finds it
    assert interval_levels([0.03, 0.04]) == [0.025, 0.025]
    assert interval_levels([0.001, 0.002, 0.003]) == [0.05 / 3] * 3  # each needs no later step


def test_holm_by_hand() -> None:
    base = np.array([4.1, 6.0, 8.8, 5.2, 7.1, 3.0, 4.4, 9.0, 5.5, 6.6])
    rng = np.random.default_rng(5)
    changes = [
        times(base, CASES, base * ratio * np.exp(rng.normal(0, 0.1, 10)), CASES)
        for ratio in (1.3, 1.1, 1.02)
    ]
    changes.insert(1, times([1], ["a"], [2], ["a"]))
    corrected = together(changes)
    raw = sorted(change.p for change in changes if change.p is not None)
    expected = np.minimum(1, np.maximum.accumulate(np.array(raw) * [3, 2, 1]))
    assert sorted(c.p for c in corrected if c.p is not None) == pytest.approx(expected)
    assert corrected[1].p is None
    assert all(
        after.detectable >= before.detectable
        for after, before in zip(corrected, changes, strict=True)
        if before.detectable is not None
    )
    assert together([]) == []


@pytest.mark.parametrize(("better", "worse"), [(6, 0), (5, 0), (8, 2), (3, 3), (12, 1)])
def test_flips_of_single_trials_are_mcnemars_exact_test(better: int, worse: int) -> None:
    exact = stats.binomtest(better, better + worse).pvalue
    assert sign_flip_p([1] * better + [-1] * worse + [0] * 7) == pytest.approx(exact)


def test_sampled_flips_agree_with_the_exact_test() -> None:
    exact = stats.binomtest(22, 30).pvalue
    assert sign_flip_p([1] * 22 + [-1] * 8) == pytest.approx(exact, abs=0.004)
    assert sign_flip_p([1] * 400) > 0


@pytest.mark.parametrize("cases", [2, 5, 100, 5_000])
def test_detectable_effects_reach_their_power(cases: int) -> None:
    effect = detectable_effect(cases)
    limit = stats.t.isf(0.025, cases - 1)
    assert stats.nct.sf(limit, cases - 1, effect * np.sqrt(cases)) == pytest.approx(0.8, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(1e-3, 1e3), min_size=5, max_size=10),
    st.lists(st.floats(1e-3, 1e3), min_size=5, max_size=10),
    st.floats(0.01, 100),
)
def test_no_unit_and_no_order_changes_a_verdict(
    first: list[float], second: list[float], unit: float
) -> None:
    a, b = np.array(first), np.array(second)
    names, others = CASES[: len(a)], CASES[: len(b)]
    found = times(a, names, b, others)
    scaled = times(a * unit, names, b * unit, others)
    turned = times(b, others, a, names)
    assert scaled.ratio.value == pytest.approx(found.ratio.value, rel=1e-6)
    assert turned.ratio.value == pytest.approx(1 / found.ratio.value, rel=1e-6)
    assert turned.p == pytest.approx(found.p, abs=1e-6)
