"""What a run comes to, what changed between runs, and what if: with sliders, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from liftlab.api.projects import Place, load_project
from liftlab.api.runs import Run, open_run
from liftlab.errors import NothingToCompare, UsageError
from liftlab.jobs import comparing
from liftlab.reporting.sections import Section, attach
from liftlab.summary import budget
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


def what_if(
    run: str | Run = "latest",
    stages: Mapping[str, float] | None = None,
    *,
    retries: bool = True,
    usd_per_hour: float | None = None,
    requests_per_month: int = 0,
) -> budget.WhatIf:
    """Return a run's times and costs under other assumptions.

    Parameters
    ----------
    run
        A run, or its name.
    stages
        A factor on the time of each stage named: 0.5 is twice as fast.
    retries
        Whether the model is asked again as it was.
    usd_per_hour
        Another hourly price.
    requests_per_month
        Traffic for which the bill is told; 0 for none.

    Raises
    ------
    UnknownName
        If the run has no such stage; the message gives the nearest.

    Examples
    --------
    >>> import liftlab
    >>> found = liftlab.what_if("week2_day1", {"nlp_to_ir": 0.5})
    >>> print(found.then.p50.point)
    9.6 s
    """
    attach()
    return budget.what_if(
        open_run(run).summary,
        stages or {},
        retries=retries,
        usd_per_hour=usd_per_hour,
        requests_per_month=requests_per_month,
    )


def explore(run: str | Run = "latest") -> Any:
    """Show `what_if` with a slider for each stage, the price and the traffic.

    Parameters
    ----------
    run
        A run, or its name.

    Returns
    -------
    ipywidgets.VBox
        It needs a notebook with a person before it.

    Raises
    ------
    UsageError
        If ipywidgets is not installed: it comes with JupyterLab, in the extra `lab`.

    Examples
    --------
    >>> import liftlab
    >>> liftlab.explore("week2_day1")  # doctest: +SKIP
    """
    try:
        import ipywidgets as widgets
    except ImportError:
        raise UsageError("sliders need ipywidgets: pip install 'liftlab[lab]'") from None
    opened = open_run(run)
    names = [str(name) for name in opened.stages.sort_values("position")["stage"].unique()]
    known = opened.summary.cost.price.usd_per_hour
    sliders = {
        name: widgets.FloatSlider(1.0, min=0.1, max=2.0, step=0.1, description=name)
        for name in names
    }
    others = {
        "retries": widgets.Checkbox(True, description="ask again as it was"),
        "usd_per_hour": widgets.FloatText(known or 0.0, description="USD an hour"),
        "requests_per_month": widgets.IntText(10_000, description="a month"),
    }

    def show(retries: bool, usd_per_hour: float, requests_per_month: int, **factors: float) -> None:
        from IPython.display import display

        found = what_if(
            opened,
            factors,
            retries=retries,
            usd_per_hour=usd_per_hour or None,
            requests_per_month=requests_per_month,
        )
        display(found)  # type: ignore[no-untyped-call]

    controls = sliders | others
    shown = widgets.interactive_output(show, controls)
    return widgets.VBox([*controls.values(), shown])
