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
    from liftlab.jobs.opening import open_run
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
    from liftlab.jobs.sessions import plan_sessions, resume_sessions

_HOMES = {
    "at_most": "liftlab.jobs.capacity",
    "plan_capacity": "liftlab.jobs.capacity",
    "resume_capacity": "liftlab.jobs.capacity",
    "run_capacity": "liftlab.jobs.capacity",
    "worst_case_of": "liftlab.jobs.running",
    "check": "liftlab.jobs.running",
    "check_decided": "liftlab.jobs.deciding",
    "cold_plan": "liftlab.jobs.running",
    "compare_runs": "liftlab.jobs.comparing",
    "examine": "liftlab.jobs.keeping",
    "first_case": "liftlab.jobs.running",
    "likely_duration": "liftlab.jobs.running",
    "open_run": "liftlab.jobs.opening",
    "plan_load": "liftlab.jobs.loading",
    "plan_run": "liftlab.jobs.running",
    "plan_sessions": "liftlab.jobs.sessions",
    "rank_runs": "liftlab.jobs.comparing",
    "resume_run": "liftlab.jobs.running",
    "resume_sessions": "liftlab.jobs.sessions",
    "run_load": "liftlab.jobs.loading",
    "run_suite": "liftlab.jobs.running",
}

__all__ = [
    "at_most",
    "check",
    "check_decided",
    "cold_plan",
    "compare_runs",
    "examine",
    "first_case",
    "likely_duration",
    "open_run",
    "plan_capacity",
    "plan_load",
    "plan_run",
    "plan_sessions",
    "rank_runs",
    "resume_capacity",
    "resume_run",
    "resume_sessions",
    "run_capacity",
    "run_load",
    "run_suite",
    "worst_case_of",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'liftlab.jobs' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
