"""Which targets a project may set, and the way each metric goes; the plan of stages."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from liftlab.settings.targets import (
    TIME_METRIC,
    BudgetSettings,
    PlannedStageSettings,
    TargetSettings,
    default_targets,
)


def test_the_targets_of_a_project_that_names_none() -> None:
    limits = {name: (target.metric, target.limit) for name, target in default_targets().items()}
    assert limits == {
        "e2e_median": ("e2e_median_s", 15),
        "original": ("e2e_median_s", 5),
        "success": ("success_rate", 0.7),
        "errors": ("error_rate", 0.05),
        "sessions": ("critical_failures", 9),
    }
    shown = [name for name, target in default_targets().items() if not target.required]
    assert shown == ["original"]  # missing it fails no `check`


@pytest.mark.parametrize(
    ("metric", "at_most"),
    [
        ("success_rate", False),
        ("parsed_rate", False),
        ("prompts_tested", False),
        ("error_rate", True),
        ("cost_per_pass_usd", True),
        ("nlp_to_ir_p95_s", True),
    ],
)
def test_a_metric_goes_one_way_unless_it_is_told(metric: str, at_most: bool) -> None:
    assert TargetSettings(metric=metric, limit=1).at_most is at_most
    assert TargetSettings(metric=metric, limit=1, direction="at_most").at_most
    assert not TargetSettings(metric=metric, limit=1, direction="at_least").at_most


@pytest.mark.parametrize("metric", ["e2e_median", "_p95_s", "e2e_p96_s", "speed", "x_median_s "])
def test_no_such_metric(metric: str) -> None:
    assert not TIME_METRIC.fullmatch(metric)
    with pytest.raises(ValidationError, match="no metric"):
        TargetSettings(metric=metric, limit=1)


@pytest.mark.parametrize("metric", ["success_rate", "error_rate", "worst_class_share"])
def test_a_share_is_at_most_one(metric: str) -> None:
    assert TargetSettings(metric=metric, limit=1).limit == 1
    with pytest.raises(ValidationError, match="share from 0 to 1"):
        TargetSettings(metric=metric, limit=1.01)


@pytest.mark.parametrize("limit", [-0.1, float("inf"), float("nan")])
def test_a_limit_is_a_number_from_zero(limit: float) -> None:
    with pytest.raises(ValidationError, match="limit"):
        TargetSettings(metric="e2e_median_s", limit=limit)
    assert TargetSettings(metric="e2e_median_s", limit=0).limit == 0


@pytest.mark.parametrize(
    ("said", "meant"),
    [("ended", "answered"), ("completed", "answered"), ("pass", "right"), ("right", "right")],
)
def test_a_population_by_its_name_of_today_or_before(said: Any, meant: str) -> None:
    assert TargetSettings(metric="e2e_p90_s", limit=1, population=said).population == meant


@pytest.mark.parametrize(("said", "why"), [("never", "is gone"), ("wrong", "population")])
def test_no_such_population(said: Any, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        TargetSettings(metric="e2e_p90_s", limit=1, population=said)


def test_only_times_have_a_population() -> None:
    with pytest.raises(ValidationError, match="population is for times"):
        TargetSettings(metric="success_rate", limit=0.7, population="right")
    assert TargetSettings(metric="success_rate", limit=0.7, population="answered")


def test_the_plan_of_the_first_team_runs_one_stage_after_the_other() -> None:
    plan = BudgetSettings()
    assert plan.correlation == 0
    assert {name: stage.range_s for name, stage in plan.stages.items()} == {
        "entity_resolution": (1, 2),
        "clause_analysis": (1, 2),
        "relationship_graphs": (0.5, 1),
        "ambiguity_detection": (0.5, 1),
        "intent_inference": (1, 2),
    }
    assert {stage.after for stage in plan.stages.values()} == {None}


@pytest.mark.parametrize("ends", [(0, 0), (0, 1), (2.5, 2.5)])
def test_a_range_may_be_a_point(ends: Any) -> None:
    assert PlannedStageSettings(range_s=ends).range_s == ends


@pytest.mark.parametrize("ends", [(2, 1), (-1, 1), (0, float("inf")), (float("nan"), 1)])
def test_no_such_range(ends: Any) -> None:
    with pytest.raises(ValidationError, match="range in seconds"):
        PlannedStageSettings(range_s=ends)


@pytest.mark.parametrize(("value", "allowed"), [(0, True), (1, True), (-0.1, False), (1.1, False)])
def test_correlation_is_from_none_to_full(value: float, allowed: bool) -> None:
    if allowed:
        assert BudgetSettings(correlation=value).correlation == value
    else:
        with pytest.raises(ValidationError, match="correlation"):
            BudgetSettings(correlation=value)


def test_a_stage_needs_what_stands_above_it() -> None:
    first, second = {"range_s": (1, 2)}, {"range_s": (1, 2), "after": ["first"]}
    assert BudgetSettings.model_validate({"stages": {"first": first, "second": second}})
    for plan in ({"second": second, "first": first}, {"first": {**first, "after": ["first"]}}):
        with pytest.raises(ValidationError, match="is after first"):
            BudgetSettings.model_validate({"stages": plan})
    # What is measured already stands in no plan.
    measured = {"range_s": (1, 2), "after": ["nlp_to_ir"]}
    assert BudgetSettings.model_validate({"stages": {"first": measured}})
