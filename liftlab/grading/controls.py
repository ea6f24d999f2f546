"""Known answers among the real ones: whether a pool of sandboxes tells right from wrong.

Answers of which the verdict is known are graded among a pool's first real ones, in an
order that nobody knows, under names and numbers drawn for this pool. What is judged otherwise than
it must be is tried once more; if it is wrong again, no verdict of the pool is proven.
"""

from __future__ import annotations

import random
import threading
from typing import NamedTuple

from liftlab.grading.answer import Grading, ProgramGrading, StdinGrading
from liftlab.records import FailureClass
from liftlab.sandbox import Sandbox
from liftlab.suite import Case, Check, Limits, Program

_AT_ONCE = 3  # at most so many before one real answer
_LIAR = "class A:\n    def __eq__(self, other): return True\n    __hash__ = None\n"
_FORGED = """
import os
for number in range(3):
    os.write(3, b'{"call": %d, "value": true}\\n' % number)
os.write(3, b'{"loaded": true}\\n{"end": true}\\n')
os._exit(0)
"""


class Control(NamedTuple):
    """An answer with its verdict: the failure class, or None where it is right.

    `by` judges it: by its calls, by tests in its own process, or by what a program prints. The
    answer is to multiply by `K`.
    """

    code: str
    wanted: FailureClass | None
    by: type[Grading] = Grading


CONTROLS = (
    Control("def NAME(x): return K * x\n", None),
    Control(
        "import math\nclass Solution:\n    def NAME(self, x): return math.prod([x, K])\n", None
    ),
    Control("Here it is:\n```python\ndef NAME(x): return x * K\n```\n", None),
    Control("def NAME(x): return map(lambda n: n * K, [x])\n", None, ProgramGrading),
    Control("NAME = int(input())\nprint(K * NAME)\n", None, StdinGrading),
    Control("def NAME(x): return K * x + 1\n", "wrong_answer"),
    Control("def NAME(x): K * x\n", "missing_return"),
    Control("def NAME(x): raise ValueError(K * x)\n", "runtime_error"),
    Control("def NAME(x): return [K * x + 1]\n", "wrong_answer", ProgramGrading),
    Control("NAME = int(input())\nprint(K * NAME + 1)\n", "wrong_answer", StdinGrading),
    Control(f"{_LIAR}def NAME(x): return A()\n", "wrong_answer"),
    Control(_FORGED, "wrong_answer"),
    Control(f"{_LIAR}def NAME(x): return iter([A()])\n", "wrong_answer", ProgramGrading),
    Control("def NAME(x):\n    while True: pass\n", "timeout"),
)


class Controls:
    """The known answers of one pool; any of its threads may take its share.

    `missed` are those that were judged otherwise than they must be, twice.
    """

    def __init__(self) -> None:
        self._chance = random.SystemRandom()
        self._left = self._chance.sample(CONTROLS, len(CONTROLS))
        self._begun = False
        self._graded = 0
        self._lock = threading.Lock()
        self.missed: list[Control] = []

    def __str__(self) -> str:
        """Return how many of how many were told apart; empty where none was graded."""
        return shown(self.counts)

    @property
    def counts(self) -> tuple[int, int]:
        """How many were told apart, of how many that were graded."""
        return self._graded - len(self.missed), self._graded

    def some(self, sandbox: Sandbox) -> None:
        """Grade none or a few, before a real answer."""
        self._begun = True
        if self._left:
            self._grade(self._chance.randint(0, _AT_ONCE), sandbox)

    def rest(self, sandbox: Sandbox) -> None:
        """Grade what is left, if there were real answers, and wait for what others grade."""
        if self._begun:
            self._grade(len(CONTROLS), sandbox)

    def _grade(self, most: int, sandbox: Sandbox) -> None:
        with self._lock:
            taken, self._left = self._left[:most], self._left[most:]
            self._graded += len(taken)
            for control in taken:
                if not any(self._is_told(control, sandbox) for _ in range(2)):
                    self.missed.append(control)

    def _is_told(self, control: Control, sandbox: Sandbox) -> bool:
        name = "".join(self._chance.choices("abcdefghijklmnopqrstuvwxyz", k=8))
        factor = self._chance.randint(2, 99)
        code = control.code.replace("NAME", name).replace("K", str(factor))
        graded = _grading(control, name, factor, sandbox).of(code)
        return graded.failure_class == control.wanted and graded.outcome == (
            "fail" if control.wanted else "pass"
        )


def _grading(control: Control, name: str, factor: int, sandbox: Sandbox) -> Grading:
    given = (3, 0, -2)
    checks = {
        Grading: tuple(Check(args=(x,), expected=factor * x) for x in given),
        StdinGrading: (Check(stdin="3\n", stdout=f"{factor * 3}\n"),),
    }
    tests = f"for x in {given}:\n    assert list({name}(x)) == [{factor} * x]\n"
    beside = control.by is ProgramGrading
    case = Case(
        case_id=name,
        prompt=f"Write {name}(x), which multiplies x by {factor}.",
        entry_point=name,
        checks=checks.get(control.by, ()),
        limits=Limits(cpu_s=0.04) if control.wanted == "timeout" else Limits(),
        program=Program(form="humaneval", test=tests) if beside else None,
    )
    return control.by(case, None, sandbox)


def shown(counts: tuple[int, int]) -> str:
    """Return how many of how many were told apart; empty where none was graded."""
    return f"{counts[0]} of {counts[1]}" if counts[1] else ""
