"""Import files that others wrote: each becomes a run, is there already, or is named as bad."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from liftlab.errors import FileInvalid, InputInvalid
from liftlab.importers import files, foreign, imported, jsonl, reading, tools
from liftlab.importers.foreign import ForeignFile
from liftlab.importers.week2 import old_file
from liftlab.importers.week2.matching import Suites
from liftlab.importers.week2.run_folder import run_id_of, write_old
from liftlab.settings import Project
from liftlab.store import RunFolder

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

    Yields
    ------
    Imported
        What became of each file, in order.
    """
    paths, missing = files.find(named, project.path("runs"))
    for error in missing:
        yield Imported(file=str(error.path), status="bad", reason=str(error))
    suites = Suites([project.path("suites")]) if regrade else None
    for path in paths:
        try:
            yield _import(project, path, suites)
        except InputInvalid as error:
            yield Imported(file=str(path), status="bad", reason=str(error))
        except RecursionError:
            reason = f"{path}: nested too deeply"
            yield Imported(file=str(path), status="bad", reason=reason)


def _import(project: Project, path: Path, suites: Suites | None) -> Imported:
    source = reading.read_bytes(path)
    if jsonl.is_ours(source):
        return _import_ours(project, path, source)
    other = tools.read(source, path)
    if other is not None:
        return _import_foreign(project, path, source, other, suites)
    old = old_file.read(reading.parse(source, path))
    known: dict[str, Any] = {"file": str(path), "family": old.family, "trials": len(old.results)}
    known["notes"] = tuple(old.notes)
    folder = RunFolder(project.path("runs") / run_id_of(source, old))
    if folder.path.exists():
        _check_same(folder, path, source)
        return Imported(status="unchanged", run_id=folder.run_id, **known)
    suite = suites.matching(old) if suites else None
    checked = {case.case_id for case in suite.cases} if suite else set()
    write_old(project.path("runs"), path.name, source, old, suite)
    to_grade = sum(result.case_id in checked for result in old.results)
    return Imported(status="imported", run_id=folder.run_id, to_grade=to_grade, **known)


def _import_foreign(
    project: Project, path: Path, source: bytes, file: ForeignFile, suites: Suites | None
) -> Imported:
    known: dict[str, Any] = {"file": str(path), "family": file.family, "trials": len(file.rows)}
    folder = RunFolder(project.path("runs") / imported.run_id(source, file.began_at))
    known |= {"run_id": folder.run_id, "notes": file.notes}
    if folder.path.exists():
        _check_same(folder, path, source)
        return Imported(status="unchanged", **known)
    suite = suites.of(file.rows) if suites else None
    checked = {case.case_id for case in suite.cases} if suite else set()
    foreign.write_foreign(project.path("runs"), path.name, source, file, suite)
    to_grade = sum(row.case_id in checked for row in file.rows)
    return Imported(status="imported", to_grade=to_grade, **known)


def _check_same(folder: RunFolder, path: Path, source: bytes) -> None:
    if folder.manifest().get("imported", {}).get("sha256") != sha256(source).hexdigest():
        raise FileInvalid(path, f"another file is in run {folder.run_id}, which this would be")


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
