"""What a message may be written from: claims made of the run's own figures, each ruled.

The figures are those of `Facts`; the rulings are those that the same claim would get in anybody's
report. A sentence for people is chosen by the ruling, never by the figure alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from liftlab.analysis.claims import Claim, Evidence, Ruling, rule
from liftlab.analysis.claims.model import Metric
from liftlab.analysis.columns import labels
from liftlab.analysis.cost import cost_per_trial, usd_by_price
from liftlab.analysis.success import Measure, SuccessRate
from liftlab.reporting.facts import Facts

CONSISTENT_CV = 0.05  # what people mean by "consistent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """The rulings that messages rest on; None, or missing, where there is nothing to claim.

    Parameters
    ----------
    right, parsed
        That so many answers are right, or are Python at all.
    success_target
        That the success rate reaches its target.
    median, time_target
        That a request takes so long, and that this is within its target.
    tail
        What P95 is.
    cost
        What a request costs.
    stages, spreads
        The median of each stage, and that its times hardly vary.
    works
        By category, that it works.
    """

    right: Ruling | None
    parsed: Ruling | None
    success_target: Ruling | None
    median: Ruling | None
    time_target: Ruling | None
    tail: Ruling | None
    cost: Ruling | None
    stages: tuple[Ruling, ...]
    spreads: tuple[Ruling, ...]
    works: Mapping[str, Ruling]

    def all(self) -> list[Ruling]:
        """Return every ruling there is."""
        single = (self.right, self.parsed, self.success_target, self.median, self.time_target)
        several = (self.tail, self.cost, *self.stages, *self.spreads, *self.works.values())
        return [ruling for ruling in (*single, *several) if ruling is not None]


def ruled(facts: Facts) -> Ruled:
    """Make the claims that a status update makes, and rule them by the run's rows."""
    evidence = Evidence.of(facts.data)
    success, time = facts.success_verdict(), facts.time_verdict()
    judged = facts.passed.trials > 0
    timed = facts.e2e.p50.value
    return Ruled(
        right=_rate(facts.passed, "pass", evidence),
        parsed=_rate(facts.parsed, "parsed", evidence),
        success_target=_about("success_target", success.limit, evidence)
        if success and judged
        else None,
        median=_about("latency", timed, evidence),
        time_target=_about("latency_target", time.limit, evidence) if time and timed else None,
        tail=_quantile(evidence) if timed else None,
        cost=_cost(evidence),
        stages=tuple(_stages("latency", facts, evidence)),
        spreads=tuple(_stages("spread", facts, evidence)),
        works=_by_category(evidence),
    )


def _about(
    metric: Metric, value: float | None, evidence: Evidence, *, price: str = ""
) -> Ruling | None:
    if value is None or value <= 0:
        return None
    return rule(
        Claim(id=metric, statement=metric, metric=metric, value=value, decimals=9, price=price),
        evidence,
    )


def _rate(found: SuccessRate, measure: Measure, evidence: Evidence) -> Ruling | None:
    if found.trials == 0:
        return None
    claim = Claim(
        id=measure,
        statement=f"{found.successes:,} of {found.trials:,}",
        metric="success_rate",
        value=found.successes / found.trials,
        decimals=9,
    )
    return rule(claim, evidence, measure)


def _quantile(evidence: Evidence) -> Ruling:
    return rule(Claim(id="p95", statement="P95", metric="quantile", quantiles=(0.95,)), evidence)


def _stages(metric: Metric, facts: Facts, evidence: Evidence) -> list[Ruling]:
    found = []
    for summary in facts.stages:
        value = CONSISTENT_CV if metric == "spread" else summary.p50.value
        if value is not None and value > 0 and summary.n:
            claim = Claim(
                id=summary.what,
                statement=metric,
                metric=metric,
                value=value,
                decimals=9,
                stage=summary.what,
            )
            found.append(rule(claim, evidence))
    return found


def _by_category(evidence: Evidence) -> dict[str, Ruling]:
    known = evidence.trials[pd.notna(labels(evidence.trials, "category"))]
    found = {}
    for name, frame in known.groupby("category", sort=False):
        cases = tuple(str(case) for case in dict.fromkeys(labels(frame, "case_id")))
        claim = Claim(id=str(name), statement="works", metric="works", cases=cases)
        ruling = rule(claim, evidence)
        if ruling.ruling != "not measurable":
            found[str(name)] = ruling
    return found


def _cost(evidence: Evidence) -> Ruling | None:
    """Rule the mean cost at the price that is billed; a table's own formula stands before it."""
    priced = usd_by_price(evidence.trials, evidence.attempts, evidence.costs)
    if not priced:
        return None
    price, usd = list(priced.items())[-1]
    return _about("cost", cost_per_trial(usd).value, evidence, price=price)
