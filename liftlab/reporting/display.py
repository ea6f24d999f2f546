"""What the front door gives to notebooks: runs, and results that show themselves."""

from __future__ import annotations

from typing import Any

from liftlab import jobs
from liftlab.errors import NothingToCompare
from liftlab.reporting.sections import Section, attach
from liftlab.settings import Project, load_project
from liftlab.store import RunData
from liftlab.summary.comparison import Comparison
from liftlab.summary.run import RunSummary


def run_suite(
    suite: str = "",
    endpoint: str = "",
    *,
    pipeline: str = "",
    protocol: str = "",
    repeats: int = 0,
    project: Project | None = None,
) -> RunData:
    """Run a suite, grade its answers, and return the finished run.

    Parameters
    ----------
    suite, endpoint, pipeline
        Names, or a suite's file and an endpoint's URL; those of `liftlab.toml` where empty.
    protocol
        What a URL speaks: "lift" or "openai".
    repeats
        How often each case is asked.
    project
        Where to run it; the project around the working directory if None. Progress goes to
        standard error. After Ctrl-C what is committed is kept: `liftlab run --resume` finishes it.

    Raises
    ------
    UnknownName
        If a name does not exist; the message gives the nearest.
    """
    asked: dict[str, Any] = {
        "run.suite": suite,
        "run.endpoint": endpoint,
        "run.pipeline": pipeline,
        "run.protocol": protocol,
        "run.repeats": repeats,
    }
    root = project.root if project else None
    changed = {name: value for name, value in asked.items() if value}
    return jobs.run_suite(jobs.plan_run(load_project(root, overrides=changed)))


def summarize(run: RunData, project: Project | None = None) -> RunSummary:
    """Return what a run comes to; each of its results shows itself in a notebook.

    Parameters
    ----------
    run
        A run, as `open_run` returns it.
    project
        The project that it is judged by; the one around the working directory if None.

    Examples
    --------
    >>> import liftlab
    >>> liftlab.summarize(liftlab.open_run("week2_day1")).answers.right
    1
    """
    attach()
    return RunSummary(run, project or load_project())


def compare(
    first: str = "", second: str = "latest", project: Project | None = None
) -> Comparison | Section:
    """Compare a second run with a first, over the prompts that both have.

    Parameters
    ----------
    first
        A run's name; if empty the baseline, else the newest earlier run made under the same
        conditions.
    second
        The later run.
    project
        Where the runs are; the project around the working directory if None.

    Returns
    -------
    Comparison
        Or, where there is nothing to compare with yet, a section that says how to get it.
    """
    attach()
    project = project or load_project()
    later = jobs.open_run(second, project=project).run.run_id
    try:
        return jobs.compare_runs(project, first, later)
    except NothingToCompare as nothing:
        how = f"{nothing.how[:1].upper()}{nothing.how[1:]}."
        title = f"{later}: nothing to compare with yet"
        return Section(title=title, sentences=(how,), line=later, run_id=later, is_end=True)
