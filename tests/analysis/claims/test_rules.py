"""Rules on data made for them: large, repeated, empty, and of nothing known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from liftlab.analysis.claims import Claim, Evidence, rule, rule_all
from liftlab.analysis.claims.changes import runs_an_arm
from liftlab.store.frames import empty


def made(
    cases: int = 60, repeats: int = 2, rate: float = 0.9, spread: float = 0.03, seed: int = 1
) -> Evidence:
    """A run of one stage around 10 s whose failures are as quick as its successes."""
    rng = np.random.default_rng(seed)
    n = cases * repeats
    good = rng.random(n) < rate
    seconds = 10 * np.exp(rng.normal(0, spread, n))
    key = pd.DataFrame(
        {
            "run_id": "made",
            "case_id": np.repeat([f"case_{number}" for number in range(cases)], repeats),
            "repeat": np.tile(np.arange(1, repeats + 1), cases),
        }
    )
    trials = key.assign(
        outcome=np.where(good, "pass", "fail"), parsed=True, completed=good, e2e_s=seconds
    )
    stages = key.assign(stage="code", position=0, ok=good, latency_s=seconds, attempts=1)
    attempts = key.assign(seq=range(n), stage="code", attempt=1, phase="measure")
    costs = attempts[["run_id", "seq"]].assign(price_id="mine", cost_model="tokens", usd=0.002)
    return Evidence(trials=trials, stages=stages, attempts=attempts, costs=costs)


def nothing() -> Evidence:
    return Evidence(
        trials=empty("trial"), stages=empty("stage"), attempts=empty("attempt"), costs=empty("cost")
    )


def claim(metric: str, **fields: object) -> Claim:
    given = {"id": "x", "statement": "it is so", "metric": metric, "stage": "code", **fields}
    return Claim(**given)  # type: ignore[arg-type]


def test_no_interval_of_a_time_is_narrower_than_the_clock_s_error() -> None:
    run = made()
    target = claim("latency_target", value=10.5)
    assert rule(target, run).ruling == "supported"
    doubted = rule(target, replace(run, off_s=0.7))
    assert doubted.ruling == "not supported"
    assert "interval" in doubted.may_say


def test_enough_trials_support_what_is_so() -> None:
    run = made()
    rate = float((run.trials["outcome"] == "pass").mean())
    for so in (
        claim("success_rate", value=round(rate, 2)),
        claim("success_target", value=0.7),
        claim("latency", value=10),
        claim("latency_target", value=12.0),
        claim("spread", value=0.05),
        claim("cost", value=0.002, price="mine"),
        claim("quantile", quantiles=(0.9,), value=10.5, decimals=0),
        claim("sum"),
    ):
        assert rule(so, run).ruling == "supported", so


def test_enough_trials_contradict_what_is_not() -> None:
    run = made(rate=0.5)
    for wrong in (
        claim("success_rate", value=0.8),
        claim("success_target", value=0.8),
        claim("latency", value=12),
        claim("latency_target", value=9.0),
        claim("spread", value=0.01),
        claim("cost", value=0.001, price="mine"),
        claim("quantile", quantiles=(0.9,), value=20.0, decimals=0),
    ):
        assert rule(wrong, run).ruling == "contradicted", wrong


def test_repeats_are_not_more_cases() -> None:
    few = made(cases=5, repeats=40, rate=1.0)
    assert rule(claim("quantile", quantiles=(0.95,)), few).ruling == "not measurable"
    ruling = rule(claim("success_target", value=0.7), few)
    assert ruling.ruling == "not supported"
    assert rule(claim("association"), made(cases=4, repeats=30, rate=0.5)).n_needed is not None


def test_decided_is_not_yet_published() -> None:
    ruling = rule(claim("success_target", value=0.7), made(cases=12, repeats=1, rate=1.0))
    assert ruling.ruling == "not supported"
    assert "says stop, above 70 %" in ruling.why
    assert ruling.n_needed == 97
    run = made(cases=8, repeats=1)
    two_of_eight = run.trials.assign(outcome=["pass"] * 2 + ["fail"] * 6)
    denied = rule(claim("success_target", value=0.7), replace(run, trials=two_of_eight))
    assert denied.ruling == "not supported"
    assert "says stop, below 70 %" in denied.why


def test_a_target_near_one_has_its_own_zone() -> None:
    assert rule(claim("success_target", value=0.95), made(rate=0.5)).ruling == "contradicted"


def test_an_association_that_is_there_is_found() -> None:
    run = made(cases=40, repeats=1, rate=0.5)
    stages = run.stages.assign(latency_s=np.where(run.stages["ok"], 12.0, 9.0))
    stages["latency_s"] += np.linspace(0, 0.1, len(stages))
    assert rule(claim("association"), replace(run, stages=stages)).ruling == "supported"
    none = rule(claim("association"), run)
    assert none.ruling == "not supported"


def test_time_between_the_stages_contradicts_a_sum() -> None:
    run = made()
    slow = replace(run, trials=run.trials.assign(e2e_s=run.trials["e2e_s"] + 0.5))
    assert rule(claim("sum"), slow).ruling == "contradicted"


def test_runs_an_arm_reach_their_power() -> None:
    n = runs_an_arm(0.9, 0.1)
    rng = np.random.default_rng(4)
    sigma = np.sqrt(np.log1p(0.01))
    a = rng.normal(np.log(0.9), sigma, (4_000, n))
    b = rng.normal(0, sigma, (4_000, n))
    power = (stats.ttest_ind(a, b, axis=1).pvalue < 0.05).mean()
    assert 0.78 <= power <= 0.85  # one run more or less changes it by .03
    assert runs_an_arm(1.0, 0.1) is None
    assert runs_an_arm(0.9999, 0.5) is None


@pytest.mark.parametrize("run", [nothing(), made(1, 1, 0.0), made(1, 1, 1.0)], ids=str)
def test_hardly_any_data_are_ruled_without_a_stumble(
    run: Evidence, published_claims: dict[str, Claim]
) -> None:
    for ruling in rule_all(published_claims.values(), run):
        assert ruling.sentence()
        if ruling.claim.comparison is None and ruling.claim.metric != "sum" and not len(run.trials):
            assert ruling.ruling == "not measurable"


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(1, 4), st.floats(0, 1), st.floats(0, 1))
def test_any_run_is_ruled(cases: int, repeats: int, rate: float, spread: float) -> None:
    run = made(cases, repeats, rate, spread)
    for each in (
        claim("success_rate", value=0.8),
        claim("success_target", value=0.7),
        claim("works"),
        claim("latency", value=10.0),
        claim("latency_target", value=10.0),
        claim("quantile", quantiles=(0.5, 0.95)),
        claim("spread", value=0.05),
        claim("explained", cause="retry"),
        claim("association"),
        claim("forecast", value=12.0, ranges=((1.0, 2.0),)),
        claim("cost", value=0.002, price="mine"),
    ):
        assert rule(each, run).sentence()
