"""A run under other assumptions: sums that can be done by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from liftlab.errors import UnknownName, UsageError
from liftlab.summary import RunSummary
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
    assert slowest is not None
    assert slowest < summary.run.trials["e2e_s"].max()


def test_a_price_twice_as_high_doubles_the_cost_of_the_same_seconds(summary: RunSummary) -> None:
    once, twice = (what_if(summary, {}, usd_per_hour=usd).cost_then.value for usd in (1.0, 2.0))
    assert once is not None
    assert twice == pytest.approx(2 * once)


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
