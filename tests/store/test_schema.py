"""The journal's tables, and which journals are read."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from liftlab.errors import RunFolderCorrupt, SchemaTooNew
from liftlab.records import KEYS, SCHEMA_VERSION, columns, nullable
from liftlab.store import schema


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    place = tmp_path / schema.FILE_NAME
    connection = sqlite3.connect(place, isolation_level=None)
    schema.create_tables(connection)
    connection.close()
    return place


@pytest.mark.parametrize("table", schema.TABLES)
def test_a_table_has_the_record_s_columns_and_its_key(journal: Path, table: str) -> None:
    with schema.opened(journal) as connection:
        found = connection.execute(f"PRAGMA table_info({table})").fetchall()
    names = [row[1] for row in found]
    extra = ["ended"] if table == "attempt" else []
    assert names == [*columns(table), *extra]
    assert {row[1] for row in found if row[5]} == set(KEYS[table])


def test_a_new_journal_has_seen_no_transaction(journal: Path) -> None:
    with schema.opened(journal) as connection:
        assert schema.revision(connection) == 0
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        found = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'")
        assert found.fetchone() == (SCHEMA_VERSION,)


def test_a_row_is_never_replaced(journal: Path) -> None:
    connection = schema.connect(journal, write=True)
    row = dict.fromkeys(columns("attempt")) | {"run_id": "r", "seq": 1}
    schema.insert(connection, "attempt", row.values())
    with pytest.raises(sqlite3.IntegrityError):
        schema.insert(connection, "attempt", row.values())
    again = row | {"seq": 2}
    schema.insert_ended(connection, [tuple(again.values())])
    found = connection.execute("SELECT seq, ended FROM attempt ORDER BY seq").fetchall()
    assert found == [(1, 0), (2, 1)]
    connection.close()


def test_what_is_read_is_not_written(journal: Path) -> None:
    connection = schema.connect(journal)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM run")
    connection.close()


def test_columns_that_came_later_are_null_until_something_is_written(journal: Path) -> None:
    later = sorted(nullable("attempt") & columns("attempt").keys())[0]
    connection = sqlite3.connect(journal, isolation_level=None)
    connection.execute(f"ALTER TABLE attempt DROP COLUMN {later}")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    with schema.opened(journal) as old:
        found = schema.select(old, "attempt", "seq")
        assert [row[0] for row in found.description] == list(columns("attempt"))
    connection = schema.connect(journal, write=True)
    assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    assert connection.execute(f"SELECT {later} FROM attempt").fetchall() == []
    connection.close()


@pytest.mark.parametrize(
    ("version", "error", "said"),
    [
        (SCHEMA_VERSION + 1, SchemaTooNew, "update liftlab"),
        (0, RunFolderCorrupt, "not a run's journal: it has no schema version"),
    ],
)
def test_a_version_that_nobody_knows(
    journal: Path, version: int, error: type[Exception], said: str
) -> None:
    connection = sqlite3.connect(journal, isolation_level=None)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    with pytest.raises(error, match=said):
        schema.connect(journal)


def test_what_is_no_journal(tmp_path: Path) -> None:
    place = tmp_path / schema.FILE_NAME
    with pytest.raises(RunFolderCorrupt, match="journal is missing"):
        schema.connect(place)
    place.write_bytes(b"no database" * 100)
    with pytest.raises(RunFolderCorrupt, match="cannot be read"):
        schema.connect(place)


def test_a_journal_on_a_read_only_disk_is_read_if_it_was_closed_well(journal: Path) -> None:
    connection = sqlite3.connect(journal)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    with schema.opened(journal) as found:
        assert schema.revision(found) == 0
