"""A file of answers in, a file of verdicts out: any number of them, in flat memory.

The input is read twice: once to find every fault before anything is graded, and once to grade.
Verdicts go to a partial file beside the output, one line each and in order, which takes the
output's name when it is whole. Its name says by a digest what it was made from, so that a
grading that was broken off is continued, and never one of other samples or another suite.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import json
import os
import queue
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import IO, Any, get_args

from liftlab.errors import FileInvalid, LiftlabError, StorageFailed, unknown
from liftlab.grading.controls import Controls
from liftlab.grading.foreign import resolve
from liftlab.grading.grade import BY_DEFAULT, grade_resolved, sandbox_for
from liftlab.grading.once import Once
from liftlab.grading.verdict import GRADER_VERSION, CheckResult, Graded
from liftlab.records import Outcome
from liftlab.sandbox import Sandbox
from liftlab.settings import GradingSettings
from liftlab.suite import Case, Suite
from liftlab.suite.file import unique_keys

MAX_LINE_BYTES = 16 * 1024 * 1024
MAX_ROW_BYTES = 64 * 1024
_WAITING_PER_WORKER = 4
_ANSWERS = ("code", "code_b64", "completion", "solution")
_TOLD = ("latency_s", "tokens", "prompt_tokens")
_MOST_STAGES, _MOST = 50, 1e12
_WEAK = ("limits-only", "none")
_KEPT_BYTES = 64 * 1024 * 1024
_Verdict = tuple[str, Outcome, bytes]  # a case, and what its line says


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One answer: `code` is all of it, with what a completion is appended to.

    `told` are times and tokens that its line gives; they go into its verdict as they are.
    """

    case_id: str
    code: bytes = field(repr=False)
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What became of a file of answers.

    `outcomes` counts them by outcome, `by_case` holds for each case how many answers passed and
    how many could be judged, and `resumed` is how many verdicts were there already. `controls` says
    how many known answers were told apart; where not all were, no verdict is `proven`.
    """

    total: int
    resumed: int
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
        JSON Lines with an answer each, as docs/grading.md tells, and what to check them against.
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
                tally.add(row["case_id"], row["outcome"])
            resumed = tally.total
            progress(resumed, total)
            seen = sha256()
            unread = islice(_read(samples, cases, seen.update), resumed, None)
            controls = Controls()
            for case_id, outcome, line in _graded(unread, cases, boxes, controls):
                file.write(line)
                file.flush()
                tally.add(case_id, outcome)
                progress(tally.total, total)
            if seen.hexdigest() != digest:
                part.unlink()
                raise FileInvalid(samples, "changed while it was graded: grade it again")
            os.fsync(file.fileno())
            os.replace(part, out)
    return Summary(
        total=total,
        resumed=resumed,
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

    @property
    def total(self) -> int:
        return sum(self.outcomes.values())

    def add(self, case_id: str, outcome: Outcome) -> None:
        self.outcomes[outcome] += 1
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
    for _ in _read(path, cases, digest.update):
        total += 1
    if not total:
        raise FileInvalid(path, "no samples")
    return total, digest.hexdigest()


def _read(
    path: Path, cases: Mapping[str, Case], seen: Callable[[bytes], None] = lambda line: None
) -> Iterator[Sample]:
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                seen(line)
                if len(line) > MAX_LINE_BYTES:
                    limit = MAX_LINE_BYTES // 2**20
                    raise FileInvalid(path, f"the line is longer than {limit} MiB", number)
                if line.strip():
                    yield _sample(line, path, number, cases)
    except OSError as fault:
        raise FileInvalid(path, f"can't be read: {fault.strerror or fault}") from None


def _sample(line: bytes, path: Path, number: int, cases: Mapping[str, Case]) -> Sample:
    try:
        data = json.loads(line.decode("utf-8-sig"), object_pairs_hook=unique_keys)
    except json.JSONDecodeError as fault:
        raise FileInvalid(path, f"not valid JSON: {fault.msg}", number) from None
    except UnicodeDecodeError:
        raise FileInvalid(path, "not UTF-8: save the file as UTF-8", number) from None
    except RecursionError:
        raise FileInvalid(path, "not valid JSON: nested too deeply", number) from None
    except ValueError as fault:  # a key given twice, or a number that Python won't read
        raise FileInvalid(path, f"not valid JSON: {fault}", number) from None
    if not isinstance(data, dict):
        raise FileInvalid(path, "a sample is an object: {…}", number)
    case_id = data.get("case_id", data.get("task_id"))
    if data.get("task_id", case_id) != case_id:
        raise FileInvalid(path, "case_id and task_id differ: give one of them", number)
    if type(case_id) is int:
        case_id = str(case_id)
    if not isinstance(case_id, str):
        raise FileInvalid(path, "case_id (or task_id) is missing or is no text", number)
    if case_id not in cases:
        raise FileInvalid(path, f"case_id: {unknown('case', case_id[:100], cases)}", number)
    given = [name for name in _ANSWERS if data.get(name) is not None]
    if len(given) != 1 or not isinstance(data[given[0]], str):
        wanted = f"an answer is text in one of {', '.join(_ANSWERS)}"
        raise FileInvalid(path, f"{wanted}; given: {', '.join(given) or 'none'}", number)
    code = _code(given[0], data[given[0]], cases[case_id], path, number)
    return Sample(case_id=case_id, code=code, told=_told(data, path, number))


def _told(data: Mapping[str, Any], path: Path, number: int) -> dict[str, Any]:
    """Return the times and tokens of an answer: `latency_s`, `tokens`, and those of `stages`."""
    told = {name: data[name] for name in _TOLD if data.get(name) is not None}
    stages = data.get("stages") or {}
    if not isinstance(stages, dict) or not all(isinstance(s, dict) for s in stages.values()):
        raise FileInvalid(path, "stages: must be an object with an object a stage", number)
    if stages:
        told["stages"] = {
            name[:100]: {key: stage[key] for key in _TOLD if stage.get(key) is not None}
            for name, stage in list(stages.items())[:_MOST_STAGES]
        }
    for place in (told, *told.get("stages", {}).values()):
        for name in set(_TOLD) & place.keys():
            value = place[name]
            plain = isinstance(value, int | float) and not isinstance(value, bool)
            if not plain or not 0 <= value < _MOST:
                raise FileInvalid(path, f"{name}: must be a number from 0", number)
    return told


def _code(form: str, text: str, case: Case, path: Path, number: int) -> bytes:
    if form == "code_b64":
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise FileInvalid(path, "code_b64: not base64 of the code's bytes", number) from None
    prefix = case.program.prefix if form == "completion" and case.program else ""
    return (prefix + text).encode("utf-8", "surrogatepass")


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
