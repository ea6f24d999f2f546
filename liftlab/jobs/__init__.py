"""The jobs that people ask for, from start to end: run and grade a suite, open a run.

Here the layers meet: what the runner measured is graded, priced and laid down as tables.
The command line and the notebooks both come through here, so they cannot differ. Names are
loaded when they are first used: a load needs none of what grading and pages import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from liftlab.jobs.capacity import at_most, plan_capacity, resume_capacity, run_capacity
    from liftlab.jobs.comparing import compare_runs, rank_runs
    from liftlab.jobs.deciding import check_decided
    from liftlab.jobs.keeping import examine
    from liftlab.jobs.loading import plan_load, run_load
    from liftlab.jobs.merging import merge_runs
    from liftlab.jobs.opening import open_run
    from liftlab.jobs.remote_load import run_on_cluster
    from liftlab.jobs.running import (
        check,
        cold_plan,
        first_case,
        likely_duration,
        plan_run,
        resume_run,
        run_suite,
        worst_case_of,
    )
    from liftlab.jobs.segments import (
        cut,
        resume_load,
        run_processes,
        run_segment,
        segment_folder,
    )
    from liftlab.jobs.sessions import plan_sessions, resume_sessions

_HOMES = {
    name: f"liftlab.jobs.{module}"
    for module, names in {
        "capacity": ["at_most", "plan_capacity", "resume_capacity", "run_capacity"],
        "comparing": ["compare_runs", "rank_runs"],
        "deciding": ["check_decided"],
        "keeping": ["examine"],
        "loading": ["plan_load", "run_load"],
        "merging": ["merge_runs"],
        "opening": ["open_run"],
        "remote_load": ["run_on_cluster"],
        "running": [
            "check",
            "cold_plan",
            "first_case",
            "likely_duration",
            "plan_run",
            "resume_run",
            "run_suite",
            "worst_case_of",
        ],
        "segments": ["cut", "resume_load", "run_processes", "run_segment", "segment_folder"],
        "sessions": ["plan_sessions", "resume_sessions"],
    }.items()
    for name in names
}

__all__ = [
    "at_most",
    "check",
    "check_decided",
    "cold_plan",
    "compare_runs",
    "cut",
    "examine",
    "first_case",
    "likely_duration",
    "merge_runs",
    "open_run",
    "plan_capacity",
    "plan_load",
    "plan_run",
    "plan_sessions",
    "rank_runs",
    "resume_capacity",
    "resume_load",
    "resume_run",
    "resume_sessions",
    "run_capacity",
    "run_load",
    "run_on_cluster",
    "run_processes",
    "run_segment",
    "run_suite",
    "segment_folder",
    "worst_case_of",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'liftlab.jobs' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
