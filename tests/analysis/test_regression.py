"""Worse than the baseline: by the spread between runs, or not at all."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from liftlab.analysis.comparability import Spread, spreads
from liftlab.analysis.regression import false_alarms, regressions

SPREAD = Spread(sd=0.04, runs=8)
E2E = "e2e_median_s"


def verdict(before: float | None, after: float | None, spread: Spread | None = SPREAD) -> str:
    known = {E2E: spread} if spread else {}
    return regressions({E2E: before}, {E2E: after}, known)[0].verdict


def test_only_the_spread_between_runs_decides() -> None:
    assert verdict(10.0, 12.0) == "regression"
    assert verdict(10.0, 10.5) == "no regression found"
    assert verdict(10.0, 5.0) == "no regression found"
    assert verdict(10.0, 100.0, None) == "undecided"
    assert verdict(10.0, 100.0, Spread(sd=0.04, runs=4)) == "undecided"
    assert verdict(None, 10.0) == verdict(10.0, None) == "not measurable"


def test_a_rate_is_worse_when_it_falls() -> None:
    spread = {"success_rate": Spread(sd=0.03, runs=8)}
    fall = regressions({"success_rate": 0.8}, {"success_rate": 0.6}, spread)[0]
    assert fall.verdict == "regression"
    assert fall.change == pytest.approx(-0.2)
    rise = regressions({"success_rate": 0.6}, {"success_rate": 0.8}, spread)[0]
    assert rise.verdict == "no regression found"
    assert rise.detectable is not None
    assert rise.detectable < 0


def test_a_change_comes_with_its_interval_and_what_would_show() -> None:
    found = regressions({E2E: 10.0}, {E2E: 10.5}, {E2E: SPREAD})[0]
    assert (found.change, found.runs) == (pytest.approx(0.05), 8)
    assert found.low < found.change < found.high
    assert found.detectable > 0.05
    alone = regressions({E2E: 10.0}, {E2E: 10.5}, {})[0]
    assert alone.reason == "a verdict needs the spread of 5 comparable runs, and there are 0"


def test_the_metrics_are_corrected_together() -> None:
    names = [E2E, *(f"stage_{index}_median_s" for index in range(9))]
    spread = dict.fromkeys(names, SPREAD)
    after = dict.fromkeys(names, 10.0) | {E2E: 11.6}
    assert verdict(10.0, 11.6) == "regression"
    assert regressions(dict.fromkeys(names, 10.0), after, spread)[0].verdict != "regression"


def test_runs_without_any_spread_have_one_all_the_same() -> None:
    flat = Spread(sd=0.0, runs=6)
    assert verdict(10.0, 10.0, flat) == "no regression found"
    assert verdict(10.0, 10.1, flat) == "regression"


def alike(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 0.04, n)
    return pd.DataFrame(
        {
            E2E: 15 * np.exp(noise),
            "code_median_s": 4 * np.exp(noise + rng.normal(0, 0.02, n)),
            "success_rate": rng.binomial(40, 0.7, n) / 40,
        }
    )


def test_identical_runs_fail_each_other_one_time_in_twenty_at_most() -> None:
    names = [E2E, "code_median_s", "success_rate"]
    failed = 0
    for seed in range(400):
        runs = alike(10, seed)
        first, second = runs.iloc[0].to_dict(), runs.iloc[1].to_dict()
        found = regressions(first, second, spreads(runs.iloc[2:], names))
        failed += any(each.verdict == "regression" for each in found)
    assert failed <= 28  # 5 % of 400, and what chance adds to it

    pairs = false_alarms(alike(12, 3), names)
    assert pairs.pairs == 66
    assert pairs.alarms <= sum(pairs.by_metric.values())
    assert pairs.rate.value == pairs.alarms / 66


def test_too_few_runs_give_no_false_alarm_rate() -> None:
    found = false_alarms(alike(6, 1), [E2E])
    assert found.pairs == 0
    assert found.rate.reason == "it needs 7 comparable runs, and there are 6"
    assert false_alarms(alike(7, 1), [E2E]).pairs == 21
    assert false_alarms(alike(80, 1), [E2E]).pairs == 1_000


def test_the_p_value_is_student_s_of_two_runs_that_differ() -> None:
    found = regressions({E2E: 10.0}, {E2E: 10.9}, {E2E: SPREAD})[0]
    assert found.p == pytest.approx(stats.t.sf(math.log(1.09) / (0.04 * math.sqrt(2)), 7))
    fall = {"success_rate": Spread(sd=0.03, runs=6)}
    found = regressions({"success_rate": 0.8}, {"success_rate": 0.75}, fall)[0]
    assert found.p == pytest.approx(stats.t.sf(0.05 / (0.03 * math.sqrt(2)), 5))


def test_what_would_show_is_found_four_times_in_five() -> None:
    found = regressions({E2E: 10.0}, {E2E: 10.0}, {E2E: SPREAD})[0]
    needed = stats.t.isf(0.05, 7) + stats.t.isf(0.2, 7)
    assert math.log1p(found.detectable) == pytest.approx(needed * 0.04 * math.sqrt(2))


def test_the_interval_of_a_change_is_that_of_two_runs_that_differ() -> None:
    found = regressions({E2E: 10.0}, {E2E: 10.5}, {E2E: SPREAD})[0]
    half = stats.t.isf(0.025, 7) * 0.04 * math.sqrt(2)
    assert found.low == pytest.approx(math.expm1(math.log(1.05) - half))
    assert found.high == pytest.approx(math.expm1(math.log(1.05) + half))
    rate = regressions({"success_rate": 0.8}, {"success_rate": 0.7}, {"success_rate": SPREAD})[0]
    assert (rate.low, rate.high) == (pytest.approx(-0.1 - half), pytest.approx(-0.1 + half))


def test_what_is_missing_is_named() -> None:
    found = regressions({E2E: None, "x_median_s": 1.0}, {E2E: 1.0}, {E2E: SPREAD})
    assert [each.verdict for each in found] == ["not measurable"] * 2
    assert ["baseline" in each.reason for each in found] == [True, False]
    assert [(each.p, each.change, each.runs) for each in found] == [
        (None, None, 8),
        (None, None, 0),
    ]
    few = regressions({E2E: 1.0}, {E2E: 2.0}, {E2E: Spread(sd=0.01, runs=4)})[0]
    assert (few.verdict, few.runs, few.p) == ("undecided", 4, None)
    assert few.change == pytest.approx(1.0)
    enough = regressions({E2E: 1.0}, {E2E: 2.0}, {E2E: Spread(sd=0.01, runs=5)})[0]
    assert enough.verdict == "regression"


def test_false_alarms_are_counted_by_metric_and_by_pair() -> None:
    level = [1.0, 1.001, 0.999, 1.0, 1.001, 0.999, 1.0, 5.0]  # the last is worse than all
    runs = pd.DataFrame({E2E: level, "code_median_s": 1.0, "success_rate": np.nan})
    found = false_alarms(runs, [E2E, "code_median_s", "success_rate"])
    assert (found.runs, found.pairs, found.alarms) == (8, 28, 7)
    assert found.by_metric == {E2E: 7, "code_median_s": 0, "success_rate": 0}
    assert found.rate.value == 0.25
    assert false_alarms(runs[::-1].reset_index(drop=True), [E2E]).alarms == 0  # better since
