"""Sandboxes side by side that judge answers, and the known answers that prove them."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from hashlib import sha256
from typing import Generic, Self, TypeVar

from liftlab.errors import LiftlabError
from liftlab.grading.controls import Controls
from liftlab.grading.foreign import resolve
from liftlab.grading.grade import WEAK, grade_resolved, sandbox_for
from liftlab.grading.verdict import Graded, result_row
from liftlab.records import Isolation
from liftlab.sandbox import Sandbox
from liftlab.settings import GradingSettings
from liftlab.suite import Case, Suite

Verdict = TypeVar("Verdict")


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
        if self.isolation is None:
            with ExitStack() as stack:
                self._start(stack)
                self._stack = stack.pop_all()
        return self

    def _start(self, stack: ExitStack) -> None:
        settings, suite, workers = self._made
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
