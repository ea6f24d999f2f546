"""What the cost page says of one run, computed once: by each model, by traffic, by what for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from liftlab import jobs
from liftlab.analysis.columns import Floats, floats, labels
from liftlab.analysis.cost import (
    CostModel,
    Hosting,
    Price,
    Service,
    Traffic,
    Usage,
    attempt_costs,
    cost_per_pass,
    cost_per_trial,
    month,
    projection,
    service_seconds,
    trial_costs,
    usage_at,
    usd_by_price,
)
from liftlab.analysis.cost.attempts import open_ended
from liftlab.analysis.cost.parts import Parts, parts_of
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.latency import succeeded
from liftlab.reporting.facts import Facts
from liftlab.reporting.facts import gather as gather_facts

if TYPE_CHECKING:
    from liftlab.settings import Project
    from liftlab.store import RunData

REQUESTS_PER_MONTH = (1_000, 10_000)
RATES = np.geomspace(1 / 86_400, 10.0, 31)  # requests a second: one a day to ten a second
_CURVE_REQUESTS = 4_000  # a point of the curve is then known to some 2 %
# Model, its name, what it bills, and what is missing where the price does not know its rates.
_MODELS: tuple[tuple[CostModel, str, str, str], ...] = (
    ("gpu_seconds", "GPU seconds", "while it works", "no price per hour"),
    ("tokens", "Tokens", "prompt and output", "no price per token"),
)
COLD_UNKNOWN = "not known: left out, so a lower bound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Modelled:
    """What one model and price say; `usd` is a trial's, `month` by requests."""

    name: str
    bills: str
    request: Estimate
    right: Estimate
    months: dict[int, Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """What a request uses at one arrival rate, scaling to zero and with one kept warm."""

    rate_rps: float
    scaling: Usage | None
    kept: Usage | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CostFacts:
    """What is known of a run's cost.

    Parameters
    ----------
    facts
        What every page knows of the run.
    price, hosting, cold_start
        By which idle time is billed; how containers come and go, or None; and where the cold
        start is from.
    service
        How long trials held a slot.
    busy, cold_s
        Seconds of all attempts by what they went to, and those spent on cold starts.
    models
        Each model side by side: the machine's seconds, tokens, and those of the table `cost`.
    months
        Containers that scale to zero, by requests a month; empty without hosting.
    curve
        The same over arrival rates.
    bound
        Why the run's own cost is a lower bound; empty if it is not.
    sped_up
        How many times faster its simulator was than what it stands for; 1 for other endpoints.
    """

    facts: Facts
    price: Price
    hosting: Hosting | None
    cold_start: str
    service: Service
    busy: Parts
    cold_s: float
    models: list[Modelled]
    months: list[Traffic]
    curve: list[CurvePoint]
    bound: str
    sped_up: float


def gather(
    data: RunData, project: Project, requests: Sequence[int] = REQUESTS_PER_MONTH
) -> CostFacts:
    """Compute what a run costs, and what so many requests a month would."""
    facts = gather_facts(data, project)
    price = jobs.billed_price(project, data)
    hosting = jobs.hosting(project, data, price)
    seconds = service_seconds(data.attempts, data.stages)
    service = _service(facts, seconds)
    months: list[Traffic] = []
    curve: list[CurvePoint] = []
    if hosting is not None and len(service.seconds):
        months = [month(service, price, hosting, n) for n in requests]
        curve = _curve(service, hosting)
    return CostFacts(
        facts=facts,
        price=price,
        hosting=hosting,
        cold_start=_cold_start(data, hosting),
        service=service,
        busy=parts_of(data.attempts, data.trials, seconds),
        cold_s=float(np.nansum(floats(data.attempts, "cold_s"))),
        models=_models(facts, price, requests),
        months=months,
        curve=curve,
        bound=_bound(data),
        sped_up=data.sped_up,
    )


def _service(facts: Facts, seconds: Floats) -> Service:
    """Return how long each trial held a slot; trials of which nothing is known are left out."""
    key = ["run_id", "case_id", "repeat"]
    attempts, trials = facts.data.attempts, facts.data.trials
    calls = attempts["case_id"].notna().sum() / max(len(trials), 1)
    held = attempts[key].assign(held=seconds).groupby(key)["held"].sum(min_count=1)
    mine = floats(trials[key].merge(held.reset_index(), on=key, how="left"), "held")
    kept = mine > 0
    return Service(
        seconds=mine[kept],
        passed=succeeded(trials)[kept],
        cases=labels(trials, "case_id")[kept],
        calls=float(calls),
    )


def _models(facts: Facts, price: Price, requests: Sequence[int]) -> list[Modelled]:
    data = facts.data
    rows = []
    for model, name, bills, missing in _MODELS:
        costs = attempt_costs(data.attempts, price, model, data.stages)
        usd = floats(trial_costs(data.trials, data.attempts, costs), "usd")
        if not price.knows(model):
            rows.append(_modelled(facts, name, bills, np.full(len(usd), np.nan), requests, missing))
        else:
            rows.append(_modelled(facts, f"{name}, {price.price_id}", bills, usd, requests))
    published = data.costs[labels(data.costs, "cost_model") == "week2"]
    for name, usd in usd_by_price(data.trials, data.attempts, published).items():
        bills = "latency at a rate, and a fee"
        rows.append(_modelled(facts, f"The first formula, {name}", bills, usd, requests))
    return rows


def _modelled(
    facts: Facts, name: str, bills: str, usd: Floats, requests: Sequence[int], missing: str = ""
) -> Modelled:
    trials = facts.data.trials
    cases = labels(trials, "case_id").astype(str)
    request, right = cost_per_trial(usd, cases), cost_per_pass(usd, succeeded(trials), cases)
    months = {n: projection(usd, n, cases) for n in requests}
    if missing:
        request, right = replace(request, reason=missing), replace(right, reason=missing)
        months = {n: replace(estimate, reason=missing) for n, estimate in months.items()}
    return Modelled(name=name, bills=bills, request=request, right=right, months=months)


def _curve(service: Service, hosting: Hosting) -> list[CurvePoint]:
    warm = replace(hosting, kept_warm=1)
    points = []
    for rate in RATES.tolist():
        scaling, kept = (
            usage_at(rate, service.seconds, each, requests=_CURVE_REQUESTS)
            for each in (hosting, warm)
        )
        points.append(CurvePoint(rate_rps=rate, scaling=scaling, kept=kept))
    return points


def _cold_start(data: RunData, hosting: Hosting | None) -> str:
    if hosting is None:
        return ""
    if jobs.measured_cold_start(data) is not None:
        return "measured in this run"
    return "as configured" if hosting.cold_start_s else COLD_UNKNOWN


def _bound(data: RunData) -> str:
    """Say which attempts may have cost more than is counted."""
    count = int(open_ended(data.attempts).sum())
    if not count:
        return ""
    which = "1 attempt has" if count == 1 else f"{count:,} attempts have"
    return (
        f"A lower bound: {which} no known end, or ended at a deadline, after which the server "
        "may have gone on."
    )
