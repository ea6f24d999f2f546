"""Answers judged by any executor's workers: in units that may run twice, each by its digest.

A worker keeps its sandboxes from one unit to the next. What travels to it are answers, cases and
the settings of grading; what comes back are verdicts.
"""

from __future__ import annotations

import atexit
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from liftlab.errors import EndpointUnreachable, LiftlabError, VerdictsUnproven
from liftlab.grading.pool import Pool
from liftlab.grading.sample_files import Sample
from liftlab.grading.verdict_files import VERSIONS, answer_digest, named
from liftlab.settings import GradingSettings
from liftlab.suite import Case, Suite

_ANSWERS, _BYTES = 50, 512 * 1024  # of a unit, at most
_POLL_S, _PATIENCE_S = 1.0, 60.0
_GONE = (CancelledError, OSError)  # what Dask raises where the scheduler has gone
_GO_ON = "verdicts so far are kept, and the same command goes on from there"
_made = count(1)
_idle: list[tuple[str, Pool, str]] = []
_lock = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Some answers, and all that judging them takes."""

    versions: dict[str, str]
    key: str  # of the suite and the settings: what a pool can be kept for
    settings: GradingSettings
    cases: dict[str, Case]
    answers: list[tuple[bytes, str, bytes]]  # digest, case, code


class Judged(NamedTuple):
    """What a worker made of a unit: its name, its controls, and verdicts by digest."""

    by: str
    controls: tuple[int, int]
    verdicts: list[tuple[bytes, bytes]]


def judge(unit: Unit) -> Judged:
    """Judge a unit, in this process; whoever runs it again gets the same verdicts.

    Raises LiftlabError, which names this worker, if versions differ from the asker's, code can't be
    isolated here, or a known answer is misjudged.
    """
    where = f"{socket.gethostname()}, process {os.getpid()}"
    if unit.versions != VERSIONS:
        fault = f"has {named(VERSIONS)}, and {named(unit.versions)} asks"
        raise LiftlabError(f"worker {where} {fault}: use the same on both")
    try:
        with _pool(unit) as (pool, number):
            verdicts = [
                (digest, pool.judge(code, unit.cases[case_id]))
                for digest, case_id, code in unit.answers
            ]
            if not pool.prove():
                raise VerdictsUnproven("known answers were judged otherwise than they must be")
            return Judged(f"{where}, {number}", pool.controls.counts, verdicts)
    except LiftlabError as error:
        kind = VerdictsUnproven if isinstance(error, VerdictsUnproven) else LiftlabError
        raise kind(f"worker {where}: {error}") from None


@contextmanager
def _pool(unit: Unit) -> Iterator[tuple[Pool, str]]:
    """Lend a pool that nobody else uses; close those that were made for something else."""
    with _lock:
        others = [item for item in _idle if item[0] != unit.key]
        _idle[:] = [item for item in _idle if item[0] == unit.key]
        found = _idle.pop() if _idle else None
    for _, other, _ in others:
        other.close()
    _, pool, number = found or (unit.key, Pool(unit.settings, None).open(), f"pool {next(_made)}")
    try:
        yield pool, number
    except BaseException:
        pool.close()
        raise
    with _lock:
        _idle.append((unit.key, pool, number))


@atexit.register
def _close() -> None:
    while _idle:
        _idle.pop()[1].close()


def judged(
    executor: Executor,
    slots: Callable[[], int],
    answers: Iterator[Sample],
    suite: Suite,
    settings: GradingSettings,
) -> Iterator[Judged]:
    """Yield what workers, which can import liftlab, make of answers, as it comes.

    `slots` says how many units may wait or run at a time. Raises EndpointUnreachable where that is
    none for a minute.
    """
    packages = tuple(dict.fromkeys((*settings.packages, *suite.packages)))
    settings = settings.model_copy(update={"packages": packages})
    units = _units(answers, suite, settings)
    running: set[Future[Judged]] = set()
    unit, there_s = next(units, None), time.monotonic()
    try:
        while running or unit:
            room = slots()
            while unit and len(running) < max(1, room):
                running.add(executor.submit(judge, unit))
                unit = next(units, None)
            done, running = wait(running, timeout=_POLL_S, return_when=FIRST_COMPLETED)
            if room or done:
                there_s = time.monotonic()
            elif time.monotonic() - there_s > _PATIENCE_S:
                raise EndpointUnreachable(f"the cluster has no worker; {_GO_ON}, with a worker")
            yield from map(_result, done)
    finally:
        for future in running:
            future.cancel()


def _result(future: Future[Judged]) -> Judged:
    try:
        return future.result()
    except LiftlabError:
        raise
    except (Exception, CancelledError) as error:
        reason = str(error) or type(error).__name__
        kind = EndpointUnreachable if isinstance(error, _GONE) else LiftlabError
        told = f"the cluster gave up on some answers: {reason[:300]}; {_GO_ON}"
        raise kind(told) from error


def _units(answers: Iterator[Sample], suite: Suite, settings: GradingSettings) -> Iterator[Unit]:
    cases = {case.case_id: case for case in suite.cases}
    while True:
        taken: list[tuple[bytes, str, bytes]] = []
        size = 0
        for sample in answers:
            taken.append((answer_digest(sample), sample.case_id, sample.code))
            size += len(sample.code)
            if len(taken) >= _ANSWERS or size >= _BYTES:
                break
        if not taken:
            return
        yield Unit(
            versions=VERSIONS,
            key=f"{suite.sha256} {settings!r}",
            settings=settings,
            cases={case_id: cases[case_id] for _, case_id, _ in taken},
            answers=taken,
        )
