"""What the runs of a history look like from outside: whether they changed, or have no tables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from liftlab.errors import RunFolderCorrupt
from liftlab.store import index_sql as sql
from liftlab.store import lock, schema
from liftlab.store.files import refuse_odd
from liftlab.store.folder import table_file
from liftlab.store.listing import run_folders

NO_TABLES = "it has no tables yet: `liftlab show {run_id}` makes them"
DAMAGED = "{told}: `liftlab show {run_id}` makes its tables again"
STALE = "its tables are older than its journal: `liftlab show {run_id}` makes them again"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFiles:
    """A run's files from outside: `mark` differs once one of them does; times are in ns."""

    mark: str
    made: int
    journal: int


def run_files(runs_dir: Path) -> tuple[dict[str, RunFiles], dict[str, str]]:
    """Return what each run's files look like from outside, and which runs have no tables."""
    found, skipped = {}, {}
    for path in run_folders(runs_dir):
        try:
            stats = {table: os.stat(table_file(path, table)) for table in sql.READ}
            for table, stat in stats.items():
                refuse_odd(table_file(path, table), stat)
        except OSError:
            skipped[path.name] = NO_TABLES.format(run_id=path.name)
            continue
        except RunFolderCorrupt as error:
            skipped[path.name] = str(error)
            continue
        journal = _journal_time(path / schema.FILE_NAME)
        marks = [f"{stat.st_mtime_ns}:{stat.st_size}" for stat in stats.values()]
        found[path.name] = RunFiles(
            mark=" ".join([*marks, str(journal)]),
            made=stats["trial"].st_mtime_ns,
            journal=journal,
        )
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


def unlaid(runs_dir: Path, skipped: Mapping[str, str]) -> list[str]:
    """Return the skipped runs that have no tables, or stale ones, and that nobody writes to.

    Opening them makes tables.
    """
    found = []
    for run_id, why in skipped.items():
        lacks = why in (NO_TABLES.format(run_id=run_id), STALE.format(run_id=run_id))
        if lacks and not lock.is_held(runs_dir / run_id):
            found.append(run_id)
    return found
