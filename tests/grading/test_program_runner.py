"""What a program finds when it is run, and what is told of what it printed."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from liftlab.grading.foreign import run_program
from liftlab.sandbox import CallReport, Limits, RunReport, Sandbox
from liftlab.suite import Case, Check

CASE = Case("p", "Print.", entry_point="solve", checks=[Check(stdout="")])


def ran(code: str, sandbox: Sandbox, stdin: str = "", **limits: Any) -> RunReport:
    told = Limits(**{"cpu_s": 2.0, "wall_s": 20.0, "memory_mb": 256, "output_kb": 4} | limits)
    return run_program(code.encode(), stdin, CASE, sandbox, told)


def printed(code: str, sandbox: Sandbox, stdin: str = "", **limits: Any) -> CallReport:
    (call,) = ran(code, sandbox, stdin, **limits).calls
    return call


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("__name__, __file__", "__main__ candidate.py"),
        ("sys.modules['__main__'].__dict__ is globals()", "True"),
        ("exit is quit is sys.exit is os._exit", "True"),
        ("sys.stdin.fileno(), sys.stdout.fileno(), sys.stderr.fileno()", "0 1 2"),
        ("sys.stdin.encoding, sys.stdout.encoding, sys.stderr.encoding", "utf-8 utf-8 utf-8"),
        (
            "sys.stdin.errors, sys.stdout.errors, sys.stderr.errors",
            "strict strict backslashreplace",
        ),
        ("sys.__stdin__ is sys.stdin, sys.__stdout__ is sys.stdout", "True True"),
        ("os.listdir()", "[]"),
        ("random.random()", "0.8444218515250481"),
        ("atexit._ncallbacks()", "0"),
        ("sys.stdin.mode, sys.stdout.mode", "r w"),
    ],
)
def test_what_a_program_finds(expression: str, value: str, sandbox: Sandbox) -> None:
    code = f"import atexit, os, random, sys\nprint({expression})"
    assert printed(code, sandbox).value == value


@pytest.mark.parametrize(
    ("stdin", "code", "value"),
    [
        ("a\nb\n", "print([*open(0)])", "['a\\n', 'b\\n']"),
        ("é\U0001f600", "print(input())", "é\U0001f600"),
        ("x" * 100_000, "import sys; print(len(sys.stdin.read()))", "100000"),
        ("", "import sys; print(repr(sys.stdin.read()))", "''"),
        ("1\n", "import os; os.lseek(0, 0, 0); print(os.read(0, 9))", "b'1\\n'"),
    ],
)
def test_what_a_program_reads(stdin: str, code: str, value: str, sandbox: Sandbox) -> None:
    assert printed(code, sandbox, stdin).value == value


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("print('a  ');print();print()", "a"),
        ("print();print('a')", "\na"),
        ("import os; os.write(1, b'\\xff')", "\ufffd"),
        ("import sys; print('a', file=sys.stderr)", ""),
        ("import sys; sys.stdout.close()", ""),
        ("import sys; print('a'); sys.stdout.close()", "a"),
        ("import io, sys; print('a'); sys.stdout = io.StringIO(); print('b')", "a"),
        ("import sys; print('a'); sys.stdout = None", "a"),
        ("import atexit; atexit.register(print, 'b'); print('a')", "a\nb"),
        ("import sys; print('a'); sys.exit()", "a"),
        ("import sys; print('a'); sys.exit(0)", "a"),
    ],
)
def test_what_a_program_prints(code: str, value: str, sandbox: Sandbox) -> None:
    assert printed(code, sandbox).value == value


@pytest.mark.parametrize(("characters", "whole"), [(12_000, True), (12_001, False)])
def test_long_text_is_told_by_its_digest(characters: int, whole: bool, sandbox: Sandbox) -> None:
    text = "ab" * 6000 + "c"
    code = f"print(('ab' * 6000 + 'c')[:{characters}])"
    value = printed(code, sandbox, output_kb=64).value
    if whole:
        assert value == text[:characters]
    else:
        assert value == {"sha256": sha256(text.encode()).hexdigest(), "head": text[:500]}


@pytest.mark.parametrize(("size", "fits"), [(4096, True), (4097, False)])
def test_more_than_may_be_printed(size: int, fits: bool, sandbox: Sandbox) -> None:
    call = printed(f"import os; os.write(1, b'x' * {size})", sandbox)
    assert call.ok is fits
    assert (call.too_large is None) is fits
    raised = printed(f"import os; os.write(1, b'x' * {size}); 1 / 0", sandbox)
    assert (raised.raised is not None) is fits
    assert (raised.too_large is None) is fits


@pytest.mark.parametrize(
    ("code", "stdin", "value"),
    [
        ("def solve(): print('called')", "x", "called"),
        ("class Solution:\n    def solve(self): print('method')", "", "method"),
        ("class Solution:\n    def solve(self): print(1)\ndef solve(): print(2)", "", "2"),
        ("def solve(): print('called')\nprint('ran')", "", "ran"),
        ("def solve(): print('called')\ninput()", "x", ""),
        ("solve = 3", "", ""),
        ("Solution = 3", "", ""),
        ("class Solution: pass", "", ""),
        ("def other(): print('called')", "", ""),
    ],
)
def test_a_function_is_called_where_the_program_did_nothing(
    code: str, stdin: str, value: str, sandbox: Sandbox
) -> None:
    assert printed(code, sandbox, stdin).value == value


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("import sys; sys.exit(1)", "SystemExit"),
        ("import sys; sys.exit('no')", "SystemExit"),
        ("import os; os._exit(2)", "SystemExit"),
        ("print('a')\n1 / 0", "ZeroDivisionError"),
        ("input()", "EOFError"),
        ("print('\\ud800')", "UnicodeEncodeError"),
    ],
)
def test_what_a_program_raises(code: str, name: str, sandbox: Sandbox) -> None:
    raised = printed(code, sandbox).raised
    assert raised is not None
    assert raised.name == name
