"""The tables: are they there, whole, and what the journal says."""

from __future__ import annotations

from liftlab.errors import RunFolderCorrupt
from liftlab.records import TABLES, columns
from liftlab.store import schema
from liftlab.store.doctor.artifacts import faulty, measured_digests
from liftlab.store.doctor.finding import Finding, some
from liftlab.store.exchange import NAMES_ARTIFACTS
from liftlab.store.folder import RunFolder
from liftlab.store.frames import read_journal
from liftlab.store.tables import read_table, table_path, tables_current


def check_tables(folder: RunFolder, *, judged_by: str) -> Finding:
    """Compare a run's tables with its journal, row by row.

    Parameters
    ----------
    folder
        The run; its journal can be read, and nobody writes to it.
    judged_by
        What verdicts and costs have to rest on, as for `tables_current`.

    Returns
    -------
    Finding
        `sound`; `note` where they are missing or stale, as they are after every run until
        somebody opens it; `damaged` where they are not what liftlab wrote.

    Raises
    ------
    SchemaTooNew
        If a newer liftlab wrote one of them.
    """
    missing = [f"{name}.parquet" for name in TABLES if not table_path(folder, name).exists()]
    faults = _faults(folder) if len(missing) < len(TABLES) else []
    advice = f"made again from the journal by: liftlab doctor {folder.run_id}"
    if faults:
        return Finding(check="tables", state="damaged", text=some(faults), advice=advice)
    if missing:
        every = len(missing) == len(TABLES)
        text = "none yet" if every else f"missing: {some(missing, len(TABLES))}"
        return Finding(check="tables", state="note", text=text, advice=advice)
    if not tables_current(folder, judged_by=judged_by):
        text = "older than the journal, the grader, or the prices"
        return Finding(check="tables", state="note", text=text, advice=advice)
    if differing := _differing(folder):
        text = f"not what the journal says: {some(differing, len(TABLES))}"
        return Finding(check="tables", state="damaged", text=text, advice=advice)
    if changed := changed_code(folder):
        text = f"the code that verdicts name is missing or changed: {some(changed)}"
        return Finding(check="tables", state="damaged", text=text, advice=advice)
    return Finding(check="tables", state="sound", text=f"{len(TABLES)}, as the journal has them")


def graded_digests(folder: RunFolder) -> set[str]:
    """Return the digests of the code that the current grades judged.

    Raises
    ------
    RunFolderCorrupt
        If there are no tables, or they are damaged.
    """
    return {
        str(digest)
        for name in NAMES_ARTIFACTS["grade"]
        for digest in read_table(folder, "grade")[name].dropna()
    }


def changed_code(folder: RunFolder) -> list[str]:
    """Return the digests of graded code that is not what was graded; grading makes it again."""
    return list(faulty(folder, graded_digests(folder) - measured_digests(folder)))


def _faults(folder: RunFolder) -> list[str]:
    faults: list[str] = []
    for table in TABLES:
        if table_path(folder, table).exists():
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
