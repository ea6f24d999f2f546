"""A verdict as a row of the tables, and as a bounded line in a file of verdicts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from liftlab.grading.verdict import MAX_ROW_BYTES, CheckResult, Graded, result_row
from liftlab.sandbox import Limits


def graded(*checks: CheckResult, **more: Any) -> Graded:
    passed = sum(check.passed for check in checks)
    counts = {"checks_passed": passed, "checks_total": len(checks)}
    return Graded(**{"outcome": "fail", "checks": checks} | counts | more)


def check(name: str, passed: bool = False, **more: Any) -> CheckResult:
    return CheckResult(name=name, passed=passed, **more)


def size(row: dict[str, Any]) -> int:
    return len(json.dumps(row)) + 1


def test_a_row_tells_of_checks_that_failed_what_came() -> None:
    row = result_row(
        "add", graded(check("1", True, expected="3"), check("2", actual="4", expected="5"))
    )
    assert row["checks"] == [
        {"name": "1", "passed": True},
        {"name": "2", "passed": False, "expected": "5", "actual": "4"},
    ]
    assert row["facets"] == {"checks_passed": 1, "checks_total": 2}
    assert (row["case_id"], row["outcome"]) == ("add", "fail")


def test_an_answer_that_was_not_run_has_no_counts() -> None:
    row = result_row("add", Graded(outcome="ungraded"))
    assert (row["facets"], row["checks"], row["cpu_s"], row["wall_s"]) == ({}, [], None, None)


def test_seconds_are_told_to_the_microsecond() -> None:
    row = result_row("add", graded(cpu_s=0.12345678, wall_s=1.5))
    assert (row["cpu_s"], row["wall_s"]) == (0.123457, 1.5)


def test_a_row_of_just_its_limit_is_whole() -> None:
    spare = MAX_ROW_BYTES - size(result_row("add", graded(check("1", actual=""))))
    whole = result_row("add", graded(check("1", actual="x" * spare)))
    assert size(whole) == MAX_ROW_BYTES
    assert whole["checks"][0]["actual"] == "x" * spare
    cut = result_row("add", graded(check("1", actual="x" * (spare + 1))))
    assert cut["checks"] == [{"name": "1", "passed": False}]
    assert cut["facets"]["cut"] is True
    assert "cut" not in whole["facets"]


def test_of_very_many_checks_the_first_are_kept() -> None:
    many = graded(*(check(f"check {n:060}") for n in range(5000)))
    row = result_row("add", many)
    assert size(row) <= MAX_ROW_BYTES
    names = [told["name"] for told in row["checks"]]
    assert names == [check.name for check in many.checks[: len(names)]]
    assert 400 < len(names) < 1000
    assert row["facets"]["checks_total"] == 5000


@pytest.mark.parametrize(("limits", "kept"), [(None, None), (Limits(), True)])
def test_a_grade_s_row_keeps_limits_and_facets_as_json(limits: Limits | None, kept: Any) -> None:
    row = graded(limits=limits, facets={"line": 2}).to_grade(run_id="r", case_id="add", repeat=2)
    assert (row.run_id, row.case_id, row.repeat, row.outcome) == ("r", "add", 2, "fail")
    assert (row.limits is not None) == bool(kept)
    assert json.loads(row.facets or "") == {"line": 2}
    assert graded().to_grade(run_id="r", case_id="add", repeat=1).facets is None


def test_each_check_has_a_row() -> None:
    made = graded(check("1", True, elapsed_s=0.5), check("2", error="ValueError"))
    first, second = made.to_checks(run_id="r", case_id="add", repeat=3)
    assert (first.check, first.passed, first.elapsed_s, first.repeat) == ("1", True, 0.5, 3)
    assert (second.check, second.passed, second.error) == ("2", False, "ValueError")
