"""A run on disk: the journal that a run is written to, its artifacts, its tables.

The journal needs the standard library only; pandas is loaded where tables are read.
"""

from __future__ import annotations

from liftlab.store.artifacts import Artifacts
from liftlab.store.folder import RunFolder, committed, create, new_run_id, stage_rows
from liftlab.store.frames import join_trials, read_journal, trial_costs
from liftlab.store.index import history, unlaid
from liftlab.store.journal import Journal
from liftlab.store.listing import RunSummary, find, latest, list_runs, resolve
from liftlab.store.tables import RunData, read_tables, rescale, tables_current, write_tables

__all__ = [
    "Artifacts",
    "Journal",
    "RunData",
    "RunFolder",
    "RunSummary",
    "committed",
    "create",
    "find",
    "history",
    "join_trials",
    "latest",
    "list_runs",
    "new_run_id",
    "read_journal",
    "read_tables",
    "rescale",
    "resolve",
    "stage_rows",
    "tables_current",
    "trial_costs",
    "unlaid",
    "write_tables",
]
