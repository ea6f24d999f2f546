"""What a run comes to, and what changed between runs."""

from __future__ import annotations

from liftlab.api.projects import Place, load_project
from liftlab.api.run import Run
from liftlab.api.runs import open_run
from liftlab.errors import NothingToCompare
from liftlab.jobs import comparing
from liftlab.reporting.sections import Section, attach
from liftlab.summary.comparison import Comparison, RankedRuns
from liftlab.summary.run import RunSummary


def summarize(run: str | Run = "latest", project: Place = None) -> RunSummary:
    """Return what a run comes to; each of its results shows itself in a notebook.

    Parameters
    ----------
    run
        A run, or its name.
    project
        The project that it is judged by, or a folder in it; the run's own if None.

    Examples
    --------
    >>> import liftlab
    >>> liftlab.summarize("week2_day1").answers.right
    1
    """
    opened = open_run(run, project)
    if project is None:
        return opened.summary
    attach()
    return RunSummary(opened, load_project(project))


def compare(
    first: str | Run = "", second: str | Run = "latest", *more: str | Run, project: Place = None
) -> Comparison | RankedRuns | Section:
    """Compare a second run with a first, over the prompts that both have; or rank more runs.

    Parameters
    ----------
    first
        A run, or its name; if empty the baseline, else the newest earlier run made under the
        same conditions.
    second
        The later run.
    more
        Further runs: then all are ranked, by success and by time.
    project
        Where the runs are, or a folder in it; the project around the working directory if None.

    Returns
    -------
    Comparison
        Of two runs; `RankedRuns` of more. Where there is nothing to compare with yet, a section
        that says how to get it.

    Examples
    --------
    >>> import liftlab
    >>> comparison = liftlab.compare("week1", "week2_day1")
    >>> comparison.second.run_id
    'week2_day1'
    """
    attach()
    where = load_project(project)
    if more:
        named = [open_run(run, where) for run in (first, second, *more)]
        return comparing.rank_runs(where, named)
    later = open_run(second, where)
    try:
        return comparing.compare_runs(where, open_run(first, where) if first else "", later)
    except NothingToCompare as nothing:
        how = f"{nothing.how[:1].upper()}{nothing.how[1:]}."
        title = f"{later.id}: nothing to compare with yet"
        return Section(title=title, sentences=(how,), line=later.id, run_id=later.id, is_end=True)
