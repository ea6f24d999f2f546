"""Look a run's folder over: what is sound, what can be made again, what is damaged.

The checks read and never write; what may be mended or removed is the caller's to do.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from liftlab.errors import LiftlabError, RunFolderCorrupt
from liftlab.records import LOAD, SCHEMA_VERSION, TABLES, columns
from liftlab.store import lock, schema
from liftlab.store.files import TEMPORARY
from liftlab.store.folder import MERGED, NAMES_ARTIFACTS, RunFolder, planned_trials, resume_verb
from liftlab.store.frames import read_journal
from liftlab.store.tables import read_table, table_path, tables_current
from liftlab.words import counted

State = Literal["sound", "note", "mended", "damaged"]

_PUT_SUITE_BACK = (
    "put the suite back as it was (the manifest has its SHA-256); verdicts made from another "
    "do not belong to this run"
)
_SALVAGE = (
    "copy the folder first; what SQLite can still read: sqlite3 run.sqlite .recover; "
    "what tables/ has can be read as Parquet"
)
_ROWS_LOST = "the journal was changed by something other than liftlab: do not rely on these trials"
# Trials that lack what was committed together with them: how many, in words, by a query.
_LOST = (
    (
        "SELECT case_id, repeat FROM trial EXCEPT SELECT case_id, repeat FROM stage",
        ("trial without a stage", "trials without a stage"),
    ),
    (
        "SELECT case_id, repeat FROM stage EXCEPT SELECT case_id, repeat FROM trial",
        ("trial has stages and no row of its own", "trials have stages and no row of their own"),
    ),
    (
        "SELECT t.case_id, t.repeat FROM trial t LEFT JOIN (SELECT case_id, repeat, COUNT(*) AS n "
        "FROM attempt WHERE phase = 'measure' GROUP BY case_id, repeat) a "
        "ON a.case_id = t.case_id AND a.repeat = t.repeat WHERE t.attempts > COALESCE(a.n, 0)",
        ("trial counts more attempts than there are", "trials count more attempts than there are"),
    ),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a diagnosis; `advice` is what a person can do, None where there is nothing.

    A `note` is worth knowing and no fault.
    """

    check: str
    state: State
    text: str
    advice: str | None = None


def check_journal(folder: RunFolder) -> list[Finding]:
    """Check the database itself, then its rows; if the database is damaged, nothing else is said.

    Raises SchemaTooNew if a newer liftlab wrote it: this one cannot judge it.
    """
    try:
        with schema.opened(folder.journal_path) as journal:
            journal.execute("BEGIN")  # one moment for all checks
            if faults := _faults(journal):
                raise RunFolderCorrupt(folder.journal_path, _some(faults))
            version = _one(journal, "PRAGMA user_version")
            trials = counted(_one(journal, "SELECT COUNT(*) FROM trial"), "trial")
            attempts = counted(_one(journal, "SELECT COUNT(*) FROM attempt"), "attempt")
            whole = f"whole, schema {version} (this liftlab writes {SCHEMA_VERSION})"
            found = Finding("journal", "sound", f"{whole}, {trials}, {attempts}")
            return [found, *_row_findings(folder, journal)]
    except RunFolderCorrupt as error:
        return [Finding("journal", "damaged", str(error), _SALVAGE)]


def check_files(folder: RunFolder) -> list[Finding]:
    """Check the manifest and the suite; raise SchemaTooNew if a newer liftlab wrote it."""
    try:
        digest = folder.manifest().get("suite_sha256")
    except RunFolderCorrupt as error:
        advice = "the rows are not affected; the run can no longer be resumed or graded"
        return [Finding("manifest", "damaged", str(error), advice)]
    return [Finding("manifest", "sound", "readable"), _suite(folder, digest)]


def check_writer(folder: RunFolder) -> Finding:
    """Say who writes to the run, or wrote to it last."""
    if lock.is_held(folder.path):
        text = f"{lock.owner(folder.path)} is writing to this run"
        return Finding("lock", "note", text, "tables, orphans and leftovers are not judged now")
    if not (folder.path / lock.FILE_NAME).exists():
        return Finding("lock", "sound", "free, nobody has written since")
    return Finding("lock", "sound", f"free; {lock.owner(folder.path)} was the last to write")


def check_artifacts(folder: RunFolder) -> Finding:
    """Read every artifact that a measured row names, and compare its content with its digest."""
    named = folder.measured_digests()
    faults = _faulty(folder, named)
    if not faults:
        return Finding("artifacts", "sound", f"{len(named):,}, all unchanged")
    return Finding(
        "artifacts",
        "damaged",
        f"{len(faults):,} of {len(named):,} are missing or changed: {_some([*faults.values()])}",
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


def leftovers(folder: RunFolder) -> tuple[Finding, list[Path]]:
    """Find temporary files that were never moved to their places."""
    hidden = (path for path in folder.path.rglob(".*") if TEMPORARY.fullmatch(path.name))
    paths = sorted(path for path in hidden if path.is_symlink() or path.is_file())
    what = counted(len(paths), "unfinished file")
    return _removable("leftovers", folder, paths, what, "nothing reads them"), paths


def orphans(folder: RunFolder) -> tuple[Finding, list[Path]]:
    """Find files among the artifacts that no row names; the tables must be current."""
    named = {*folder.measured_digests(), *_graded_digests(folder)}
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
    return list(_faulty(folder, _graded_digests(folder).difference(folder.measured_digests())))


def _faults(journal: sqlite3.Connection) -> list[str]:
    told = [str(line) for (line,) in journal.execute("PRAGMA integrity_check(20)")]
    if told != ["ok"]:
        return [" ".join(line.split())[:200] for line in told]
    there = {name for (name,) in journal.execute("SELECT name FROM sqlite_schema")}
    if missing := [name for name in ("meta", *schema.TABLES) if name not in there]:
        return [f"its table {name!r} is missing" for name in missing]
    runs = _one(journal, "SELECT COUNT(*) FROM run")
    return [] if runs == 1 else [f"{runs} rows in its table 'run' instead of one"]


def _row_findings(folder: RunFolder, journal: sqlite3.Connection) -> Iterator[Finding]:
    run_id, status, provenance = journal.execute(
        "SELECT run_id, status, provenance FROM run"
    ).fetchone()
    live = lock.is_held(folder.path)
    if run_id != folder.run_id:
        text = f"the folder is named {folder.run_id}, the run {run_id}"
        yield Finding("name", "damaged", text, f"rename the folder to {run_id}")
    yield _attempts(journal, folder.run_id, live)
    if provenance == "measured":
        yield _trials(journal)
        yield _plan(folder, _one(journal, "SELECT COUNT(*) FROM trial"), str(status), live)


def _attempts(journal: sqlite3.Connection, run_id: str, live: bool) -> Finding:
    unended = _one(journal, "SELECT COUNT(*) FROM attempt WHERE ended = 0")
    if not unended or live:
        text = f"{unended:,} under way" if unended else "all ended"
        return Finding("attempts", "sound", text)
    text = f"{unended:,} sent and never ended: abandoned, paid for, never timed"
    advice = f"nothing is lost; their trials are made again by: liftlab run --resume {run_id}"
    return Finding("attempts", "note", text, advice)


def _trials(journal: sqlite3.Connection) -> Finding:
    for query, what in _LOST:
        if found := [f"{case_id} #{repeat}" for case_id, repeat in journal.execute(query)]:
            text = f"{counted(len(found), *what)}: {_some(found)}"
            return Finding("trials", "damaged", text, _ROWS_LOST)
    return Finding("trials", "sound", "all have their stages and attempts")


def _plan(folder: RunFolder, done: int, status: str, live: bool) -> Finding:
    manifest: dict[str, Any] = {}
    with suppress(LiftlabError):  # has a finding of its own
        manifest = folder.manifest()
    planned = planned_trials(manifest)
    of_plan = f"{done:,} of {counted(planned, 'planned trial')}" if planned else f"{done:,} trials"
    if live:
        return Finding("plan", "sound", f"{of_plan} committed so far")
    if status == "complete" and done < planned:
        text = f"the run says that it is complete and has {of_plan}"
        return Finding("plan", "damaged", text, _ROWS_LOST)
    if status in {"running", "interrupted", "partial", "failed"}:
        advice = f"finish it with: liftlab {resume_verb(manifest)} --resume {folder.run_id}"
        if MERGED in manifest:
            advice = "finish its segments, and merge them again"
        elif manifest.get("suite") == LOAD and manifest["request"].get("arrivals"):
            advice = "an open loop is not resumed; what is committed can be used"
        return Finding("plan", "note", f"{of_plan}, then it was broken off", advice)
    return Finding("plan", "sound", f"{status}, {of_plan}")


def _suite(folder: RunFolder, digest: object) -> Finding:
    try:
        source, suffix = folder.suite_source()
    except RunFolderCorrupt as error:
        return Finding("suite", "damaged", str(error), _PUT_SUITE_BACK)
    if not source:
        return Finding("suite", "sound", "the run has none")
    if isinstance(digest, str) and sha256(source).hexdigest() != digest:
        text = f"suite{suffix} is not the one that was run: its digest differs"
        return Finding("suite", "damaged", text, _PUT_SUITE_BACK)
    return Finding("suite", "sound", f"suite{suffix} is the one that was run")


def _tables(folder: RunFolder, judged_by: str) -> tuple[State, str]:
    there = [name for name in TABLES if table_path(folder, name).exists()]
    missing = [f"{name}.parquet" for name in TABLES if name not in there]
    faults = []
    for table in there:
        try:
            read_table(folder, table)
        except RunFolderCorrupt as error:
            faults.append(f"{table}.parquet is damaged ({error.reason})")
    if faults:
        return "damaged", _some(faults)
    if missing:
        return "note", f"missing: {_some(missing, len(TABLES))}" if there else "none yet"
    if not tables_current(folder, judged_by=judged_by):
        return "note", "older than the journal, the grader, or the prices"
    return _against_journal(folder)


def _against_journal(folder: RunFolder) -> tuple[State, str]:
    measured = read_journal(folder)
    differing = [
        f"{table}.parquet"
        for table in schema.TABLES
        if not read_table(folder, table)[list(columns(table))].equals(measured[table])
    ]
    if differing:
        return "damaged", f"not what the journal says: {_some(differing, len(TABLES))}"
    if changed := changed_code(folder):
        return "damaged", f"the code that verdicts name is missing or changed: {_some(changed)}"
    if (read_table(folder, "grade")["verdict_integrity"] == "unproven").any():
        return "note", "their verdicts are unproven"
    return "sound", f"{len(TABLES)}, the same as the journal"


def _removable(check: str, folder: RunFolder, paths: list[Path], what: str, why: str) -> Finding:
    if not paths:
        return Finding(check, "sound", "none")
    names = [str(path.relative_to(folder.path)) for path in paths]
    advice = f"{why}; remove them with: liftlab doctor {folder.run_id} --clean"
    return Finding(check, "note", f"{what}: {_some(names)}", advice)


def _faulty(folder: RunFolder, digests: Iterable[str]) -> dict[str, str]:
    """Return what is wrong with each artifact that is missing or not what was kept."""
    faults: dict[str, str] = {}
    for digest in sorted(digests):
        try:
            folder.artifacts.get(digest)
        except RunFolderCorrupt as error:
            faults[digest] = str(error).removeprefix(f"{folder.path}{os.sep}")
    return faults


def _graded_digests(folder: RunFolder) -> set[str]:
    """Return the digests of the code that the current grades judged."""
    grades = read_table(folder, "grade")
    return {str(d) for name in NAMES_ARTIFACTS["grade"] for d in grades[name].dropna()}


def _one(journal: sqlite3.Connection, query: str) -> int:
    (number,) = journal.execute(query).fetchone()
    return int(number)


def _some(names: list[str], most: int = 3) -> str:
    """Name the first of many things, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")
