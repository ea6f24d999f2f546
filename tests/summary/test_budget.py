"""End to end with planned stages starts from the times on every other page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from liftlab.settings import Project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize
from liftlab.summary.budget import BESIDE


def test_now_is_what_the_run_took(summary: RunSummary) -> None:
    result = summary.budget
    assert result.budget is not None
    e2e = summary.latency.e2e
    assert result.budget.without == {0.5: e2e.p50, 0.9: e2e.p90, 0.95: e2e.p95}
    assert result.limits == summary.latency.limits
    planned = result.budget.with_planned[0.5]
    assert planned.value == pytest.approx(21.0, abs=0.5)
    assert planned.quantity == "planned:p50"


def test_other_assumptions_stand_beside_the_plan(summary: RunSummary) -> None:
    result = summary.budget
    assert len(result.scenarios) == 4
    assert result.beside is result.scenarios[BESIDE]
    assert result.budget is not None
    assert result.beside is not None
    alone, parallel = (found.with_planned[0.5].value for found in (result.budget, result.beside))
    assert alone is not None
    assert parallel is not None
    assert parallel < alone


def test_a_plan_that_is_built_leaves_nothing_to_estimate(day: RunData, project: Project) -> None:
    done = project.settings.budget.model_copy(update={"stages": {}})
    settings = project.settings.model_copy(update={"budget": done})
    result = summarize(day, replace(project, settings=settings)).budget
    assert result.budget is not None
    assert not result.budget.planned
    assert result.scenarios == {}


def test_a_planned_stage_that_is_measured_is_judged(day: RunData, project: Project) -> None:
    renamed = day.stages["stage"].replace("nlp_to_ir", "clause_analysis")
    result = summarize(replace(day, stages=day.stages.assign(stage=renamed)), project).budget
    assert result.budget is not None
    assert [kept.name for kept in result.budget.kept] == ["clause_analysis"]
    assert len(result.budget.planned) == 4


def test_without_an_answer_there_is_nothing_to_start_from(day: RunData, project: Project) -> None:
    trials = day.trials.assign(outcome="error", failure_class="endpoint_error")
    stages = day.stages.assign(error_class="http_5xx")
    result = summarize(replace(day, trials=trials, stages=stages), project).budget
    assert result.budget is None
    assert result.scenarios == {}
