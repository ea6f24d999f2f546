"""Sandboxes side by side that judge answers, and the known answers that prove them.

Answers of which the verdict is known are graded among a pool's first real ones, in an
order that nobody knows, under names and numbers drawn for this pool. What is judged otherwise than
it must be is tried once more; if it is wrong again, no verdict of the pool is proven.
"""

from __future__ import annotations

import json
import queue
import random
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from hashlib import sha256
from typing import Generic, NamedTuple, Self, TypeVar

from liftlab.errors import LiftlabError
from liftlab.grading.answer import Grading, ProgramGrading, StdinGrading
from liftlab.grading.foreign import resolve
from liftlab.grading.grade import WEAK, grade_resolved, sandbox_for
from liftlab.grading.verdict import Graded, result_row
from liftlab.records import FailureClass, Isolation
from liftlab.sandbox import Sandbox
from liftlab.settings import GradingSettings
from liftlab.suite import Case, Check, Limits, Program, Suite

Verdict = TypeVar("Verdict")
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
        graded = control.by(case, None, sandbox).of(code)
        outcome = "fail" if control.wanted else "pass"
        return (graded.failure_class, graded.outcome) == (control.wanted, outcome)


def shown(counts: tuple[int, int]) -> str:
    """Return how many of how many were told apart; empty where none was graded."""
    return f"{counts[0]} of {counts[1]}" if counts[1] else ""


class Pool:
    """Judges answers from any thread, in one of its sandboxes at a time.

    `isolation` is the level that its sandboxes reached, None while they are not open. No verdict
    may be told before `prove` has graded the last of its `controls`.
    """

    def __init__(self, settings: GradingSettings, suite: Suite | None, workers: int = 1) -> None:
        self.isolation: Isolation | None = None
        self.controls = Controls()
        self._made = (settings, suite, workers)
        self._stack = ExitStack()
        self._resolved: dict[str, Case] = {}
        self._free: queue.SimpleQueue[Sandbox] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> Self:
        """Start the sandboxes, if they are not there; what can't isolate raises LiftlabError."""
        if self.isolation is not None:
            return self
        settings, suite, workers = self._made
        with ExitStack() as stack:
            boxes = [stack.enter_context(sandbox_for(settings, suite)) for _ in range(workers)]
            level = boxes[0].isolation
            if level in WEAK and not settings.allow_weak_isolation:
                raise LiftlabError(
                    f"this machine isolates foreign code at the level {level!r} only, so nothing "
                    "was graded; --allow-weak-isolation grades it all the same"
                )
            self._first, self.isolation = boxes[0], level
            for box in boxes:
                self._free.put(box)
            self._stack = stack.pop_all()
        return self

    def close(self) -> None:
        """Stop the sandboxes."""
        self._stack.close()

    def judge(self, code: bytes, case: Case) -> bytes:
        """Return the verdict on an answer as a line of JSON."""
        box = self._free.get()
        try:
            if case.case_id not in self._resolved:
                self._resolved[case.case_id] = resolve(case, box)
            case = self._resolved[case.case_id]
            graded = Graded(outcome="ungraded")
            if case.is_checked:
                self.controls.some(box)
                graded = grade_resolved(code, case, box)
        finally:
            self._free.put(box)
        return json.dumps(result_row(case.case_id, graded)).encode("ascii") + b"\n"

    def prove(self) -> bool:
        """Grade the known answers that are left; say whether all were told apart."""
        self.controls.rest(self._first)
        return not self.controls.missed


class Once(Generic[Verdict]):
    """Verdicts by what they were made from: of answers that are the same, one is judged.

    Any thread may ask. `most` is how large all verdicts that are kept may be, by `size`: the
    oldest go first, and are made again when they are asked for.
    """

    def __init__(
        self, most: float = float("inf"), size: Callable[[Verdict], int] = lambda verdict: 1
    ) -> None:
        self._most, self._size = most, size
        self._lock = threading.Lock()
        self._running: dict[bytes, Future[Verdict]] = {}
        self._known: dict[bytes, Verdict] = {}
        self._kept = 0

    def __call__(self, made_from: tuple[object, ...], judge: Callable[[], Verdict]) -> Verdict:
        """Return the verdict on something; `judge` makes it where there is none.

        `made_from` is all that the verdict depends on. What `judge` raises is not kept.
        """
        key, mine = digest_of(made_from), Future[Verdict]()
        with self._lock:
            if key in self._known:
                return self._known[key]
            running = self._running.setdefault(key, mine)
        if running is not mine:
            return running.result()
        try:
            verdict = judge()
        except BaseException as error:
            self._running.pop(key).set_exception(error)
            raise
        with self._lock:
            self._known[key] = verdict
            self._kept += self._size(verdict)
            while self._kept > self._most:
                self._kept -= self._size(self._known.pop(next(iter(self._known))))
        self._running.pop(key).set_result(verdict)
        return verdict


def digest_of(made_from: tuple[object, ...]) -> bytes:
    """Return a digest of text, bytes and what else has a `repr` of its own."""
    return sha256(repr(made_from).encode()).digest()
