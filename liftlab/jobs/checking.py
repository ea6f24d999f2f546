"""May it ship: a run's targets and its distance from the baseline, as one decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from liftlab import store
from liftlab.analysis.comparability import CONDITIONS, alike, differences, metrics, spreads
from liftlab.analysis.estimate import plain
from liftlab.analysis.regression import FalseAlarms, Regression, false_alarms, regressions
from liftlab.analysis.targets import JudgedTarget
from liftlab.errors import EndpointError, VerdictsUnproven
from liftlab.jobs.baselines import Baseline, read_baseline, row_of
from liftlab.jobs.opening import open_run
from liftlab.records import SESSIONS
from liftlab.settings import Project
from liftlab.summary import RunSummary, summarize
from liftlab.summary.claims.model import metric_words
from liftlab.summary.provenance import unproven

Decision = Literal["passed", "failed", "undecided", "not measurable"]
EXIT_CODES: Mapping[Decision, int] = {
    "passed": 0,
    "failed": 3,
    "undecided": 7,
    "not measurable": EndpointError.exit_code,
}
_OPEN = ("undecided", "not measurable")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What a run's targets and its baseline say."""

    summary: RunSummary
    baseline: str | None = None  # the run that is pinned
    regressions: Sequence[Regression] = ()  # each of its numbers against this run's
    undecided_passes: bool = False  # whether an open verdict lets the run pass

    @property
    def run_id(self) -> str:
        """Which run."""
        return self.summary.run.run.run_id

    @property
    def unproven(self) -> str:
        """Why its verdicts are not to be relied on; empty where they are."""
        return unproven(self.summary.run)

    @property
    def targets(self) -> Sequence[JudgedTarget]:
        """Each target with its verdict."""
        return self.summary.targets.rows

    @property
    def failed(self) -> list[str]:
        """What is not met, or has become worse."""
        missed = [t.result.name for t in self.targets if t.required and t.verdict == "not met"]
        return missed + [r.metric for r in self.regressions if r.verdict == "regression"]

    @property
    def undecided(self) -> list[str]:
        """What the data do not decide."""
        open_ones = [t.result.name for t in self.targets if t.required and t.verdict in _OPEN]
        # A number that the baseline never had is not missed.
        worse = [r for r in self.regressions if r.verdict in _OPEN and r.before is not None]
        return open_ones + [f"{metric_words(r.metric)} against the baseline" for r in worse]

    @property
    def decision(self) -> Decision:
        """Failed if anything is, else undecided if anything is and that is not let pass.

        Not measurable where no request was answered, or the verdicts are unproven.
        """
        if self.unproven or not self.summary.has_answers:
            return "not measurable"
        if self.failed:
            return "failed"
        is_open = bool(self.undecided) or not self._is_judged
        return "undecided" if is_open and not self.undecided_passes else "passed"

    @property
    def _is_judged(self) -> bool:
        return bool(self.targets or self.regressions)

    @property
    def exit_code(self) -> int:
        """What the command returns: 0, 1, 3, 4 or 7."""
        return VerdictsUnproven.exit_code if self.unproven else EXIT_CODES[self.decision]

    def sentence(self) -> str:
        """Say the decision and what it hangs on."""
        if self.unproven:
            return f"{self.run_id}: {self.unproven}"
        if not self.summary.has_answers:
            return f"{self.run_id}: no request was answered, so nothing can be judged."
        if self.failed:
            return f"{self.run_id} fails: {', '.join(map(metric_words, self.failed))}."
        if not self._is_judged:
            return f"{self.run_id}: no target in [targets] is for such a run: nothing was judged."
        count = len(self.undecided)
        told = f"undecided: {', '.join(self.undecided)}" if count else "everything is decided"
        if self.decision == "undecided":
            return f"{self.run_id} is {told}."
        return f"{self.run_id} passes; {told}."

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        own = ("run_id", "decision", "exit_code", "failed", "undecided", "undecided_passes")
        of_answers = ("trials", "answered", "errors")
        return {
            **{name: getattr(self, name) for name in own},
            **{name: getattr(self.summary.answers, name) for name in of_answers},
            "targets": [target.as_json() for target in self.targets],
            "baseline": self.baseline,
            "regressions": [found.as_json() for found in self.regressions],
        }


def check_run(
    project: Project,
    run_id: str = "latest",
    *,
    baseline: Path | None = None,
    undecided_passes: bool = False,
) -> CheckResult:
    """Judge a run by the project's targets, and by a baseline: the project's own where None."""
    data = open_run(run_id, project=project)
    runs = store.history(project)
    row = row_of(runs, data.run.run_id)
    path = project.path("baseline")
    # A baseline is of a suite: session checks have nothing that it could be set beside.
    has_one = data.run.pipeline != SESSIONS and (baseline is not None or path.exists())
    pinned = read_baseline(baseline or path) if has_one else None
    return CheckResult(
        summary=summarize(data, project),
        baseline=pinned.run_id if pinned else None,
        regressions=_against(pinned, row, _before(runs, row)) if pinned else [],
        undecided_passes=undecided_passes,
    )


def false_alarms_of(project: Project, run_id: str = "latest") -> FalseAlarms:
    """Judge the runs that are like this one against each other: how often would they fail."""
    data = open_run(run_id, project=project)
    runs = store.history(project)
    row = row_of(runs, data.run.run_id)
    same = alike(runs, {**row, "run_id": None})
    return false_alarms(same, [name for name in metrics(runs) if same[name].notna().any()])


def _against(pinned: Baseline, row: Mapping[str, Any], runs: pd.DataFrame) -> list[Regression]:
    apart = differences(pinned.run, row, CONDITIONS)
    if apart:
        pairs = ((name, _short(old), _short(new)) for name, (old, new) in apart.items())
        told = ", ".join(f"{name} {old} → {new}" for name, old, new in pairs)
        found = regressions(pinned.metrics, row, {})
        return [replace(each, reason=f"not comparable: {told}") for each in found]
    # What was pinned counts first: runs that came after it may have become worse themselves.
    same = alike(runs, dict(pinned.run) | {"run_id": pinned.run_id})
    known = {name: spread for name, spread in pinned.spreads().items() if spread.enough}
    return regressions(pinned.metrics, row, spreads(same, pinned.metrics) | known)


def _before(runs: pd.DataFrame, row: Mapping[str, Any]) -> pd.DataFrame:
    """Return the runs that began before this one: a run is judged alike today and in a year."""
    began = row["started_at"]
    earlier = runs["run_id"] != row["run_id"] if began is None else runs["started_at"] < began
    chosen: pd.DataFrame = runs[earlier]
    return chosen


def _short(value: Any) -> str:
    if isinstance(value, int | float):
        return plain(float(value))
    return "unknown" if value is None else str(value)[:12]
