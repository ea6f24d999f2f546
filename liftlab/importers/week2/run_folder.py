"""A file of the first benchmark as a run folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import liftlab
from liftlab.importers.foreign import run_id, stamp, write_imported
from liftlab.importers.week2.causes import error_class
from liftlab.importers.week2.models import ResultModel
from liftlab.importers.week2.old_file import OldFile
from liftlab.records import Attempt, Run, Stage, Trial
from liftlab.store import RunFolder
from liftlab.store.folder import Measured
from liftlab.suite import Suite

_MOST_FIGURES = 500
_LARGEST = 1e15
_LONGEST_NAME = 200


def run_id_of(source: bytes, old: OldFile) -> str:
    """Return the name of the run of a file of the first benchmark."""
    return run_id(source, began(old))


def write_old(
    runs_dir: Path, name: str, source: bytes, old: OldFile, suite: Suite | None
) -> RunFolder:
    """Write a file's results as a run, with the cases that grade its answers.

    What the file does not say is null. As `write_imported`.
    """
    providers = {result.told.provider_type for result in old.results}
    run = Run(
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
    # The numbers of the published summary; those of its groups by `group.name.key`.
    figures = dict(islice(_numbers(old.top.get("summary") or {}, ""), _MOST_FIGURES))
    told = {"family": old.family, "published": figures, "notes": old.notes}
    rows = partial(_rows, old=old, suite=suite)
    return write_imported(runs_dir, run, suite, name, source, rows, **told)


def _title(old: OldFile) -> str:
    """Return what a file calls its suite, else the file's family."""
    told = old.top.get("suite_name")
    usable = isinstance(told, str) and 0 < len(told) <= 100 and told.isprintable()
    return str(told) if usable else old.family


def _rows(folder: RunFolder, old: OldFile, suite: Suite | None) -> Iterator[Measured]:
    cases = {case.case_id: case for case in suite.cases} if suite else {}
    numbers = count(1)
    for result in old.results:
        told, case = result.told, cases.get(result.case_id)
        keys: dict[str, Any] = {"run_id": folder.run_id, "case_id": result.case_id}
        keys["repeat"] = result.repeat
        yield from _attempts(keys, told, numbers)
        yield from _stages(folder, keys, told)
        counts = [stage.attempts for stage in told.stages.values()]
        yield Trial(
            **keys,
            category=told.category or (case.category if case else None),
            difficulty=told.complexity or (case.difficulty if case else None),
            started_at=stamp(told.timestamp),
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
    known = [s for s in map(stamp, [*told, top if isinstance(top, str) else None]) if s]
    return min(known, default=None)


def _numbers(group: dict[str, Any], place: str) -> Iterator[tuple[str, float]]:
    for key, value in group.items():
        name = f"{place}{key}"
        if isinstance(value, dict):
            yield from _numbers(value, f"{name}.")
        elif type(value) in (int, float) and abs(value) <= _LARGEST and len(name) <= _LONGEST_NAME:
            yield name, value
