"""The plan of stages that are still to come."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from liftlab.settings.budget import BudgetSettings, PlannedStageSettings


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
