"""Other benchmarks' tests: made checks where they are values, else run beside the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from liftlab import suite
from liftlab.errors import SuiteInvalid
from liftlab.grading import grade
from liftlab.grading.foreign import resolve
from liftlab.grading.literals import read_tests
from liftlab.sandbox import Sandbox

HUMANEVAL = {
    "task_id": "HumanEval/900",
    "prompt": 'def near(x: float) -> float:\n    """Return x and a half."""\n',
    "entry_point": "near",
    "canonical_solution": "    return x + 0.5\n",
    "test": "METADATA = {'author': 'x'}\n\n\ndef check(candidate):\n    assert True\n"
    "    assert candidate(1) == 1.5, 'one'\n    assert abs(candidate(2 * 2) - 4.5) < 1e-6\n",
}
LOOP = "def check(candidate):\n    for x in range(9):\n        assert candidate(x) == x + 0.5\n"
MBPP = {
    "task_id": 901,
    "text": "Double every member of a tuple.",
    "code": "def double(t):\r\n    return tuple(2 * x for x in t)",
    "test_setup_code": "",
    "test_list": ["assert double((1, 2)) == (2, 4)", "assert double(()) == ()"],
}
EVALPLUS = {
    "task_id": "Mbpp/902",
    "prompt": '"""\nWrite a function to halve.\n"""\n',
    "entry_point": "halve",
    "canonical_solution": "\ndef halve(x):\n    return x / 2\n",
    "base_input": [[1], [3]],
    "plus_input": [[0.1], ["not a number"]],
    "atol": 0,
    "contract": "",
}


def case_of(**task: Any) -> suite.Case:
    [case] = suite.parse(json.dumps(task).encode(), Path("x.jsonl")).cases
    return case


def test_a_json_array_holds_the_same_cases_as_lines_do() -> None:
    rows = [HUMANEVAL, MBPP, EVALPLUS]
    array = suite.parse(json.dumps(rows).encode(), Path("x.json"))
    assert array.cases == tuple(case_of(**row) for row in rows)


def test_tests_that_are_broken_blame_no_answer(sandbox: Sandbox) -> None:
    case = case_of(
        **{**HUMANEVAL, "test": "def check(candidate):\n    assert candidate(1 == 1.5\n"}
    )
    assert grade("def near(x): return x + .5", case, sandbox=sandbox).outcome == "ungraded"


def test_humaneval_is_read_and_its_simple_asserts_are_checks(sandbox: Sandbox) -> None:
    case = case_of(**HUMANEVAL)
    assert (case.case_id, case.category, case.entry_point) == ("HumanEval/900", "humaneval", "near")
    assert case.is_checked
    found = resolve(case, sandbox)
    assert [(check.args, check.expected) for check in found.checks] == [((1,), 1.5), ((4,), 4.5)]
    right, wrong = "def near(x): return x + .5", "def near(x): return 1.5"
    graded = [grade(code, case, sandbox=sandbox) for code in (right, wrong)]
    assert [one.outcome for one in graded] == ["pass", "fail"]
    assert {one.verdict_integrity for one in graded} == {"caller"}


def test_a_test_that_says_more_runs_beside_the_answer(sandbox: Sandbox) -> None:
    case = case_of(**{**HUMANEVAL, "test": LOOP})
    assert resolve(case, sandbox) == case

    def verdict(code: str) -> tuple[Any, ...]:
        graded = grade(code, case, sandbox=sandbox)
        assert graded.verdict_integrity == "in-process"
        return graded.outcome, graded.failure_class, graded.facets.get("line")

    assert verdict("def near(x): return x + .5") == ("pass", None, None)
    assert verdict("class Solution:\n def near(self, x): return x + .5") == ("pass", None, None)
    assert verdict("def near(x): return 1.5") == ("fail", "wrong_answer", None)
    assert verdict("def near(x): print(x)") == ("fail", "missing_return", 1)
    assert verdict("def nearly(x): return x")[1] == "wrong_function_name"
    assert verdict("def near(x):\n  return x / 0") == ("fail", "runtime_error", 2)
    assert verdict("def near(x):\n  return (x")[1] == "truncated"
    assert verdict("import os\ndef near(x): os._exit(0)")[1] == "crash"
    assert verdict("raise SystemExit")[0] == "fail"


@pytest.mark.parametrize(
    "code",
    [
        "class A:\n  def __eq__(self, other): return True\ndef near(x): return A()",
        "class A(float):\n  def __eq__(self, other): return True\ndef near(x): return A()",
        "class A:\n  def __eq__(self, other): return True\nA.__module__ = 'builtins'\n"
        "def near(x): return A()",
        "def near(x):\n  return type('float', (float,), {'__eq__': lambda a, b: True})()",
        "import builtins\nbuiltins.exec = lambda *a: None\ndef near(x): return 0",
        "import builtins\nbuiltins.compile = lambda *a: 'pass'\ndef near(x): return 0",
        "def check(candidate): pass\ndef near(x): return 0",
        "import sys\ndef near(x): sys.exit(0)",
        "def near(x): return 0\nraise SystemExit(0)",
        "import builtins\nbuiltins.range = lambda n: []\ndef near(x): return [1.5, 0][x > 1]",
        "range = lambda n: []\ndef near(x): return [1.5, 0][x > 1]",
        "from unittest.mock import ANY\ndef near(x): return ANY",
        "import collections\nclass A(float):\n  def __eq__(self, other): return True\n"
        "collections.A = A\nA.__module__ = 'collections'\ndef near(x): return A()",
        "import collections\nclass M(type):\n  __flags__ = 0\n"
        "  def __hash__(self): return hash(collections.Counter)\n"
        "  def __eq__(self, other): return True\n"
        "class A(metaclass=M):\n  def __eq__(self, other): return True\ndef near(x): return A()",
        "import builtins\nbuiltins.type = lambda *a: int\nclass A:\n"
        "  def __eq__(self, other): return True\ndef near(x): return A()",
        "import builtins\nbuiltins.any = lambda things: 1 in list(things)\nclass A:\n"
        "  def __eq__(self, other): return True\ndef near(x): return A()",
        "import weakref\nclass A:\n  def __eq__(self, other): return True\n"
        "a = A()\ndef near(x): return weakref.proxy(a)",
        "import types\nclass A(dict):\n  def __eq__(self, other): return True\n"
        "def near(x): return types.MappingProxyType(A())",
        "import collections\nclass A:\n  def __eq__(self, other): return True\n"
        "def near(x): return collections.UserList(A())",
        'import os\nline = \'{"call": 0, "function": "run_tests", "value": true}\'\n'
        "os.write(3, line.encode() + b'\\n')\ndef near(x): return 0",
    ],
)
def test_tricks_in_the_same_process_win_nothing(code: str, sandbox: Sandbox) -> None:
    tests = LOOP.replace("def check", "assert near(1) == 1.5\ndef check")
    case = case_of(**{**HUMANEVAL, "test": tests})
    assert grade(code, case, sandbox=sandbox).outcome == "fail"


@pytest.mark.parametrize("made", ["Counter", "defaultdict", "OrderedDict"])
def test_what_a_library_s_dictionary_holds_is_looked_at(made: str, sandbox: Sandbox) -> None:
    tests = "def check(f):\n    for x in range(3):\n        assert f(x) == {'a': x}\n"
    case = case_of(**{**HUMANEVAL, "test": tests})
    own = "class A:\n  def __eq__(self, other): return True\n"
    first = "int, " if made == "defaultdict" else ""
    code = f"import collections\n{own}def near(x): return collections.{made}({first}{{'a': %s}})"
    assert grade(code % "A()", case, sandbox=sandbox).outcome == "fail"
    assert grade(code % "x", case, sandbox=sandbox).outcome == "pass"


def test_what_is_random_beside_the_tests_is_the_same_every_time(sandbox: Sandbox) -> None:
    case = case_of(**{**HUMANEVAL, "test": LOOP})
    code = "import random\ndef near(x): raise ValueError(random.random())"
    found = [grade(code, case, sandbox=sandbox).facets["message"] for _ in range(2)]
    assert found[0] == found[1] == "0.8444218515250481"  # what Python gives for the seed 0


def test_values_of_the_library_s_classes_are_no_trick(sandbox: Sandbox) -> None:
    tests = "def check(f):\n    for x in range(3):\n        assert f(x) == {x: 1}\n"
    case = case_of(**{**HUMANEVAL, "test": tests})
    code = "from collections import Counter\ndef near(x): return Counter([x])"
    assert grade(code, case, sandbox=sandbox).outcome == "pass"


def test_the_tests_stand_in_the_answer_s_module(sandbox: Sandbox) -> None:
    tests = (
        "class Own: pass\ndef check(f):\n    for x in range(3):\n        assert helper(x) == f(x)\n"
    )
    case = case_of(**{**HUMANEVAL, "test": f"{tests}    assert Own.__module__ == 'candidate'\n"})
    code = "def helper(x): return x\ndef near(x): return helper(x)"
    assert grade(code, case, sandbox=sandbox).outcome == "pass"


def test_a_call_that_does_not_fit_is_a_signature_mismatch(sandbox: Sandbox) -> None:
    case = case_of(**{**HUMANEVAL, "test": LOOP})
    graded = grade("def near(x, y): return x", case, sandbox=sandbox)
    assert graded.failure_class == "signature_mismatch"


def test_checks_that_the_reference_fails_stay_source(sandbox: Sandbox) -> None:
    """The reference gives an int where the assert says a float: `==` lets that pass."""
    case = case_of(
        **{
            **HUMANEVAL,
            "canonical_solution": "    return 2.0 * x\n",
            "test": ("def check(candidate):\n    assert candidate(1) == 2\n"),
        }
    )
    assert resolve(case, sandbox) == case
    assert grade("def near(x): return 2 * x", case, sandbox=sandbox).outcome == "pass"


def test_mbpp_names_its_function_in_its_asserts(sandbox: Sandbox) -> None:
    case = case_of(**MBPP)
    assert "assert double((1, 2))" in case.prompt
    assert (case.case_id, case.entry_point) == ("901", None)
    found = resolve(case, sandbox)
    assert (found.entry_point, len(found.checks)) == ("double", 2)
    code = "def helper(x): return 2 * x\ndef double(t): return tuple(map(helper, t))"
    assert grade(code, case, sandbox=sandbox).outcome == "pass"
    assert (
        grade("def double(t): return [2 * x for x in t]", case, sandbox=sandbox).outcome == "fail"
    )


def test_evalplus_inputs_get_their_results_from_the_reference(sandbox: Sandbox) -> None:
    case = case_of(**EVALPLUS)
    checks = resolve(case, sandbox).checks
    assert [check.name for check in checks] == ["input_1", "input_2", "input_3"]
    assert [check.expected for check in checks] == [0.5, 1.5, 0.05]
    assert grade("def halve(x): return x // 2", case, sandbox=sandbox).checks_passed == 0
    assert grade("def halve(x): return x * .5", case, sandbox=sandbox).outcome == "pass"


@pytest.mark.parametrize(
    "source",
    [
        "assert set(f(1)) == {1}",
        "assert f(x) == 1",
        "assert f(1) == g(1)",
        "assert f(1) > 1",
        "assert f(1) == 1 == 1",
        "assert abs(f(1) - 1.0) < 0.1",
        "assert f(**{'a': 1}) == 1",
        "assert f(1 / 0) == 1",
        "x = 1\nassert f(1) == 1",
        "def check(candidate):\n    assert candidate(1) == 1",
        "import os\ndef check(candidate):\n    assert candidate(1) == 1\ncheck(f)",
        "",
    ],
)
def test_what_is_not_a_call_and_a_value_is_no_check(source: str) -> None:
    assert read_tests(source)["calls"] is None


def test_all_that_is_a_call_and_a_value_is_a_check() -> None:
    tests = "assert f(-1, 'a' + 'b') is None\nassert not f([{1: (2,)}], b=b'x')\nassert f()"
    assert read_tests(tests) == {
        "function": "f",
        "calls": [([-1, "ab"], {}, None), ([[{1: (2,)}]], {"b": b"x"}, False), ([], {}, True)],
    }


def test_a_fault_in_a_foreign_file_is_told_with_its_line() -> None:
    lines = [HUMANEVAL, {**HUMANEVAL, "task_id": "HumanEval/901", "test": 5}]
    with pytest.raises(SuiteInvalid, match=r"x.jsonl:2: test: "):
        suite.parse("\n".join(map(json.dumps, lines)).encode(), Path("x.jsonl"))
    with pytest.raises(SuiteInvalid, match=r"x.jsonl:1: base_input: .*list of arguments"):
        case_of(**{**EVALPLUS, "base_input": [1]})
