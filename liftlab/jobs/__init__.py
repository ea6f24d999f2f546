"""The jobs that people ask for, from start to end: run and grade a suite, open a run.

Here the layers meet: what the runner measured is graded, priced and laid down as tables.
The command line and the notebooks both come through here, so they cannot differ.
"""

from liftlab.jobs.baselines import Baseline, pin_baseline, read_baseline
from liftlab.jobs.checking import CheckResult, check_run, false_alarms_of
from liftlab.jobs.comparing import Pair, compare_runs
from liftlab.jobs.deciding import check_decided, decision_of
from liftlab.jobs.loading import plan_load, run_load
from liftlab.jobs.opening import code_of, open_run, rebuild_tables, suite_of
from liftlab.jobs.pricing import billed_price, hosting, measured_cold_start, prices
from liftlab.jobs.running import (
    bounds_of,
    check,
    first_case,
    likely_duration,
    plan_run,
    resume_run,
    run_suite,
)
from liftlab.jobs.waking import cold_plan

__all__ = [
    "Baseline",
    "CheckResult",
    "Pair",
    "billed_price",
    "bounds_of",
    "check",
    "check_decided",
    "check_run",
    "code_of",
    "cold_plan",
    "compare_runs",
    "decision_of",
    "false_alarms_of",
    "first_case",
    "hosting",
    "likely_duration",
    "measured_cold_start",
    "open_run",
    "pin_baseline",
    "plan_load",
    "plan_run",
    "prices",
    "read_baseline",
    "rebuild_tables",
    "resume_run",
    "run_load",
    "run_suite",
    "suite_of",
]
