"""The journal: is it whole, and do its rows hang together."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from liftlab.errors import LiftlabError, RunFolderCorrupt
from liftlab.records import LOAD, SCHEMA_VERSION
from liftlab.store import lock, schema
from liftlab.store.doctor import Finding, some
from liftlab.store.folder import RunFolder, planned_trials
from liftlab.words import counted

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


def check_journal(folder: RunFolder) -> list[Finding]:
    """Check the database itself, then its rows.

    If the first finding, on the database, is `damaged`, it is the only one. Raises SchemaTooNew if
    a newer liftlab wrote it: this one cannot judge it.
    """
    try:
        with schema.opened(folder.journal_path) as journal:
            journal.execute("BEGIN")  # one moment for all checks
            if faults := _faults(journal):
                raise RunFolderCorrupt(folder.journal_path, some(faults))
            version = _one(journal, "PRAGMA user_version")
            whole = f"whole, schema {version} (this liftlab writes {SCHEMA_VERSION})"
            trials = counted(_one(journal, "SELECT COUNT(*) FROM trial"), "trial")
            attempts = counted(_one(journal, "SELECT COUNT(*) FROM attempt"), "attempt")
            text = f"{whole}, {trials}, {attempts}"
            return [Finding("journal", "sound", text), *_row_findings(folder, journal)]
    except RunFolderCorrupt as error:
        return [Finding("journal", "damaged", str(error), _SALVAGE)]


def _one(journal: sqlite3.Connection, query: str) -> int:
    (number,) = journal.execute(query).fetchone()
    return int(number)


def _faults(journal: sqlite3.Connection) -> list[str]:
    told = [str(line) for (line,) in journal.execute("PRAGMA integrity_check(20)")]
    if told != ["ok"]:
        return [" ".join(line.split())[:200] for line in told]
    there = {name for (name,) in journal.execute("SELECT name FROM sqlite_schema")}
    missing = [name for name in ("meta", *schema.TABLES) if name not in there]
    if missing:
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
    if not unended:
        return Finding("attempts", "sound", "all ended")
    if live:
        return Finding("attempts", "sound", f"{unended:,} under way")
    text = f"{unended:,} sent and never ended: abandoned, paid for, never timed"
    advice = f"nothing is lost; their trials are made again by: liftlab run --resume {run_id}"
    return Finding("attempts", "note", text, advice)


def _trials(journal: sqlite3.Connection) -> Finding:
    for query, what in _LOST:
        if found := [f"{case_id} #{repeat}" for case_id, repeat in journal.execute(query)]:
            text = f"{counted(len(found), *what)}: {some(found)}"
            return Finding("trials", "damaged", text, _ROWS_LOST)
    return Finding("trials", "sound", "all have their stages and attempts")


def _plan(folder: RunFolder, done: int, status: str, live: bool) -> Finding:
    manifest = _manifest(folder)
    planned = planned_trials(manifest)
    of_plan = f"{done:,} of {counted(planned, 'planned trial')}" if planned else f"{done:,} trials"
    if live:
        return Finding("plan", "sound", f"{of_plan} committed so far")
    if status == "complete" and done < planned:
        text = f"the run says that it is complete and has {of_plan}"
        return Finding("plan", "damaged", text, _ROWS_LOST)
    if status in {"running", "interrupted", "partial", "failed"}:
        is_load = manifest.get("suite") == LOAD
        advice = f"finish it with: liftlab {'load' if is_load else 'run'} --resume {folder.run_id}"
        if "merged" in manifest:
            advice = "finish its segments, and merge them again"
        elif is_load and manifest["request"].get("arrivals"):
            advice = "an open loop is not resumed; what is committed can be used"
        return Finding("plan", "note", f"{of_plan}, then it was broken off", advice)
    return Finding("plan", "sound", f"{status}, {of_plan}")


def _manifest(folder: RunFolder) -> dict[str, Any]:
    try:
        return folder.manifest()
    except LiftlabError:  # has a finding of its own
        return {}
