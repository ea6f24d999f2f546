"""Labelled answers, each with the class and facets that it must get."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import pytest

from liftlab.grading import grade, grade_failure
from liftlab.grading.taxonomy import PRECEDENCE, of_parse_message, of_run
from liftlab.records import ErrorClass, FailureClass
from liftlab.sandbox import RunReport, Sandbox
from liftlab.suite import Case, Check, Limits, Program

ADD = Case(
    case_id="add",
    prompt="Write add(a, b), which returns the sum of two numbers.",
    entry_point="add",
    checks=(
        Check(name="small", args=(1, 2), expected=3),
        Check(name="zero", args=(0, 0), expected=0),
        Check(name="negative", args=(-1, 1), expected=0),
    ),
    limits=Limits(cpu_s=0.4, wall_s=1.0, memory_mb=128, output_kb=16),
)
OPEN = Case(case_id="open", prompt="Add two numbers.", checks=ADD.checks, limits=ADD.limits)

# (the class, its sub_kind or None, the answer)
SAMPLES: list[tuple[str, str | None, str]] = [
    ("endpoint_error", "error_body", '{"error": "CUDA out of memory"}'),
    ("endpoint_error", "error_body", '{"detail": "Internal Server Error"}'),
    ("endpoint_error", "gateway_page", "<html><h1>502 Bad Gateway</h1></html>"),
    ("endpoint_error", "gateway_page", "Internal Server Error"),
    ("endpoint_error", "gateway_page", "HTTP 503: Service Unavailable\n"),
    ("endpoint_error", "gateway_page", "upstream connect error or reset before headers. reset"),
    ("endpoint_error", "error_body", '{"object": "error", "message": "too long", "code": 400}'),
    ("endpoint_error", "error_body", '{"status": "error", "message": "Model is loading"}'),
    ("endpoint_error", "error_body", '{"message": "Too Many Requests"}'),
    ("endpoint_error", "error_body", '{"statusCode": 429, "message": "Rate limit is exceeded"}'),
    ("endpoint_error", "error_body", '{"success": false, "error_message": "GPU lost"}'),
    ("endpoint_error", "error_body", '[{"error": {"code": 404, "message": "no such model"}}]'),
    ("endpoint_error", "error_body", 'data: {"error": {"message": "overloaded"}}\n\n'),
    ("endpoint_error", "gateway_page", "403 Forbidden"),
    ("endpoint_error", "gateway_page", "HTTP/1.1 502 Bad Gateway\n"),
    ("endpoint_error", "gateway_page", "error code: 1015"),
    ("endpoint_error", "gateway_page", "<?xml?><Error><Code>AccessDenied</Code></Error>"),
    ("endpoint_error", "gateway_page", "Traceback (most recent call last):\nRuntimeError: CUDA"),
    ("not_python", "json", '{"result": 3, "errors": []}'),
    ("not_python", "json", '{"valid": true, "error": null}'),
    ("not_python", "json", '{"summary": "Add two", "detail": "Takes a and b."}'),
    ("not_python", "json", '{"function": "add", "error": "ValueError if a is empty"}'),
    ("not_python", "json", '{"intent": {"summary": "ad'),
    ("not_python", "other_language", "export const add = (a: number, b: number) => a + b;"),
    ("not_python", "other_language", "double add(double a, double b) { return a + b; }"),
    ("not_python", "other_language", "#!/bin/sh\nA=$1\nB=$2\necho $((A + B))"),
    ("not_python", "other_language", "add() {\n  echo $(($1 + $2))\n}"),
    ("not_python", "other_language", "sub add { my ($a, $b) = @_; return $a + $b; }"),
    ("not_python", "other_language", "fun add(a: Int, b: Int): Int = a + b"),
    ("not_python", "other_language", "add <- function(a, b) { a + b }"),
    ("not_python", "other_language", "CREATE FUNCTION add(a int, b int) RETURNS int"),
    ("syntax_error", None, "def add(a, b):\n    const total = a + b;\n    return total;"),
    ("truncated", "statement", "import functools\n\n@functools.cache\n"),
    ("truncated", "string", "def add(a, b):\n    return f'{a + b"),
    ("signature_mismatch", None, "class add:\n    def __init__(self, a): self.a = a"),
    ("signature_mismatch", None, "from functools import cache\n@cache\ndef add(a): return a"),
    ("missing_function", None, "def add(a, b): return a + b\nadd = add(1, 2)"),
    ("empty_output", None, ""),
    ("empty_output", None, " \n\t\n"),
    ("empty_output", None, "# TODO: write the function\n"),
    ("markdown_fence", None, "```python\n~~~\ndef add(a, b):\n    return a + b\n~~~\n```"),
    ("reasoning_unfinished", None, "<think>\nI could add them. ```python\ndef add(a, b): return a"),
    ("not_python", "json", '{"intent": {"summary": "add"}, "signature": {"name": "add"}}'),
    ("not_python", "prose", "I am sorry, but I can't help with that request."),
    ("not_python", "prose", "To add two numbers, write the first, then the second below it."),
    ("not_python", "other_language", "function add(a, b) {\n  return a + b;\n}"),
    ("not_python", "other_language", "const add = (a, b) => a + b;"),
    ("not_python", "other_language", "#include <stdio.h>\nint add(int a, int b) { return a+b; }"),
    ("not_python", "other_language", "<!DOCTYPE html><html><body>add</body></html>"),
    ("truncated", "bracket", "def add(a, b):\n    return sum([a,"),
    ("truncated", "bracket", "def add(a,"),
    ("truncated", "bracket", "def add(a, b):\n    total = max(\n        a,\n        b"),
    ("truncated", "string", 'def add(a, b):\n    """Add two numbers'),
    ("truncated", "string", "def add(a, b):\n    print('adding"),
    ("truncated", "block", "def add(a, b):\n    if a:"),
    ("truncated", "block", "def add(a, b):\n"),
    ("truncated", "block", "def add(a, b):\n    for x in (a, b):\n        # add it\n"),
    ("truncated", "block", "def add(a, b):\n    try:\n        return a + b\n"),
    ("truncated", "statement", "def add(a, b):\n    return a +"),
    ("truncated", "statement", "def add(a, b):\n    c = a + b\n    return c if c"),
    ("truncated", "statement", "def add(a, b):\n    return a if a >"),
    ("truncated", "statement", "def add(a, b):\n    return a if a is not None and"),
    ("indentation_error", "after_if", "def add(a, b):\n    if a:\n    return a + b"),
    ("indentation_error", "after_elif", "def f(a):\n  if a:\n    pass\n  elif 1:\n  return 1\n"),
    ("indentation_error", "after_else", "def f(a):\n  if a:\n    pass\n  else:\n  return 1\n"),
    ("indentation_error", "after_for", "def add(a, b):\n    for x in a:\n    b += x\n    return b"),
    ("indentation_error", "after_while", "def add(a, b):\n    while a:\n    b += 1\n    return b"),
    ("indentation_error", "after_def", "def add(a, b):\nreturn a + b\n"),
    ("indentation_error", "after_class", "class A:\ndef add(a, b):\n    return a + b\n"),
    ("indentation_error", "after_with", "def add(a, b):\n    with a:\n    return a + b\n"),
    (
        "indentation_error",
        "after_try",
        "def f():\n    try:\n    x = 1\n    except E:\n        pass\n",
    ),
    ("indentation_error", "unexpected", "    def add(a, b):\n        return a + b\n"),
    ("indentation_error", "unexpected", "def add(a, b):\n    c = a\n      return c + b\n"),
    ("indentation_error", "dedent", "def add(a, b):\n        c = a\n    return c + b\n"),
    ("indentation_error", "tabs", "def add(a, b):\n    if a:\n\treturn b\n        return a\n"),
    ("syntax_error", None, "def add(a, b):\n    return a b\n"),
    ("syntax_error", None, "def add(a, b):\n    return “a” + b"),
    ("syntax_error", "missing_colon", "def add(a, b)\n    return a + b\n"),
    ("syntax_error", "unclosed_bracket", "def add(a, b):\n    c = (a + b\n    return c\n"),
    ("syntax_error", "unmatched_bracket", "def add(a, b):\n    return a + b)\n"),
    ("syntax_error", "unterminated_string", "def add(a, b):\n    s = 'x\n    return a + b\n"),
    ("syntax_error", "outside_function", "def add(a, b):\n    pass\nreturn a + b\n"),
    ("syntax_error", "too_deep", "def add(a, b):\n    return " + "(" * 500 + "a" + ")" * 500),
    ("syntax_error", "encoding", "def add(a, b):\n    return a + b\0\n"),
    ("syntax_error", "encoding", "def add(a, b):\n    return '\udcff'\n"),
    ("import_error", None, "import numpy as np\ndef add(a, b):\n    return a + b"),
    ("import_error", None, "def add(a, b):\n    from math import plus\n    return plus(a, b)"),
    ("missing_function", None, "a, b = 1, 2\nprint(a + b)"),
    ("missing_function", None, "a + b"),
    ("wrong_function_name", None, "def add_numbers(a, b):\n    return a + b"),
    ("signature_mismatch", None, "def add(a):\n    return a"),
    ("signature_mismatch", None, "def add(a, b, c):\n    return a + b + c"),
    ("timeout", "cpu", "def add(a, b):\n    while True:\n        pass"),
    ("timeout", "cpu", "x = 0\nwhile True: x += 1\ndef add(a, b): return a + b"),
    ("timeout", "wall", "import time\ndef add(a, b):\n    time.sleep(30)"),
    ("memory", None, "def add(a, b):\n    x = [0] * 10**9\n    return a + b"),
    ("memory", None, "import mmap\ndef add(a, b):\n    return mmap.mmap(-1, 2**30)[a]"),
    ("output", "output", "def add(a, b):\n    while True: print('x' * 1000)"),
    ("output", "result", "def add(a, b):\n    return 'x' * 10**6"),
    ("output", "source", "def add(a, b):\n    return a + b\n" + "#" * 2**20),
    ("crash", "exit", "import os\ndef add(a, b):\n    os._exit(0)"),
    ("crash", "SIGSEGV", "import ctypes\ndef add(a, b):\n    ctypes.string_at(0)"),
    ("name_error", None, "def add(a, b):\n    return a + c"),
    ("name_error", None, "def add(a, b):\n    if a > 9: c = 1\n    return c"),
    ("type_error", None, "def add(a, b):\n    return a + str(b)"),
    ("type_error", None, "def helper(x): return x\ndef add(a, b):\n    return helper(a, b)"),
    ("runtime_error", None, "def add(a, b):\n    return [a, b][2]"),
    ("runtime_error", None, "def add(a, b):\n    return add(a, b)"),
    ("runtime_error", None, "def add(a, b):\n    raise SystemExit(0)"),
    ("runtime_error", None, "1 / 0\ndef add(a, b): return a + b"),
    ("missing_return", "expression", "def add(a, b):\n    a + b"),
    ("missing_return", "assignment", "def add(a, b):\n    result = a + b"),
    ("missing_return", "print", "def add(a, b):\n    print(a + b)"),
    ("missing_return", "empty", 'def add(a, b):\n    """Add."""'),
    ("missing_return", "empty", "def add(a, b):\n    pass"),
    ("missing_return", None, "def add(a, b):\n    if a: return\n    else: return None"),
    ("partially_wrong", None, "def add(a, b):\n    return abs(a) + abs(b)"),
    ("wrong_answer", None, "def add(a, b):\n    return str(a + b)"),
    ("wrong_answer", None, "def add(a, b):\n    return a + b + 1"),
    ("wrong_answer", None, "def add(a, b):\n    return None if a < 99 else a + b"),
    ("wrong_answer", "generator", "def add(a, b):\n    yield a + b"),
    ("wrong_answer", "not_plain", "def add(a, b):\n    return lambda: a + b"),
]


@pytest.mark.parametrize(
    ("failure_class", "sub_kind", "answer"),
    SAMPLES,
    ids=[f"{number}-{name}-{kind}" for number, (name, kind, _) in enumerate(SAMPLES)],
)
def test_labelled_answers(
    failure_class: str, sub_kind: str | None, answer: str, sandbox: Sandbox
) -> None:
    graded = grade(answer, ADD, sandbox=sandbox)
    assert (graded.failure_class, graded.facets.get("sub_kind")) == (failure_class, sub_kind)
    assert graded.outcome == ("error" if failure_class == "endpoint_error" else "fail")


def _other_pythons() -> list[str]:
    """Return the supported interpreters, others than this one, that stand beside it or on PATH."""
    beside = sorted(Path(sys.base_prefix).parent.glob("3.*/bin/python3"))
    on_path = [shutil.which(f"python3.{minor}") for minor in range(11, 16)]
    found = {}
    for path in map(str, (*filter(None, on_path), *beside)):
        tell = [path, "-c", "import sys; print(*sys.version_info[:2])"]
        told = subprocess.run(tell, capture_output=True, text=True, check=False).stdout.split()
        version = tuple(map(int, told))
        if version >= (3, 11) and version != sys.version_info[:2]:
            found[version] = path
    return list(found.values())


@pytest.mark.parametrize("python", _other_pythons())
def test_every_supported_python_gives_the_same_classes(python: str) -> None:
    def wrong(part: int) -> list[str]:
        with Sandbox(python=python) as box:
            return [
                answer
                for failure_class, sub_kind, answer in SAMPLES[part::4]
                for graded in [grade(answer, ADD, sandbox=box)]
                if (graded.failure_class, graded.facets.get("sub_kind"))
                != (failure_class, sub_kind)
            ]

    with ThreadPoolExecutor(4) as pool:
        assert [answer for part in pool.map(wrong, range(4)) for answer in part] == []


def test_a_refused_system_call_is_blocked(sandbox: Sandbox) -> None:
    if sandbox.isolation == "limits-only":
        pytest.skip("this system cannot refuse it")
    graded = grade("import os\ndef add(a, b):\n    os.fork()", ADD, sandbox=sandbox)
    assert graded.failure_class == "blocked"
    assert graded.facets["exception"] == "PermissionError"
    own = grade("def add(a, b):\n    raise PermissionError('no')", ADD, sandbox=sandbox)
    assert own.failure_class == "runtime_error"


def test_every_class_has_a_sample() -> None:
    elsewhere = {"invalid_ir", "invalid_reply", "blocked"}
    elsewhere |= {"refusal", "content_filter", "reasoning_unfinished"}
    assert {name for name, _, _ in SAMPLES} | elsewhere == set(get_args(FailureClass))


def test_the_order_is_that_of_the_records() -> None:
    assert get_args(FailureClass) == PRECEDENCE


def test_every_class_is_documented() -> None:
    page = Path(__file__).parents[2] / "docs" / "failure-classes.md"
    headings = re.findall(r"^### `(\w+)`", page.read_text("utf-8"), re.MULTILINE)
    assert headings == list(PRECEDENCE)


def test_without_a_name_several_functions_leave_none_to_call(sandbox: Sandbox) -> None:
    two = "def even(n, k):\n    return odd(n, k)\ndef odd(n, k):\n    return even(n, k)"
    graded = grade(two, OPEN, sandbox=sandbox)
    assert (graded.failure_class, graded.facets["sub_kind"]) == ("missing_function", "several")


def test_a_private_helper_leaves_one_function(sandbox: Sandbox) -> None:
    code = "def _plus(a, b):\n    return a + b\ndef total(a, b):\n    return _plus(a, b)"
    assert grade(code, OPEN, sandbox=sandbox).outcome == "pass"


def test_facets_say_where(sandbox: Sandbox) -> None:
    graded = grade("def add(a, b):\n    c = a\n    return c + d\n", ADD, sandbox=sandbox)
    assert graded.facets == {
        "stage": "call",
        "exception": "NameError",
        "line": 3,
        "message": "name 'd' is not defined",
        "check": "small",
        "found": "asked",
    }


@pytest.mark.parametrize(
    ("message", "failure_class", "sub_kind"),
    [
        ("expected an indented block after 'if' statement", "indentation_error", "after_if"),
        (
            "expected an indented block after 'else' statement on line 7 (<generated>, line 8)",
            "indentation_error",
            "after_else",
        ),
        (
            "expected an indented block after function definition on line 1",
            "indentation_error",
            "after_def",
        ),
        ("expected an indented block", "indentation_error", "unknown"),
        ("unexpected indent", "indentation_error", "unexpected"),
        (
            "unindent does not match any outer indentation level",
            "indentation_error",
            "dedent",
        ),
        ("inconsistent use of tabs and spaces in indentation", "indentation_error", "tabs"),
        ("invalid syntax", "syntax_error", None),
        ("'(' was never closed", "syntax_error", "unclosed_bracket"),
    ],
)
def test_judges_by_the_message_alone(
    message: str, failure_class: str, sub_kind: str | None
) -> None:
    finding = of_parse_message(message)
    assert (finding.failure_class, finding.facets.get("sub_kind")) == (failure_class, sub_kind)


@pytest.mark.parametrize("reason", get_args(ErrorClass))
def test_a_stage_that_failed_is_an_error_or_the_models_fault(reason: ErrorClass) -> None:
    graded = grade_failure("nlp_to_ir", reason, "what was wrong")
    if reason in ("invalid_json", "schema_mismatch"):
        assert (graded.outcome, graded.failure_class) == ("fail", "invalid_ir")
    elif reason == "length":
        assert (graded.outcome, graded.failure_class) == ("fail", "truncated")
    else:
        assert (graded.outcome, graded.failure_class) == ("error", "endpoint_error")
    assert graded.facets["stage"] == "nlp_to_ir"


def test_a_reply_that_held_no_answer_is_not_the_models_fault() -> None:
    graded = grade_failure("nlp_to_ir", "invalid_json", "not JSON", no_answer=True)
    assert (graded.outcome, graded.failure_class) == ("error", "endpoint_error")
    assert graded.facets["sub_kind"] == "invalid_json"


def test_a_body_that_never_parsed_is_judged_by_its_message() -> None:
    message = "expected an indented block after 'if' statement"
    graded = grade_failure("ir_to_code", "does_not_parse", message)
    assert (graded.failure_class, graded.parsed) == ("indentation_error", False)
    assert graded.facets["sub_kind"] == "after_if"


@pytest.mark.parametrize(
    ("stage", "reason", "failure_class"),
    [
        ("nlp_to_ir", "invalid_ir", "invalid_ir"),
        ("nlp_to_ir", "schema_mismatch", "invalid_ir"),
        ("entity_resolution", "nothing_found", "invalid_reply"),
        ("entity_resolution", "invalid_ir", "invalid_reply"),
        ("ir_to_code", "schema_mismatch", "invalid_reply"),
        ("code", "a_reason_of_its_own", "invalid_reply"),
        ("nlp_to_ir", "refusal", "refusal"),
        ("code", "content_filter", "content_filter"),
        ("code", "reasoning_unfinished", "reasoning_unfinished"),
        ("code", "empty_output", "empty_output"),
    ],
)
def test_reasons_that_stages_give(stage: str, reason: str, failure_class: str) -> None:
    graded = grade_failure(stage, reason)
    assert (graded.outcome, graded.failure_class) == ("fail", failure_class)
    assert graded.facets["stage"] == stage


@pytest.mark.parametrize(
    ("how", "failure_class"),
    [
        ({"signal": 9}, "memory"),
        ({"signal": 9, "begun": True, "confined": ("landlock", "seccomp")}, "memory"),
        ({"signal": 9, "begun": True}, "crash"),  # it can have been its own
        ({"signal": 31, "begun": True, "confined": ("seccomp",)}, "blocked"),
        ({"signal": 31, "begun": True}, "crash"),
        ({"signal": 99}, "crash"),
        ({"exit_code": 81}, "memory"),
        ({"exit_code": 81, "begun": True, "confined": ("seccomp",)}, "crash"),
        ({"exit_code": 83, "begun": True}, "crash"),
        ({"exit_code": 1}, "crash"),
        ({"ended_by": "worker"}, "crash"),
        ({"ended_by": "disk"}, "output"),
    ],
)
def test_how_a_run_can_die(how: dict[str, Any], failure_class: str) -> None:
    finding = of_run(RunReport(**how))
    assert finding is not None
    assert finding.failure_class == failure_class


ODD = "a\x1b[31m\u202eb\u2028c\ud800d\x00e\u200bf\ng"


@pytest.mark.parametrize(
    "code",
    [
        f"def f(x): raise ValueError({ODD!r})",
        f"raise type({ODD.replace(chr(0), '')!r}, (Exception,), {{}})({ODD!r})",
        f"class A: pass\nA.__name__ = {ODD.replace(chr(0), '').replace(chr(0xD800), '')!r}\n"
        "def f(x): return A()",
        f"def f(x): return {ODD!r}",
        f"def f(x): return \u202e1\ndef {'g' * 9}(): pass",
        f"import {'a' * 9}\u0301",
    ],
)
@pytest.mark.parametrize("beside", [False, True])
def test_what_is_told_of_an_answer_is_one_line_that_can_be_seen(
    code: str, beside: bool, sandbox: Sandbox
) -> None:
    tests = Program(form="mbpp", test="for n in range(3):\n    assert f(n) == 2 * n")
    check = Check(name="one", args=(1,), expected=2)
    case = Case(case_id="odd", prompt="Odd.", entry_point="f", checks=(check,))
    if beside:
        case = dataclasses.replace(case, checks=(), program=tests)
    graded = grade(code, case, sandbox=sandbox)
    assert graded.outcome == "fail"
    told = [*graded.facets.values(), *(check.error for check in graded.checks)]
    assert [text for text in told if isinstance(text, str) and not text.isprintable()] == []


def test_a_stages_message_is_one_line_that_can_be_seen() -> None:
    message = grade_failure("nlp_to_ir", "invalid_json", ODD).facets["message"]
    assert message.isprintable()
    assert message.startswith("a\ufffd[31m\ufffdb c")
