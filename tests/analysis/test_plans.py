"""How many trials a question needs, against published plans and exact tests."""

from __future__ import annotations

import pandas as pd
import pytest
from scipy import stats

from liftlab.analysis.plans import sample_size


@pytest.mark.parametrize(("half_width", "n"), [(0.15, 26), (0.10, 60), (0.05, 245)])
def test_for_a_width(half_width: float, n: int) -> None:
    assert sample_size(0.8, half_width=half_width).trials == n


@pytest.mark.parametrize(("rate", "n"), [(0.8, 130), (0.85, 57), (0.9, 33), (0.95, 19)])
def test_for_power(rate: float, n: int) -> None:
    assert sample_size(rate, against=0.7, power=0.8).trials == n
    mirrored = sample_size(1 - rate, against=0.3, power=0.8)
    assert mirrored.trials == n
    assert "below 30 %" in mirrored.sentence()


@pytest.mark.parametrize(("rate", "n"), [(0.8, 97), (0.9, 25), (1.0, 9)])
def test_for_a_claim(rate: float, n: int) -> None:
    assert sample_size(rate, against=0.7).trials == n
    assert wilson_low(rate, n) > 0.7
    assert not wilson_low(rate, n - 1) > 0.7


def wilson_low(rate: float, n: int) -> float:
    return stats.binomtest(int(rate * n + 1e-9), n).proportion_ci(method="wilson").low


def test_power_is_the_exact_tests() -> None:
    n = sample_size(0.9, against=0.7, power=0.8).trials
    critical = next(k for k in range(n + 1) if stats.binomtest(k, n, 0.7, "greater").pvalue <= 0.05)
    assert stats.binom.sf(critical - 1, n, 0.9) >= 0.8


def test_what_trials_take() -> None:
    plan = sample_size(0.9, against=0.7, power=0.8, seconds=15, usd=0.0034)
    assert (plan.seconds, plan.usd) == (33 * 15, pytest.approx(33 * 0.0034))
    assert "(9 min, 0.112 USD)" in plan.sentence()
    assert "h)" in sample_size(0.8, half_width=0.01, seconds=15).sentence()
    assert "(20 s)" in sample_size(0.8, half_width=0.1, seconds=1 / 3).sentence()


def test_what_no_number_shows() -> None:
    plan = sample_size(0.7, against=0.7, power=0.8, seconds=1)
    assert (plan.trials, plan.seconds) == (None, None)
    assert (
        plan.sentence() == "It would take over 100,000 independent trials to tell 70 % from 70 %."
    )
    assert sample_size(0.7001, against=0.7, power=0.8).trials is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either half_width or against"),
        ({"half_width": 0.1, "against": 0.7}, "either half_width or against"),
        ({"half_width": 0.1, "power": 0.8}, "power needs against"),
        ({"against": 1.0}, "against is 1.0"),
        ({"against": 0.7, "power": 1.5}, "power is 1.5"),
    ],
)
def test_questions_that_make_no_sense(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sample_size(0.8, **arguments)
    with pytest.raises(ValueError, match="rate is 2"):
        sample_size(2, against=0.7)


def test_a_plan_takes_the_time_and_money_of_a_run() -> None:
    trials = pd.DataFrame({"e2e_s": [10.0, 20.0, None], "cost_usd": [0.002, 0.004, 0.003]})
    plan = sample_size(0.9, against=0.7, power=0.8, like=trials)
    assert (plan.trials, plan.seconds) == (33, 33 * 15)
    assert plan.usd == pytest.approx(33 * 0.003)
    assert "(9 min, 0.099 USD)" in str(plan)
