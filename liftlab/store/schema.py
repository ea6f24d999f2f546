"""The journal's tables in SQLite, made from `records`, and the version they carry."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liftlab.errors import InputInvalid, RunFolderCorrupt, SchemaTooNew
from liftlab.records import KEYS, SCHEMA_VERSION, columns, nullable

if TYPE_CHECKING:
    from liftlab.store.folder import RunFolder

FILE_NAME = "run.sqlite"
TABLES = ("run", "attempt", "stage", "trial")  # measured; grades, checks and costs are derived

_SQL_TYPES = {str: "TEXT", int: "INTEGER", float: "REAL", bool: "INTEGER"}
# Not a column of the record: whether the attempt's row is complete.
_EXTRA = {"attempt": "ended INTEGER NOT NULL DEFAULT 0"}


def create_tables(connection: sqlite3.Connection) -> None:
    """Lay the tables down in an empty database."""
    connection.execute("BEGIN")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT")
    connection.executemany(
        "INSERT INTO meta VALUES (?, ?)", [("schema_version", SCHEMA_VERSION), ("revision", 0)]
    )
    for table in TABLES:
        connection.execute(_CREATE[table])
    connection.execute("COMMIT")


def insert(connection: sqlite3.Connection, table: str, values: Iterable[Any]) -> None:
    """Write one row; a row of the same key is an error, never replaced."""
    connection.execute(_INSERT[table], tuple(values))


def insert_many(
    connection: sqlite3.Connection, table: str, rows: Iterable[tuple[Any, ...]]
) -> None:
    """Write rows of one table."""
    connection.executemany(_INSERT[table], rows)


def insert_ended(connection: sqlite3.Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write attempts that have ended already."""
    connection.executemany(_INSERT_ENDED, rows)


def connect(path: Path, *, write: bool = False) -> sqlite3.Connection:
    """Open a journal that exists, and check that it is one and of a version we know.

    Raises RunFolderCorrupt if it is missing or damaged, SchemaTooNew if a newer liftlab wrote it.
    """
    if not path.is_file():
        raise RunFolderCorrupt(path, "the run's journal is missing")
    with reading(path):
        connection = _open(path, "rw" if write else "ro")
        try:
            _check_version(connection, path)
            if write:
                _add_missing_columns(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def select(connection: sqlite3.Connection, table: str, order: str) -> sqlite3.Cursor:
    """Read a table's columns as `records` has them; one that the journal is too old for is null."""
    absent = missing(connection, table)
    names = [f"NULL AS {name}" if name in absent else name for name in columns(table)]
    return connection.execute(
        f"SELECT {', '.join(names)} FROM {table} ORDER BY {order}"  # noqa: S608
    )


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a journal for as long as it is read; raises as `connect` and `reading`."""
    connection = connect(path)
    try:
        with reading(path):
            yield connection
    finally:
        connection.close()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what SQLite says of a damaged journal into `RunFolderCorrupt`."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise RunFolderCorrupt(path, f"the run's journal cannot be read: {error}") from error


def revision(connection: sqlite3.Connection) -> int:
    """Return the number of transactions that the journal has seen."""
    (value,) = connection.execute("SELECT value FROM meta WHERE key = 'revision'").fetchone()
    return int(value)


def _insert(table: str) -> str:
    names = list(columns(table))
    places = ", ".join("?" * len(names))
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608


_INSERT = {table: _insert(table) for table in TABLES}
_INSERT_ENDED = _INSERT["attempt"].replace("(", "(ended, ", 1).replace("VALUES (", "VALUES (1, ")


def _create(table: str) -> str:
    fields = [f"{name} {_SQL_TYPES[kind]}" for name, kind in columns(table).items()]
    fields += [_EXTRA[table]] if table in _EXTRA else []
    key = ", ".join(KEYS[table])
    return f"CREATE TABLE {table} ({', '.join(fields)}, PRIMARY KEY ({key})) STRICT"


def missing(connection: sqlite3.Connection, table: str) -> list[str]:
    """Return the nullable columns that came after this journal was made."""
    there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    later = nullable(table) - there
    return [name for name in columns(table) if name in later]


def _add_missing_columns(connection: sqlite3.Connection) -> None:
    for table in TABLES:
        kinds = columns(table)
        for name in missing(connection, table):
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {_SQL_TYPES[kinds[name]]}")
    # What is written from now on, an older liftlab may not know.
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


_CREATE = {table: _create(table) for table in TABLES}


def _open(path: Path, mode: str) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    try:
        return _probed(address)
    except sqlite3.OperationalError:
        log = path.with_name(f"{path.name}-wal")
        if mode != "ro" or (log.exists() and log.stat().st_size):
            raise
        # On a read-only medium SQLite cannot make the files that WAL needs beside the
        # journal; a journal that was closed well has everything in the one file.
        return _probed(f"{address}&immutable=1")


def _probed(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        address, uri=True, isolation_level=None, check_same_thread=False, timeout=30.0
    )
    try:
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > SCHEMA_VERSION:
        raise SchemaTooNew(path, found, SCHEMA_VERSION)
    if found < 1:
        raise RunFolderCorrupt(path, "this is not a run's journal: it has no schema version")


_ORDER = {"attempt": "seq", "stage": "rowid", "trial": "rowid"}


def copy_rows(connection: sqlite3.Connection, run_id: str, parts: Sequence[RunFolder]) -> None:
    """Copy what runs measured into a new journal; the numbers of attempts go on from run to run.

    Raises InputInvalid if two of them have a trial of one name. Raises as `connect`.
    """
    for part in parts:
        with opened(part.journal_path) as own:
            late = {table: missing(own, table) for table in _ORDER}
        (last,) = connection.execute("SELECT COALESCE(MAX(seq), 0) FROM attempt").fetchone()
        address = f"{part.journal_path.absolute().as_uri()}?mode=ro"
        with reading(part.journal_path):
            connection.execute("ATTACH ? AS part", (address,))
            try:
                connection.execute("BEGIN")
                for table in _ORDER:
                    _copy(connection, table, late[table], run_id, last)
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


def _copy(
    connection: sqlite3.Connection, table: str, late: Iterable[str], run_id: str, last: int
) -> None:
    values = {name: name for name in columns(table)} | dict.fromkeys(late, "NULL")
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
