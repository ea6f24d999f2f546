"""`Run`, a run as people explore it; open runs, list them, run a suite, go on with a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from liftlab import store
from liftlab.api.projects import Place, load_project
from liftlab.errors import RunInterrupted, UsageError
from liftlab.jobs import opening, running
from liftlab.jobs.keeping import list_runs
from liftlab.reporting.sections import attach
from liftlab.settings import Project
from liftlab.store import RunData
from liftlab.suite import Case, Suite
from liftlab.summary.result import Limits
from liftlab.summary.run import RunSummary
from liftlab.summary.trials import TrialDetails, trial_of
from liftlab.words import counted

if TYPE_CHECKING:
    from liftlab.serving.simulator import SimulatorServer

_SHOWN = (
    *("run_id", "started_at", "suite", "endpoint", "model", "trials", "status", "success_rate"),
    *("e2e_median_s", "label"),
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Run(RunData):
    """A run: what was measured, how it was judged, and what it comes to.

    Parameters
    ----------
    project
        The project that it is judged by.

    Attributes
    ----------
    trials, attempts, stages, grades, checks, costs : DataFrame
        The tables, times in seconds and money in USD; `trials` is joined with grades and costs.
    summary : RunSummary
        What the run comes to, each part computed when it is first asked for.

    Examples
    --------
    >>> import liftlab
    >>> run = liftlab.open_run("week2_day1")
    >>> run.trials["e2e_s"].round(2).tolist()
    [14.92, 14.96, 14.16, 27.1, 26.9]
    """

    project: Project

    @property
    def id(self) -> str:
        """The run's name, which every verb takes."""
        return self.run.run_id

    @cached_property
    def summary(self) -> RunSummary:
        """What the run comes to: `summary.latency`, `.answers`, `.slow`, `.cost`, …."""
        attach()
        return RunSummary(self, self.project)

    def trial(self, case: str | Case, repeat: int = 1) -> TrialDetails:
        """Return one trial in full: prompt, replies, IR, code, checks, times.

        Raises
        ------
        UnknownName
            If the run has no such case; the message gives the nearest.

        Examples
        --------
        >>> import liftlab
        >>> trial = liftlab.open_run("week2_day1").trial("is_even")
        >>> trial.stages["attempts"].tolist()
        [1, 2]
        """
        attach()
        case_id = case.case_id if isinstance(case, Case) else str(case)
        return trial_of(self, case_id, repeat, Limits(self.project.settings.targets))

    def __repr__(self) -> str:
        """Return the run in a line, and its finding."""
        return str(self.summary)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = self.summary._repr_mimebundle_(**options)  # type: ignore[attr-defined]
        return bundle


def as_run(data: RunData, project: Project) -> Run:
    """Return a run that was opened for a project."""
    run = object.__new__(Run)
    data.put_into(run)
    object.__setattr__(run, "project", project)
    return run


def open_run(run: str | os.PathLike[str] | Run = "latest", project: Place = None) -> Run:
    """Return a run with its tables; they are made again where they are missing or stale.

    Parameters
    ----------
    run
        Its name, or the beginning of it; its folder; `latest` is the newest run of a suite.
        The published days `week2_day1` and `week1` are there on a fresh checkout, too.
    project
        The project, or a folder in it; the one around the working directory if None.

    Raises
    ------
    UnknownRun
        If there is no such run; the message gives the nearest names.

    Examples
    --------
    >>> import liftlab
    >>> liftlab.open_run("week2_day1").id
    'week2_day1'
    """
    if isinstance(run, Run):
        return run
    if not isinstance(run, str | os.PathLike):
        raise UsageError(f"open_run takes a run's name, not {type(run).__name__}")
    name = os.path.basename(os.path.normpath(run)) if run else "latest"
    where = load_project(project)
    return as_run(opening.open_run(name, project=where), where)


def runs(project: Place = None) -> pd.DataFrame:
    """Return a row a run, newest first: when, which suite and endpoint, success, median.

    Parameters
    ----------
    project
        The project, or a folder in it; the one around the working directory if None.

    Examples
    --------
    >>> import liftlab
    >>> list(liftlab.runs().columns)[:3]
    ['run_id', 'started_at', 'suite']
    """
    return list_runs(load_project(project))[list(_SHOWN)]


def history(project: Place = None) -> pd.DataFrame:
    """Return a row a run, oldest first, with all that is kept of each.

    Parameters
    ----------
    project
        The project, or a folder in it; the one around the working directory if None.

    Returns
    -------
    DataFrame
        Times in seconds, money in USD, shares from 0 to 1; a column `<stage>_median_s` a stage.
        `attrs["skipped"]` says by run why it is not in.

    Examples
    --------
    >>> import liftlab
    >>> "e2e_median_s" in liftlab.history()
    True
    """
    return store.history(load_project(project))


def run(
    suite: str | Suite = "",
    endpoint: str | SimulatorServer = "",
    *,
    pipeline: str = "",
    protocol: str = "",
    repeats: int | None = None,
    project: Place = None,
) -> Run:
    """Run a suite, grade its answers, and return the run.

    Progress is shown in the cell. An interrupt keeps what is there, and says how to go on.

    Parameters
    ----------
    suite
        A suite, its name or its file; that of `liftlab.toml` if empty.
    endpoint
        A name or a URL, or a server of `simulate`; that of `liftlab.toml` if empty.
    pipeline
        A name; that of `liftlab.toml` if empty.
    protocol
        What a URL speaks: "lift" or "openai".
    repeats
        How often each case is asked; as often as `liftlab.toml` says if None.
    project
        Where to run it, or a folder in it; the project around the working directory if None.

    Raises
    ------
    UnknownName
        If a name does not exist; the message gives the nearest.
    EndpointUnreachable
        If the endpoint is down.

    Examples
    --------
    >>> import liftlab
    >>> with liftlab.simulate("fast", time_scale=100) as server:  # doctest: +SKIP
    ...     run = liftlab.run("mvp", server, repeats=2)
    """
    if not isinstance(suite, str | os.PathLike | Suite):
        raise UsageError(f"run takes a suite or its name, not {type(suite).__name__}")
    asked: dict[str, Any] = {
        "suite": "" if isinstance(suite, Suite) else os.fspath(suite),
        "endpoint": endpoint if isinstance(endpoint, str) else endpoint.url,
        "pipeline": pipeline,
        "protocol": protocol or ("" if isinstance(endpoint, str) else "lift"),
        "repeats": repeats,
    }
    where = load_project(
        project, **{name: value for name, value in asked.items() if value not in ("", None)}
    )
    request = running.plan_run(where, suite=suite if isinstance(suite, Suite) else None)
    return _kept(partial(running.run_suite, request), where)


def resume(run: str | Run, project: Place = None) -> Run:
    """Finish a run that was broken off; what is already committed does not change.

    Parameters
    ----------
    run
        The run, or its name.
    project
        The project, or a folder in it; the one around the working directory if None.

    Raises
    ------
    UnknownRun
        If there is no such run.
    InputInvalid
        If it was not measured here.

    Examples
    --------
    >>> import liftlab
    >>> run = liftlab.resume("20261129_101500_abcd")  # doctest: +SKIP
    """
    if not isinstance(run, Run | str):
        raise UsageError(f"resume takes a run or its name, not {type(run).__name__}")
    where = run.project if isinstance(run, Run) and project is None else load_project(project)
    name = run.id if isinstance(run, Run) else run
    return _kept(partial(running.resume_run, where, name), where)


def simulate(profile: str = "fast", *, time_scale: float = 1.0) -> SimulatorServer:
    """Return an endpoint whose true times are known; a `with` block starts and stops it.

    Parameters
    ----------
    profile
        A profile's name, or a file of one.
    time_scale
        Every time of the profile is divided by it: at 100, 10.4 s are 104 ms.

    Examples
    --------
    >>> import liftlab
    >>> with liftlab.simulate("fast", time_scale=100) as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True
    """
    from liftlab.serving.simulator import SimulatorServer

    if not isinstance(profile, str | os.PathLike):
        raise UsageError(f"simulate takes a profile's name, not {type(profile).__name__}")
    return SimulatorServer(profile, time_scale=time_scale)


def _kept(job: Callable[[], RunData], project: Any) -> Run:
    """Return what a job measured; of one that was interrupted, what was committed till then."""
    try:
        return as_run(job(), project)
    except RunInterrupted as interrupted:
        if not interrupted.run_id:
            raise
        kept = as_run(opening.open_run(interrupted.run_id, project=project), project)
        ended = counted(len(kept.trials), "trial")
        go_on = f"liftlab.resume({kept.id!r})"
        sys.stderr.write(f"interrupted; {ended} kept. Finish the run with: {go_on}\n")
        return kept
