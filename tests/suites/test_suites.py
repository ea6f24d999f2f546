"""The suites that come with liftlab: frozen, solvable, and hard to pass by mistake."""

from __future__ import annotations

import json
import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from liftlab import suite, values

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ANSWERS = runpy.run_path(str(HERE / "solutions.py"))
SUITES = {name: suite.load(name, [ROOT / "data" / "suites"]) for name in ("mvp", "week2_day1")}
CASES = [
    pytest.param(case, id=f"{name}-{case.case_id}")
    for name, whole in SUITES.items()
    for case in whole.cases
]
# What the published prompts leave open is not checked there: fractions, text beyond ASCII,
# spaces at the ends.
OPEN_THERE = {
    "def f(a, b): return int(a) + int(b)",
    "def f(a, b): return int(a * b)",
    "def f(a, b): return int(max(a, b))",
    "def f(text): return len(text.strip())",
    "def f(text): return len(text.encode())",
}
MVP_SHA256 = "64e05dbbfdc6a8ffc1858ac1dfe0e157128d7f8baf0c3666e97a44e323d1708b"


def passed(check: suite.Check, function: Any) -> bool:
    try:
        actual = function(*check.fresh_args(), **check.fresh_kwargs())
        found = values.encode(actual)
    except Exception:
        return False
    return json.dumps(found) == json.dumps(check.expected)


def function_of(source: str) -> Any:
    names: dict[str, Any] = {}
    exec(source, names)
    return names["f"]


@pytest.mark.parametrize("case", CASES)
def test_a_right_answer_passes_every_check(case: suite.Case) -> None:
    solution = function_of(ANSWERS["SOLUTIONS"][case.case_id])
    assert [check.name for check in case.checks if not passed(check, solution)] == []


def survivors(cases: tuple[suite.Case, ...]) -> set[str]:
    return {
        source
        for case in cases
        for source in ANSWERS["MUTANTS"][case.case_id]
        if all(passed(check, function_of(source)) for check in case.checks)
    }


def test_every_wrong_answer_fails_a_check_of_mvp() -> None:
    assert survivors(SUITES["mvp"].cases) == set()


def test_the_published_day_lets_pass_only_what_its_prompts_leave_open() -> None:
    assert survivors(SUITES["week2_day1"].cases) == OPEN_THERE


@pytest.mark.parametrize("case", SUITES["mvp"].cases, ids=lambda case: case.case_id)
def test_there_are_wrong_answers_enough_and_no_call_is_checked_twice(case: suite.Case) -> None:
    mutants = ANSWERS["MUTANTS"][case.case_id]
    assert len(set(mutants)) == len(mutants) >= 10
    assert max(Counter(json.dumps(check.args) for check in case.checks).values()) == 1


def test_mvp_is_frozen() -> None:
    """Results of months are compared by this digest: make a new suite instead."""
    assert SUITES["mvp"].sha256 == MVP_SHA256


def test_mvp_has_twenty_cases_in_the_five_categories() -> None:
    cases = SUITES["mvp"].cases
    assert Counter(case.category for case in cases) == {
        "arithmetic": 5,
        "strings": 4,
        "lists": 4,
        "edge_cases": 2,
        "control_flow": 5,
    }
    assert all(4 <= len(case.checks) <= 8 for case in cases)
    assert all(case.difficulty for case in cases)


def test_no_prompt_gives_the_name_away() -> None:
    """The model names its function; a prompt that named it would test something else."""
    for case in SUITES["mvp"].cases:
        assert case.entry_point is not None
        assert "_" not in case.entry_point or case.entry_point not in case.prompt
        assert case.entry_point == case.case_id
        assert len(case.prompt) <= 160


def test_the_published_prompts_are_kept_to_the_letter() -> None:
    assert {case.case_id: case.prompt for case in SUITES["week2_day1"].cases} == {
        "add_numbers": "Add two numbers",
        "multiply": "Multiply two numbers",
        "string_length": "String length",
        "max_of_two": "Maximum of two",
        "is_even": "Check if even",
    }
