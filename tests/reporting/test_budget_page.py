from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import pytest

from liftlab.analysis.budget import forecast
from liftlab.reporting.html import END_TYPE, FINDING_TYPE, MEDIA_TYPE
from liftlab.reporting.pages import budget
from liftlab.reporting.pages.budget import BudgetFacts
from liftlab.settings import load_project
from liftlab.store import RunData

SECTIONS = ["tiles", "ends_figure", "targets_table", "levers_figure", "assumptions", "estimates"]
SECTIONS += ["conclusion"]
PROJECT = load_project(Path(__file__).parents[2], environ={})


@pytest.fixture(autouse=True, scope="module")
def _few_draws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(budget, "forecast", partial(forecast, draws=20_000))
        yield


@cache
def gathered(run: RunData) -> BudgetFacts:
    return budget.gather(run, PROJECT)


def test_every_section_holds_on_every_kind_of_run(any_run: RunData) -> None:
    told = gathered(any_run)
    for name in SECTIONS:
        assert getattr(budget, name)(told)._repr_mimebundle_()[MEDIA_TYPE], name
    found = budget.finding(told)._repr_mimebundle_()[FINDING_TYPE]
    assert found["title"]
    assert found["sentences"]
    assert budget.provenance(told)._repr_mimebundle_()[END_TYPE]


def test_the_published_day_with_the_semantic_stages(week2: RunData) -> None:
    told = gathered(week2)
    title = str(budget.finding(told).title)
    assert title == "With 5 planned stages the typical request takes 21.3 s instead of 15.0 s"
    sentences = " ".join(budget.finding(told).sentences)
    assert "its least or its most, it is 19.0 to 23.0 s" in sentences
    assert "0 % of requests would end within the target of 15 s; now 60 % do" in sentences
    assert "NLP→IR is the first to speed up" in sentences


def test_five_rows_carry_no_tail_and_the_page_says_so(week2: RunData) -> None:
    told = gathered(week2)
    assert "P95 needs n ≥ 20" in str(budget.tiles(told))
    note = str(budget.ends_figure(told))
    assert "an illustration, not an estimate" in note
    assert "Drawn from 5 trials of 5 cases: all that ended, failures too." in note


def test_a_planned_stage_that_is_measured_is_judged(forty: RunData) -> None:
    stages = forty.stages.assign(
        stage=forty.stages["stage"].replace("nlp_to_ir", "clause_analysis")
    )
    told = budget.gather(replace(forty, stages=stages), PROJECT)
    html = str(budget.estimates(told))
    assert "clause analysis" in html
    assert "Times inside the range" in html
    assert "With 4 planned stages" in str(budget.finding(told).title)


def test_a_plan_that_is_built_leaves_nothing_to_estimate(forty: RunData) -> None:
    done = PROJECT.settings.budget.model_copy(update={"stages": {}})
    settings = PROJECT.settings.model_copy(update={"budget": done})
    told = budget.gather(forty, replace(PROJECT, settings=settings))
    assert "No stage is left to estimate" in str(budget.finding(told).title)
    assert "No stage is left to estimate" in str(budget.assumptions(told))


def test_a_simulator_that_was_sped_up_is_said_to_be_one(forty: RunData) -> None:
    told = budget.gather(replace(forty, sped_up=200.0), PROJECT)
    assert "sped up 200 times" in str(budget.ends_figure(told))


def test_a_run_in_which_nothing_was_completed_tells_times_of_failures(forty: RunData) -> None:
    failed = replace(forty, trials=forty.trials.assign(completed=False))
    said = budget.finding(budget.gather(failed, PROJECT)).sentences
    assert said[0] == "No trial gave a value in every stage: these are times until it failed."
    assert said[1:] == budget.finding(budget.gather(forty, PROJECT)).sentences


def test_a_run_without_times_has_no_budget(forty: RunData) -> None:
    told = budget.gather(replace(forty, trials=forty.trials.assign(e2e_s=None)), PROJECT)
    assert "no budget can be drawn" in str(budget.finding(told).title)
    assert "nothing to start from" in str(budget.tiles(told))
