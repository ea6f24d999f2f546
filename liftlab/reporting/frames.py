"""Each result of a summary as a tidy DataFrame: a row a thing, plain numbers, units in names.

What a section shows is worded; this is for pandas and seaborn to go on from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from liftlab.analysis.estimate import Estimate
from liftlab.summary.answers import Answers, Failures
from liftlab.summary.budget import BudgetResult, WhatIf
from liftlab.summary.claims import Claims
from liftlab.summary.comparison import Comparison, RankedRuns
from liftlab.summary.cost import Costs
from liftlab.summary.latency import Drift, Latency, RightBy, Slow, Spread
from liftlab.summary.provenance import Provenance, Published
from liftlab.summary.run import RunSummary
from liftlab.summary.targets import Recommendations, Targets
from liftlab.summary.trials import Examples, TrialDetails, Trials

Row = Mapping[str, Any]


def frame(result: Any) -> pd.DataFrame:
    """Return a result's numbers as a table.

    Returns
    -------
    DataFrame
        Times in seconds, money in USD, shares from 0 to 1; an estimate is `value, low, high, n`
        and the `reason` for what is missing.
    """
    if isinstance(result, Trials):
        return result.run.trials
    if isinstance(result, TrialDetails):
        return result.attempts
    if isinstance(result, Slow):
        return result.steps.steps
    return pd.DataFrame(_ROWS[type(result)](result))


def _estimate(estimate: Estimate, prefix: str = "") -> Row:
    names = ("value", "low", "high", "n", "reason")
    return {f"{prefix}{name}": getattr(estimate, name) for name in names}


def _answers(answers: Answers) -> Iterator[Row]:
    for rate in (answers.success, *answers.by_category):
        counts = {"right": rate.successes, "graded": rate.trials, "failed": rate.errors}
        yield {"group": rate.group or "all", **counts, **_estimate(rate.estimate)}


def _failures(failures: Failures) -> Iterator[Row]:
    for row in failures.rows:
        yield {"failure_class": row.failure_class, "count": row.count, **_estimate(row.of_trials)}


def _latency(latency: Latency) -> Iterator[Row]:
    for row in (*latency.stages, latency.e2e):
        quantiles = {f"{name}_s": getattr(row, name).value for name in ("p90", "p95", "p99")}
        spread = {"mean_s": row.mean.value, "sd_s": row.std_s}
        yield {"stage": row.what, **_estimate(row.p50), **quantiles, **spread}


def _right_by(right_by: RightBy) -> Iterator[Row]:
    curve = right_by.curve
    steps = zip(curve.seconds.tolist(), curve.share.tolist(), strict=True)
    yield from ({"seconds": seconds, "share": share} for seconds, share in steps)


def _spread(spread: Spread) -> Iterator[Row]:
    for stage, found in spread.rows:
        yield {"stage": stage, "between_cases": found.case, **_estimate(found.repeat)}


def _drift(drift: Drift) -> Iterator[Row]:
    for row in (*drift.times.stages, drift.times.e2e):
        yield {"stage": row.what, "p": row.p, "drifts": row.drifts, **_estimate(row.ratio)}


def _cost(cost: Costs) -> Iterator[Row]:
    yield {"cost": "a request", **_estimate(cost.request)}
    yield {"cost": "a right answer", **_estimate(cost.right)}


def _budget(result: BudgetResult) -> Iterator[Row]:
    if result.budget is None:
        return
    for now, quantiles in ((True, result.budget.without), (False, result.budget.with_planned)):
        for q, estimate in quantiles.items():
            yield {"quantile": q, "planned": not now, **_estimate(estimate)}


def _targets(targets: Targets) -> Iterator[Row]:
    for target in targets.rows:
        found = target.result
        rule = {"metric": target.metric, "limit": found.limit, "at_most": found.at_most}
        judged = {"required": target.required, "verdict": target.verdict}
        yield {"target": target.key, **rule, **_estimate(found.estimate), **judged}


def _published(published: Published) -> Iterator[Row]:
    for row in published.rows:
        yield {name: getattr(row, name) for name in row.__slots__}


def _recommendations(recommendations: Recommendations) -> Iterator[Row]:
    for row in recommendations.rows:
        yield {"do": type(row).__name__, **{name: getattr(row, name) for name in row.__slots__}}


def _examples(examples: Examples) -> Iterator[Row]:
    for row in examples.rows:
        yield {name: getattr(row, name) for name in row.__slots__ if name != "checks"}


def _provenance(provenance: Provenance) -> Iterator[Row]:
    run = provenance.run.run
    yield from ({"what": name, "value": getattr(run, name)} for name in run.__slots__)


def _comparison(comparison: Comparison) -> Iterator[Row]:
    for row in comparison.times.times:
        yield {"stage": row.what, "p": row.p, "verdict": row.verdict, **_estimate(row.ratio)}


def _ranked(ranked: RankedRuns) -> Iterator[Row]:
    for row in ranked.rows:
        named = {"run_id": row.run_id, "endpoint": row.endpoint, "model": row.model}
        places = {"success_places": row.success_places, "time_places": row.time_places}
        yield {**named, **_estimate(row.success), **_estimate(row.median, "median_"), **places}


def _what_if(found: WhatIf) -> Iterator[Row]:
    rows = (("measured", found.now, found.cost_now), ("then", found.then, found.cost_then))
    for when, times, cost in rows:
        yield {"when": when, **_estimate(times.p50), "request_usd": cost.value}


def _claims(claims: Claims) -> Iterator[Row]:
    for row in claims.rows:
        words = {name: getattr(row, name) for name in ("ruling", "why", "may_say", "caveat")}
        yield {"claim": row.claim.statement, **words}


def _summary(summary: RunSummary) -> Iterable[Row]:
    return _targets(summary.targets)


_ROWS: dict[type, Any] = {
    Answers: _answers,
    BudgetResult: _budget,
    Claims: _claims,
    Comparison: _comparison,
    Costs: _cost,
    Drift: _drift,
    Examples: _examples,
    Failures: _failures,
    Latency: _latency,
    Provenance: _provenance,
    Published: _published,
    RankedRuns: _ranked,
    Recommendations: _recommendations,
    RightBy: _right_by,
    RunSummary: _summary,
    Spread: _spread,
    Targets: _targets,
    WhatIf: _what_if,
}
