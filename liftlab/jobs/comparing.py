"""Choose the two runs that are compared."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from liftlab import store
from liftlab.analysis.comparability import CONDITIONS, alike
from liftlab.errors import NothingToCompare, UnknownRun
from liftlab.jobs.baselines import Baseline, baseline_tables, read_baseline, row_of
from liftlab.jobs.opening import open_run
from liftlab.settings import Project
from liftlab.store import RunData
from liftlab.suite import Suite
from liftlab.summary.comparison import Comparison, Side, compare
from liftlab.summary.ranking import RankedRuns, ranked
from liftlab.summary.run import RunSummary


def compare_runs(project: Project, first: str = "", second: str = "") -> Comparison:
    """Compare a second run with a first, over what they share.

    Raises UnknownRun if there is no such run. Raises NothingToCompare if `first` is empty and there
    is no run to compare with.

    Parameters
    ----------
    project
        Where the runs are.
    first
        A run. If empty: the baseline, else the newest earlier run made under the same conditions.
    second
        A run; the newest run of a suite if empty.
    """
    if not second:
        second = store.latest(project.path("runs")) or ""
        if not second:
            raise NothingToCompare("no run of a suite yet")
    later = open_run(second, project=project)
    runs = store.history(project)
    row = row_of(runs, later.run.run_id)
    if first:
        earlier, why = _side(project, first), ""
    else:
        earlier, why = _default(project, runs, row)
    own = _of(later, row)
    return compare(earlier, own, changed_cases=_changed_cases(earlier, own), why=why)


def rank_runs(project: Project, runs: Sequence[str | RunData]) -> RankedRuns:
    """Rank runs by success and by time, over the cases that they share and that did not change.

    `project`: where the runs are, and what they are judged by. `runs`: runs, or their names. Raises
    UnknownRun if there is no such run.
    """
    opened = [run if isinstance(run, RunData) else open_run(run, project=project) for run in runs]
    changed = {
        name
        for first, second in itertools.combinations([run.folder.suite() for run in opened], 2)
        for name in _changed_in(first, second)
    }
    return ranked([RunSummary(run, project) for run in opened], sorted(changed))


def _default(project: Project, runs: pd.DataFrame, row: Mapping[str, Any]) -> tuple[Side, str]:
    """Return what a run is compared with when nobody says, and why that."""
    path = project.path("baseline")
    if path.exists():
        pinned = read_baseline(path)
        if pinned.run_id != row["run_id"]:
            return _pinned(project, pinned), "The first is the baseline."
    same = alike(runs, row, only=CONDITIONS)
    same = same[same["started_at"] < (row["started_at"] or "")]
    if len(same) == 0:
        raise NothingToCompare(row["run_id"])
    why = "The first is the newest earlier run under the same conditions."
    return _side(project, str(same["run_id"].iloc[-1])), why


def _side(project: Project, run_id: str) -> Side:
    data = open_run(run_id, project=project)
    return _of(data, row_of(store.history(project), data.run.run_id))


def _of(data: RunData, row: Mapping[str, Any]) -> Side:
    return Side(
        run_id=data.run.run_id,
        row=row,
        trials=data.trials,
        stages=data.stages,
        data=data,
    )


def _pinned(project: Project, baseline: Baseline) -> Side:
    """Return the baseline's run where it is, else what its file holds."""
    try:
        return _side(project, baseline.run_id)
    except UnknownRun:
        trials, stages = baseline_tables(baseline)
        row = dict(baseline.run) | dict(baseline.metrics)
        return Side(run_id=baseline.run_id, row=row, trials=trials, stages=stages)


def _changed_cases(first: Side, second: Side) -> Sequence[str]:
    """Return the cases of both runs whose prompt or checks are not the same."""
    suites = [side.data.folder.suite() if side.data else None for side in (first, second)]
    return _changed_in(*suites)


def _changed_in(first: Suite | None, second: Suite | None) -> Sequence[str]:
    if first is None or second is None:
        return []
    before, after = ({case.case_id: case for case in suite} for suite in (first, second))
    return [
        name
        for name, case in before.items()
        if name in after and (case.prompt, case.checks) != (after[name].prompt, after[name].checks)
    ]
