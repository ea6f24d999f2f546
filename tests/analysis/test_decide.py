"""Sequential decisions: the seed's numbers, the errors that are promised, and what is said."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.analysis.decide import confidence_sequence, course, of_run, success_rate
from liftlab.reporting.text import targets


def test_the_published_day_does_not_decide() -> None:
    parsed = success_rate([1, 1, 1, 0, 1])
    assert parsed.log_ratio == pytest.approx(0.458, abs=5e-4)
    assert parsed.bound == pytest.approx(2.944, abs=5e-4)
    assert parsed.verdict == "go on"
    passed = success_rate([0, 0, 0, 0, 1])
    assert passed.log_ratio == pytest.approx(-2.485, abs=5e-4)
    assert passed.verdict == "go on"
    assert passed.to_below == 1


def test_the_nearest_decisions() -> None:
    assert success_rate([1] * 11).decided_after == 11
    assert success_rate([1] * 10).verdict == "go on"
    two_of_seven = success_rate([1, 1, 0, 0, 0, 0, 0])
    assert two_of_seven.log_ratio == pytest.approx(-2.890, abs=5e-4)
    assert two_of_seven.verdict == "go on"
    assert success_rate([0] * 5).verdict == "below"


def test_a_decision_is_not_taken_back() -> None:
    decided = success_rate([1] * 11 + [0] * 4)
    assert (decided.verdict, decided.decided_after) == ("above", 11)
    assert decided.log_ratio < decided.bound


def test_what_would_settle_it_does() -> None:
    seed = [1, 1, 1, 0, 1]
    now = success_rate(seed)
    assert success_rate(seed + [1] * now.to_above).verdict == "above"
    assert success_rate(seed + [1] * (now.to_above - 1)).verdict == "go on"
    assert success_rate(seed + [0] * now.to_below).verdict == "below"
    assert success_rate(seed + [0] * (now.to_below - 1)).verdict == "go on"


@pytest.mark.parametrize(
    ("rate", "above", "mean_trials"),
    [(0.6, 0.044, 27), (0.7, 0.45, 49), (0.8, 0.968, 31), (0.9, 1, 16)],
)
def test_the_course_of_the_test(rate: float, above: float, mean_trials: float) -> None:
    from_nothing = course(rate)
    assert from_nothing.above == pytest.approx(above, abs=0.015)
    assert from_nothing.above + from_nothing.below == pytest.approx(1)
    assert from_nothing.mean_trials == pytest.approx(mean_trials, abs=1.5)  # that was simulated


def test_a_course_that_has_ended_takes_no_trials() -> None:
    assert success_rate([1] * 11).if_below.mean_trials == 0


@pytest.mark.parametrize(("rate", "wrong"), [(0.6, "above"), (0.8, "below")])
@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_both_errors_hold_with_repeats_in_any_order(
    rate: float, wrong: str, correlation: float
) -> None:
    rng = np.random.default_rng(20 + int(10 * rate))
    cases = np.repeat(np.arange(150), 2)
    verdicts = []
    for _ in range(400):
        of_case = rate
        if correlation:
            shape = np.array([rate, 1 - rate]) * (1 - correlation) / correlation
            of_case = np.repeat(rng.beta(*shape, 150), 2)
        order = rng.permutation(300)
        outcomes = (rng.random(300) < of_case)[order]
        verdicts.append(_verdict_only(outcomes, cases[order]))
    assert np.mean(np.array(verdicts) == wrong) <= 0.075


def _verdict_only(outcomes: np.ndarray, cases: np.ndarray) -> str:
    """Decide without the courses, which take most of the time."""
    _, first = np.unique(cases, return_index=True)
    counted = outcomes[np.sort(first)]
    path = np.cumsum(np.where(counted, math.log(0.8 / 0.6), math.log(0.2 / 0.4)))
    beyond = np.flatnonzero(np.abs(path) >= math.log(19))
    if len(beyond) == 0:
        return "go on"
    upto = beyond[0] + 1
    verdict = success_rate(counted[:upto]).verdict
    assert success_rate(outcomes, cases=cases).verdict == verdict
    return verdict


def test_the_sequence_covers_at_every_look() -> None:
    rng = np.random.default_rng(3)
    looks = range(5, 301, 5)
    missed = 0
    for _ in range(200):
        hits = np.cumsum(rng.random(300) < 0.7)
        at = [confidence_sequence(int(hits[n - 1]), n) for n in looks]
        missed += any(not each.low <= 0.7 <= each.high for each in at)
    assert missed / 200 <= 0.05


def test_publishing_asks_for_more_than_deciding() -> None:
    decided = success_rate([1] * 11)
    assert decided.verdict == "above"
    assert decided.published.low < 0.7
    assert success_rate([1] * 40).published.low >= 0.7
    assert success_rate([0] * 20).published.high < 0.7


def test_repeats_and_unknown_outcomes_do_not_count() -> None:
    decision = success_rate([1, 0, np.nan, 1], cases=["a", "a", "b", "b"])
    assert (decision.successes, decision.trials, decision.left_out) == (2, 2, 2)


def test_the_sentence_says_what_would_settle_it_and_what_that_takes() -> None:
    said = targets.decided(success_rate([1, 1, 1, 0, 1], seconds=19.6, usd=0.0034))
    assert said.startswith("4 of 5 answers are right: not decided whether 70 % is reached; 95 %")
    assert "settled by 9 right answers in a row, or 5 wrong ones; about" in said
    assert "min, 0." in said
    assert [targets.effort(20, None), targets.effort(36_000, None)] == [" (20 s)", " (10.0 h)"]


def test_no_trials_decide_nothing() -> None:
    nothing = success_rate([])
    assert (nothing.verdict, nothing.trials) == ("go on", 0)
    assert nothing.published.reason == "no data"
    assert "11 right answers in a row" in targets.decided(nothing)


@pytest.mark.parametrize("target", [0.05, 0.9, 0.95, 0.99])
def test_a_target_near_0_or_1_narrows_its_zone(target: float) -> None:
    found = success_rate([1] * 2_000, target)
    assert found.verdict == "above"
    assert 0 < target - found.zone < target + found.zone < 1


@pytest.mark.parametrize(("target", "zone"), [(0.7, 0.3), (0.05, 0.1), (0.7, 0)])
def test_a_zone_outside_the_range_of_rates_raises(target: float, zone: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        success_rate([1], target, zone)


def test_outcomes_are_true_or_false() -> None:
    with pytest.raises(ValueError, match="true or false"):
        success_rate([0.8])
    with pytest.raises(ValueError, match="1 cases for 2 outcomes"):
        success_rate([1, 0], cases=["a"])


def test_a_run_decides_in_the_order_in_which_it_ran() -> None:
    trials = pd.DataFrame(
        {
            "case_id": ["a", "a", "b", "c", "d"],
            "started_at": ["5", "1", "2", "3", "4"],
            "outcome": ["pass", "fail", "pass", "error", "fail"],
            "e2e_s": [1.0, 2.0, 3.0, np.nan, 2.0],
        }
    )
    decision = of_run(trials)
    assert (decision.successes, decision.trials) == (1, 3)
    assert decision.seconds == 2.0
    assert decision.usd is None


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_sequence_is_symmetric_and_holds_the_rate(successes: int, failures: int) -> None:
    one = confidence_sequence(successes, successes + failures)
    other = confidence_sequence(failures, successes + failures)
    if one.value is None:
        assert other.value is None
        return
    assert 0 <= one.low <= one.value <= one.high <= 1
    assert one.low == pytest.approx(1 - other.high, abs=1e-9)


def test_the_course_is_what_simulated_tests_do() -> None:
    rng = np.random.default_rng(8)
    steps = np.where(rng.random((4_000, 400)) < 0.6, math.log(0.8 / 0.6), math.log(0.2 / 0.4))
    beyond = np.abs(np.cumsum(steps, axis=1)) >= math.log(19)
    lengths = beyond.argmax(axis=1) + 1
    error = lengths.std() / math.sqrt(len(lengths))
    assert course(0.6).mean_trials == pytest.approx(lengths.mean(), abs=4 * error)
