"""Runs from files that others wrote, and for other tools, whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from liftlab.errors import FileInvalid, InputInvalid, StorageFailed, UsageError
from liftlab.importers import foreign, jsonl, reading, tools
from liftlab.importers.foreign import ForeignFile
from liftlab.importers.week2 import export, old_file
from liftlab.importers.week2.matching import Suites
from liftlab.importers.week2.old_file import FAMILIES
from liftlab.importers.week2.run_folder import run_id_of, write_old
from liftlab.settings import Project
from liftlab.store import RunData, RunFolder, exchange
from liftlab.store.files import write_atomic

Status = Literal["imported", "unchanged", "bad"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of one file: `unchanged` if its content is in a run already.

    `trials` is how many results it holds, `to_grade` how many of them a suite has checks for,
    `notes` what was done to its content, and `reason` why it is bad and what to do.
    """

    file: str
    status: Status
    run_id: str | None = None
    family: str | None = None
    trials: int = 0
    to_grade: int = 0
    notes: tuple[str, ...] = ()
    reason: str | None = None


def import_files(
    project: Project, named: Sequence[str], *, regrade: bool = True
) -> Iterator[Imported]:
    """Import files, folders and patterns, one run a file; a bad file does not stop the rest.

    With `regrade`, code is graded again where a suite has a case of that name and prompt.
    """
    paths, missing = reading.find(named, project.path("runs"))
    for error in missing:
        yield Imported(file=str(error.path), status="bad", reason=str(error))
    suites = Suites([project.path("suites")]) if regrade else None
    for path in paths:
        try:
            yield _import(project, path, suites)
        except InputInvalid as error:
            yield Imported(file=str(path), status="bad", reason=str(error))
        except RecursionError:
            yield Imported(file=str(path), status="bad", reason=f"{path}: nested too deeply")


def _import(project: Project, path: Path, suites: Suites | None) -> Imported:
    source = reading.read_bytes(path)
    if jsonl.is_ours(source):
        return _import_ours(project, path, source)
    runs, suite = project.path("runs"), None
    file = tools.read(source, path) or old_file.read(reading.parse(source, path))
    rows: Sequence[Any]
    if isinstance(file, ForeignFile):
        rows, folder = file.rows, RunFolder(runs / foreign.run_id(source, file.began_at))
    else:
        rows, folder = file.results, RunFolder(runs / run_id_of(source, file))
    known: dict[str, Any] = {"file": str(path), "family": file.family, "trials": len(rows)}
    unread = [f"no suite to grade by: {fault}" for fault in (suites.faults if suites else ())]
    known |= {"run_id": folder.run_id, "notes": (*file.notes, *unread)}
    if folder.path.exists():
        if folder.manifest().get("imported", {}).get("sha256") != sha256(source).hexdigest():
            raise FileInvalid(path, f"another file is in run {folder.run_id}, which this would be")
        return Imported(status="unchanged", **known)
    if isinstance(file, ForeignFile):
        suite = suites.of(file) if suites else None
        foreign.write_foreign(runs, path.name, source, file, suite)
    else:
        suite = suites.matching(file) if suites else None
        write_old(runs, path.name, source, file, suite)
    checked = {case.case_id for case in suite.cases} if suite else set()
    to_grade = sum(row.case_id in checked for row in rows)
    return Imported(status="imported", to_grade=to_grade, **known)


def _import_ours(project: Project, path: Path, source: bytes) -> Imported:
    from liftlab.jobs.opening import take_tables

    told = jsonl.read_lines(source, path)
    known: dict[str, Any] = {"file": str(path), "family": "liftlab"}
    known |= {"run_id": told.run.run_id, "trials": len(told.records["trial"])}
    folder = RunFolder(project.path("runs") / told.run.run_id)
    if folder.path.exists():
        if not jsonl.is_in(folder, told):
            raise FileInvalid(path, f"a run {folder.run_id} is there already, and holds other rows")
        return Imported(status="unchanged", **known)
    take_tables(jsonl.write_exported(project.path("runs"), told), told)
    return Imported(status="imported", **known)


Format = Literal["week2", "csv", "parquet", "jsonl"]
_NOT_THEIRS = (
    "the file is copied as it was imported: verdicts and costs made since are in trial.parquet",
)


def as_text(run: RunData, form: Format) -> str:
    """Return a run as one text: the old format, or JSON Lines; raise UsageError for another."""
    if form == "jsonl":
        return "".join(exchange.json_lines(run))
    if form != "week2":
        raise UsageError(f"{form} is a file a table: give --out a folder")
    if _was_theirs(run):
        return (run.folder.path / exchange.ORIGINAL).read_bytes().decode()
    return json.dumps(export.export(run), indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def left_out(run: RunData) -> Sequence[str]:
    """Return what the first benchmark's format has no place for, in sentences."""
    return _NOT_THEIRS if _was_theirs(run) else export.LOSSY


def _was_theirs(run: RunData) -> bool:
    """Say whether a run came as a file of that benchmark, which is kept beside its tables."""
    return run.folder.manifest().get("imported", {}).get("family") in FAMILIES


def write_export(run: RunData, form: Format, out: Path, *, force: bool = False) -> list[Path]:
    """Write a run to a file, or to a folder with a file a table for `csv` and `parquet`.

    Raises UsageError if the place will not do, StorageFailed if it cannot be written: then nothing
    is.
    """
    with _told_of(out):
        if not out.absolute().parent.is_dir():
            raise UsageError(f"{out.parent} is no folder: make it, or give --out another place")
        if form in ("csv", "parquet"):
            files = exchange.csv_files(run) if form == "csv" else exchange.parquet_files(run)
            return _write_folder(files, out, force)
        if out.is_dir():
            raise UsageError(f"{out} is a folder: {form} is one file; give --out a file's name")
        if out.exists() and not out.is_file():
            raise UsageError(f"{out} is no regular file; `--out -` writes to standard output")
        if out.exists() and not force:
            raise UsageError(f"{out} is there already: --force replaces it")
        write_atomic(out, as_text(run, form).encode())
        return [out]


@contextmanager
def _told_of(out: Path) -> Iterator[None]:
    """Say of an export that failed what to do about an export, not about a run."""
    try:
        yield
    except (StorageFailed, OSError) as error:
        cause = error.__cause__ or error
        reason = getattr(cause, "strerror", None) or str(cause)
        advice = "free some space, or give --out another place"
        raise StorageFailed(f"{out}: cannot be written: {reason}; {advice}") from error


def _write_folder(files: dict[str, bytes], out: Path, force: bool) -> list[Path]:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file: give --out a folder for a file a table")
    taken = sorted(name for name in files if (out / name).exists())
    if taken and not force:
        raise UsageError(f"{out / taken[0]} is there already: --force replaces it")
    place = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.absolute().parent))
    try:
        for name, content in files.items():
            write_atomic(place / name, content)
        out.mkdir(exist_ok=True)
        for name in files:
            (place / name).replace(out / name)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return [out / name for name in files]
