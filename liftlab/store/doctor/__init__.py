"""Look a run's folder over: what is sound, what can be made again, what is damaged.

The checks read and never write; what may be mended or removed is the caller's to do.
"""

from __future__ import annotations

from liftlab.store.doctor.artifacts import (
    check_artifacts,
    orphan_finding,
    orphans,
)
from liftlab.store.doctor.files import check_files, leftover_finding, leftovers
from liftlab.store.doctor.finding import Finding
from liftlab.store.doctor.journal import check_journal
from liftlab.store.doctor.processes import check_processes
from liftlab.store.doctor.tables import changed_code, check_tables, graded_digests

__all__ = [
    "Finding",
    "changed_code",
    "check_artifacts",
    "check_files",
    "check_journal",
    "check_processes",
    "check_tables",
    "graded_digests",
    "leftover_finding",
    "leftovers",
    "orphan_finding",
    "orphans",
]
