"""Other benchmarks' rows as cases."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from liftlab.suite.formats import ForeignCaseModel, read_case

HUMAN_EVAL = {
    "task_id": "HumanEval/0",
    "prompt": "def double(x):\n",
    "entry_point": "double",
    "canonical_solution": "    return 2 * x\n",
    "test": "def check(f):\n    assert f(1) == 2\n",
}
MBPP = {"task_id": 2, "text": " Double it. ", "code": "def f(x): ...", "test_list": ["assert f(1)"]}
BIG = {
    "task_id": "BigCodeBench/1",
    "complete_prompt": "def task():\n",
    "entry_point": "task",
    "canonical_solution": "    return 1\n",
    "test": "class TestCases: ...\n",
}
LIVE = {
    "question_id": "abc",
    "question_content": "Double it.",
    "platform": "leetcode",
    "difficulty": "hard",
    "starter_code": "class Solution:\n    def helper(self): ...\n    def double(self, x):",
    "public_test_cases": json.dumps(
        [{"input": "1\n\n2\n", "output": "[3]", "testtype": "functional"}]
    ),
}
STDIN = LIVE | {"public_test_cases": [{"input": "1", "output": "2"}], "starter_code": ""}


def _foreign(row: dict[str, Any]) -> ForeignCaseModel:
    case = read_case(row)
    assert isinstance(case, ForeignCaseModel)
    return case


def test_a_row_of_human_eval() -> None:
    case = _foreign(HUMAN_EVAL)
    assert (case.case_id, case.category) == ("HumanEval/0", "humaneval")
    assert (case.prompt, case.entry_point) == ("def double(x):\n", "double")
    assert case.program.reference == "def double(x):\n    return 2 * x\n"
    assert case.program.prefix == "def double(x):\n"
    assert case.program.test.endswith("assert f(1) == 2\n\n\ncheck(double)\n")


def test_a_row_of_eval_plus_has_all_its_inputs() -> None:
    row = {name: value for name, value in HUMAN_EVAL.items() if name != "test"}
    case = _foreign(row | {"base_input": [[1], [2]], "plus_input": [[3]]})
    assert (case.category, case.program.inputs) == ("evalplus", ((1,), (2,), (3,)))
    assert case.program.reference == "def double(x):\n    return 2 * x\n"
    assert _foreign(row | {"base_input": [[1]]}).program.inputs == ((1,),)
    for wrong in ("1", [1], [[1], 2]):
        with pytest.raises(ValidationError, match="a list of arguments for each call"):
            read_case(row | {"base_input": wrong})


def test_a_row_of_mbpp_shows_its_asserts() -> None:
    case = _foreign(MBPP)
    assert (case.case_id, case.category, case.entry_point) == ("2", "mbpp", None)
    assert case.prompt == "Double it.\nYour code should pass:\nassert f(1)\n"
    assert case.program.reference == "def f(x): ..."
    more = MBPP | {"text": None, "prompt": "Twice.", "test_setup_code": " ", "test_imports": ["x"]}
    case = _foreign(more)
    assert case.program.test == "x\nassert f(1)\n"
    assert case.prompt.startswith("Twice.\n")


def test_a_row_of_big_code_bench() -> None:
    case = _foreign(BIG)
    assert (case.prompt, case.entry_point) == ("def task():\n", "task")
    assert case.program.reference == "def task():\n    return 1\n"
    assert "unittest" in case.program.test
    assert case.program.test.startswith(BIG["test"])
    assert _foreign(BIG | {"instruct_prompt": "Write it."}).prompt == "Write it."


def test_a_functional_row_of_live_code_bench() -> None:
    case = _foreign(LIVE)
    assert (case.case_id, case.category, case.difficulty) == ("abc", "leetcode", "hard")
    assert case.entry_point == "double"  # the last method of the starter code
    assert [(check.args, check.expected) for check in case.checks] == [([1, 2], [3])]
    assert case.prompt.startswith("Double it.\n\nBegin with:\nclass Solution:")
    assert _foreign(LIVE | {"metadata": '{"func_name": "named"}'}).entry_point == "named"
    assert _foreign(LIVE | {"metadata": "[]"}).entry_point == "double"
    assert _foreign(LIVE | {"starter_code": "double"}).entry_point is None


def test_a_program_row_of_live_code_bench() -> None:
    hidden = json.dumps([{"input": "3", "expected_output": "6", "testtype": "stdin"}])
    case = read_case(STDIN | {"private_test_cases": hidden, "platform": None, "difficulty": "?"})
    assert not isinstance(case, ForeignCaseModel)
    assert [(check.stdin, check.stdout) for check in case.checks] == [("1", "2"), ("3", "6")]
    assert (case.category, case.difficulty) == ("livecodebench", None)
    assert case.prompt.startswith("Double it.\n\nWrite a whole program")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (STDIN | {"private_test_cases": "gASV"}, "text that is not JSON; a packed column"),
        (STDIN | {"private_test_cases": LIVE["public_test_cases"]}, "all stdin or all functional"),
        (
            LIVE | {"public_test_cases": [{"input": "x", "output": "1", "testtype": "functional"}]},
            "a JSON value a line",
        ),
        (HUMAN_EVAL | {"task_id": 1.5}, "task_id"),
        (MBPP | {"test_list": "assert f(1)"}, "test_list"),
        ({"task_id": "x"}, "prompt"),
    ],
)
def test_a_row_that_cannot_be_read(row: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        read_case(row)


def test_liftlab_s_own_rows_come_back_as_they_were() -> None:
    own = {"case_id": "double", "prompt": "Double a number."}
    assert not isinstance(read_case(own), ForeignCaseModel)
    # A name of another's does not make it another's.
    with pytest.raises(ValidationError, match="task_id"):
        read_case(own | {"task_id": "x"})
    assert _foreign(own | {"program": {"form": "mbpp", "test": "x"}}).program.test == "x"
    for wrong in (None, [], {}):
        with pytest.raises(ValidationError):
            read_case(wrong)
