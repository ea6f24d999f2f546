"""Rows of LiveCodeBench's and BigCodeBench's shape, and files that are JSON arrays."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from liftlab import suite
from liftlab.errors import SuiteInvalid
from liftlab.grading import grade
from liftlab.sandbox import Sandbox

PUBLIC = [{"input": "2\n1 2\n", "output": "3\n", "testtype": "stdin"}]
PRIVATE = [{"input": "3\n5 5 5\n", "output": "15\n", "testtype": "stdin"}]
LIVE = {
    "question_title": "Sum",
    "question_content": "Read n and n numbers, and print their sum.",
    "platform": "atcoder",
    "question_id": "abc_1",
    "contest_id": "abc",
    "starter_code": "",
    "difficulty": "easy",
    "public_test_cases": json.dumps(PUBLIC),
    "private_test_cases": json.dumps(PRIVATE),
    "metadata": "{}",
}
CALLS = [
    {"input": "[1, 2, 3]\n2", "output": "[2, 4, 6]", "testtype": "functional"},
    {"input": "[]\n5", "output": "[]", "testtype": "functional"},
]
LEETCODE = {
    **LIVE,
    "question_id": 3001,
    "question_content": "Multiply each number by k.",
    "platform": "leetcode",
    "starter_code": "class Solution:\n    def scale(self, nums: List[int], k: int) -> List[int]:\n",
    "public_test_cases": json.dumps(CALLS),
    "private_test_cases": "",
    "metadata": json.dumps({"func_name": "scale"}),
}
BIG = {
    "task_id": "BigCodeBench/900",
    "complete_prompt": "import statistics\n\ndef task_func(numbers):\n    '''Mean, median.'''\n",
    "instruct_prompt": "Write task_func(numbers) that returns the mean and the median as a tuple.",
    "canonical_solution": "    return statistics.mean(numbers), statistics.median(numbers)\n",
    "code_prompt": "import statistics\ndef task_func(numbers):\n",
    "test": "import unittest\n\nclass TestCases(unittest.TestCase):\n"
    "    def setUp(self):\n        self.numbers = [1, 2, 6]\n"
    "    def test_values(self):\n        self.assertEqual(task_func(self.numbers), (3, 2))\n"
    "    def test_empty(self):\n"
    "        with self.assertRaises(Exception):\n            task_func([])\n",
    "entry_point": "task_func",
    "doc_struct": "{}",
    "libs": "['statistics']",
}


def case_of(row: dict[str, Any]) -> suite.Case:
    [case] = suite.parse(json.dumps([row]).encode(), Path("x.json")).cases
    assert suite.parse(suite.to_jsonl([case]), Path("y.jsonl")).cases == (case,)
    return case


@pytest.mark.parametrize(
    "code",
    [
        "n = int(input())\nprint(sum(map(int, input().split())))",
        "import sys\nprint(sum(map(int, sys.stdin.read().split()[1:])))",
        "n = int(input())\nprint(3)",
        "print(int(input()) + 1)",
        "import sys\nsys.exit('no')",
    ],
)
def test_a_program_of_livecodebench_is_judged_as_a_plain_run_is(
    code: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    case = case_of(LIVE)
    assert (case.case_id, case.category, case.difficulty) == ("abc_1", "atcoder", "easy")
    (tmp_path / "a.py").write_text(code)
    runs = [
        subprocess.run(
            [sys.executable, str(tmp_path / "a.py")],
            input=test["input"],
            capture_output=True,
            text=True,
            check=False,
        )
        for test in PUBLIC + PRIVATE
    ]
    passed = [
        run.returncode == 0 and run.stdout.split("\n") == test["output"].split("\n")
        for run, test in zip(runs, PUBLIC + PRIVATE, strict=True)
    ]
    graded = grade(code, case, sandbox=sandbox)
    assert [check.passed for check in graded.checks] == passed
    assert (graded.outcome == "pass") == all(passed)


def test_a_function_of_livecodebench_is_called_with_the_names_that_leetcode_gives(
    sandbox: Sandbox,
) -> None:
    case = case_of(LEETCODE)
    assert (case.case_id, case.entry_point) == ("3001", "scale")
    assert "class Solution" in case.prompt
    start = str(LEETCODE["starter_code"])
    verdicts = [
        (start + "        return [n * k for n in nums]", "pass", None),
        ("from __future__ import annotations\n" + start + "        return [k] * len(nums)",
         "fail", "partially_wrong"),
        ("from collections import deque\ndef scale(nums, k): return list(deque(n*k for n in nums))",
         "pass", None),
        ("def scale(nums, k): return list(accumulate([pow(k, 1, 10 ** 9)] * len(nums)))",
         "pass", None),
        (start + "        return nums / k", "fail", "type_error"),
        (start + "        return [", "fail", "truncated"),
    ]  # fmt: skip
    for code, outcome, failure_class in verdicts:
        graded = grade(code, case, sandbox=sandbox)
        assert (graded.outcome, graded.failure_class) == (outcome, failure_class), graded
        if failure_class == "type_error":
            assert graded.facets["line"] == 3


def test_the_function_s_name_can_stand_in_the_starter_code_alone() -> None:
    assert case_of({**LEETCODE, "metadata": None}).entry_point == "scale"


def test_columns_may_have_their_other_names() -> None:
    row = {
        "id": 5,
        "question": "Print 1.",
        "public_test_cases": [{"input": "", "expected_output": "1"}],
    }
    case = case_of(row)
    assert (case.case_id, case.checks[0].stdout, case.difficulty) == ("5", "1", None)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"private_test_cases": "eJxrYJmazQABtVP0MKZkAAA="}, "pickle, which is not read"),
        ({"public_test_cases": [{"input": 1, "output": "1"}]}, r"public_test_cases\[0\].input"),
        ({"public_test_cases": [{**CALLS[0], "input": "[1"}]}, "JSON value a line"),
        ({"public_test_cases": [CALLS[0], {"input": "1", "output": "1"}]}, "all stdin or all fun"),
        ({"question_id": None}, "question_id"),
    ],
)
def test_a_row_s_fault_is_told_with_its_row(change: dict[str, Any], fault: str) -> None:
    rows = [{**LIVE, "question_id": "first"}, {**LIVE, **change}]
    with pytest.raises(SuiteInvalid, match=rf"x.json: row 2: .*({fault})"):
        suite.parse(json.dumps(rows).encode(), Path("x.json"))


@pytest.mark.parametrize(
    "body",
    [
        "    return statistics.mean(numbers), statistics.median(numbers)",
        "    return sum(numbers) / len(numbers), sorted(numbers)[len(numbers) // 2]",
        "    return [3, 2]",
        "    return (3, 2)",
        "    return 3, 2 / 0",
        "    return statistics.nothing",
    ],
)
def test_bigcodebench_s_unittest_class_gives_the_verdict_of_unittest(
    body: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    case = case_of(BIG)
    assert case.prompt == BIG["instruct_prompt"]
    code = f"{BIG['complete_prompt']}{body}\n"
    script = tmp_path / "test_it.py"
    script.write_text(f"{code}{BIG['test']}\nunittest.main()\n")
    run = subprocess.run([sys.executable, str(script)], capture_output=True, check=False)
    graded = grade(code, case, sandbox=sandbox)
    assert (graded.outcome == "pass") == (run.returncode == 0)
    assert graded.verdict_integrity == "in-process"


def test_a_test_class_without_tests_passes_nobody(sandbox: Sandbox) -> None:
    case = case_of(
        {**BIG, "test": "import unittest\nclass TestCases(unittest.TestCase):\n    pass\n"}
    )
    assert grade(f"{BIG['complete_prompt']}    return 1", case, sandbox=sandbox).outcome == "fail"


@pytest.mark.parametrize(
    "program",
    [
        {"form": "other"},
        {"form": "mbpp", "test": 7},
        {"form": "mbpp", "more": 1},
        {"form": "evalplus", "inputs": [5]},
        {},
        5,
    ],
)
def test_a_row_with_odd_source_is_refused(program: Any) -> None:
    row = {"case_id": "x", "prompt": "p", "program": program}
    with pytest.raises(SuiteInvalid, match=r"x\.jsonl:1: program"):
        suite.parse(json.dumps(row).encode(), Path("x.jsonl"))


@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
def test_a_json_array_holds_cases_of_every_making(name: str) -> None:
    own = {"case_id": "own", "prompt": "Return 1.", "checks": [[[], 1]]}
    rows = [own, LIVE, LEETCODE, BIG]
    source = "\ufeff\n" + json.dumps(rows, indent=1)
    cases = suite.parse(source.encode(), Path(name)).cases
    assert [case.case_id for case in cases] == ["own", "abc_1", "3001", "BigCodeBench/900"]
    with pytest.raises(SuiteInvalid, match="'own' is taken by another case"):
        suite.parse(json.dumps([own, own]).encode(), Path(name))
    with pytest.raises(SuiteInvalid, match="must be a list"):
        suite.parse(b'{"case_id": "own"}', Path("x.json"))


def test_a_json_object_is_a_whole_suite() -> None:
    own = {"case_id": "own", "prompt": "Return 1."}
    whole = {"name": "mine", "description": "Few.", "cases": [own, BIG]}
    found = suite.parse(json.dumps(whole).encode(), Path("x.json"))
    assert (found.name, found.description, len(found)) == ("mine", "Few.", 2)
    with pytest.raises(SuiteInvalid, match=r"x\.json: title: unknown key"):
        suite.parse(json.dumps({"title": "mine", "cases": []}).encode(), Path("x.json"))
