"""What end to end will take with the stages that a project plans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from liftlab.analysis.budget import Budget, PlannedStage, forecast, side_by_side
from liftlab.analysis.latency import time_end_to_end
from liftlab.store import RunData
from liftlab.summary.latency import Latency
from liftlab.summary.result import Result

if TYPE_CHECKING:
    from liftlab.settings import Project

BESIDE = "planned stages in parallel"
_CORRELATIONS = {0.0: "independent of each other", 0.5: "half correlated", 1.0: "slow together"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class BudgetResult(Result):
    """A run's times with the planned stages on top.

    Parameters
    ----------
    budget
        The forecast by the project's plan; None where no request was answered.
    limits
        The targets of the median end to end: name and seconds.
    scenarios
        By name, the same plan under other assumptions; empty where every stage is measured.
    """

    budget: Budget | None
    limits: tuple[tuple[str, float], ...]
    scenarios: Mapping[str, Budget]

    @property
    def beside(self) -> Budget | None:
        """The same plan with its stages beside each other; None where nothing is planned."""
        return self.scenarios.get(BESIDE)


def budget_of(run: RunData, project: Project, latency: Latency) -> BudgetResult:
    """Return what end to end takes now, as on every page, and will take."""
    limits = latency.limits
    timed = time_end_to_end(run.trials, stages=run.stages)
    if not np.isfinite(timed.seconds[~timed.given_up]).any():
        return BudgetResult(run=run, budget=None, limits=limits, scenarios={})
    plan = project.settings.budget
    planned = [
        PlannedStage(name=name, low_s=stage.range_s[0], high_s=stage.range_s[1], after=stage.after)
        for name, stage in plan.stages.items()
    ]
    budget = _named(
        forecast(run.trials, run.stages, planned, correlation=plan.correlation), latency
    )
    if not budget.planned:
        return BudgetResult(run=run, budget=budget, limits=limits, scenarios={})
    scenarios = {
        f"planned stages {words}": forecast(run.trials, run.stages, planned, correlation=linked)
        for linked, words in _CORRELATIONS.items()
    }
    apart = side_by_side(planned)
    scenarios[BESIDE] = forecast(run.trials, run.stages, apart, correlation=plan.correlation)
    return BudgetResult(run=run, budget=budget, limits=limits, scenarios=scenarios)


def _named(budget: Budget, latency: Latency) -> Budget:
    """Return a forecast whose "now" is the run's own figure, and whose quantiles have names."""
    now = {0.5: latency.e2e.p50, 0.9: latency.e2e.p90, 0.95: latency.e2e.p95}
    planned = {
        q: replace(estimate, quantity=f"planned:p{100 * q:.0f}")
        for q, estimate in budget.with_planned.items()
    }
    return replace(budget, without=now, with_planned=planned)
