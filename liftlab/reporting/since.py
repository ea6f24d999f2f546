"""The run that a report compares with, where there is one."""

from __future__ import annotations

from functools import lru_cache

from liftlab import jobs
from liftlab.errors import LiftlabError
from liftlab.records import LOAD, SESSIONS
from liftlab.reporting.text.base import Text
from liftlab.reporting.text.comparison import since
from liftlab.summary.comparison import Comparison
from liftlab.summary.run import RunSummary


@lru_cache(maxsize=4)
def last_comparable(summary: RunSummary) -> Comparison | None:
    """Return a run beside its baseline, else beside the newest run that was made alike.

    None where there is no such run, or where it cannot be read: no report fails for that.
    """
    run = summary.run
    if run.run.provenance != "measured" or run.run.pipeline in (LOAD, SESSIONS):
        return None
    try:
        return jobs.compare_runs(summary.project, second=run)
    except LiftlabError:
        return None


def change(summary: RunSummary) -> Text:
    """Say what changed since the last comparable run; empty where there is none."""
    compared = last_comparable(summary)
    return since(compared) if compared else Text()
