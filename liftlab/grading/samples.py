"""A file of answers in, a file of verdicts out: any number of them, in flat memory.

The input is read twice: once to find every fault before anything is graded, and once to grade.
Verdicts go to a partial file beside the output, one line each and in order, which takes the
output's name when it is whole. Its name says by a digest what it was made from, so that a
grading that was broken off is continued, and never one of other samples or another suite.

Answers may have been judged before, by shards or on a cluster: their verdicts lie beside the
output by the digest of the answer, and are put in their places.
"""

from __future__ import annotations

import json
import os
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from liftlab.cluster import Cluster
from liftlab.errors import FileInvalid, VerdictsUnproven
from liftlab.grading.grade import BY_DEFAULT
from liftlab.grading.pool import Once, Pool, shown
from liftlab.grading.remote import judged
from liftlab.grading.sample_files import Sample, read_samples
from liftlab.grading.verdict_files import (
    Shard,
    VerdictFile,
    Verdicts,
    answer_digest,
    appending,
    grader_of,
    kept,
    shard_path,
    shards_of,
)
from liftlab.settings import GradingSettings
from liftlab.suite import Case, Suite

_WAITING_PER_WORKER = 4
_KEPT_BYTES = 64 * 1024 * 1024
_Progress = Callable[[int, int], None]


_LACKING = ("not_installed", "needs_python")
_FROM_WEAKEST = ("none", "limits-only", "restricted", "full")


def _in_silence(done: int, total: int) -> None:
    pass


@dataclass(slots=True, kw_only=True)
class Summary:
    """What the verdicts on a file of answers come to, counted one by one.

    `by_case` holds for each case how many answers passed and how many could be judged, `resumed` is
    how many verdicts were there already, `joined` how many shards had. `type_only` counts the
    answers whose values that failed equal the expected ones by Python's `==`. `lacking` holds what
    an answer lacks, a package or a newer Python, by the facet that says so. `told` says how many
    known answers were told apart, of how many; where not all were, no verdict is `proven`.
    `strange` names the files of shards that are of another suite or grader.
    """

    outcomes: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("pass", "fail", "error", "ungraded"), 0)
    )
    by_case: dict[str, tuple[int, int]] = field(default_factory=dict)
    resumed: int = 0
    joined: int = 0
    type_only: int = 0
    lacking: list[dict[str, str]] = field(default_factory=list)
    told: tuple[int, int] = (0, 0)
    strange: tuple[str, ...] = ()
    _unproven: int = 0
    _levels: set[str] = field(default_factory=set)

    @property
    def total(self) -> int:
        """How many verdicts there are."""
        return sum(self.outcomes.values())

    @property
    def isolation(self) -> str:
        """The weakest that there was."""
        return min(self._levels, key=_FROM_WEAKEST.index, default="none")

    @property
    def controls(self) -> str:
        """How many known answers were told apart, in words."""
        return shown(self.told)

    @property
    def proven(self) -> bool:
        """Whether all known answers were told apart, for every verdict."""
        return self.told[0] == self.told[1] and not self._unproven

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a verdict."""
        case_id, outcome, facets = row["case_id"], row["outcome"], row.get("facets", {})
        self.outcomes[outcome] += 1
        self._unproven += row.get("verdict_integrity") == "unproven"
        self.saw(row.get("isolation"))
        self.type_only += facets.get("type_only") is True
        if lacks := {name: facets[name] for name in _LACKING if name in facets}:
            self.lacking.append(lacks)
        if outcome in ("pass", "fail"):
            passed, judged = self.by_case.get(case_id, (0, 0))
            self.by_case[case_id] = (passed + (outcome == "pass"), judged + 1)

    def saw(self, isolation: object) -> None:
        """Take a level at which code was run; None is none."""
        if isolation in _FROM_WEAKEST:
            self._levels.add(str(isolation))


def grade_samples(
    samples: Path,
    suite: Suite,
    out: Path,
    *,
    settings: GradingSettings = BY_DEFAULT,
    workers: int = 1,
    cluster: Cluster | None = None,
    progress: _Progress = _in_silence,
) -> Summary:
    """Grade every answer of a file, and write `out` with a verdict a line, in its order.

    It appears, or is replaced, when it is whole. Verdicts of shards beside it are taken, and do not
    depend on how many `workers` are side by side, or on a `cluster` that judges instead. `progress`
    is called with how many verdicts there are and will be. Raises FileInvalid if a line can't be
    used, before anything is graded; LiftlabError if the sandbox cannot isolate and that is not
    allowed; StorageFailed if the output can't be written, or another process is writing it.
    """
    cases = {case.case_id: case for case in suite.cases}
    total, digest = _survey(samples, cases)
    key = sha256(f"{digest} {suite.sha256} {grader_of(settings)}".encode()).hexdigest()[:12]
    part = out.with_name(f"{out.name}.{key}.part")
    if cluster:
        _judge_elsewhere(samples, suite, out, settings, cluster, progress)
        progress = _in_silence
    mine, strange = shards_of(out, suite, settings)
    with (
        Pool(settings, suite, workers) as pool,
        closing(Verdicts(mine, allow_weak=settings.allow_weak_isolation)) as known,
    ):
        if not known:
            pool.open()
        with appending(part) as file:
            summary = Summary(strange=strange)
            for row in kept(file):
                summary.add(row)
            summary.resumed = summary.total
            left = islice(read_samples(samples, cases), summary.resumed, None) if known else ()
            done = summary.resumed + sum(answer_digest(sample) in known for sample in left)
            progress(done, total)  # joining takes no time: what it joins has no rate
            seen = sha256()
            unread = islice(read_samples(samples, cases, seen.update), summary.resumed, None)
            for sample, line in _graded(unread, cases, known, pool, workers):
                file.write(line)
                file.flush()
                summary.add(json.loads(line))
                if answer_digest(sample) not in known:
                    done += 1
                    progress(done, total)
            if seen.hexdigest() != digest:
                part.unlink()
                raise FileInvalid(samples, "changed while it was graded: grade it again")
            os.fsync(file.fileno())
            os.replace(part, out)
    shard_path(out, suite, settings, "cluster").unlink(missing_ok=True)
    summary.saw(pool.isolation)
    summary.told = _sum(known.controls, pool.controls.counts)
    summary.joined = 0 if cluster else known.taken
    return summary


def grade_shard(
    samples: Path,
    suite: Suite,
    out: Path,
    shard: Shard,
    *,
    settings: GradingSettings = BY_DEFAULT,
    workers: int = 1,
    progress: _Progress = _in_silence,
) -> tuple[Path, Summary]:
    """Grade the answers of one share; return the file beside the output that keeps the verdicts.

    Each different answer counts once. Raises what `grade_samples` does, which joins the shares, and
    VerdictsUnproven if a known answer is misjudged: then nothing more is kept.
    """
    cases = {case.case_id: case for case in suite.cases}
    _survey(samples, cases)
    path = shard_path(out, suite, settings, f"{shard.number}-of-{shard.of}")
    summary, by = Summary(), f"{socket.gethostname()}, process {os.getpid()}"
    with (
        Pool(settings, suite, workers).open() as pool,
        _adding(path, (), settings) as (file, known),
    ):
        share = set(filter(shard.holds, map(answer_digest, read_samples(samples, cases))))
        there = {digest for digest in share if digest in known}
        for digest in there:
            summary.add(json.loads(known.get(digest) or b""))
        summary.resumed, total = len(there), len(share)
        progress(len(there), total)
        missing = _first(samples, cases, share - there)
        for sample, line in _graded(missing, cases, known, pool, workers):
            if pool.controls.missed:
                raise VerdictsUnproven("known answers were judged otherwise than they must be")
            file.add(by, pool.controls.counts, [(answer_digest(sample), line)])
            summary.add(json.loads(line))
            progress(summary.total, total)
    summary.saw(pool.isolation)
    summary.told = _sum(known.controls, pool.controls.counts)
    return path, summary


def _judge_elsewhere(
    samples: Path,
    suite: Suite,
    out: Path,
    settings: GradingSettings,
    cluster: Cluster,
    progress: _Progress,
) -> None:
    """Have all answers judged that no shard knows, and keep their verdicts beside the output."""
    cases = {case.case_id: case for case in suite.cases}
    path = shard_path(out, suite, settings, "cluster")
    with _adding(path, shards_of(out, suite, settings)[0], settings) as (file, known):
        different = set(map(answer_digest, read_samples(samples, cases)))
        missing = {digest for digest in different if digest not in known}
        done, total = len(different) - len(missing), len(different)
        progress(done, total)
        answers = _first(samples, cases, missing)
        for unit in judged(cluster.executor, cluster.slots, answers, suite, settings):
            file.add(*unit)
            done += len(unit.verdicts)
            progress(done, total)


@contextmanager
def _adding(
    path: Path, others: Iterable[Path], settings: GradingSettings
) -> Iterator[tuple[VerdictFile, Verdicts]]:
    """Open a file of verdicts by digest, with those that it and the others have."""
    weak = settings.allow_weak_isolation
    others = [other for other in others if other != path]
    with appending(path) as file, closing(Verdicts(others, allow_weak=weak)) as known:
        file.truncate(known.read(path))
        yield VerdictFile(file), known
        os.fsync(file.fileno())


def _first(samples: Path, cases: Mapping[str, Case], digests: set[bytes]) -> Iterator[Sample]:
    """Yield the first answer of each digest, without the times that its line tells."""
    left = set(digests)
    for sample in read_samples(samples, cases):
        digest = answer_digest(sample)
        if digest in left:
            left.remove(digest)
            yield replace(sample, told={})


def _sum(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]


def _graded(
    samples: Iterator[Sample],
    cases: Mapping[str, Case],
    known: Verdicts,
    pool: Pool,
    workers: int,
) -> Iterator[tuple[Sample, bytes]]:
    """Yield the samples with their verdicts, in order; few of them wait at a time.

    What is not known is judged by the pool; of that none is told before the pool is proven.
    """
    once = Once[bytes](_KEPT_BYTES, len)

    def one(sample: Sample) -> bytes:
        made_from = (sample.case_id, sample.code)
        return once(made_from, lambda: pool.judge(sample.code, cases[sample.case_id]))

    def told(sample: Sample, found: bytes | Future[bytes]) -> tuple[Sample, bytes]:
        more = dict(sample.told)
        if isinstance(found, Future):
            found = found.result()
            more |= {} if pool.prove() else {"verdict_integrity": "unproven"}
        if more:
            found = json.dumps(json.loads(found) | more).encode("ascii") + b"\n"
        return sample, found

    executor = ThreadPoolExecutor(workers)
    waiting: deque[tuple[Sample, bytes | Future[bytes]]] = deque()
    try:
        for sample in samples:
            line = known.get(answer_digest(sample)) if known else None
            if line is None:
                pool.open()
            waiting.append((sample, line or executor.submit(one, sample)))
            if len(waiting) >= _WAITING_PER_WORKER * workers:
                yield told(*waiting.popleft())
        while waiting:
            yield told(*waiting.popleft())
    finally:
        executor.shutdown(cancel_futures=True)


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
