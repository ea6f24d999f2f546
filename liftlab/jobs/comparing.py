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
from liftlab.jobs.opening import open_answers, open_run
from liftlab.settings import Project
from liftlab.store import RunData
from liftlab.suite import Suite
from liftlab.summary.comparison import Comparison, RankedRuns, Side, compare, ranked
from liftlab.summary.run import RunSummary


def compare_runs(
    project: Project, first: str | RunData = "", second: str | RunData = ""
) -> Comparison:
    """Compare a second run, the newest if empty, with a first, over what they share.

    If `first` is empty, it is the baseline, else the newest earlier run made under the same
    conditions; raises NothingToCompare where there is neither.
    """
    if not second:
        second = store.latest(project.path("runs")) or ""
        if not second:
            raise NothingToCompare("no run of a suite yet")
    later = open_answers(second, project=project)
    # Before the history is read, which it is in.
    named = open_answers(first, project=project) if first else None
    runs = store.history(project)
    if named:
        earlier, why = _of(named, runs), ""
    else:  # before the later run's tables are read: of a large run they need memory
        earlier, why = _default(project, runs, row_of(runs, later.run.run_id))
    own = _of(later, runs)
    suites = [side.data.folder.suite() if side.data else None for side in (earlier, own)]
    return compare(earlier, own, changed_cases=_changed_in(*suites), why=why)


def rank_runs(project: Project, runs: Sequence[str | RunData]) -> RankedRuns:
    """Rank runs by success and by time, over the cases that they share and that did not change."""
    opened = [open_answers(run, project=project) for run in runs]
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
    return _of(open_run(str(same["run_id"].iloc[-1]), project=project), runs), why


def _of(data: RunData, runs: pd.DataFrame) -> Side:
    return Side(
        run_id=data.run.run_id,
        row=row_of(runs, data.run.run_id),
        trials=data.trials,
        stages=data.stages,
        data=data,
    )


def _pinned(project: Project, baseline: Baseline) -> Side:
    """Return the baseline's run where it is, else what its file holds."""
    try:
        return _of(open_run(baseline.run_id, project=project), store.history(project))
    except UnknownRun:
        trials, stages = baseline_tables(baseline)
        row = dict(baseline.run) | dict(baseline.metrics)
        return Side(run_id=baseline.run_id, row=row, trials=trials, stages=stages)


def _changed_in(first: Suite | None, second: Suite | None) -> Sequence[str]:
    """Return the cases of both suites whose prompt or checks are not the same."""
    if first is None or second is None:
        return []
    before, after = ({case.case_id: case for case in suite} for suite in (first, second))
    return [
        name
        for name, case in before.items()
        if name in after and (case.prompt, case.checks) != (after[name].prompt, after[name].checks)
    ]
