"""The journal: is it whole, and do its rows hang together."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from liftlab.errors import LiftlabError, RunFolderCorrupt
from liftlab.records import SCHEMA_VERSION
from liftlab.store import lock, schema
from liftlab.store.doctor.finding import Finding, some
from liftlab.store.folder import RunFolder
from liftlab.words import counted

_SALVAGE = (
    "copy the folder first; what SQLite can still read: sqlite3 run.sqlite .recover; "
    "what tables/ has can be read as Parquet"
)
_ROWS_LOST = "the journal was changed by something else than liftlab: do not rely on these trials"


def check_journal(folder: RunFolder) -> list[Finding]:
    """Check the database itself, then its rows.

    Returns
    -------
    list of Finding
        The first is about the database. If that is `damaged` it is the only one: nothing in
        the journal can be relied on.

    Raises
    ------
    SchemaTooNew
        If a newer liftlab wrote it: this one cannot judge it.
    """
    try:
        connection = schema.connect(folder.journal_path)
    except RunFolderCorrupt as error:
        return [Finding(check="journal", state="damaged", text=str(error), advice=_SALVAGE)]
    try:
        with schema.reading(folder.journal_path):
            connection.execute("BEGIN")  # one moment for all checks
            faults = _faults(connection)
            if faults:
                text = f"{folder.journal_path}: {some(faults)}"
                return [Finding(check="journal", state="damaged", text=text, advice=_SALVAGE)]
            return [_counts(connection), *_row_findings(folder, connection)]
    except RunFolderCorrupt as error:
        return [Finding(check="journal", state="damaged", text=str(error), advice=_SALVAGE)]
    finally:
        connection.close()


def _faults(connection: sqlite3.Connection) -> list[str]:
    told = [str(line) for (line,) in connection.execute("PRAGMA integrity_check(20)")]
    if told != ["ok"]:
        return [" ".join(line.split())[:200] for line in told]
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    missing = [name for name in ("meta", *schema.TABLES) if name not in there]
    if missing:
        return [f"its table {name!r} is missing" for name in missing]
    (runs,) = connection.execute("SELECT COUNT(*) FROM run").fetchone()
    return [] if runs == 1 else [f"{runs} rows in its table 'run' instead of one"]


def _counts(connection: sqlite3.Connection) -> Finding:
    (trials,) = connection.execute("SELECT COUNT(*) FROM trial").fetchone()
    (attempts,) = connection.execute("SELECT COUNT(*) FROM attempt").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    text = (
        f"whole, schema {version} (this liftlab writes {SCHEMA_VERSION}), "
        f"{counted(trials, 'trial')}, {counted(attempts, 'attempt')}"
    )
    return Finding(check="journal", state="sound", text=text)


def _row_findings(folder: RunFolder, connection: sqlite3.Connection) -> Iterator[Finding]:
    run_id, status, provenance = connection.execute(
        "SELECT run_id, status, provenance FROM run"
    ).fetchone()
    live = lock.is_held(folder.path)
    if run_id != folder.run_id:
        yield Finding(
            check="name",
            state="damaged",
            text=f"the folder is called {folder.run_id}, its rows say {run_id}",
            advice=f"give the folder its name again: {run_id}",
        )
    yield _attempts(connection, folder.run_id, live)
    if provenance == "measured":
        yield _trials(connection)
        yield _plan(folder, connection, str(status), live)


def _attempts(connection: sqlite3.Connection, run_id: str, live: bool) -> Finding:
    (unended,) = connection.execute("SELECT COUNT(*) FROM attempt WHERE ended = 0").fetchone()
    if not unended:
        return Finding(check="attempts", state="sound", text="each has its end")
    if live:
        return Finding(check="attempts", state="sound", text=f"{unended:,} under way")
    return Finding(
        check="attempts",
        state="note",
        text=f"{unended:,} sent and never ended: abandoned, paid for, never timed",
        advice=f"nothing is lost; their trials are made again by: liftlab run --resume {run_id}",
    )


def _trials(connection: sqlite3.Connection) -> Finding:
    """Look for trials that lack what was committed together with them."""
    for query, what in _LOST:
        found = [f"{case_id} #{repeat}" for case_id, repeat in connection.execute(query)]
        if found:
            text = f"{counted(len(found), *what)}: {some(found)}"
            return Finding(check="trials", state="damaged", text=text, advice=_ROWS_LOST)
    return Finding(check="trials", state="sound", text="each has its stages and its attempts")


def _plan(folder: RunFolder, connection: sqlite3.Connection, status: str, live: bool) -> Finding:
    (done,) = connection.execute("SELECT COUNT(*) FROM trial").fetchone()
    planned = _planned(folder)
    of_plan = f"{done:,} of {counted(planned, 'planned trial')}" if planned else f"{done:,} trials"
    if live:
        return Finding(check="plan", state="sound", text=f"{of_plan} committed so far")
    if status == "complete" and planned and done < planned:
        return Finding(
            check="plan",
            state="damaged",
            text=f"the run says that it is complete and has {of_plan}",
            advice=_ROWS_LOST,
        )
    if status in {"running", "interrupted", "partial", "failed"}:
        return Finding(
            check="plan",
            state="note",
            text=f"{of_plan}, then it was broken off",
            advice=_how_to_go_on(folder),
        )
    return Finding(check="plan", state="sound", text=f"{status}, {of_plan}")


def _planned(folder: RunFolder) -> int | None:
    asked = _request(folder)
    try:
        return len(asked["cases"]) * int(asked["repeats"])
    except (KeyError, TypeError, ValueError):
        return None


def _how_to_go_on(folder: RunFolder) -> str:
    if _request(folder).get("pipeline") == "load":
        return "a load is not resumed; what is committed can be used"
    return f"finish it with: liftlab run --resume {folder.run_id}"


def _request(folder: RunFolder) -> dict[str, Any]:
    try:
        asked = folder.manifest().get("request")
    except LiftlabError:  # has a finding of its own
        asked = None
    return asked if isinstance(asked, dict) else {}


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
