"""The files of a run: are they whole, do they agree with the journal, does anything read them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from liftlab.errors import RunFolderCorrupt
from liftlab.records import TABLES, columns
from liftlab.store import schema
from liftlab.store.doctor import Finding, State, some
from liftlab.store.files import TEMPORARY
from liftlab.store.folder import NAMES_ARTIFACTS, RunFolder
from liftlab.store.frames import read_journal
from liftlab.store.tables import read_table, table_path, tables_current
from liftlab.words import counted

_PUT_SUITE_BACK = (
    "put the suite back as it was (the manifest has its SHA-256); verdicts made from another "
    "do not belong to this run"
)


def check_files(folder: RunFolder) -> list[Finding]:
    """Check the manifest and the suite.

    Raises SchemaTooNew if a newer liftlab wrote the manifest.
    """
    try:
        digest = folder.manifest().get("suite_sha256")
    except RunFolderCorrupt as error:
        advice = "the rows are not affected; the run can no longer be resumed or graded"
        return [Finding("manifest", "damaged", str(error), advice)]
    readable = Finding("manifest", "sound", "readable")
    try:
        source, suffix = folder.suite_source()
    except RunFolderCorrupt as error:
        return [readable, Finding("suite", "damaged", str(error), _PUT_SUITE_BACK)]
    if not source:
        return [readable, Finding("suite", "sound", "the run has none")]
    if isinstance(digest, str) and sha256(source).hexdigest() != digest:
        text = f"suite{suffix} is not the one that was run: its digest differs"
        return [readable, Finding("suite", "damaged", text, _PUT_SUITE_BACK)]
    return [readable, Finding("suite", "sound", f"suite{suffix} is the one that was run")]


def check_artifacts(folder: RunFolder) -> Finding:
    """Read every artifact that a measured row names, and compare its content with its digest."""
    named = _measured_digests(folder)
    faults = _faulty(folder, named)
    if not faults:
        text = f"{len(named):,}, all unchanged"
        return Finding("artifacts", "sound", text)
    return Finding(
        "artifacts",
        "damaged",
        f"{len(faults):,} of {len(named):,} are missing or changed: {some(list(faults.values()))}",
        "put them back from a copy of the folder; times and counts are not affected, "
        "verdicts that rest on them cannot be made again",
    )


def check_tables(folder: RunFolder, judged_by: str) -> Finding:
    """Compare a run's tables with its journal, row by row; nobody may write to it meanwhile.

    Missing and stale ones are a note: they are so after every run until somebody opens it. Raises
    SchemaTooNew if a newer liftlab wrote one of them.
    """
    state, text = _tables(folder, judged_by)
    advice = f"made again from the journal by: liftlab doctor {folder.run_id}"
    return Finding("tables", state, text, None if state == "sound" else advice)


def _tables(folder: RunFolder, judged_by: str) -> tuple[State, str]:
    there = [name for name in TABLES if table_path(folder, name).exists()]
    missing = [f"{name}.parquet" for name in TABLES if name not in there]
    if faults := _damaged_tables(folder, there):
        return "damaged", some(faults)
    if missing:
        return "note", f"missing: {some(missing, len(TABLES))}" if there else "none yet"
    if not tables_current(folder, judged_by=judged_by):
        return "note", "older than the journal, the grader, or the prices"
    if differing := _differing(folder):
        return "damaged", f"not what the journal says: {some(differing, len(TABLES))}"
    return _verdicts(folder)


def _verdicts(folder: RunFolder) -> tuple[State, str]:
    if changed := changed_code(folder):
        return "damaged", f"the code that verdicts name is missing or changed: {some(changed)}"
    if (read_table(folder, "grade")["verdict_integrity"] == "unproven").any():
        return "note", "their verdicts are unproven"
    return "sound", f"{len(TABLES)}, the same as the journal"


def leftovers(folder: RunFolder) -> tuple[Finding, list[Path]]:
    """Find temporary files that were never moved to their places."""
    paths = sorted(
        path
        for path in folder.path.rglob(".*")
        if TEMPORARY.fullmatch(path.name) and (path.is_symlink() or path.is_file())
    )
    what = counted(len(paths), "unfinished file")
    return _removable("leftovers", folder, paths, what, "nothing reads them"), paths


def orphans(folder: RunFolder) -> tuple[Finding, list[Path]]:
    """Find files among the artifacts that no row names; the tables must be current."""
    named = _measured_digests(folder) | _graded_digests(folder)
    places = {os.path.join(digest[:2], digest) for digest in named}
    root = folder.artifacts.path
    # Links are not followed: what they lead to is not the run's.
    files = [Path(at, name) for at, _, names in os.walk(root) for name in names if name[0] != "."]
    paths = sorted(path for path in files if str(path.relative_to(root)) not in places)
    size = sum(path.lstat().st_size for path in paths)
    what = f"{counted(len(paths), 'artifact')} ({size / 1e6:.1f} MB) that no row names"
    why = "a session that was broken off or an older grader leaves them"
    return _removable("orphans", folder, paths, what, why), paths


def changed_code(folder: RunFolder) -> list[str]:
    """Return the digests of graded code that is not what was graded; grading makes it again."""
    return list(_faulty(folder, _graded_digests(folder) - _measured_digests(folder)))


def _removable(check: str, folder: RunFolder, paths: list[Path], what: str, why: str) -> Finding:
    if not paths:
        return Finding(check, "sound", "none")
    names = [str(path.relative_to(folder.path)) for path in paths]
    advice = f"{why}; remove them with: liftlab doctor {folder.run_id} --clean"
    return Finding(check, "note", f"{what}: {some(names)}", advice)


def _faulty(folder: RunFolder, digests: Iterable[str]) -> dict[str, str]:
    """Return what is wrong with each artifact that is missing or not what was kept."""
    faults: dict[str, str] = {}
    for digest in sorted(digests):
        try:
            folder.artifacts.get(digest)
        except RunFolderCorrupt as error:
            faults[digest] = str(error).removeprefix(f"{folder.path}{os.sep}")
    return faults


def _measured_digests(folder: RunFolder) -> set[str]:
    """Return the digests that the rows of the journal name."""
    with schema.opened(folder.journal_path) as journal:
        return {
            str(digest)
            for table in NAMES_ARTIFACTS.keys() & set(schema.TABLES)
            for name in NAMES_ARTIFACTS[table]
            for (digest,) in journal.execute(
                f"SELECT DISTINCT {name} FROM {table} WHERE {name} IS NOT NULL"  # noqa: S608
            )
        }


def _graded_digests(folder: RunFolder) -> set[str]:
    """Return the digests of the code that the current grades judged."""
    grades = read_table(folder, "grade")
    return {str(d) for name in NAMES_ARTIFACTS["grade"] for d in grades[name].dropna()}


def _damaged_tables(folder: RunFolder, there: list[str]) -> list[str]:
    faults: list[str] = []
    for table in there:
        try:
            read_table(folder, table)
        except RunFolderCorrupt as error:
            faults.append(f"{table}.parquet is damaged ({error.reason})")
    return faults


def _differing(folder: RunFolder) -> list[str]:
    """Return the tables whose measured columns are not the journal's."""
    measured = read_journal(folder)
    return [
        f"{table}.parquet"
        for table in schema.TABLES
        if not read_table(folder, table)[list(columns(table))].equals(measured[table])
    ]
