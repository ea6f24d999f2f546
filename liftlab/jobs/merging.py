"""Join the segments of a plan into one run, from their rows; no quantile is ever averaged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from liftlab.errors import InputInvalid, RunFolderCorrupt, UsageError
from liftlab.jobs.keeping import delete_run, doomed
from liftlab.jobs.opening import find_run, open_run
from liftlab.records import Run, as_row, columns
from liftlab.runner.segment import Segment, plan_id
from liftlab.settings import Project
from liftlab.store import RunData, RunFolder, create, lock, schema
from liftlab.store.folder import MANIFEST, MERGED, SEGMENT, Measured, planned_trials
from liftlab.store.listing import status_now
from liftlab.store.schema import copy_rows
from liftlab.words import one_line

# Of the whole they are what the worst segment's are.
_WORST = (
    *("clock_resolution_s", "timing_uncertainty_s", "loop_lag_p50_s", "loop_lag_p99_s"),
    *("client_cpu_share", "client_peak_mb", "finished_at"),
)
_RUN: TypeAdapter[Run] = TypeAdapter(Run)
_OF_A_PART = ("status", "loop_lag_p99_s", "timing_uncertainty_s", "client_cpu_share", "platform")


class _Told(Segment):
    """What a segment's manifest says of it."""

    plan_sha256: str
    one_clock: bool = False
    start_offset_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    folder: RunFolder
    manifest: Mapping[str, Any]
    told: _Told
    run: Run
    rows: int


def merge_runs(project: Project, named: Sequence[str]) -> RunData:
    """Join segments of one plan, each given by its run or its folder; return the run they make.

    It is an ordinary run, and its manifest says what it is made of. A segment that is not given is
    a gap: the run is then not complete, and is replaced once there is more of it.
    """
    parts = sorted((_part(project, name) for name in named), key=lambda part: part.told.index)
    _check_fit(parts)
    first = parts[0]
    told = {
        **first.told.model_dump(include={"plan_sha256", "of", "start_at", "one_clock"}),
        "parts": [_line(part) for part in parts],
    }
    try:
        run = _whole(parts)
    except (ValidationError, KeyError, TypeError, ValueError) as error:
        raise _corrupt(first.folder, error) from None
    folder = RunFolder(project.path("runs") / run.run_id)
    before = folder.manifest().get(MERGED) if folder.path.exists() else None
    if before != told:
        if folder.path.exists():
            _check_has_more(folder, told, before)
            delete_run(doomed(project, run.run_id))
        manifest = {k: v for k, v in first.manifest.items() if k not in (SEGMENT, "suite_suffix")}
        _write(project, run, {**manifest, MERGED: told}, [part.folder for part in parts])
    return open_run(run.run_id, project=project)


def _part(project: Project, name: str) -> _Part:
    path = Path(name)
    folder = RunFolder(path.absolute()) if (path / MANIFEST).is_file() else find_run(project, name)
    folder.refuse_odd_files()
    manifest = folder.manifest()
    if SEGMENT not in manifest:
        raise InputInvalid(f"{folder.run_id} is no segment of a plan, but a run of its own")
    if lock.is_held(folder.path):
        raise UsageError(f"{folder.run_id}: {lock.owner(folder.path)} is writing to it: wait")
    try:
        told = _Told.model_validate(manifest[SEGMENT])
        with schema.opened(folder.journal_path) as journal:
            row = schema.select(journal, "run", "rowid").fetchone()
            (rows,) = journal.execute("SELECT COUNT(*) FROM trial").fetchone()
        run = _RUN.validate_python(dict(zip(columns("run"), row or (), strict=True)))
    except (ValidationError, KeyError, TypeError, ValueError) as error:
        raise _corrupt(folder, error) from None
    return _Part(folder=folder, manifest=manifest, told=told, run=run, rows=rows)


def _corrupt(folder: RunFolder, error: Exception) -> RunFolderCorrupt:
    reason = one_line(" ".join(str(error).split()))[:120]
    return RunFolderCorrupt(folder.path / MANIFEST, f"not what a segment has: {reason}")


def _check_fit(parts: Sequence[_Part]) -> None:
    """Raise InputInvalid unless all are of one plan, and each is another segment of it."""
    for one, other in pairwise(parts):
        ids = f"{one.folder.path} and {other.folder.path}"
        for name, what in (
            ("plan_sha256", "they ask for different things"),
            ("start_at", "they began at different times"),
            ("of", "they have different numbers of segments"),
            ("one_clock", "one is of --processes, the other of --segment"),
        ):
            if getattr(one.told, name) != getattr(other.told, name):
                raise InputInvalid(f"{ids} are of two plans ({what}): merge segments of one")
        if one.told.index == other.told.index:
            raise InputInvalid(f"{ids} are both segment {one.told}: each counts once")


def _check_has_more(folder: RunFolder, told: Mapping[str, Any], before: Any) -> None:
    """Raise InputInvalid if what was merged before has rows that are not merged now."""
    now = {part["index"]: part["rows"] for part in told["parts"]}
    old = before["parts"] if isinstance(before, dict) else [{}]
    if any(part.get("rows", 1) > now.get(part.get("index"), 0) for part in old):
        raise InputInvalid(
            f"{folder.run_id} was merged before from more than that: name those segments, too, or "
            f"delete it: liftlab delete {folder.run_id}"
        )


def _line(part: _Part) -> dict[str, Any]:
    run = as_row(part.run)
    return {
        "run_id": part.run.run_id,
        "index": part.told.index,
        "rows": part.rows,
        "planned": planned_trials(part.manifest),
        "start_offset_s": part.told.start_offset_s,
        **{name: run[name] for name in _OF_A_PART},
        "status": status_now(part.folder, part.run.status),
    }


def _whole(parts: Sequence[_Part]) -> Run:
    """Return the row of the run that segments make: what they share, and of the rest the worst."""
    rows, first = [as_row(part.run) for part in parts], parts[0]
    whole = {
        name: v if all(row[name] == v for row in rows) else None for name, v in rows[0].items()
    }
    for name in _WORST:
        whole[name] = max((row[name] for row in rows if row[name] is not None), default=None)
    asked, rate_rps = first.manifest["request"], first.run.rate_rps
    statuses = {status_now(part.folder, part.run.status) for part in parts}
    status = "complete" if statuses == {"complete"} else "partial"
    if len(parts) < first.told.of or not statuses <= {"complete", "partial"}:
        status = "interrupted"
    whole |= {
        "run_id": plan_id(first.told.start_at, first.told.plan_sha256),
        "started_at": min(row["started_at"] for row in rows),
        "status": status,
        "concurrency": asked["concurrency"],
        "repeats": asked["repeats"],
        "rate_rps": None if rate_rps is None else rate_rps * first.told.of,
    }
    return _RUN.validate_python(whole)


def _write(
    project: Project, run: Run, manifest: Mapping[str, Any], parts: Sequence[RunFolder]
) -> None:
    def keep_artifacts(folder: RunFolder) -> Iterator[Measured]:
        for part in parts:
            for digest in part.measured_digests():
                folder.artifacts.put(part.artifacts.get(digest))
        return iter(())

    source, suffix = parts[0].suite_source()
    copy = partial(copy_rows, run_id=run.run_id, parts=parts)
    create(project.path("runs"), run, manifest, source, suffix, keep_artifacts, copy)
