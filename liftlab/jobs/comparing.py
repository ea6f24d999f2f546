"""Two runs beside each other: which ones, what they share, and what the difference is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from liftlab import importers, store
from liftlab.analysis import compare
from liftlab.analysis.by_case import CaseChange, case_changes
from liftlab.analysis.comparable import CONDITIONS, SETTINGS, alike, differences
from liftlab.analysis.estimate import quantity
from liftlab.errors import NothingToCompare, UnknownRun
from liftlab.jobs.baselines import Baseline, baseline_tables, read_baseline, row_of
from liftlab.jobs.opening import open_run, suite_of
from liftlab.settings import Project
from liftlab.store import RunData

EXAMPLE = ("week1", "week2_day1")
_ALSO = {"liftlab_version": "liftlab", "git_commit": "commit", "judged_by": "grader or prices"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """One of the two runs: what it was, and its tables in real seconds."""

    run_id: str
    row: Mapping[str, Any]
    trials: pd.DataFrame
    stages: pd.DataFrame
    data: RunData | None = None  # None: only its baseline is there


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """Two runs, compared over what they share.

    Parameters
    ----------
    first, second
        The earlier and the later side.
    why
        Why these two, in a sentence.
    differs
        What was not the same, by its name: the value of each.
    notes
        What is left out because of that, a sentence each.
    times
        Verdicts on stages, end to end and success.
    cases
        Each shared case, the largest change first.
    """

    first: Side
    second: Side
    why: str
    differs: Mapping[str, tuple[Any, Any]]
    notes: Sequence[str]
    times: compare.RunComparison
    cases: Sequence[CaseChange]

    @property
    def costs(self) -> tuple[float, float] | None:
        """Mean USD a trial of both, where both are known, at one price."""
        both = (self.first.row.get("cost_per_trial_usd"), self.second.row.get("cost_per_trial_usd"))
        if "price" in self.differs or None in both:
            return None
        return float(both[0]), float(both[1])  # type: ignore[arg-type]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        success = self.times.success
        return {
            "first": self.first.run_id,
            "second": self.second.run_id,
            "why": self.why,
            "differs": {name: list(pair) for name, pair in self.differs.items()},
            "notes": list(self.notes),
            "shared_cases": self.times.shared,
            "times": [
                {
                    "what": change.what,
                    "ratio": change.ratio.value,
                    "low": change.ratio.low,
                    "high": change.ratio.high,
                    "cases": change.ratio.n,
                    "p": change.p,
                    "p_equivalent": change.p_equivalent,
                    "detectable": change.detectable,
                    "margin": change.margin,
                    "verdict": change.verdict,
                    "reason": change.ratio.reason,
                }
                for change in self.times.times
            ],
            "success": {
                "first": success.first,
                "second": success.second,
                "cases": success.cases,
                "better": success.better,
                "worse": success.worse,
                "p": success.p,
                "verdict": success.verdict,
            },
            "cost_per_trial_usd": list(self.costs) if self.costs else None,
            "cases": [
                {
                    "case_id": each.case_id,
                    "first_s": each.first_s,
                    "second_s": each.second_s,
                    "ratio": each.ratio.value,
                    "low": each.ratio.low,
                    "high": each.ratio.high,
                    "p": each.p,
                    "verdict": each.verdict,
                }
                for each in self.cases
            ],
        }


def compare_runs(project: Project, first: str = "", second: str = "") -> Pair:
    """Compare a second run with a first, over what they share.

    Parameters
    ----------
    project
        Where the runs are.
    first
        A run. If empty: the baseline, else the newest earlier run made under the same conditions,
        else the published week before.
    second
        A run; the newest if empty, or the published day where there is none.

    Raises
    ------
    UnknownRun
        If there is no such run.
    NothingToCompare
        If `first` is empty and there is no run to compare with.
    """
    if not second:
        measured = [run for run in store.list_runs(project.path("runs")) if not run.problem]
        own = next((run.run_id for run in measured if run.provenance == "measured"), "")
        second = own or EXAMPLE[1]
    later = open_run(second, project=project)
    runs = store.history(project)
    row = row_of(runs, later.run.run_id)
    if first:
        earlier, why = _side(project, first), ""
    else:
        earlier, why = _default(project, runs, row)
    return _paired(earlier, _of(later, row), why)


def _default(project: Project, runs: pd.DataFrame, row: Mapping[str, Any]) -> tuple[Side, str]:
    """Return what a run is compared with when nobody says, and why that."""
    path = project.path("baseline")
    if path.exists():
        pinned = read_baseline(path)
        if pinned.run_id != row["run_id"]:
            return _pinned(project, pinned), "The first is the baseline."
    same = alike(runs, row, only=CONDITIONS)
    same = same[same["started_at"] < (row["started_at"] or "")]
    if len(same):
        name = str(same["run_id"].iloc[-1])
        return _side(
            project, name
        ), "The first is the newest earlier run under the same conditions."
    known = importers.reference_names(project.path("reference"))
    if EXAMPLE[0] not in known or row["run_id"] == EXAMPLE[0]:
        raise NothingToCompare(row["run_id"])
    why = "No earlier run was made under the same conditions: the first is the published week 1."
    return _side(project, EXAMPLE[0]), why


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


def _paired(first: Side, second: Side, why: str) -> Pair:
    differs = differences(first.row, second.row, CONDITIONS | SETTINGS | _ALSO)
    changed = _changed_cases(first, second)
    tables = [_without(side, changed) for side in (first, second)]
    return Pair(
        first=first,
        second=second,
        why=why,
        differs=differs,
        notes=_notes(first, second, differs, changed),
        times=compare.runs(*tables),
        cases=case_changes(tables[0].trials, tables[1].trials),
    )


def _notes(
    first: Side, second: Side, differs: Mapping[str, Any], changed: Sequence[str]
) -> list[str]:
    told = []
    if changed:
        names = ", ".join(changed[:5]) + (", …" if len(changed) > 5 else "")
        told.append(f"Left out, because prompt or checks changed: {names}.")
    if "price" in differs:
        told.append("Costs are not compared: the price is not the same, or not known for both.")
    load = [name for name in ("load", "concurrency", "rate", "endpoint") if name in differs]
    if load:
        told.append(
            f"Not the same, or not known for both: {', '.join(load)}. A change may come from there."
        )
    unsure = [seconds for side in (first, second) if (seconds := _uncertainty(side))]
    if unsure:
        told.append(f"Times are known to ± {quantity(max(unsure), 's')}: less is no difference.")
    return told


def _uncertainty(side: Side) -> float | None:
    """Return the timing uncertainty at real length: the history's row has it as recorded."""
    seconds = side.row.get("timing_uncertainty_s")
    return None if seconds is None else float(seconds) * float(side.row.get("time_scale") or 1.0)


def _changed_cases(first: Side, second: Side) -> list[str]:
    """Return the cases of both runs whose prompt or checks are not the same."""
    suites = [suite_of(side.data.folder) if side.data else None for side in (first, second)]
    if suites[0] is None or suites[1] is None:
        return []
    before, after = ({case.case_id: case for case in suite.cases} for suite in suites if suite)
    return [
        name
        for name, case in before.items()
        if name in after and (case.prompt, case.checks) != (after[name].prompt, after[name].checks)
    ]


def _without(side: Side, cases: Sequence[str]) -> Side:
    if not cases:
        return side
    return Side(
        run_id=side.run_id,
        row=side.row,
        trials=side.trials[~side.trials["case_id"].isin(cases)],
        stages=side.stages[~side.stages["case_id"].isin(cases)],
        data=side.data,
    )
