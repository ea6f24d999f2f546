"""The suite `extended`: prompts enough for a P95, solvable, and hard to pass by mistake."""

from __future__ import annotations

import json
import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from liftlab import suite
from liftlab.analysis.quantiles import quantile_needs
from liftlab.suite.lint import lint

HERE = Path(__file__).resolve().parent
SOLUTIONS = runpy.run_path(str(HERE / "solutions_extended.py"))["SOLUTIONS"]
mutants_of = runpy.run_path(str(HERE / "mutants.py"))["mutants_of"]
SHARED: dict[str, Any] = runpy.run_path(str(HERE / "test_broad.py"))
passed, function_of = SHARED["passed"], SHARED["function_of"]
FOLDER = HERE.parents[1] / "data" / "suites"
EXTENDED, MVP, BROAD = (suite.load(name, [FOLDER]) for name in ("extended", "mvp", "broad"))
NEW = EXTENDED.cases[len(MVP) + len(BROAD) :]
SPARE = 10  # prompts that may fail at the endpoint
EXTENDED_SHA256 = "150a3191ae828b1f32f97c10eb48f7dd8b76b2d1b9182839d451d7bc75d6b1e1"
WANTED_SCORE = 0.95


def test_it_has_prompts_enough_for_an_interval_of_p95() -> None:
    *_, two_sided = quantile_needs(0.95)
    assert len(EXTENDED) >= two_sided + SPARE


def test_it_begins_with_the_cases_of_mvp_and_broad_to_the_letter() -> None:
    assert EXTENDED.cases[: len(MVP) + len(BROAD)] == MVP.cases + BROAD.cases
    joined = suite.load("mvp + broad + extended", [FOLDER])
    assert joined.cases == EXTENDED.cases


def test_extended_is_frozen() -> None:
    """Results of months are compared by this digest: make a new suite instead."""
    assert EXTENDED.sha256 == EXTENDED_SHA256


@pytest.mark.parametrize("case", NEW, ids=lambda case: case.case_id)
def test_a_right_answer_passes_every_check(case: suite.Case) -> None:
    solution = function_of(SOLUTIONS[case.case_id])
    assert [check.name for check in case.checks if not passed(check, solution)] == []


def test_the_checks_find_the_faults_that_are_planted() -> None:
    survivors: dict[str, list[str]] = {}
    planted: Counter[str] = Counter()
    for case in NEW:
        for what, source in mutants_of(SOLUTIONS[case.case_id]).items():
            planted[case.case_id] += 1
            function = function_of(source)
            if all(passed(check, function) for check in case.checks):
                survivors.setdefault(case.case_id, []).append(what)
    assert min(planted.values()) >= 10, planted
    score = 1 - sum(map(len, survivors.values())) / planted.total()
    assert score >= WANTED_SCORE, survivors


@pytest.mark.parametrize("case", NEW, ids=lambda case: case.case_id)
def test_no_prompt_gives_the_name_away_and_no_call_is_checked_twice(case: suite.Case) -> None:
    assert case.entry_point == case.case_id
    assert "_" not in case.case_id or case.case_id not in case.prompt
    assert 5 <= len(case.checks) <= 12
    assert max(Counter(json.dumps(check.args) for check in case.checks).values()) == 1


def test_the_new_cases_are_of_six_categories_and_leave_nothing_open() -> None:
    assert set(Counter(case.category for case in NEW).values()) == {4}
    assert [case.case_id for case in NEW] == list(SOLUTIONS)
    names = {case.case_id for case in NEW}
    assert [str(hint) for hint in lint(EXTENDED) if hint.case_id in names] == []
