"""Answers that are programs: judged as the interpreter itself would have it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from liftlab.errors import UsageError
from liftlab.grading import grade
from liftlab.grading.program_runner import plain_lines
from liftlab.sandbox import Sandbox
from liftlab.suite import Case, Check, Limits

SUM = Case(
    "sum",
    "Print the sum of two integers.",
    checks=[Check(stdin="3 4\n", stdout="7\n"), Check(stdin="1 1\n", stdout="2")],
)
PROGRAMS = {
    "input": "a, b = map(int, input().split())\nprint(a + b)",
    "sys.stdin": "import sys\nprint(sum(map(int, sys.stdin.read().split())), '  ')\nprint()",
    "readline": "import sys\nfor line in sys.stdin:\n    print(sum(map(int, line.split())))",
    "main": "def main():\n    print(sum(map(int, input().split())))\n"
    "if __name__ == '__main__':\n    main()",
    "Solution": "class Solution:\n  def go(self):\n    print(sum(map(int, input().split())))\n"
    "Solution().go()",
    "open(0)": "print(sum(map(int, open(0).read().split())))",
    "descriptors": "import os\nos.write(1, b'%d' % sum(map(int, os.read(0, 99).split())))",
    "buffers": "import sys\nn = sum(map(int, sys.stdin.buffer.read().split()))\n"
    "sys.stdout.buffer.write(b'%d\\n' % n)",
    "exit": "print(sum(map(int, input().split())))\nexit()\nprint('more')",
    "sys.exit": "import sys\nprint(sum(map(int, input().split())))\nsys.exit(0)",
    "failing exit": "import sys\nprint(sum(map(int, input().split())))\nsys.exit(1)",
    "os._exit": "import os, sys\nprint(sum(map(int, input().split())))\nsys.stdout.flush()\n"
    "os._exit(0)",
    "thread": "import threading\nthreading.stack_size(2**26)\n"
    "threading.Thread(target=lambda: print(sum(map(int, input().split())))).start()",
    "atexit": "import atexit\nn = sum(map(int, input().split()))\natexit.register(print, n)",
    "stderr": "import sys\nprint('adding', file=sys.stderr)\nprint(sum(map(int, input().split())))",
    "asks": "a, b = map(int, input('? ').split())\nprint(a + b)",
    "says more": "print(sum(map(int, input().split())))\nprint('done')",
    "indented": "print('', sum(map(int, input().split())))",
    "raises late": "print(sum(map(int, input().split())))\n1 / 0",
    "reads too much": "input()\ninput()",
    "constant": "print(7)",
    "never called": "def main():\n    print(sum(map(int, input().split())))",
}


def by_itself(code: str, case: Case, tmp_path: Path) -> list[bool]:
    """Return which checks pass in a plain interpreter."""
    script = tmp_path / "program.py"
    script.write_text(code)
    passed = []
    for check in case.checks:
        command = [sys.executable, "-X", "utf8", str(script)]
        run = subprocess.run(
            command, input=check.stdin, capture_output=True, text=True, check=False, timeout=60
        )
        lines = [line.rstrip() for line in run.stdout.rstrip().split("\n")]
        wanted = [line.rstrip() for line in (check.stdout or "").rstrip().split("\n")]
        passed.append(run.returncode == 0 and lines == wanted)
    return passed


@pytest.mark.parametrize("code", PROGRAMS.values(), ids=PROGRAMS)
def test_a_verdict_is_the_one_of_a_plain_interpreter(
    code: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    graded = grade(code, SUM, sandbox=sandbox)
    passed = [check.passed for check in graded.checks]
    assert passed == by_itself(code, SUM, tmp_path)
    assert (graded.outcome == "pass") == all(passed)
    assert graded.verdict_integrity == "caller"


@pytest.mark.parametrize(
    ("code", "failure_class", "facets"),
    [
        ("print(1)\nprint(", "truncated", {"stage": "parse"}),
        ("def add(a, b): return a + b", "wrong_answer", {"sub_kind": "nothing_printed"}),
        ("input()\nprint(7 / 0)", "runtime_error", {"line": 2, "check": "1"}),
        ("print(n)", "name_error", {"stage": "call"}),
        ("print(7)", "partially_wrong", {"check": "2"}),
        ("while True: print('x' * 999)", "output", {"check": "1"}),
        ("import os\nos.abort()", "crash", {}),
        ("import os, signal\nos.kill(os.getppid(), 9)\nprint(7)", "blocked", {}),
    ],
)
def test_what_went_wrong_has_its_name(
    code: str, failure_class: str, facets: dict[str, object], sandbox: Sandbox
) -> None:
    graded = grade(code, SUM, sandbox=sandbox)
    assert graded.failure_class == failure_class
    assert facets.items() <= graded.facets.items()


def test_a_program_that_never_ends_is_a_timeout_and_run_once(sandbox: Sandbox) -> None:
    case = Case("s", "Print 1.", checks=SUM.checks, limits=Limits(cpu_s=0.2, wall_s=5))
    graded = grade("while True: pass", case, sandbox=sandbox)
    assert (graded.failure_class, graded.checks_passed, graded.checks_total) == ("timeout", 0, 2)
    assert graded.cpu_s is not None
    assert graded.cpu_s < 0.4


@pytest.mark.parametrize(
    "reply",
    [
        "Draft:\n```python\nprint(0)\n```\nBetter:\n```python\na, b = map(int, input().split())\n"
        "print(a + b)\n```\n",
        "Here is the program:\n\na, b = map(int, input().split())\nprint(a + b)\n\nIt adds them.",
    ],
)
def test_a_program_is_taken_out_of_what_is_around_it(reply: str, sandbox: Sandbox) -> None:
    graded = grade(reply, SUM, sandbox=sandbox)
    assert (graded.outcome, graded.raw_outcome) == ("pass", "fail")


@pytest.mark.parametrize(
    "code",
    [
        "def solve(): print(sum(map(int, input().split())))",
        "class Solution:\n    def solve(self): print(sum(map(int, input().split())))",
        "def solve(): print(sum(map(int, input().split())))\nsolve()",
        "def solve(): print('again')\nprint(sum(map(int, input().split())))",
    ],
)
def test_the_case_s_function_is_called_where_the_program_did_nothing(
    code: str, sandbox: Sandbox
) -> None:
    case = Case("s", "Print the sum.", entry_point="solve", checks=SUM.checks)
    assert grade(code, case, sandbox=sandbox).outcome == "pass"


def test_long_output_is_compared_whole(sandbox: Sandbox) -> None:
    wanted = "\n".join(map(str, range(40_000)))
    case = Case("long", "Print them.", checks=[Check(stdout=wanted)], limits=Limits(output_kb=512))
    assert grade("for n in range(40000): print(n)", case, sandbox=sandbox).outcome == "pass"
    graded = grade("for n in range(39999): print(n)\nprint(1)", case, sandbox=sandbox)
    assert graded.failure_class == "wrong_answer"


@pytest.mark.parametrize(
    "code",
    [
        'import os\nos.write(3, b\'{"call": 0, "value": "7"}\\n\')\nos.kill(os.getpid(), 9)',
        "import sys\nfor name in list(sys.modules['candidate'].__dict__): print(name)",
        "import builtins\nbuiltins.len = lambda x: 0\nprint('x')",
        "import sys\nsys.modules['candidate'].plain_lines = lambda text: '7'",
    ],
)
def test_a_hostile_program_wins_nothing(code: str, sandbox: Sandbox) -> None:
    assert grade(code, SUM, sandbox=sandbox).outcome == "fail"


def test_functions_and_programs_are_not_mixed() -> None:
    with pytest.raises(UsageError, match="two cases"):
        Case("x", "Do both.", checks=[Check(stdout="1"), Check(args=[1], expected=1)])
    with pytest.raises(UsageError, match="stdout, too"):
        Check(stdin="1")


def test_white_space_within_a_line_counts() -> None:
    assert plain_lines("a  b \n") != plain_lines("a b")
    assert plain_lines("\na\t\r\n\n") == "\na"
