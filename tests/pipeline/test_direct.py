"""The prompt of `direct` asks for what is graded."""

from __future__ import annotations

from pathlib import Path

import pytest

from liftlab import suite
from liftlab.pipeline.base import SIGNATURE
from liftlab.pipeline.direct import Code
from liftlab.suite import Case, Check

SUITES = Path(__file__).parents[2] / "data" / "suites"


def asked(case: Case) -> str:
    return Code().prompt(case.prompt, {SIGNATURE: case.missing_signature}).text


@pytest.mark.parametrize("name", sorted(path.stem for path in SUITES.glob("*.toml")))
def test_prompts_of_all_shipped_cases_name_the_function_and_its_parameters(name: str) -> None:
    for case in suite.load(name, [SUITES]).cases:
        text = asked(case)
        (line,) = (line for line in text.splitlines() if line.startswith("Write one Python "))
        assert f" {case.entry_point}(" in line
        assert line.count(",") == max(len(check.args) for check in case.checks) - 1
        assert text.startswith(case.prompt)


def test_where_the_prompt_defines_the_function_nothing_is_added() -> None:
    line = (
        b'{"task_id": "HumanEval/0", "prompt": "def f(x):\\n    \\"\\"\\"Halve x.\\"\\"\\"\\n", '
        b'"entry_point": "f", "canonical_solution": "    return x / 2", "test": ""}'
    )
    (case,) = suite.parse(line, Path("he.jsonl")).cases
    assert asked(case) == f"{case.prompt.strip()}\n\nAnswer with the function only."


def test_a_signature_is_asked_for_to_the_letter() -> None:
    case = Case(
        case_id="c",
        prompt="Add.",
        entry_point="add",
        signature="add(first: int, second: int) -> int",
        checks=(Check(name="one", args=(1, 2), expected=3),),
    )
    assert "def add(first: int, second: int) -> int:\n" in asked(case)


def test_what_is_asked_is_part_of_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Code().fingerprint()
    monkeypatch.setattr(
        "liftlab.pipeline.prompts.direct_prompt",
        lambda request, signature="": ("", f"{request} named {signature}"),
    )
    assert "named f(" in Code().fingerprint() != before
