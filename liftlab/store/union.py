"""Rows of several runs in the journal of one, each exactly once."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from liftlab.errors import InputInvalid
from liftlab.records import columns
from liftlab.store import schema
from liftlab.store.folder import RunFolder

_ORDER = {"attempt": "seq", "stage": "rowid", "trial": "rowid"}


def copy_rows(connection: sqlite3.Connection, run_id: str, parts: Sequence[RunFolder]) -> None:
    """Copy what runs measured into a new journal; the numbers of attempts go on from run to run.

    Raises InputInvalid if two of them have a trial of one name. Raises as `schema.connect`.
    """
    for part in parts:
        with schema.opened(part.journal_path) as own:
            missing = {table: set(schema.missing(own, table)) for table in _ORDER}
        (last,) = connection.execute("SELECT COALESCE(MAX(seq), 0) FROM attempt").fetchone()
        address = f"{part.journal_path.absolute().as_uri()}?mode=ro"
        with schema.reading(part.journal_path):
            connection.execute("ATTACH ? AS part", (address,))
            try:
                connection.execute("BEGIN")
                for table in _ORDER:
                    _copy(connection, table, missing[table], run_id, last)
                connection.execute("COMMIT")
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorname == "SQLITE_CONSTRAINT_PRIMARYKEY":
                    what = "holds requests that another segment holds, too: each counts once"
                    raise InputInvalid(f"{part.run_id}: {what}") from None
                if error.sqlite_errorname == "SQLITE_FULL":
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
                raise
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                connection.execute("DETACH part")


def artifacts_of(part: RunFolder) -> Iterator[bytes]:
    """Yield what the rows of a run name; raises RunFolderCorrupt if it is not what was kept."""
    return map(part.artifacts.get, part.measured_digests())


def _copy(
    connection: sqlite3.Connection, table: str, missing: Iterable[str], run_id: str, last: int
) -> None:
    values = {name: name for name in columns(table)} | dict.fromkeys(missing, "NULL")
    values["run_id"] = "?1"
    if table == "attempt":
        values["seq"] = "seq + ?2"
        values["abandoned"] = "CASE WHEN ended THEN abandoned ELSE 1 END"  # its writer is gone
        values["ended"] = "1"
    connection.execute(
        f"INSERT INTO main.{table} ({', '.join(values)}) "  # noqa: S608
        f"SELECT {', '.join(values.values())} FROM part.{table} "
        f"WHERE ?1 IS NOT NULL AND ?2 IS NOT NULL ORDER BY {_ORDER[table]}",
        (run_id, last),
    )
