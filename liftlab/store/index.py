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
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liftlab.errors import LiftlabError
from liftlab.records import SCHEMA_VERSION
from liftlab.store import index_sql as sql
from liftlab.store.folder import RunFolder, run_folders
from liftlab.store.tables import tables_match

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from liftlab.settings import Project

INDEX = "index.duckdb"
NO_TABLES = "it has no tables yet: `liftlab show {run_id}` makes them"
STALE = "its tables are older than its journal: `liftlab show {run_id}` makes them again"
_MEMORY = "256MB"
_BATCH = 250  # runs read together: more takes more memory, and no less time


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class History:
    """All runs that can be read, oldest first, and why the others cannot.

    Parameters
    ----------
    runs
        A row a run: its own columns, counts, and its numbers; NaN where it has none.
    stages
        A row a run and stage: `median_s`, `n`, `attempts`.
    skipped
        By run, why it is not in.
    """

    runs: pd.DataFrame
    stages: pd.DataFrame
    skipped: Mapping[str, str] = field(default_factory=dict)


def history(project: Project | None = None) -> pd.DataFrame:
    """Return a row a run, oldest first: what it was, its medians, success, cost, attempts, tokens.

    Parameters
    ----------
    project
        The project; the one around the working directory if None.

    Returns
    -------
    DataFrame
        Times in seconds, money in USD, shares from 0 to 1; a column `<stage>_median_s` a stage.
        `attrs["skipped"]` says by run why it is not in.
    """
    import pandas as pd

    from liftlab.settings import load_project  # its models are slow to import

    found = read_history((project or load_project()).path("runs"))
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
    import pandas as pd

    found, skipped = _fingerprints(runs_dir)
    with duckdb.connect(config={"memory_limit": _MEMORY}) as connection:
        _prepare(connection)
        known = _load(connection, runs_dir)
        kept = {name for name, mark in found.items() if known.get(name) == mark}
        gone = set(known) - kept
        for table in sql.TABLES:
            connection.execute(f"DELETE FROM {table} WHERE run_id IN (SELECT unnest(?))", [[*gone]])  # noqa: S608
        fresh = sorted(set(found) - kept)
        for first in range(0, len(fresh), _BATCH):
            for run_id, reason in _add(connection, runs_dir, fresh[first : first + _BATCH]):
                connection.execute("INSERT INTO skipped VALUES (?, ?)", [run_id, reason])
        marks = pd.DataFrame({"run_id": fresh, "mark": [found[name] for name in fresh]})
        if fresh:
            connection.execute("INSERT INTO source SELECT run_id, mark FROM marks")
        if fresh or gone:
            _save(connection, runs_dir)
        skipped |= dict(connection.execute("SELECT run_id, reason FROM skipped").fetchall())
        del marks
        return History(
            runs=connection.execute(sql.ALL_RUNS).df(),
            stages=connection.execute(sql.ALL_STAGES).df(),
            skipped=dict(sorted(skipped.items())),
        )


def _fingerprints(runs_dir: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return what each run's files look like from outside, and which runs have no tables."""
    found, skipped = {}, {}
    for path in run_folders(runs_dir):
        folder = RunFolder(path)
        try:
            stats = [os.stat(folder.tables_path / f"{table}.parquet") for table in sql.READ]
        except OSError:
            skipped[path.name] = NO_TABLES.format(run_id=path.name)
            continue
        journal = _journal_time(folder)
        marks = [f"{stat.st_mtime_ns}:{stat.st_size}" for stat in stats]
        found[path.name] = " ".join([*marks, str(journal)])
    return found, skipped


def _journal_time(folder: RunFolder) -> int:
    """Return when the journal was last written to, as far as the files tell."""
    latest = 0
    for suffix in ("", "-wal"):
        try:
            stat = os.stat(f"{folder.journal_path}{suffix}")
        except OSError:
            continue
        latest = max(latest, stat.st_mtime_ns if stat.st_size else 0)
    return latest


def _prepare(connection: duckdb.DuckDBPyConnection) -> None:
    for statement in sql.SCHEMA:
        connection.execute(statement)


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
        temporary.unlink(missing_ok=True)


def _add(
    connection: duckdb.DuckDBPyConnection, runs_dir: Path, names: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Read runs together; where that fails, halve them until the damaged one is found."""
    import duckdb

    if not names:
        return
    try:
        connection.execute("BEGIN")
        _read_tables(connection, runs_dir, names)
        connection.execute("COMMIT")
    except duckdb.Error as error:
        connection.execute("ROLLBACK")
        if len(names) == 1:
            yield names[0], _first_line(error, runs_dir)
            return
        middle = len(names) // 2
        yield from _add(connection, runs_dir, names[:middle])
        yield from _add(connection, runs_dir, names[middle:])
        return
    for name in names:
        if reason := _unfit(connection, runs_dir, name):
            for table in ("run", "stage"):
                connection.execute(f"DELETE FROM {table} WHERE run_id = ?", [name])  # noqa: S608
            yield name, reason


def _read_tables(
    connection: duckdb.DuckDBPyConnection, runs_dir: Path, names: Sequence[str]
) -> None:
    for table, columns in sql.READ.items():
        paths = [str(runs_dir / name / "tables" / f"{table}.parquet") for name in names]
        files = ", ".join(f"'{_quoted(path)}'" for path in paths)
        connection.execute(sql.ROWS.format(table=table, columns=columns, files=files))
    connection.execute(sql.NOTES.format(files=files))  # of the last one, `run`
    connection.execute(sql.NAMES, [paths, names, paths])
    connection.execute(sql.ADD_RUNS)
    connection.execute(sql.ADD_STAGES)


def _unfit(connection: duckdb.DuckDBPyConnection, runs_dir: Path, name: str) -> str:
    """Say why a run that could be read is not to be counted; empty if it is."""
    row = connection.execute("SELECT own_id, noted FROM run WHERE run_id = ?", [name]).fetchone()
    if row is None:
        return "its table `run` has no row"
    own, noted = row
    if own != name:
        return f"its tables are those of run {own}"
    try:
        known = json.loads(noted)
        version = int(known["schema_version"])
    except (ValueError, TypeError, KeyError):
        return "its tables do not say how they were made"
    if version > SCHEMA_VERSION:
        return f"written with schema {version}, this liftlab reads up to {SCHEMA_VERSION}"
    return _stale(RunFolder(runs_dir / name), known)


def _stale(folder: RunFolder, noted: Mapping[str, Any]) -> str:
    """Say whether the journal has gone on since the tables were made; empty if not.

    A copy's files may be of any age: where they look stale, the journal itself is asked.
    """
    made = os.stat(folder.tables_path / "trial.parquet").st_mtime_ns
    try:
        if _journal_time(folder) <= made or tables_match(folder, noted):
            return ""
    except LiftlabError as error:
        return str(error)
    return STALE.format(run_id=folder.run_id)


def _quoted(path: Any) -> str:
    return str(path).replace("'", "''")


def _first_line(error: Exception, runs_dir: Path) -> str:
    return " ".join(str(error).split())[:300].replace(f"{runs_dir}/", "")
