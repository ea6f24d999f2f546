"""How many trials a question needs, against exact tests."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from scipy import stats

from liftlab.analysis import sample_size
from liftlab.analysis.sample_size import MOST_TRIALS, mean_effort, to_exclude, trials_per_arm


@pytest.mark.parametrize(("rate", "against"), [(0.9, 0.7), (0.1, 0.3), (0.8, 0.7)])
def test_the_number_has_about_the_power_that_was_asked_for(rate: float, against: float) -> None:
    n = to_exclude(rate, against, 0.8, 0.025)
    assert n is not None
    if rate < against:
        rate, against = 1 - rate, 1 - against
    critical = stats.binom.isf(0.025, n, against)
    assert stats.binom.sf(critical, n, rate) == pytest.approx(0.8, abs=0.04)


def test_what_no_number_that_can_be_run_shows() -> None:
    assert to_exclude(0.7, 0.7, 0.8, 0.025) is None
    assert to_exclude(0.7001, 0.7, 0.8, 0.025) is None


def test_two_arms_have_the_power_of_the_t_test() -> None:
    n = trials_per_arm(0.4, 0.35)
    for count, enough in ((n, True), (n - 1, False)):
        limit, shift = stats.t.isf(0.025, 2 * count - 2), 0.4 / 0.35 * (count / 2) ** 0.5
        assert (stats.nct.sf(limit, 2 * count - 2, shift) >= 0.8) == enough
    with pytest.raises(ValueError, match="must be a difference"):
        trials_per_arm(0.0, 1.0)


def test_what_trials_take_is_the_mean_of_what_is_known() -> None:
    trials = pd.DataFrame({"e2e_s": [10.0, 20.0, None], "cost_usd": 0.003})
    assert mean_effort(trials) == (15.0, pytest.approx(0.003))


@pytest.mark.parametrize(("rate", "against"), [(0.73, 0.7), (0.66, 0.7), (0.52, 0.5), (0.93, 0.91)])
def test_near_misses_are_answered_as_by_looking_at_every_number(
    rate: float, against: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = to_exclude(rate, against, 0.8, 0.025, 5_000)
    monkeypatch.setattr(sample_size, "_MANY", math.inf)
    assert near == to_exclude(rate, against, 0.8, 0.025, 5_000)


def test_of_very_many_trials_the_normal_approximation_is_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exact = to_exclude(0.703, 0.7, 0.8, 0.025, 1_000_000)
    monkeypatch.setattr(sample_size, "_LARGE", 100_000)
    assert to_exclude(0.703, 0.7, 0.8, 0.025, 1_000_000) == pytest.approx(exact, rel=0.01)
    assert to_exclude(0.703, 0.7, 0.8, 0.025, 150_000) is None


@pytest.mark.parametrize(
    ("effect", "power", "confidence", "n"),
    [  # Cohen 1988, table 2.4.1, and G*Power's exact ones
        (0.2, 0.8, 0.95, 394),
        (0.5, 0.8, 0.95, 64),
        (0.8, 0.8, 0.95, 26),
        (1.0, 0.8, 0.95, 17),
        (0.5, 0.9, 0.95, 86),
        (0.5, 0.8, 0.99, 96),
    ],
)
def test_two_arms_need_what_the_tables_say(
    effect: float, power: float, confidence: float, n: int
) -> None:
    for difference, sd in ((effect, 1.0), (-3 * effect, 3.0)):
        assert trials_per_arm(difference, sd, power=power, confidence=confidence) == n


def test_two_arms_need_two_trials_at_least_and_have_a_difference() -> None:
    assert trials_per_arm(1.0, 0.0) == 2
    assert trials_per_arm(1e-4, 1.0) == MOST_TRIALS
    for difference, sd in ((0.0, 1.0), (1.0, -0.1), (1.0, math.nan)):
        with pytest.raises(ValueError, match="there must be a difference"):
            trials_per_arm(difference, sd)


@pytest.mark.parametrize(("rate", "against"), [(0.5, 0.5), (1.0, 1.0), (0.0, 0.0), (0.7, 0.0)])
def test_rates_that_no_test_tells_apart_have_no_number(rate: float, against: float) -> None:
    assert to_exclude(rate, against, 0.8, 0.025) is None


def test_a_rate_and_its_opposite_need_the_same_number() -> None:
    assert to_exclude(0.8, 0.6, 0.8, 0.025) == to_exclude(0.2, 0.4, 0.8, 0.025)
    needed = to_exclude(0.8, 0.6, 0.8, 0.025)
    assert needed is not None
    assert to_exclude(0.8, 0.6, 0.8, 0.025, most=needed + 20) == needed
    assert to_exclude(0.8, 0.6, 0.8, 0.025, most=needed / 2) is None
    assert (to_exclude(0.8, 0.6, 0.9, 0.025) or 0) > needed
    assert (to_exclude(0.8, 0.6, 0.8, 0.005) or 0) > needed
