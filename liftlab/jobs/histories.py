"""All runs as one history: its rows, its series, and the runs that are not in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from liftlab import store
from liftlab.errors import LiftlabError
from liftlab.jobs.opening import open_run
from liftlab.settings import Project
from liftlab.words import counted

if TYPE_CHECKING:
    import pandas as pd

    from liftlab.analysis.trends import RunSeries


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunHistory:
    """A history, oldest run first.

    Parameters
    ----------
    runs
        A row a run, as `store.history` returns it.
    """

    runs: pd.DataFrame
    series: Sequence[RunSeries]
    skipped: Mapping[str, str]


def read_runs(
    project: Project,
    suite: str | None = None,
    endpoint: str | None = None,
    say: Callable[[str], object] = print,
) -> RunHistory:
    """Return the history, and make the tables of runs that have none.

    Parameters
    ----------
    say
        Told what takes a while.
    """
    runs = store.history(project)
    unread = _lay_tables(project, store.unlaid(project.path("runs"), runs.attrs["skipped"]), say)
    if unread is not None:
        runs = store.history(project)
        runs.attrs["skipped"] |= unread
    from liftlab.analysis.trends import run_series  # the history is read while pandas loads

    skipped: dict[str, str] = runs.attrs["skipped"]
    for column, wanted in (("suite", suite), ("endpoint", endpoint)):
        runs = runs if wanted is None else runs[runs[column] == wanted]
    return RunHistory(runs=runs, series=run_series(runs), skipped=skipped)


def _lay_tables(
    project: Project, wanted: Sequence[str], say: Callable[[str], object]
) -> dict[str, str] | None:
    """Make the tables of runs that have none; return why some cannot, None if none lacked any."""
    if not wanted:
        return None
    say(f"making the tables of {counted(len(wanted), 'run')}: once, not every time")
    unread = {}
    for run_id in wanted:
        try:
            open_run(run_id, project=project)
        except LiftlabError as error:
            unread[run_id] = str(error)
    return unread
