"""A file of answers in, a file of verdicts out: any number of them, in flat memory.

The input is read twice: once to find every fault before anything is graded, and once to grade.
Verdicts go to a partial file beside the output, one line each and in order, which takes the
output's name when it is whole. Its name says by a digest what it was made from, so that a
grading that was broken off is continued, and never one of other samples or another suite.
"""

from __future__ import annotations

import fcntl
import json
import os
import queue
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import IO, Any, get_args

from liftlab.errors import FileInvalid, LiftlabError, StorageFailed
from liftlab.grading.controls import Controls
from liftlab.grading.foreign import resolve
from liftlab.grading.grade import BY_DEFAULT, grade_resolved, sandbox_for
from liftlab.grading.once import Once
from liftlab.grading.sample_files import Sample, read_samples
from liftlab.grading.verdict import GRADER_VERSION, CheckResult, Graded
from liftlab.records import Outcome
from liftlab.sandbox import Sandbox
from liftlab.settings import GradingSettings
from liftlab.suite import Case, Suite

MAX_ROW_BYTES = 64 * 1024
_WAITING_PER_WORKER = 4
_WEAK = ("limits-only", "none")
_KEPT_BYTES = 64 * 1024 * 1024
_LACKING = ("not_installed", "needs_python")
_Verdict = tuple[str, Outcome, bytes]  # a case, and what its line says


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What became of a file of answers.

    `outcomes` counts them by outcome, `by_case` holds for each case how many answers passed and
    how many could be judged, and `resumed` is how many verdicts were there already. `type_only`
    counts the answers whose values that failed equal the expected ones by Python's `==`. `lacking`
    holds what an answer lacks, a package or a newer Python, by the facet that says so.
    `controls` says how many known answers were told apart; where not all were, no verdict is
    `proven`.
    """

    total: int
    resumed: int
    type_only: int
    lacking: list[dict[str, str]]
    isolation: str
    controls: str
    proven: bool
    outcomes: dict[str, int]
    by_case: dict[str, tuple[int, int]]


def grade_samples(
    samples: Path,
    suite: Suite,
    out: Path,
    *,
    settings: GradingSettings = BY_DEFAULT,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Summary:
    """Grade every answer of a file, and write a file with a verdict a line, in its order.

    Raises FileInvalid if a line can't be used: says which, before anything is graded. Raises
    LiftlabError if the sandbox cannot isolate and that is not allowed. Raises StorageFailed if the
    output can't be written, or another process is writing it.

    Parameters
    ----------
    samples, suite
        A file of answers, as docs/grading.md tells, and what to check them against.
    out
        Where the verdicts go; it appears, or is replaced, when it is whole.
    settings
        Where answers may be run: nowhere where the sandbox can't isolate, unless that is allowed.
    workers
        How many sandboxes run side by side. Verdicts do not depend on it.
    progress
        Called with how many verdicts there are and how many there will be.
    """
    cases = {case.case_id: case for case in suite.cases}
    total, digest = _survey(samples, cases)
    grader = f"{GRADER_VERSION} {settings.packages} {settings.python}"
    key = sha256(f"{digest} {suite.sha256} {grader}".encode()).hexdigest()[:12]
    part = out.with_name(f"{out.name}.{key}.part")
    with ExitStack() as stack:
        boxes = [stack.enter_context(sandbox_for(settings, suite)) for _ in range(workers)]
        isolation = _isolation(boxes, settings.allow_weak_isolation)
        with _appending(part) as file:
            tally = _Tally()
            for row in _kept(file):
                tally.add(row)
            resumed = tally.total
            progress(resumed, total)
            seen = sha256()
            unread = islice(read_samples(samples, cases, seen.update), resumed, None)
            controls = Controls()
            for _, _, line in _graded(unread, cases, boxes, controls):
                file.write(line)
                file.flush()
                tally.add(json.loads(line))
                progress(tally.total, total)
            if seen.hexdigest() != digest:
                part.unlink()
                raise FileInvalid(samples, "changed while it was graded: grade it again")
            os.fsync(file.fileno())
            os.replace(part, out)
    return Summary(
        total=total,
        resumed=resumed,
        type_only=tally.type_only,
        lacking=tally.lacking,
        isolation=isolation,
        controls=str(controls),
        proven=not controls.missed,
        outcomes=tally.outcomes,
        by_case=tally.by_case,
    )


def result_row(case_id: str, graded: Graded) -> dict[str, Any]:
    """Return a verdict as JSON data of at most 64 KiB.

    The counts of checks are among the facets. Of a check that failed, the row tells what was
    expected and what came; where all of that is too long, it is left out, and then the last
    checks are, and the facet `cut` says so.
    """
    facets = dict(graded.facets)
    if graded.checks_total:
        facets |= {"checks_passed": graded.checks_passed, "checks_total": graded.checks_total}
    checks = [_check(check) for check in graded.checks]
    row = {
        "case_id": case_id,
        "outcome": graded.outcome,
        "failure_class": graded.failure_class,
        "facets": facets,
        "checks": checks,
        "isolation": graded.isolation,
        "verdict_integrity": graded.verdict_integrity,
        "cpu_s": _rounded(graded.cpu_s),
        "wall_s": _rounded(graded.wall_s),
    }
    if _size(row) > MAX_ROW_BYTES:
        facets["cut"] = True
        checks[:] = [{"name": check.name, "passed": check.passed} for check in graded.checks]
    while _size(row) > MAX_ROW_BYTES:
        del checks[len(checks) // 2 :]
    return row


def _isolation(boxes: list[Sandbox], allow_weak: bool) -> str:
    level = boxes[0].isolation
    if level in _WEAK and not allow_weak:
        raise LiftlabError(
            f"this machine isolates foreign code at the level {level!r} only, so nothing "
            "was graded; --allow-weak-isolation grades it all the same"
        )
    return level


class _Tally:
    """Counts of verdicts, by outcome and by case."""

    def __init__(self) -> None:
        self.outcomes = dict.fromkeys(("pass", "fail", "error", "ungraded"), 0)
        self.by_case: dict[str, tuple[int, int]] = {}
        self.type_only = 0
        self.lacking: list[dict[str, str]] = []

    @property
    def total(self) -> int:
        return sum(self.outcomes.values())

    def add(self, row: Mapping[str, Any]) -> None:
        case_id, outcome = row["case_id"], row["outcome"]
        self.outcomes[outcome] += 1
        facets = row.get("facets", {})
        self.type_only += facets.get("type_only") is True
        if lacks := {name: facets[name] for name in _LACKING if name in facets}:
            self.lacking.append(lacks)
        if outcome in ("pass", "fail"):
            passed, judged = self.by_case.get(case_id, (0, 0))
            self.by_case[case_id] = (passed + (outcome == "pass"), judged + 1)


def _graded(
    samples: Iterator[Sample], cases: dict[str, Case], boxes: list[Sandbox], controls: Controls
) -> Iterator[_Verdict]:
    """Yield the verdicts in the samples' order; few of them wait at a time.

    None is told before all `controls` are graded.
    """
    resolved: dict[str, Case] = {}
    once = Once[_Verdict](_KEPT_BYTES, lambda verdict: len(verdict[2]))
    free: queue.SimpleQueue[Sandbox] = queue.SimpleQueue()
    for box in boxes:
        free.put(box)

    def one(sample: Sample) -> _Verdict:
        verdict = once((sample.case_id, sample.code), lambda: judge(sample))
        return _with(verdict, sample.told) if sample.told else verdict

    def proven(waiting: Future[_Verdict]) -> _Verdict:
        verdict = waiting.result()
        controls.rest(boxes[0])
        return _with(verdict, {"verdict_integrity": "unproven"}) if controls.missed else verdict

    def judge(sample: Sample) -> _Verdict:
        box = free.get()
        try:
            if sample.case_id not in resolved:
                resolved[sample.case_id] = resolve(cases[sample.case_id], box)
            case = resolved[sample.case_id]
            checked = case.is_checked
            if checked:
                controls.some(box)
            graded = (
                grade_resolved(sample.code, case, box) if checked else Graded(outcome="ungraded")
            )
        finally:
            free.put(box)
        row = json.dumps(result_row(sample.case_id, graded))
        return sample.case_id, graded.outcome, row.encode("ascii") + b"\n"

    executor = ThreadPoolExecutor(len(boxes))
    waiting: deque[Future[_Verdict]] = deque()
    try:
        for sample in samples:
            waiting.append(executor.submit(one, sample))
            if len(waiting) >= _WAITING_PER_WORKER * len(boxes):
                yield proven(waiting.popleft())
        while waiting:
            yield proven(waiting.popleft())
    finally:
        executor.shutdown(cancel_futures=True)


def _with(verdict: _Verdict, more: Mapping[str, Any]) -> _Verdict:
    """Return a verdict whose line tells more."""
    case_id, outcome, line = verdict
    return case_id, outcome, json.dumps(json.loads(line) | more).encode("ascii") + b"\n"


def _survey(path: Path, cases: Mapping[str, Case]) -> tuple[int, str]:
    """Check every line of a file of samples; return how many there are and the file's digest."""
    if path.is_fifo() or path.is_char_device():
        raise FileInvalid(path, "is no file: it is read twice, so save what comes from there")
    digest, total = sha256(), 0
    for _ in read_samples(path, cases, digest.update):
        total += 1
    if not total:
        raise FileInvalid(path, "no samples")
    return total, digest.hexdigest()


@contextmanager
def _appending(path: Path) -> Iterator[IO[bytes]]:
    """Open a partial file for this process alone."""
    try:
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file
    except BlockingIOError:
        raise StorageFailed(f"{path}: another process is writing it: wait or stop it") from None
    except BrokenPipeError:
        raise  # whoever read our progress has left
    except OSError as fault:
        raise StorageFailed(f"{path}: cannot be written: {fault.strerror or fault}") from fault


def _kept(file: IO[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the whole rows of a partial file, and cut off what stands behind them."""
    file.seek(0)
    end = 0
    while line := file.readline():
        try:
            row = json.loads(line)
        except ValueError:
            break
        if not line.endswith(b"\n") or not _is_row(row):
            break
        end += len(line)
        yield row
    file.truncate(end)


def _is_row(row: Any) -> bool:
    known = isinstance(row, dict) and row.get("outcome") in get_args(Outcome)
    return known and isinstance(row.get("case_id"), str)


def _check(check: CheckResult) -> dict[str, Any]:
    told: dict[str, Any] = {"name": check.name, "passed": check.passed}
    if not check.passed:
        told |= {"expected": check.expected, "actual": check.actual, "error": check.error}
    return {name: value for name, value in told.items() if value is not None}


def _size(row: Mapping[str, Any]) -> int:
    return len(json.dumps(row)) + 1


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
