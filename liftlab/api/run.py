"""`Run`: a run as people explore it, its tables as DataFrames and its summary one step away."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from liftlab.reporting.sections import attach
from liftlab.settings import Project
from liftlab.store import RunData
from liftlab.suite import Case
from liftlab.summary.run import RunSummary
from liftlab.summary.trials import TrialDetails, trial_of


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
        return trial_of(self, case.case_id if isinstance(case, Case) else str(case), repeat)

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
