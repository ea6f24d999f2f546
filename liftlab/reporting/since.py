"""The run that a report compares with, where there is one."""

from __future__ import annotations

from functools import lru_cache

from liftlab.errors import LiftlabError
from liftlab.jobs import comparing, opening
from liftlab.records import CAPACITY, LOAD, SESSIONS
from liftlab.reporting.text.base import Text
from liftlab.reporting.text.comparison import since
from liftlab.reporting.text.sessions import beside
from liftlab.store.listing import latest_sessions
from liftlab.summary.comparison import Comparison
from liftlab.summary.run import RunSummary, summarize


@lru_cache(maxsize=4)
def last_comparable(summary: RunSummary) -> Comparison | None:
    """Return a run beside its baseline, else beside the newest run that was made alike.

    None where there is no such run, or where it cannot be read: no report fails for that.
    """
    run = summary.run
    alone = run.run.load == CAPACITY or run.run.pipeline in (LOAD, SESSIONS)
    if run.run.provenance != "measured" or alone:
        return None
    try:
        return comparing.compare_runs(summary.project, second=run)
    except LiftlabError:
        return None


def session_checks(summary: RunSummary) -> Text:
    """Say what the newest session checks came to; empty where there are none, or for their own."""
    if summary.sessions is not None or summary.run.run.provenance != "measured":
        return Text()
    run_id = latest_sessions(summary.project.path("runs"))
    if run_id is None:
        return Text()
    try:
        run = opening.open_run(run_id, project=summary.project)
    except LiftlabError:
        return Text()
    return beside(summarize(run, summary.project))


def change(summary: RunSummary) -> Text:
    """Say what changed since the last comparable run; empty where there is none."""
    compared = last_comparable(summary)
    return since(compared) if compared else Text()
