from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from liftlab import records
from liftlab.grading import GRADER_VERSION, grade, grade_failure
from liftlab.sandbox import Sandbox
from liftlab.suite import Case, Check, Limits


def case(*checks: Check, name: str | None = "f", **limits: Any) -> Case:
    return Case(case_id="c", prompt="p", entry_point=name, checks=checks, limits=Limits(**limits))


def check(*args: Any, **more: Any) -> Check:
    return Check(name=more.pop("name", "one"), args=args, **more)


TWICE = case(check(1, expected=2), check(2, expected=4, name="two"))

# The published day's bodies; what is left of the fourth is the parser's message.
SEED = [
    ("add_two_numbers", "(num1: int, num2: int) -> int", "num1 + num2", [2, 3], 5),
    ("multiply_numbers", "(a: int, b: int) -> int", "a * b", [2, 3], 6),
    ("get_string_length", "(input_string: str) -> int", "len(input_string)", ["abc"], 3),
]


@pytest.mark.parametrize(("name", "signature", "body", "args", "expected"), SEED)
def test_three_of_the_days_successes_never_return(
    name: str, signature: str, body: str, args: list[Any], expected: Any, sandbox: Sandbox
) -> None:
    code = f"def {name}{signature}:\n    {body}\n"
    graded = grade(
        code, case(check(*args, expected=expected), name=None), ir_name=name, sandbox=sandbox
    )
    assert (graded.parsed, graded.outcome) == (True, "fail")
    assert graded.failure_class == "missing_return"
    assert graded.facets["sub_kind"] == "expression"


def test_the_days_failure_is_an_if_without_a_block() -> None:
    graded = grade_failure(
        "ir_to_code", "does_not_parse", "expected an indented block after 'if' statement"
    )
    assert (graded.outcome, graded.failure_class) == ("fail", "indentation_error")
    assert graded.facets["sub_kind"] == "after_if"


@pytest.mark.parametrize(
    "wrong",
    [
        check({"$tuple": 5}, expected=1),
        check(expected=1, kwargs={"a": {"$nothing": 1}}),
        check(1, expected={"$set": [[]]}),
    ],
)
def test_a_case_made_by_hand_with_a_wrong_value_is_told(wrong: Check, sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="case c, check one: "):
        grade("def f(*a, **k): return 1", case(wrong), sandbox=sandbox)


def test_one_of_the_day_was_right(sandbox: Sandbox) -> None:
    code = "def is_even(number: int) -> bool:\n    result = number % 2 == 0\n    return result\n"
    checks = (check(2, expected=True), check(7, expected=False, name="odd"))
    graded = grade(code, case(*checks, name=None), ir_name="is_even", sandbox=sandbox)
    assert (graded.outcome, graded.failure_class) == ("pass", None)


def test_a_pass_has_no_class_and_all_its_numbers(sandbox: Sandbox) -> None:
    graded = grade("def f(x):\n    return x * 2", TWICE, sandbox=sandbox)
    assert (graded.outcome, graded.raw_outcome, graded.failure_class) == ("pass", "pass", None)
    assert (graded.checks_passed, graded.checks_total, graded.reruns) == (2, 2, 0)
    assert graded.facets == {"found": "entry_point"}
    assert graded.verdict_integrity == "caller"
    assert graded.isolation == sandbox.isolation
    assert graded.cpu_s is not None
    assert graded.wall_s is not None


@pytest.mark.parametrize(
    ("ir_name", "entry_point", "code", "outcome"),
    [
        ("f", "g", "def f(x): return x * 2\ndef g(x): return 0", "pass"),
        ("f", "g", "def g(x): return x * 2", "pass"),  # the IR's name is not there
        ("f", "g", "def h(x): return x * 2", "pass"),  # nobody has asked for a name
        (None, "g", "def f(x): return 0\ndef g(x): return x * 2", "pass"),
        (None, None, "def anything(x): return x * 2", "pass"),
        (None, None, "double = lambda x: x * 2", "pass"),
        ("f", None, "class f:\n    def __new__(cls, x): return x * 2", "pass"),
        ("f", None, "from operator import index as f", "fail"),
    ],
)
def test_which_function_is_called(
    ir_name: str | None, entry_point: str | None, code: str, outcome: str, sandbox: Sandbox
) -> None:
    wanted = dataclasses.replace(TWICE, entry_point=entry_point)
    assert grade(code, wanted, ir_name=ir_name, sandbox=sandbox).outcome == outcome


TOLD = dataclasses.replace(TWICE, prompt="Write f(x).")
SIGNED = dataclasses.replace(TWICE, signature="f(x)")


@pytest.mark.parametrize(
    ("wanted", "code", "found"),
    [
        (TOLD, "def f(x): return x * 2", "asked"),
        (SIGNED, "def f(x): return x * 2", "signature"),
        (TWICE, "def f(x): return x * 2", "entry_point"),
        (TWICE, "def g(x): return x * 2", "only"),
        (TWICE, "def g(x): return h(x)\ndef h(x): return x * 2", "last"),
        (TWICE, "class Solution:\n    def g(self, x): return x * 2", "method"),
        (TOLD, "class Solution:\n    def f(self, x): return x * 2", "method"),
    ],
)
def test_facets_say_how_the_function_was_found(
    wanted: Case, code: str, found: str, sandbox: Sandbox
) -> None:
    graded = grade(code, wanted, sandbox=sandbox)
    assert (graded.outcome, graded.facets) == ("pass", {"found": found})


@pytest.mark.parametrize("wanted", [TOLD, SIGNED])
def test_a_name_that_was_asked_for_is_held_against_the_answer(
    wanted: Case, sandbox: Sandbox
) -> None:
    right, wrong = (
        grade(f"def g(x): return x * {factor}", wanted, sandbox=sandbox) for factor in (2, 3)
    )
    assert right.failure_class == wrong.failure_class == "wrong_function_name"
    assert (right.facets["right_but_for_name"], right.facets["function"]) == (True, "g")
    assert "right_but_for_name" not in wrong.facets
    alike = grade("def g(x): return x * 2", TWICE, asked=True, sandbox=sandbox)
    assert alike.failure_class == "wrong_function_name"


def test_what_a_method_raises_before_it_is_called_is_its_own(sandbox: Sandbox) -> None:
    code = "class Solution:\n    def __init__(self): 1 / 0\n    def f(self, x): return x * 2"
    graded = grade(code, TOLD, sandbox=sandbox)
    assert (graded.failure_class, graded.facets["exception"]) == (
        "runtime_error",
        "ZeroDivisionError",
    )
    short = grade("class Solution:\n    def f(self): return 2", TOLD, sandbox=sandbox)
    assert short.failure_class == "signature_mismatch"


def test_what_was_around_the_code_is_told(sandbox: Sandbox) -> None:
    text = (
        "<think>Hm.</think>\n```python\ntwo = 2\n```\nSo:\n"
        "```python\ndef f(x): return x * two\n```<|im_end|>"
    )
    graded = grade(text, TOLD, sandbox=sandbox)
    assert (graded.raw_outcome, graded.outcome) == ("fail", "pass")
    assert graded.facets == {
        "found": "asked",
        "removed": ["tokens", "reasoning", "fence"],
        "joined": 1,
    }


@pytest.mark.parametrize("text", ["python\n{}", "{}Done", "```\npython\n{}```", "```\nSo:\n{}```"])
def test_a_word_beside_the_code_is_no_part_of_it(text: str, sandbox: Sandbox) -> None:
    graded = grade(text.format("def f(x):\n    return x * 2\n"), TOLD, sandbox=sandbox)
    assert (graded.raw_outcome, graded.outcome) == ("fail", "pass")
    assert graded.facets["removed"][-1] == "prose"


def test_markdown_has_a_verdict_before_and_after(sandbox: Sandbox) -> None:
    graded = grade("Sure:\n```python\ndef f(x):\n    return x * 2\n```\n", TWICE, sandbox=sandbox)
    assert (graded.raw_outcome, graded.outcome) == ("fail", "pass")
    assert graded.code == b"def f(x):\n    return x * 2\n"


def test_a_fence_inside_a_docstring_is_code(sandbox: Sandbox) -> None:
    code = 'def f(x):\n    """Double.\n```\nf(1)\n```\n    """\n    return x * 2\n'
    graded = grade(code, TWICE, sandbox=sandbox)
    assert (graded.raw_outcome, graded.outcome) == ("pass", "pass")


def test_bytes_are_graded_as_they_are(sandbox: Sandbox) -> None:
    assert grade(b"def f(x):\n    return 2 * x\n", TWICE, sandbox=sandbox).outcome == "pass"
    assert grade(b"\xff\xfe", TWICE, sandbox=sandbox).outcome == "fail"


def test_a_wanted_exception(sandbox: Sandbox) -> None:
    wants = case(check(-1, raises="ValueError"))
    good = "class Mine(ValueError): pass\ndef f(x):\n    raise Mine(x)"
    assert grade(good, wants, sandbox=sandbox).outcome == "pass"
    assert grade("def f(x):\n    return x", wants, sandbox=sandbox).outcome == "fail"
    fake = "class ValueError(Exception): pass\ndef f(x):\n    raise ValueError(x)"
    assert grade(fake, wants, sandbox=sandbox).outcome == "fail"


def test_a_call_that_does_not_fit_is_no_wanted_type_error(sandbox: Sandbox) -> None:
    wants = case(check(1, raises="TypeError"))
    graded = grade("def f():\n    pass", wants, sandbox=sandbox)
    assert (graded.outcome, graded.failure_class) == ("fail", "signature_mismatch")


def test_each_check_gets_fresh_arguments(sandbox: Sandbox) -> None:
    wants = case(check([1], expected=[1, 0]), check([1], expected=[1, 0], name="again"))
    graded = grade("def f(x):\n    x.append(0)\n    return x", wants, sandbox=sandbox)
    assert graded.outcome == "pass"


def test_changed_arguments_are_told(sandbox: Sandbox) -> None:
    graded = grade(
        "def f(x):\n    x.clear()\n    return 0", case(check([1], expected=1)), sandbox=sandbox
    )
    assert graded.facets["mutated"] is True


def test_a_case_without_checks_is_ungraded(sandbox: Sandbox) -> None:
    graded = grade("def f(x):\n    return x", case(), sandbox=sandbox)
    assert (graded.outcome, graded.parsed, graded.failure_class) == ("ungraded", True, None)


def test_weak_isolation_is_refused_unless_allowed(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "isolation", "limits-only")
    code = "def f(x):\n    return x * 2"
    refused = grade(code, TWICE, sandbox=sandbox)
    assert (refused.outcome, refused.isolation) == ("ungraded", "limits-only")
    allowed = grade(code, TWICE, sandbox=sandbox, allow_weak_isolation=True)
    assert (allowed.outcome, allowed.isolation) == ("pass", "limits-only")


@pytest.mark.parametrize(
    ("code", "errors", "parsed"),
    [
        ("def f(x) return 2 * x", {"the code did not load"}, False),
        ("def f(x): return 2 * x\nraise SystemExit", {"the code did not load"}, True),
        ("x = 1", {"no such function"}, True),
        ("def f(x):\n    while True: pass", {"no answer came back"}, True),
    ],
)
def test_a_check_says_how_far_its_answer_came(
    code: str, errors: set[str], parsed: bool, sandbox: Sandbox
) -> None:
    graded = grade(code, dataclasses.replace(TWICE, limits=Limits(cpu_s=0.1)), sandbox=sandbox)
    assert {check.error for check in graded.checks} == errors
    assert graded.parsed is parsed


@pytest.mark.parametrize(
    ("reason", "parsed"), [("schema_mismatch", False), ("refusal", False), ("http_5xx", None)]
)
def test_an_unusable_reply_is_an_answer_that_does_not_parse(
    reason: str, parsed: bool | None
) -> None:
    assert grade_failure("nlp_to_ir", reason).parsed is parsed


def test_makes_rows_of_both_tables(sandbox: Sandbox) -> None:
    graded = grade("def f(x):\n    return x + 1", TWICE, sandbox=sandbox)
    keys = {"run_id": "r", "case_id": "c", "repeat": 0}
    row = graded.to_grade(**keys, code_sha256="00")
    assert isinstance(row, records.Grade)
    assert (row.grader_version, row.failure_class) == (GRADER_VERSION, "partially_wrong")
    assert json.loads(row.facets or "")["check"] == "two"
    assert json.loads(row.limits or "")["cpu_s"] == TWICE.limits.cpu_s
    one, two = graded.to_checks(run_id="r", case_id="c", repeat=0)
    assert (one.check, one.passed, one.expected, one.actual) == ("one", True, "2", "2")
    assert (two.check, two.passed, two.expected, two.actual) == ("two", False, "4", "3")


def test_a_record_stays_small_whatever_comes_back(sandbox: Sandbox) -> None:
    code = "def f(x):\n    print('é' * 5000)\n    raise ValueError('é' * 10**6)"
    graded = grade(code, TWICE, sandbox=sandbox)
    keys = {"run_id": "r", "case_id": "c", "repeat": 0}
    rows = [graded.to_grade(**keys), *graded.to_checks(run_id="r", case_id="c", repeat=0)]
    text = json.dumps([records.as_row(row) for row in rows])
    assert len(text) < 16 * 1024
