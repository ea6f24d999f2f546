"""The suite `broad`: solvable, and hard to pass by mistake."""

from __future__ import annotations

import json
import runpy
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from liftlab import suite, values

HERE = Path(__file__).resolve().parent
SOLUTIONS = runpy.run_path(str(HERE / "solutions_broad.py"))["SOLUTIONS"]
mutants_of = runpy.run_path(str(HERE / "mutants.py"))["mutants_of"]
BROAD = suite.load("broad", [HERE.parents[1] / "data" / "suites"])
PATIENCE_S = 0.2  # of processor time: a mutant may loop for ever
BROAD_SHA256 = "1a00c6515df3dd807e81fa6e94c058c9aeb0764ed7e9c126fa1723f84bf76843"
# Share of planted faults that the checks must find. What is left changes no answer, such as
# `<` for `<=` where both ways give the same.
WANTED_SCORE = 0.95


class TookTooLongError(BaseException):
    """Raised in a mutant, past any `except Exception` of its own."""


@contextmanager
def patience() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TookTooLongError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def passed(check: suite.Check, function: Any) -> bool:
    try:
        with patience(), redirect_stdout(StringIO()):
            actual = function(*check.fresh_args(), **check.fresh_kwargs())
        found = values.encode(actual)
    except (Exception, TookTooLongError):
        return False
    return json.dumps(found) == json.dumps(check.expected)


def function_of(source: str) -> Any:
    names: dict[str, Any] = {}
    exec(source, names)
    return names["f"]


@pytest.mark.parametrize("case", BROAD.cases, ids=lambda case: case.case_id)
def test_a_right_answer_passes_every_check(case: suite.Case) -> None:
    solution = function_of(SOLUTIONS[case.case_id])
    assert [check.name for check in case.checks if not passed(check, solution)] == []


def test_the_checks_find_the_faults_that_are_planted(capsys: pytest.CaptureFixture[str]) -> None:
    survivors: dict[str, list[str]] = {}
    planted = 0
    for case in BROAD.cases:
        for what, source in mutants_of(SOLUTIONS[case.case_id]).items():
            planted += 1
            function = function_of(source)
            if all(passed(check, function) for check in case.checks):
                survivors.setdefault(case.case_id, []).append(what)
    alive = sum(map(len, survivors.values()))
    score = 1 - alive / planted
    with capsys.disabled():
        told = f"mutation score {score:.1%}, {planted - alive} of {planted} faults found"
        sys.stderr.write(f"\nbroad: {told}\n")
    assert planted > 10 * len(BROAD.cases)
    assert score >= WANTED_SCORE, survivors


def test_broad_is_frozen() -> None:
    """Results of months are compared by this digest: make a new suite instead."""
    assert BROAD.sha256 == BROAD_SHA256


def test_broad_has_forty_cases_in_ten_categories() -> None:
    categories = Counter(case.category for case in BROAD.cases)
    assert len(categories) == 10
    assert set(categories.values()) == {4}
    assert {case.difficulty for case in BROAD.cases} == {"easy", "medium", "hard"}
    assert {"fibonacci", "is_email"} <= SOLUTIONS.keys()
    assert [case.case_id for case in BROAD.cases] == list(SOLUTIONS)


@pytest.mark.parametrize("case", BROAD.cases, ids=lambda case: case.case_id)
def test_no_prompt_gives_the_name_away_and_no_call_is_checked_twice(case: suite.Case) -> None:
    assert case.entry_point == case.case_id
    assert "_" not in case.case_id or case.case_id not in case.prompt
    assert 4 <= len(case.checks) <= 12
    assert len(case.prompt) <= 320
    assert max(Counter(json.dumps(check.args) for check in case.checks).values()) == 1
