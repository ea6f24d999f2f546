"""How long a request would take, as a section."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from liftlab.reporting.sections import section_of
from liftlab.settings import load_project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize
from liftlab.summary.budget import what_if
from tests.reporting.conftest import synthetic_run, tables_in

PROJECT = load_project(Path(__file__).parents[3], environ={})


@pytest.fixture(scope="module")
def summary(forty: RunData) -> RunSummary:
    return summarize(forty, PROJECT)


def cards(part: object) -> list[tuple[str, str]]:
    found = re.findall('"what">(.*?)</p><p class="number">(.*?)</p>', str(part))
    return [(what, re.sub("<[^>]*>", "", number)) for what, number in found]


def test_the_scorecards_are_of_the_plan(summary: RunSummary) -> None:
    section = section_of(summary.budget)
    shown = cards(section.parts[0])
    assert [number for _, number in shown] == ["8.20 s", "9.16 s", "9.44 s"]
    assert [what.rpartition(", ")[2] for what, _ in shown] == ["median", "P90", "P95"]
    assert "not measurable" not in str(section.parts[0])


def test_without_a_plan_they_are_of_now(summary: RunSummary) -> None:
    result = summary.budget
    budget: Any = result.budget
    few = replace(budget.without[0.95], value=None, low=None, high=None)
    none = replace(budget, planned=(), without={**budget.without, 0.95: few})
    section = section_of(replace(result, budget=none))
    shown = cards(section.parts[0])
    assert [number for _, number in shown][:2] == ["2.24 s", "2.67 s"]
    assert str(section.parts[0]).count('unmeasured">not measurable') == 1


def test_now_stands_beside_the_plan_and_stages_have_their_ranges(summary: RunSummary) -> None:
    quantiles, stages, others = tables_in(section_of(summary.budget).html())
    assert quantiles[0] == {"": "Median", "Now": "2.24 s", "With planned": "8.20 s"}
    assert [row[""] for row in quantiles] == ["Median", "P90", "P95"]
    by_time = {row["Time"]: row for row in stages}
    assert by_time["planned"]["Range"].endswith(" s")
    assert by_time["measured"]["Range"] == "–"
    medians = {row["Stage"]: row["Median, s"] for row in stages}
    assert medians["NLP → IR"] == "1.28"
    assert all(row["On the critical path"] == "100 %" for row in stages)
    assert float(stages[0]["Halving it saves, s"]) == pytest.approx(0.75, abs=0.01)
    assert [len(row) for row in others] == [4] * len(others)


def test_a_stage_that_saves_nothing_saves_no_less(summary: RunSummary) -> None:
    budget: Any = summary.budget.budget
    stages = tuple(replace(stage, saves_p50_s=-0.5) for stage in budget.stages)
    result = replace(summary.budget, budget=replace(budget, stages=stages), scenarios={})
    _, rows = tables_in(section_of(result).html())
    assert {row["Halving it saves, s"] for row in rows} == {"0"}
    assert len(section_of(result).parts) == 3


def test_without_times_there_is_no_budget() -> None:
    assert section_of(summarize(synthetic_run(0, 1), PROJECT).budget).parts == ()


def test_other_assumptions_are_two_rows(summary: RunSummary) -> None:
    section = section_of(what_if(summary, {"nlp_to_ir": 0.5}))
    (rows,) = tables_in(section.html())
    assert [row[""] for row in rows] == ["Measured", "Then"]
    assert list(rows[0].values())[1:5] == ["2.24 s", "1.97–2.49 s", "2.67 s", "2.94 s"]
    assert float(rows[1]["Median"].removesuffix(" s")) < 2.24
    assert len(section.notes) == 1
