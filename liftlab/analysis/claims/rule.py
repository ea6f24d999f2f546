"""Rule claims: each metric has one rule, and no rule knows a claim by its id."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from liftlab.analysis.claims import changes, latency, projections, success
from liftlab.analysis.claims.model import Claim, Evidence, Metric, Ruling
from liftlab.analysis.success import Measure

_BY_SUCCESS: dict[Metric, Callable[[Claim, Evidence, Measure], Ruling]] = {
    "success_rate": success.rate,
    "success_target": success.target,
    "works": success.works,
}
_RULES: dict[Metric, Callable[[Claim, Evidence], Ruling]] = {
    "latency": latency.figure,
    "latency_target": latency.target,
    "every": latency.every,
    "quantile": latency.quantile,
    "spread": latency.spread,
    "sum": latency.stage_sum,
    "change": changes.change,
    "cold_start": changes.cold_start,
    "explained": changes.explained,
    "association": changes.association,
    "forecast": projections.forecast,
    "cost": projections.cost_figure,
}


def rule(claim: Claim, evidence: Evidence, measure: Measure | None = None) -> Ruling:
    """Rule one claim by the tables of a run.

    Parameters
    ----------
    claim
        The claim.
    evidence
        The run's tables.
    measure
        What counts as a success, for claims about success; the claim's first if None.

    Examples
    --------
    >>> import pandas as pd
    >>> trials = pd.DataFrame({"case_id": list("abcde"), "outcome": ["pass"] + ["fail"] * 4})
    >>> none = pd.DataFrame()
    >>> run = Evidence(trials=trials, stages=none, attempts=none, costs=none)
    >>> claim = Claim(id="x", statement="80 %", metric="success_rate", value=0.8)
    >>> rule(claim, run).ruling
    'contradicted'
    """
    by_success = _BY_SUCCESS.get(claim.metric)
    if by_success is not None:
        return by_success(claim, evidence, measure or claim.measures[0])
    return _RULES[claim.metric](claim, evidence)


def rule_all(claims: Iterable[Claim], evidence: Evidence) -> list[Ruling]:
    """Rule claims in their order; those about success once by each of their measures."""
    rulings = []
    for claim in claims:
        measures = claim.measures if claim.metric in _BY_SUCCESS else (None,)
        rulings += [rule(claim, evidence, measure) for measure in measures]
    return rulings
