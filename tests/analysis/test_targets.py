"""Targets: each is judged over its own population, and by no more than the data carry."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.spread import Spread
from liftlab.analysis.targets import estimate_metric, judge_targets, widened
from liftlab.records import Run
from liftlab.settings.targets import TargetSettings

ROWS = [  # case, seconds, outcome, completed, class, USD
    ("add", 14.92, "fail", True, "missing_return", 0.002),
    ("multiply", 14.96, "fail", True, "missing_return", 0.002),
    ("length", 14.16, "fail", True, "missing_return", 0.002),
    ("larger", 27.10, "fail", False, "indentation_error", 0.005),
    ("even", 26.90, "pass", True, None, 0.005),
]


def tables(rows: list[Any] = ROWS, times: int = 1, **run: Any) -> Any:
    names = ["case_id", "e2e_s", "outcome", "completed", "failure_class", "cost_usd"]
    trials = pd.DataFrame(rows * times, columns=names)
    trials["case_id"] += [f"_{index // len(rows)}" for index in range(len(trials))]
    trials["repeat"] = 1
    stages = trials[["case_id", "repeat"]].assign(
        stage="code", latency_s=trials["e2e_s"] / 2, ok=trials["completed"]
    )
    row = Run(run_id="r", suite="s", **run)
    return SimpleNamespace(run=row, trials=trials, stages=stages)


def verdict(run: Any, metric: str, limit: float, **more: Any) -> str:
    target = TargetSettings(metric=metric, limit=limit, **more)
    return judge_targets(run, {"t": target})[0].verdict


def test_a_time_speaks_for_its_population() -> None:
    run = tables()
    found = {
        who: estimate_metric(run, "e2e_median_s", who)  # type: ignore[arg-type]
        for who in ("ended", "completed", "pass", "never")
    }
    assert {who: (e.value, e.n) for who, e in found.items()} == {
        "ended": (14.96, 5),
        "completed": (pytest.approx(14.94), 4),
        "pass": (26.90, 1),
        "never": (None, 5),
    }
    assert found["never"].reason == "half or more never succeed"


def test_a_run_that_was_sped_up_is_judged_at_its_real_length() -> None:
    run, sped_up = tables(), tables(time_scale=100.0)
    assert verdict(run, "e2e_median_s", 15.0) == "undecided"
    assert verdict(sped_up, "e2e_median_s", 15.0) == "not met"
    usd = [estimate_metric(each, "cost_per_trial_usd", "ended").value for each in (run, sped_up)]
    assert usd == pytest.approx([0.0032, 0.0032])  # the tables pay for the real length already


def test_each_target_of_the_published_day() -> None:
    run = tables()
    assert verdict(run, "e2e_median_s", 15.0) == "undecided"
    assert verdict(run, "e2e_median_s", 5.0) == "not met"
    assert verdict(run, "success_rate", 0.7) == "not met"
    assert verdict(run, "prompts_tested", 10) == "not met"
    assert verdict(run, "prompts_tested", 5) == "met"
    assert verdict(run, "worst_class_share", 0.3) == "undecided"
    assert verdict(run, "cost_per_pass_usd", 0.01) == "undecided"
    assert verdict(run, "code_median_s", 30.0) == "met"
    assert verdict(run, "e2e_p95_s", 60.0) == "not measurable"
    assert verdict(run, "nonsense_median_s", 60.0) == "not measurable"


def test_more_cases_decide() -> None:
    run = tables(times=20)
    assert verdict(run, "worst_class_share", 0.3) == "not met"
    assert verdict(run, "cost_per_pass_usd", 0.1) == "met"
    assert verdict(run, "e2e_median_s", 20.0) == "met"
    assert verdict(run, "cost_per_pass_usd", 0.001) == "not met"


def test_an_undecided_target_says_how_many_would_decide() -> None:
    (found,) = judge_targets(tables(), {"t": TargetSettings(metric="worst_class_share", limit=0.3)})
    assert found.result.n_needed
    assert f"about {found.result.n_needed:,} would decide" in found.sentence()
    (missing,) = judge_targets(tables(), {"t": TargetSettings(metric="prompts_tested", limit=12)})
    assert (missing.result.needs, missing.result.n_needed) == ("7 more", 12)


def test_the_direction_can_be_turned_round() -> None:
    assert verdict(tables(), "e2e_median_s", 5.0, direction="at_least") == "met"


def test_times_of_a_simulator_count_at_their_real_length() -> None:
    assert estimate_metric(tables(time_scale=10.0), "e2e_median_s").value == pytest.approx(149.6)
    assert verdict(tables(time_scale=10.0), "e2e_median_s", 100.0) == "not met"


def test_the_clock_s_error_widens_a_time_at_its_real_length() -> None:
    assert verdict(tables(times=20), "e2e_median_s", 20.0) == "met"
    assert verdict(tables(times=20, timing_uncertainty_s=6.0), "e2e_median_s", 20.0) == "undecided"
    sped_up = tables(times=20, time_scale=10.0, timing_uncertainty_s=6.0)
    found = estimate_metric(sped_up, "e2e_median_s")
    assert found.low is not None
    assert found.low <= found.value - 60.0


def test_the_spread_between_runs_widens_an_interval_from_five_runs_on() -> None:
    run = tables(times=20)
    target = {"t": TargetSettings(metric="e2e_median_s", limit=20.0)}
    alone = judge_targets(run, target)[0]
    assert (alone.verdict, alone.basis) == ("met", "this run only")
    four = judge_targets(run, target, {"e2e_median_s": Spread(sd=0.3, runs=4)})[0]
    assert four == alone
    five = judge_targets(run, target, {"e2e_median_s": Spread(sd=0.3, runs=5)})[0]
    assert (five.verdict, five.basis) == ("undecided", "with the spread of 5 comparable runs")


@given(
    value=st.floats(0.01, 100),
    width=st.floats(0, 2),
    sd=st.floats(0, 1),
    runs=st.integers(2, 50),
    unit=st.sampled_from(["s", "USD", "%"]),
)
def test_widening_never_narrows(
    value: float, width: float, sd: float, runs: int, unit: str
) -> None:
    value = min(value, 1.0) if unit == "%" else value
    low, high = value * math.exp(-width), value * math.exp(width)
    one = Estimate(value=value, low=low, high=high, n=9, confidence=0.95, unit=unit)
    wide = widened(one, Spread(sd=sd, runs=runs))
    assert wide.low is not None
    assert wide.high is not None
    assert wide.low <= low <= value <= high <= wide.high


def test_what_has_no_value_stays_without() -> None:
    nothing = Estimate(value=None, n=0, reason="no values", unit="s")
    assert widened(nothing, Spread(sd=0.1, runs=9)) == nothing
    empty = tables([])
    for metric in ("e2e_median_s", "success_rate", "cost_per_pass_usd", "worst_class_share"):
        assert verdict(empty, metric, 0.5) == "not measurable"


def test_null_columns_are_not_measurable() -> None:
    run = tables()
    bare = replace_columns(run, e2e_s=math.nan, outcome="ungraded", cost_usd=math.nan)
    for metric in ("e2e_median_s", "success_rate", "cost_per_pass_usd", "worst_class_share"):
        assert verdict(bare, metric, 0.5) == "not measurable"


def replace_columns(run: Any, **columns: Any) -> Any:
    trials, none = run.trials.assign(**columns), run.stages.head(0)
    return SimpleNamespace(run=replace(run.run), trials=trials, stages=none)
