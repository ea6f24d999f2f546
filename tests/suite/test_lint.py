from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from liftlab import suite
from liftlab.cli.main import main
from liftlab.suite.lint import lint

CHECKS = [[[1, 2], 3], [[0, 0], 0], [[-4, 4], 0]]
ROOT = Path(__file__).resolve().parents[2]


def rules(**case: Any) -> list[str]:
    line = {"case_id": "x", "prompt": "Add a and b and return the sum.", "checks": CHECKS, **case}
    return [hint.rule for hint in lint(suite.parse(json.dumps(line).encode(), Path("x.jsonl")))]


def test_a_clear_case_has_no_hint() -> None:
    assert rules() == []


@pytest.mark.parametrize(
    ("case", "rule"),
    [
        ({"checks": []}, "no-checks"),
        ({"checks": CHECKS[:2]}, "few-checks"),
        ({"checks": [*CHECKS, CHECKS[0]]}, "same-call"),
        ({"checks": [[[1], 0], [[2], 0], [[3], 0]]}, "one-result"),
        ({"prompt": "Add a and b."}, "return"),
        ({"prompt": "Return the difference."}, "argument-order"),
        ({"checks": [*CHECKS, [[None, 1], 1]]}, "none"),
        ({"checks": [*CHECKS, [[9, 1], None]]}, "none"),
        ({"checks": [*CHECKS, [[9, 1], {"$tuple": [1]}]]}, "type"),
        ({"checks": [*CHECKS, [[9, 1], {"$set": [1]}]]}, "type"),
        ({"checks": [*CHECKS, {"args": ["x", 1], "raises": "TypeError"}]}, "raises"),
        ({"checks": [*CHECKS, [[9, 1], "odd"], [[8, 1], "odd"]]}, "wording"),
    ],
)
def test_what_a_prompt_leaves_open_is_hinted_at_once(case: dict[str, Any], rule: str) -> None:
    assert rules(**case) == [rule]


@pytest.mark.parametrize(
    ("prompt", "checks"),
    [
        ("Return None for None", [[[None], None], [[1], 1], [[2], 2]]),
        ("Return a pair", [[[1], {"$tuple": [1, 1]}], [[2], {"$tuple": [2, 2]}], [[3], 4]]),
        ('Return "odd" or "even"', [[[1], "odd"], [[3], "odd"], [[2], "even"]]),
        ("Return the text", [[["odd"], "odd"], [["odd "], "odd"], [["b"], "b"]]),
        ("Given base and exponent, return the power", [[[1, 2], 1], [[2, 3], 8], [[3, 2], 9]]),
        ("Raise ValueError, else return it", [[[1], 1], [[2], 2], [[3], 3]]),
    ],
)
def test_what_it_tells_is_not_hinted_at(prompt: str, checks: list[Any]) -> None:
    assert rules(prompt=prompt, checks=checks) == []


@pytest.mark.parametrize("name", ["mvp", "broad", "extended"])
def test_our_own_suites_have_no_hints(name: str) -> None:
    assert lint(suite.load(name, [ROOT / "data" / "suites"])) == []


def test_the_command_says_where_and_exits_6(capsys: pytest.CaptureFixture[str]) -> None:
    path = ROOT / "data" / "suites" / "week2_day1.toml"
    assert main(["suite", "lint", str(path)]) == 6
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{path}:7: add_numbers: the prompt does not say to return")
    assert first.endswith("[return]")
    assert last == "week2_day1: 8 hints in 5 of 5 cases read"
    assert main(["suite", "lint", str(path), "--json"]) == 6
    assert json.loads(capsys.readouterr().out)[0]["rule"] == "return"
    assert main(["suite", "lint", "nowhere.toml"]) == 6
    assert "no such file" in capsys.readouterr().err


def test_it_exits_0_without_hints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suite", "lint", str(ROOT / "data" / "suites" / "mvp.toml")]) == 0
    assert capsys.readouterr().out == "mvp: 0 hints in 20 of 20 cases read\n"
