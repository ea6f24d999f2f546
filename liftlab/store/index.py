"""Many runs as one history: a row a run and a row a stage, by DuckDB over the runs' Parquet.

What was computed is kept in `index.duckdb` beside the runs. It is only ever replaced whole, so
that readers never meet a half-written one; it is made again where it is missing, damaged or stale,
and run by run: a run that has not changed is not read twice.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from itertools import chain
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from liftlab.errors import LiftlabError, RunFolderCorrupt
from liftlab.records import SCHEMA_VERSION
from liftlab.store import index_sql as sql
from liftlab.store import lock, schema
from liftlab.store.files import refuse_odd
from liftlab.store.folder import SEGMENT, RunFolder, table_file
from liftlab.store.listing import run_folders
from liftlab.store.tables import tables_match

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from liftlab.settings import Project

INDEX = "index.duckdb"
# To keep rows in order would cost a third of the time; they are grouped, and sorted when shown.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "256MB",
    "preserve_insertion_order": False,
}
_BATCH = 250  # runs read together: more takes more memory, and no less time
_AT_ONCE = 3  # batches
_NO_TABLES = "it has no tables yet: `liftlab show {run_id}` makes them"
_DAMAGED = "{told}: `liftlab show {run_id}` makes its tables again"
_STALE = "its tables are older than its journal: `liftlab show {run_id}` makes them again"


class _RunFiles(NamedTuple):
    """A run's files from outside: `mark` differs once one of them does; times are in ns."""

    mark: str
    made: int
    journal: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class History:
    """All runs that can be read, oldest first, and by run why the others cannot.

    A stage has a run, a `median_s`, `n` and `attempts`; NaN is what a run has not.
    """

    runs: pd.DataFrame
    stages: pd.DataFrame
    skipped: Mapping[str, str] = field(default_factory=dict)


def history(project: Project | None = None) -> pd.DataFrame:
    """Return a row a run, oldest first: what it was, its medians, success, cost, attempts, tokens.

    Times in seconds, money in USD, shares from 0 to 1; a column `<stage>_median_s` a stage.
    `attrs["skipped"]` says by run why it is not in.
    """
    from liftlab.settings import load_project  # its models are slow to import

    found = read_history((project or load_project()).path("runs"))
    import pandas as pd

    medians = found.stages.pivot_table(
        index="run_id", columns="stage", values="median_s", sort=False
    )
    medians.columns = pd.Index([f"{name}_median_s" for name in medians.columns])
    own = [name for name in medians.columns if name not in found.runs.columns]
    runs = found.runs.merge(medians[own], left_on="run_id", right_index=True, how="left")
    runs.attrs["skipped"] = dict(found.skipped)
    return runs


def read_history(runs_dir: Path) -> History:
    """Return the history of a folder of runs, and bring its index up to date.

    A folder that is damaged, or is being written, is named in `skipped`. Where the index cannot
    be written, such as on a read-only disk, the history is the same and takes longer.
    """
    import duckdb

    # Only the result needs pandas, which takes as long to load as 250 runs to read.
    Thread(target=import_module, args=["pandas"]).start()
    found, skipped = _run_files(runs_dir)
    with duckdb.connect(config=_CONFIG) as connection:
        for statement in sql.SCHEMA:
            connection.execute(statement)
        known = _load(connection, runs_dir)
        kept = {name for name, files in found.items() if known.get(name) == files.mark}
        gone = set(known) - kept
        for table in sql.TABLES:
            connection.execute(f"DELETE FROM {table} WHERE run_id IN (SELECT unnest(?))", [[*gone]])  # noqa: S608
        fresh = sorted(set(found) - kept)
        batches = [fresh[first : first + _BATCH] for first in range(0, len(fresh), _BATCH)]

        def add(names: Sequence[str]) -> list[tuple[str, str]]:
            with connection.cursor() as own:
                return list(_add(own, runs_dir, {name: found[name] for name in names}))

        # Opening a small file keeps one processor busy for a moment, and the next waits for it.
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for run_id, reason in chain.from_iterable(pool.map(add, batches)):
                connection.execute("INSERT INTO skipped VALUES (?, ?)", [run_id, reason])
        marks = [found[name].mark for name in fresh]
        connection.execute("INSERT INTO source SELECT unnest(?), unnest(?)", [fresh, marks])
        if fresh or gone:
            _save(connection, runs_dir)
        skipped |= dict(connection.execute("SELECT run_id, reason FROM skipped").fetchall())
        return History(
            runs=connection.execute(sql.ALL_RUNS).df(),
            stages=connection.execute(sql.ALL_STAGES).df(),
            skipped=dict(sorted(skipped.items())),
        )


def unlaid(runs_dir: Path, skipped: Mapping[str, str]) -> list[str]:
    """Return the skipped runs that nobody writes to and that get tables once they are opened."""
    return [
        run_id
        for run_id, why in skipped.items()
        if why in (_NO_TABLES.format(run_id=run_id), _STALE.format(run_id=run_id))
        and not lock.is_held(runs_dir / run_id)
    ]


def _run_files(runs_dir: Path) -> tuple[dict[str, _RunFiles], dict[str, str]]:
    """Return what each run's files look like from outside, and which runs have no tables."""
    found, skipped = {}, {}
    for path in run_folders(runs_dir):
        try:
            stats = {table: os.stat(table_file(path, table)) for table in sql.READ}
            for table, stat in stats.items():
                refuse_odd(table_file(path, table), stat)
        except OSError:
            skipped[path.name] = _NO_TABLES.format(run_id=path.name)
            continue
        except RunFolderCorrupt as error:
            skipped[path.name] = str(error)
            continue
        journal = _journal_time(path / schema.FILE_NAME)
        marks = [f"{stat.st_mtime_ns}:{stat.st_size}" for stat in stats.values()]
        mark = " ".join([*marks, str(journal)])
        found[path.name] = _RunFiles(mark, stats["trial"].st_mtime_ns, journal)
    return found, skipped


def _journal_time(journal: Path) -> int:
    """Return when the journal was last written to, as far as the files tell."""
    latest = 0
    for path in (str(journal), f"{journal}-wal"):
        try:
            stat = os.stat(path)
        except OSError:
            continue
        latest = max(latest, stat.st_mtime_ns if stat.st_size else 0)
    return latest


def _load(connection: duckdb.DuckDBPyConnection, runs_dir: Path) -> dict[str, str]:
    """Take over what the index holds; nothing where it is missing, damaged or of another kind."""
    import duckdb

    path = runs_dir / INDEX
    if not path.is_file():
        return {}
    try:
        connection.execute(f"ATTACH '{_quoted(path)}' AS old (READ_ONLY)")
        try:
            (version,) = connection.execute("SELECT version FROM old.meta").fetchone() or (None,)
            if version != sql.VERSION:
                return {}
            for table in sql.TABLES:
                connection.execute(f"INSERT INTO {table} SELECT * FROM old.{table}")  # noqa: S608
        finally:
            connection.execute("DETACH old")
        return dict(connection.execute("SELECT run_id, mark FROM source").fetchall())
    except duckdb.Error:
        for table in sql.TABLES:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608
        return {}


def _save(connection: duckdb.DuckDBPyConnection, runs_dir: Path) -> None:
    """Replace the index; where nothing can be written, the next reader works it out again."""
    import duckdb

    temporary = runs_dir / f".{INDEX}.{secrets.token_hex(8)}"
    try:
        connection.execute(f"ATTACH '{_quoted(temporary)}' AS new")
        try:
            connection.execute("CREATE TABLE new.meta AS SELECT ? AS version", [sql.VERSION])
            for table in sql.TABLES:
                connection.execute(f"CREATE TABLE new.{table} AS SELECT * FROM {table}")  # noqa: S608
        finally:
            connection.execute("DETACH new")
        os.replace(temporary, runs_dir / INDEX)
    except (duckdb.Error, OSError):
        with suppress(OSError):  # on a read-only disk not even what is not there can be removed
            temporary.unlink()


def _add(
    connection: duckdb.DuckDBPyConnection, runs_dir: Path, batch: Mapping[str, _RunFiles]
) -> Iterator[tuple[str, str]]:
    """Read runs together; where that fails, halve them until the damaged one is found."""
    import duckdb

    names = list(batch)
    try:
        connection.execute("BEGIN")
        _read_tables(connection, runs_dir, names)
        connection.execute("COMMIT")
    except duckdb.Error as error:
        connection.execute("ROLLBACK")
        if len(names) == 1:
            yield names[0], _DAMAGED.format(told=_first_line(error, runs_dir), run_id=names[0])
            return
        middle = len(names) // 2
        for half in (names[:middle], names[middle:]):
            yield from _add(connection, runs_dir, {name: batch[name] for name in half})
        return
    own_ids = "SELECT run_id, own_id, noted FROM run WHERE run_id IN (SELECT unnest(?))"
    rows = {name: said for name, *said in connection.execute(own_ids, [names]).fetchall()}
    misfits = {
        name: _misfit(RunFolder(runs_dir / name), files, rows.get(name))
        for name, files in batch.items()
    }
    unfit = {name: reason for name, reason in misfits.items() if reason}
    for table in ("run", "stage") if unfit else ():
        connection.execute(f"DELETE FROM {table} WHERE run_id IN (SELECT unnest(?))", [[*unfit]])  # noqa: S608
    yield from unfit.items()


def _read_tables(
    connection: duckdb.DuckDBPyConnection, runs_dir: Path, names: Sequence[str]
) -> None:
    for table, columns in sql.READ.items():
        paths = [table_file(runs_dir / name, table) for name in names]
        files = ", ".join(f"'{_quoted(path)}'" for path in paths)
        wanted = ", ".join(f"'{name}'" for name in columns.split())
        connection.execute(sql.ROWS.format(table=table, columns=wanted, files=files))
        if later := sql.LATER.get(table):
            connection.execute(sql.ADD_LATER.format(table=table, later=later))
    connection.execute(sql.NOTES.format(files=files))  # of the last one, `run`
    connection.execute(sql.NAMES, [paths, names, paths])
    connection.execute(sql.ADD_RUNS)
    connection.execute(sql.ADD_STAGES)


def _misfit(folder: RunFolder, files: _RunFiles, row: Sequence[str | None] | None) -> str:
    """Say why a run is not to be counted, from its own id and its tables' notes; empty if it is."""
    if row is None:
        return "its table `run` has no row"
    own, noted = row
    if own != folder.run_id:
        return f"its tables are those of run {own}"
    try:
        known = json.loads(noted or "")
        version = int(known["schema_version"])
    except (ValueError, TypeError, KeyError):
        return "its tables do not say how they were made"
    if version > SCHEMA_VERSION:
        return f"written with schema {version}, this liftlab reads up to {SCHEMA_VERSION}"
    return _stale(folder, files, known) or _part(folder)


def _part(folder: RunFolder) -> str:
    """Say that a run is but a segment of one; empty if it is a whole run."""
    with suppress(LiftlabError):  # that it cannot be read is found where it is opened
        if SEGMENT in folder.manifest():
            return "a segment of a run; it counts once it is merged"
    return ""


def _stale(folder: RunFolder, files: _RunFiles, noted: Mapping[str, Any]) -> str:
    """Say whether the journal has gone on since the tables were made; empty if not."""
    # A copy's files may be of any age: where they look stale, the journal itself is asked.
    try:
        if files.journal <= files.made or tables_match(folder, noted):
            return ""
    except LiftlabError as error:
        return str(error)
    return _STALE.format(run_id=folder.run_id)


def _quoted(path: Any) -> str:
    return str(path).replace("'", "''")


def _first_line(error: Exception, runs_dir: Path) -> str:
    told, _, _ = str(error).partition("\n")  # what follows quotes the statement
    return told[:300].replace(f"{runs_dir}/", "")
