"""A run as it would be: with the planned stages, or with faster ones, other prices and traffic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from liftlab.analysis.budget import Budget, PlannedStage, forecast, side_by_side
from liftlab.analysis.columns import floats
from liftlab.analysis.cost.traffic import Traffic
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.latency import LatencySummary, e2e_summary, time_end_to_end
from liftlab.errors import UnknownName, UsageError
from liftlab.store import RunData
from liftlab.store.by_column import TRIAL
from liftlab.summary.cost import bill
from liftlab.summary.latency import Latency, steps_of
from liftlab.summary.result import Result

if TYPE_CHECKING:
    from liftlab.settings import Project
    from liftlab.summary.run import RunSummary

BESIDE = "planned stages in parallel"
_CORRELATIONS = {0.0: "independent of each other", 0.5: "half correlated", 1.0: "slow together"}
_KEYS = ["case_id", "repeat"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class BudgetResult(Result):
    """A run's times with the planned stages on top."""

    budget: Budget | None  # the forecast by the project's plan; None where no request was answered
    limits: tuple[tuple[str, float], ...]  # the targets of the median end to end: name and seconds
    # by name, the same plan under other assumptions; empty where every stage is measured
    scenarios: Mapping[str, Budget]
    medians: Mapping[str, Estimate]  # of measured stages, as on every page

    @property
    def beside(self) -> Budget | None:
        """The same plan with its stages beside each other; None where nothing is planned."""
        return self.scenarios.get(BESIDE)


def budget_of(run: RunData, project: Project, latency: Latency) -> BudgetResult:
    """Return what end to end takes now, as on every page, and will take."""
    limits, medians = latency.limits, {stage.what: stage.p50 for stage in latency.stages}
    trials, stages = run.columns("trial", *TRIAL, "outcome", "e2e_s", "client_s"), steps_of(run)
    timed = time_end_to_end(trials, stages=stages)
    if not np.isfinite(timed.seconds[~timed.given_up]).any():
        return BudgetResult(run=run, budget=None, limits=limits, scenarios={}, medians=medians)
    plan = project.settings.budget
    planned = [
        PlannedStage(name=name, low_s=stage.range_s[0], high_s=stage.range_s[1], after=stage.after)
        for name, stage in plan.stages.items()
    ]
    budget = _named(forecast(trials, stages, planned, correlation=plan.correlation), latency)
    if not budget.planned:
        return BudgetResult(run=run, budget=budget, limits=limits, scenarios={}, medians=medians)
    scenarios = {
        f"planned stages {words}": forecast(trials, stages, planned, correlation=linked)
        for linked, words in _CORRELATIONS.items()
    }
    apart = side_by_side(planned)
    scenarios[BESIDE] = forecast(trials, stages, apart, correlation=plan.correlation)
    return BudgetResult(run=run, budget=budget, limits=limits, scenarios=scenarios, medians=medians)


def _named(budget: Budget, latency: Latency) -> Budget:
    """Return a forecast whose "now" is the run's own figure, and whose quantiles have names."""
    now = {0.5: latency.e2e.p50, 0.9: latency.e2e.p90, 0.95: latency.e2e.p95}
    planned = {
        q: replace(estimate, quantity=f"planned:p{100 * q:.0f}")
        for q, estimate in budget.with_planned.items()
    }
    return replace(budget, without=now, with_planned=planned)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class WhatIf(Result):
    """What was measured, and what it would be."""

    # now, then: times end to end of answered requests
    now: LatencySummary
    then: LatencySummary
    # cost_now, cost_then: of a request: where time is billed, in proportion to it
    cost_now: Estimate
    cost_then: Estimate
    # the bill then, idle time and cold starts included; None where no traffic was asked for
    month: Traffic | None


def what_if(
    summary: RunSummary,
    stages: Mapping[str, float],
    *,
    retries: bool = True,
    usd_per_hour: float | None = None,
    requests_per_month: int = 0,
) -> WhatIf:
    """Return a run's times and costs under other assumptions.

    As `liftlab.what_if`. Without retries every stage takes one attempt, and answers are as right as
    they were. Raises UnknownName if the run has no such stage, UsageError if a factor is not above
    0.
    """
    run, cost = summary.run, summary.cost
    for name, factor in stages.items():
        if name not in set(run.stages["stage"]):
            raise UnknownName("stage", name, run.stages["stage"].drop_duplicates())
        if not factor > 0:
            raise UsageError(f"{name}: a factor is above 0, not {factor:g}")
    saved = _saved_s(run.stages, stages, retries=retries)
    trials = run.trials.merge(saved.rename("saved").reset_index(), on=_KEYS, how="left")
    trials["e2e_s"] -= trials.pop("saved").fillna(0.0)
    then = e2e_summary(trials, stages=run.stages)
    before, after = floats(run.trials, "e2e_s"), floats(trials, "e2e_s")
    share = float(pd.Series(after).sum() / pd.Series(before).sum()) if len(before) else 1.0
    by_time = cost.model != "tokens"  # tokens are billed, however long they take
    service = replace(cost.service, seconds=cost.service.seconds * share)
    price, request = cost.price, cost.request
    if by_time and usd_per_hour is not None:
        price = replace(price, usd_per_hour=usd_per_hour)
        request = _known(request, service.mean_s * usd_per_hour / 3600)
    elif by_time and request.value is not None:
        request = _known(request, request.value * share)
    asked = requests_per_month
    month = bill(service, price, cost.model, cost.hosting, request, asked) if asked else None
    return WhatIf(
        run=run,
        now=summary.latency.e2e,
        then=then,
        cost_now=cost.request,
        cost_then=request,
        month=month,
    )


def _saved_s(
    stages: pd.DataFrame, factors: Mapping[str, float], *, retries: bool
) -> pd.Series[float]:
    """Return by case and repeat what is saved: retries first, then the factor on the rest."""
    left = floats(stages, "latency_s").copy()
    if not retries:
        left /= floats(stages, "attempts").clip(min=1)  # attempts taken as equally long
    left *= [factors.get(name, 1.0) for name in stages["stage"]]
    saved = stages[_KEYS].assign(saved=floats(stages, "latency_s") - left)
    return saved.groupby(_KEYS)["saved"].sum()


def _known(cost: Estimate, usd: float) -> Estimate:
    """Return a cost without an interval: what is assumed has none."""
    return Estimate(value=usd, n=cost.n, unit=cost.unit, cases=cost.cases)
