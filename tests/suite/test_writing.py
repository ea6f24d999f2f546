"""Suites that are run as one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from liftlab import suite
from liftlab.cli.main import main
from liftlab.errors import UnknownName, UsageError

ONE = {"case_id": "one", "prompt": "Return 1.", "checks": [[[], 1]]}
HUMANEVAL = {
    "task_id": "HumanEval/0",
    "prompt": "def f(x):\n",
    "entry_point": "f",
    "canonical_solution": "    return x\n",
    "test": "def check(f):\n    for x in range(3):\n        assert f(x) == x\n",
}


def lay_down(folder: Path, name: str, *cases: dict[str, Any]) -> None:
    (folder / name).write_text(json.dumps(cases))


def test_suites_are_joined_in_their_order_and_the_same_case_is_taken_once(tmp_path: Path) -> None:
    two = {**ONE, "case_id": "two", "signature": "two(*, a=1)"}
    program = {"case_id": "three", "prompt": "Print 3.", "checks": [{"stdout": "3\n"}]}
    lay_down(tmp_path, "a.json", two, ONE)
    lay_down(tmp_path, "b.json", ONE, HUMANEVAL, program)
    joined = suite.load("a + b", [tmp_path])
    assert [case.case_id for case in joined] == ["two", "one", "HumanEval/0", "three"]
    apart = [case for name in "ab" for case in suite.load(name, [tmp_path])]
    assert [joined[case.case_id] for case in apart] == apart
    assert joined.name == "a + b"
    # What a run keeps of it is the same suite.
    kept = suite.parse(joined.source, Path(f"suite{joined.suffix}"), name=joined.name)
    assert (kept.cases, kept.sha256) == (joined.cases, joined.sha256)


def test_different_cases_of_one_name_are_refused(tmp_path: Path) -> None:
    lay_down(tmp_path, "a.json", ONE)
    lay_down(tmp_path, "b.json", {**ONE, "prompt": "Return one."})
    with pytest.raises(UsageError, match="a and b have different cases named 'one'"):
        suite.load("a + b", [tmp_path])
    with pytest.raises(UnknownName, match="suite 'c'"):
        suite.load("a + c", [tmp_path])


def test_the_option_is_given_once_a_suite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay_down(tmp_path, "a.json", ONE)
    lay_down(tmp_path, "b.json", {**ONE, "case_id": "two"})
    samples = tmp_path / "samples.jsonl"
    samples.write_text('{"case_id": "one", "code": "def f(): return 1"}\n' * 2)
    options = [text for name in "abb" for text in ("--suite", str(tmp_path / f"{name}.json"))]
    assert main(["grade", str(samples), *options, "--out", "-"]) == 0
    assert "2 samples against a + b: 2 pass" in capsys.readouterr().err


def test_a_joined_suite_allows_the_packages_of_all(tmp_path: Path) -> None:
    for name, packages in (("a", ["numpy"]), ("b", ["numpy", "pandas"])):
        cases = [{**ONE, "case_id": name}]
        (tmp_path / f"{name}.json").write_text(
            json.dumps({"name": name, "packages": packages, "cases": cases})
        )
    assert suite.load("a + b", [tmp_path]).packages == ("numpy", "pandas")
