"""A file of the first benchmark as a run folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import liftlab
from liftlab.importers import imported
from liftlab.importers.week2.causes import error_class
from liftlab.importers.week2.models import ResultModel
from liftlab.importers.week2.old_file import OldFile
from liftlab.records import Attempt, Run, Stage, Trial
from liftlab.store import RunFolder, create
from liftlab.store.exchange import ORIGINAL
from liftlab.store.files import write_atomic
from liftlab.store.folder import Measured
from liftlab.suite import Case, Suite

_MOST_FIGURES = 500
_LARGEST = 1e15
_LONGEST_NAME = 200


def run_id_of(source: bytes, old: OldFile) -> str:
    """Return the name of the run of a file of the first benchmark."""
    return imported.run_id(source, began(old))


def write_old(
    runs_dir: Path, name: str, source: bytes, old: OldFile, suite: Suite | None
) -> RunFolder:
    """Write a file's results, and the file, as a run, with the cases that grade its answers.

    Raises StorageFailed if it cannot be written, or there is a run of that name; nothing is left
    behind.
    """
    run = _run(source, old, suite)
    figures = _figures(old.top.get("summary") or {})
    manifest = imported.manifest(
        run, name, source, family=old.family, notes=old.notes, published=figures
    )

    def fill(folder: RunFolder) -> Iterator[Measured]:
        write_atomic(folder.path / ORIGINAL, source, durable=False)
        return _rows(folder, old, suite)

    content = suite.source if suite else b""
    return create(runs_dir, run, manifest, content, ".jsonl", fill)


def _run(source: bytes, old: OldFile, suite: Suite | None) -> Run:
    """Return the run's row: what the file does not say is null."""
    providers = {result.told.provider_type for result in old.results}
    return Run(
        run_id=run_id_of(source, old),
        suite=suite.name if suite else _title(old),
        suite_sha256=suite.sha256 if suite else None,
        pipeline="lift" if old.family in ("benchmark", "parallel") else None,
        endpoint=providers.pop() if len(providers) == 1 else None,
        started_at=began(old),
        status="complete",
        # One at a time by that family's definition; how many at once, no other file says. Runs
        # of another load are a series of their own.
        load="closed" if old.family == "benchmark" else None,
        concurrency=1 if old.family == "benchmark" else None,
        repeats=max(result.repeat for result in old.results),
        liftlab_version=liftlab.__version__,
        provenance="imported",
    )


def _title(old: OldFile) -> str:
    """Return what a file calls its suite, else the file's family."""
    told = old.top.get("suite_name")
    usable = isinstance(told, str) and 0 < len(told) <= 100 and told.isprintable()
    return str(told) if usable else old.family


def _rows(folder: RunFolder, old: OldFile, suite: Suite | None) -> Iterator[Measured]:
    cases = {case.case_id: case for case in suite.cases} if suite else {}
    numbers = count(1)
    for result in old.results:
        keys: dict[str, Any] = {"run_id": folder.run_id, "case_id": result.case_id}
        keys["repeat"] = result.repeat
        yield from _attempts(keys, result.told, numbers)
        yield from _stages(folder, keys, result.told)
        yield _trial(keys, result.told, cases.get(result.case_id))


def _trial(keys: dict[str, Any], told: ResultModel, case: Case | None) -> Trial:
    counts = [stage.attempts for stage in told.stages.values()]
    return Trial(
        **keys,
        category=told.category or (case.category if case else None),
        difficulty=told.complexity or (case.difficulty if case else None),
        started_at=imported.stamp(told.timestamp),
        e2e_s=told.e2e_s,
        attempts=sum(c for c in counts if c) if counts and None not in counts else None,
        completed=told.completed,
    )


def _stages(folder: RunFolder, keys: dict[str, Any], told: ResultModel) -> Iterator[Stage]:
    for position, (name, stage) in enumerate(told.stages.items()):
        value: dict[str, Any] | None = None
        if not stage.success:
            value = {"message": stage.error} if stage.error else None
        elif name == "nlp_to_ir":
            value = None if told.ir_output is None else {"value": told.ir_output}
        elif told.code is not None:
            value = {"code": told.code, "function": told.function}
        kept = None if value is None else json.dumps(value, ensure_ascii=True).encode()
        yield Stage(
            **keys,
            stage=name,
            position=position,
            ok=stage.success,
            latency_s=stage.latency_s,
            attempts=stage.attempts,
            error_class=None if stage.success else error_class(stage.error),
            client_peak_mb=stage.memory_mb,
            value_sha256=None if kept is None else folder.artifacts.put(kept),
        )


def _attempts(keys: dict[str, Any], told: ResultModel, numbers: Iterator[int]) -> Iterator[Attempt]:
    """Yield a row for each attempt that the file counts; it gives no times for them.

    Where it does not count them, one row without a number stands for all that there were.
    """
    if not told.stages and told.e2e_s is not None:
        yield Attempt(**keys, seq=next(numbers), endpoint=told.provider_type)
    for name, stage in told.stages.items():
        made = stage.attempts
        for number in range(1, made + 1) if made else [None]:
            last = number == made and stage.success
            yield Attempt(
                **keys,
                seq=next(numbers),
                stage=name,
                attempt=number,
                endpoint=told.provider_type,
                transport_ok=True if last else None,
                valid=None if number is None else last,
            )


def began(old: OldFile) -> str | None:
    """Return the earliest time that the file gives."""
    top = old.top.get("timestamp")
    told = [result.told.timestamp for result in old.results]
    known = [s for s in map(imported.stamp, [*told, top if isinstance(top, str) else None]) if s]
    return min(known, default=None)


def _figures(summary: dict[str, Any]) -> dict[str, float]:
    """Return the numbers of a published summary; those of its groups by `group.name.key`."""
    return dict(islice(_numbers(summary, ""), _MOST_FIGURES))


def _numbers(group: dict[str, Any], place: str) -> Iterator[tuple[str, float]]:
    for key, value in group.items():
        name = f"{place}{key}"
        if isinstance(value, dict):
            yield from _numbers(value, f"{name}.")
        elif type(value) in (int, float) and abs(value) <= _LARGEST and len(name) <= _LONGEST_NAME:
            yield name, value
