"""A run under other assumptions: sums that can be done by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from liftlab.errors import UnknownName, UsageError
from liftlab.settings import Project, load_project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize
from liftlab.summary.budget import what_if


def test_nothing_changed_is_what_was_measured(summary: RunSummary) -> None:
    found = what_if(summary, {})
    assert found.then.p50 == replace(found.now.p50, quantity="", limit=None, finest=None)
    assert found.month is None


def test_a_stage_at_half_its_time_saves_half_of_it(summary: RunSummary) -> None:
    found = what_if(summary, {"nlp_to_ir": 0.5})
    trials = summary.run.trials.set_index("case_id")["e2e_s"]
    stages = summary.run.stages
    half = stages[stages["stage"] == "nlp_to_ir"].set_index("case_id")["latency_s"] / 2
    assert found.then.p50.value == pytest.approx((trials - half).median())


def test_without_retries_a_stage_takes_one_attempt(summary: RunSummary) -> None:
    slowest = what_if(summary, {}, retries=False).then.high_s
    assert slowest == pytest.approx(9.81 + 17.08 / 2 + 0.01)  # 0.01 s were between the stages
    both = what_if(summary, {"ir_to_code": 0.5}, retries=False).then.high_s
    assert both == pytest.approx(9.81 + 17.08 / 4 + 0.01)


def test_a_price_twice_as_high_doubles_the_cost_of_the_same_seconds(summary: RunSummary) -> None:
    once, twice = (what_if(summary, {}, usd_per_hour=usd).cost_then.value for usd in (1.0, 2.0))
    assert once is not None
    assert twice == pytest.approx(2 * once)


def test_an_hour_s_price_is_of_the_seconds_that_a_request_takes(summary: RunSummary) -> None:
    cost = what_if(summary, {}, usd_per_hour=7.2).cost_then
    assert cost.value == pytest.approx(19.608 * 7.2 / 3600)
    assert (cost.n, cost.unit) == (5, "USD")


def test_what_is_saved_of_the_time_is_saved_of_the_cost(summary: RunSummary) -> None:
    found = what_if(summary, {"nlp_to_ir": 0.5, "ir_to_code": 0.5})
    assert found.cost_now.value is not None
    left = 1 - 98.04 / 2 / 98.04  # all but 0.02 s of 98.04 s are of the stages
    assert found.cost_then.value == pytest.approx(found.cost_now.value * left, rel=1e-3)
    assert found.cost_now == summary.cost.request


def test_without_a_price_no_price_is_made_up(tmp_path: Path, day: RunData) -> None:
    (tmp_path / "liftlab.toml").write_text('[endpoints.local]\nserve = "local"\n')
    project = load_project(tmp_path, environ={})
    run = replace(day.run, endpoint="local")
    trials = day.trials.assign(cost_usd=None)
    unpriced = summarize(replace(day, run=run, costs=day.costs.head(0), trials=trials), project)
    assert unpriced.cost.request.value is None
    assert what_if(unpriced, {"nlp_to_ir": 0.5}).cost_then.value is None


def test_tokens_cost_the_same_however_fast_they_come(summary: RunSummary) -> None:
    by_tokens = RunSummary(summary.run, summary.project)
    by_tokens.__dict__["cost"] = replace(summary.cost, model="tokens")
    found = what_if(by_tokens, {"nlp_to_ir": 0.5}, usd_per_hour=9.0)
    assert found.cost_then == found.cost_now


def test_a_trial_without_stages_saves_nothing(day: RunData, project: Project) -> None:
    slowest = day.stages["case_id"] == "max_of_two"
    found = what_if(
        summarize(replace(day, stages=day.stages[~slowest]), project), {"nlp_to_ir": 0.1}
    )
    assert found.then.high_s == pytest.approx(27.10)


def test_a_month_at_half_the_time_costs_less(summary: RunSummary) -> None:
    stages = {"nlp_to_ir": 0.01, "ir_to_code": 0.01}
    now, then = (
        what_if(summary, factors, requests_per_month=1_000_000).month for factors in ({}, stages)
    )
    assert now is not None
    assert then is not None
    assert now.usd.value is not None
    assert then.usd.value is not None
    assert then.usd.value < now.usd.value


def test_a_month_is_billed_at_the_price_that_is_assumed(summary: RunSummary) -> None:
    month = what_if(summary, {}, requests_per_month=1000).month
    assert month is not None
    assert month.requests == 1000


@pytest.mark.parametrize(
    ("stages", "error"), [({"nlp_to_irr": 0.5}, UnknownName), ({"nlp_to_ir": 0}, UsageError)]
)
def test_what_cannot_be_is_refused(
    summary: RunSummary, stages: dict[str, float], error: type[Exception]
) -> None:
    with pytest.raises(error, match="nlp_to_ir"):
        what_if(summary, stages)
