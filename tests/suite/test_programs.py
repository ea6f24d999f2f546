"""Checks that run a program, as a suite's file tells them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from liftlab import suite
from liftlab.errors import SuiteInvalid
from liftlab.suite.lint import lint

TOML = """
[[cases]]
case_id = "sum"
prompt = "Print the sum of two integers."
checks = [{ stdin = "3 4\\n", stdout = "7\\n" }, { stdout = "" }]
"""


def of_checks(*checks: Any, **case: Any) -> suite.Suite:
    row = {"case_id": "c", "prompt": "Print it.", "checks": checks, **case}
    return suite.parse(json.dumps(row).encode(), Path("x.jsonl"))


def test_a_program_is_read_and_written() -> None:
    [case] = suite.parse(TOML.encode(), Path("x.toml")).cases
    assert [(check.stdin, check.stdout) for check in case.checks] == [("3 4\n", "7\n"), ("", "")]
    assert case.is_program
    assert case.missing_signature == ""
    assert suite.parse(suite.to_jsonl([case]), Path("y.jsonl")).cases == (case,)


@pytest.mark.parametrize(
    ("check", "fault"),
    [
        ({"stdin": "1"}, "stdout, too"),
        ({"stdout": "1", "args": [1]}, "no args"),
        ({"stdout": "1", "expected": 1}, "either expected or raises"),
        ({"stdout": "1", "raises": "ValueError"}, "either expected or raises"),
        ({"stdout": "x" * (2**20 + 1)}, "longer than 1 MiB"),
        ({"stdout": "\ud800"}, "surrogate"),
        ({"stdout": 7}, "string"),
    ],
)
def test_a_program_s_fault_is_named(check: dict[str, Any], fault: str) -> None:
    with pytest.raises(SuiteInvalid, match=fault):
        of_checks(check)


def test_a_case_is_of_one_kind() -> None:
    with pytest.raises(SuiteInvalid, match=r"x.jsonl:1: .*make two cases"):
        of_checks({"stdout": "1"}, [[1], 1])


def test_there_is_room_for_what_is_to_be_printed() -> None:
    [case] = of_checks({"stdout": "x" * 100_000}).cases
    assert case.limits.output_kb * 1024 > 100_000
    assert of_checks({"stdout": "x"}).cases[0].limits.output_kb == 64


def test_lint_reads_programs_as_programs() -> None:
    checks = [{"stdin": f"{n}", "stdout": f"{n}"} for n in range(3)]
    assert [hint.rule for hint in lint(of_checks(*checks))] == []
    assert [hint.rule for hint in lint(of_checks(*checks, prompt="Return it."))] == ["print"]
    alike = [{"stdin": "1", "stdout": "2"}] * 3
    assert [hint.rule for hint in lint(of_checks(*alike))] == ["same-call", "one-result"]
