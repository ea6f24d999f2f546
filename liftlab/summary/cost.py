"""What a run costs: a request, a right answer, and the bill of a month, all at one price."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd

from liftlab import tomlfile
from liftlab.analysis.columns import Floats, coded, floats, group_sums, labels
from liftlab.analysis.cost.attempt_costs import (
    attempt_usd,
    cost_of_requests,
    cost_per_pass,
    cost_per_trial,
    open_ended,
    service_seconds,
)
from liftlab.analysis.cost.hosting import Hosting, Usage
from liftlab.analysis.cost.parts import Parts, parts_of
from liftlab.analysis.cost.prices import CostModel, Price, load_prices
from liftlab.analysis.cost.traffic import Service, Traffic, month, usage_at
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.latency import succeeded
from liftlab.errors import SettingsInvalid
from liftlab.store import RunData
from liftlab.store.by_column import TRIAL, places
from liftlab.store.frames import shared_among
from liftlab.summary.result import Limits, Result, named

if TYPE_CHECKING:
    from liftlab.settings import Project

ColdStart = Literal["measured", "configured", "unknown"]

REQUESTS_PER_MONTH = (1_000, 10_000)
RATES = np.geomspace(1 / 86_400, 10.0, 31)  # requests a second: one a day to ten a second
NO_IDLE_WINDOW = "no idle window is known: set idle_s in the price or in the endpoint's table"
_UNTIMED = "no attempt has a known time"
_CURVE_REQUESTS = 4_000  # a point of the curve is then known to some 2 %
_MODELS: tuple[CostModel, ...] = ("gpu_seconds", "tokens")
_NO_RATE: dict[CostModel, str] = {
    "gpu_seconds": "no price per hour",
    "tokens": "no price per token",
    "latency": "no price per hour",
}
# Columns of attempts: how long each took, what it was, and what is billed.
_TIMES = (
    *("run_id", *TRIAL, "stage", "sent_s", "last_byte_s", "ended_s", "queue_s", "cold_s"),
    *("error_class", "abandoned"),
)
_KINDS = (*TRIAL, "attempt", "phase", "retry_reason")
_BILLED: dict[CostModel, tuple[str, ...]] = {
    "gpu_seconds": ("stage", "sent_s", "last_byte_s", "ended_s", "abandoned"),
    "tokens": ("prompt_tokens", "cached_tokens", "output_tokens", "reasoning_tokens"),
}
# Tokens that providers bill at rates of their own, and where a price has that rate.
_OWN_RATES = {
    "cached_tokens": "usd_per_million_cached_tokens",
    "reasoning_tokens": "usd_per_million_reasoning_tokens",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCost:
    """What the run would cost if its price billed in one way: by time, or by tokens."""

    model: CostModel
    request: Estimate
    right: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """What a request uses at one arrival rate, scaling to zero and with one kept warm."""

    rate_rps: float
    scaling: Usage | None
    kept: Usage | None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Costs(Result):
    """What a run costs."""

    price: Price
    model: CostModel
    # request, right: of a request: all attempts of the run, warm-up and failures included, over all
    # trials. Of a right answer: the same over the right ones. Idle time is in neither.
    request: Estimate
    right: Estimate
    requests: tuple[int, ...]  # months that the bill is told for, by their number of requests
    # hosting, cold_start: how containers come and go, or None; and where their cold start is from
    hosting: Hosting | None
    cold_start: ColdStart
    service: Service  # how long trials held a slot
    # busy, cold_s: seconds of all attempts by what they went to, and those spent on cold starts
    busy: Parts
    cold_s: float
    open_ended: int  # how many attempts may have cost more than is counted
    # kinds of tokens in this run for which the price has no rate of their own
    missing_rates: tuple[str, ...]

    @cached_property
    def models(self) -> tuple[ModelCost, ...]:
        """What the run would cost at this price by each way of billing."""
        return tuple(_billed_by(self.run, self.price, model) for model in _MODELS)

    @cached_property
    def bills(self) -> tuple[Traffic, ...]:
        """The bill of each month: idle time and cold starts included."""
        known = (self.service, self.price, self.model, self.hosting, self.request)
        months = (bill(*known, requests) for requests in self.requests)
        return tuple(named(month, usd=f"bill:{month.requests:.0f}") for month in months)

    @cached_property
    def curve(self) -> tuple[CurvePoint, ...]:
        """What a request uses over arrival rates; empty without hosting or times."""
        if self.hosting is None or not len(self.service.seconds):
            return ()
        both = (self.hosting, replace(self.hosting, kept_warm=1))

        def at(rate: float) -> CurvePoint:
            scaling, kept = (
                usage_at(rate, self.service.seconds, hosting, requests=_CURVE_REQUESTS)
                for hosting in both
            )
            return CurvePoint(rate_rps=rate, scaling=scaling, kept=kept)

        return tuple(map(at, RATES.tolist()))


def costs_of(run: RunData, project: Project, limits: Limits) -> Costs:
    """Return what a run costs at its endpoint's price, and what months of requests would."""
    price, model = price_of(run, project)
    host = hosting(project, run, price) if model != "tokens" else None
    cold_start: ColdStart = "configured" if host is not None and host.cold_start_s else "unknown"
    if _measured_cold_start(run) is not None:
        cold_start = "measured"
    seconds, cold_s, unended = _timed(run)  # few columns at a time: those of attempts are long
    attempts = run.columns("attempt", *_KINDS)
    trials = run.columns("trial", *TRIAL, "outcome", "cost_usd")
    cases, right = coded(trials, "case_id")[0], succeeded(trials)
    usd = floats(trials, "cost_usd")
    request = replace(cost_per_trial(usd, cases), quantity="cost_per_request")
    service = _service(trials, attempts, seconds)
    per_right = replace(cost_per_pass(usd, right, cases), quantity="cost_per_right")
    return Costs(
        run=run,
        price=price,
        model=model,
        request=limits.beside(request, "cost_per_trial_usd"),
        right=limits.beside(per_right, "cost_per_pass_usd"),
        requests=REQUESTS_PER_MONTH,
        hosting=host,
        cold_start=cold_start,
        service=service,
        busy=parts_of(attempts, trials, seconds),
        cold_s=cold_s,
        open_ended=unended,
        missing_rates=_missing_rates(run, price, model),
    )


def _timed(run: RunData) -> tuple[Floats, float, int]:
    """Return how long each attempt held a slot, all cold starts, and how many had no known end."""
    attempts = run.columns("attempt", *_TIMES)
    cold_s = float(np.nansum(floats(attempts, "cold_s")))
    seconds = service_seconds(attempts, partial(_timed_stages, run))
    return seconds, cold_s, int(open_ended(attempts).sum())


def prices(project: Project) -> dict[str, Price]:
    """Return the project's prices by id; none where it has no file of prices."""
    path = project.path("prices")
    if not path.exists():
        return {}
    return load_prices(tomlfile.read(path, SettingsInvalid).data)


def price_of(run: RunData, project: Project) -> tuple[Price, CostModel]:
    """Return the price of a run, the first in its table of costs, and by what that bills."""
    rules = run.counted("cost", "price_id", "cost_model")
    names, models = labels(rules, "price_id"), labels(rules, "cost_model")
    name = str(names[0]) if len(names) else "unknown"
    model: CostModel = models[0] if len(models) and models[0] in get_args(CostModel) else _MODELS[0]
    return prices(project).get(name, Price(price_id=name)), model


def hosting(project: Project, run: RunData, price: Price) -> Hosting | None:
    """Return how the containers behind a run come and go; None where no idle window is known.

    The endpoint's own fields go before the price's; of cold starts, what the run measured goes
    before both, and one that nobody knows counts as 0 s.
    """
    own = project.settings.endpoints.get(run.run.endpoint or "")
    window = own.idle_s if own and "idle_s" in own.model_fields_set else price.idle_s
    if window is None:
        return None
    configured = own.cold_start_s if own and own.cold_start_s is not None else price.cold_start_s
    slots = own.slots if own and "slots" in own.model_fields_set else price.slots
    containers = own.max_containers if own and own.max_containers else price.max_containers
    measured = _measured_cold_start(run)
    return Hosting(
        idle_window_s=window,
        cold_start_s=(configured or 0.0) if measured is None else measured,
        slots=slots or 1,
        containers=containers or 1,
    )


def timed_stages(stages: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Return the stages, or trials as nameless ones: an imported file may time nothing smaller."""
    if len(stages):
        return stages
    keys = trials[["run_id", "case_id", "repeat"]]
    return keys.assign(stage=pd.Series(pd.NA, trials.index, "str"), latency_s=trials["e2e_s"])


def _timed_stages(run: RunData) -> pd.DataFrame:
    if run.size("stage"):
        return run.columns("stage", "run_id", *TRIAL, "stage", "latency_s")
    return timed_stages(run.stages, run.trials)


def _billed_by(run: RunData, price: Price, model: CostModel) -> ModelCost:
    attempts = run.columns("attempt", "run_id", *TRIAL, *_BILLED[model])
    paid = attempt_usd(attempts, price, model, partial(_timed_stages, run))
    trials = run.columns("trial", *TRIAL, "outcome")
    usd = shared_among(trials, attempts, paid)
    cases = coded(trials, "case_id")[0]
    request = cost_per_trial(usd, cases)
    right = cost_per_pass(usd, succeeded(trials), cases)
    if not price.knows(model):
        reason = _NO_RATE[model]
        request, right = replace(request, reason=reason), replace(right, reason=reason)
    return ModelCost(model=model, request=request, right=right)


def bill(
    service: Service,
    price: Price,
    model: CostModel,
    host: Hosting | None,
    request: Estimate,
    requests: int,
) -> Traffic:
    """Return the bill of a month: where tokens are billed, nothing is for idle time."""
    if model == "tokens":
        return Traffic(requests=requests, usage=None, usd=cost_of_requests(request, requests))
    if host is not None and len(service.seconds):
        return month(service, price, host, requests)
    reason = NO_IDLE_WINDOW if host is None else _UNTIMED
    unknown = Estimate(value=None, n=len(service.seconds), unit="USD", reason=reason)
    return Traffic(requests=requests, usage=None, usd=unknown)


def _service(trials: pd.DataFrame, attempts: pd.DataFrame, seconds: Floats) -> Service:
    """Return how long each trial held a slot; trials of which nothing is known are left out."""
    calls = attempts["case_id"].notna().sum() / max(len(trials), 1)
    place = places(attempts, trials)
    held = (place >= 0) & np.isfinite(seconds)
    own = group_sums(seconds[held], place[held], len(trials))
    known = own > 0
    cases = coded(trials, "case_id")[0][known]
    return Service(seconds=own[known], cases=cases, calls=float(calls))


def _missing_rates(run: RunData, price: Price, model: CostModel) -> tuple[str, ...]:
    """Return which kinds of tokens were counted and are billed as if they were like the others."""
    if model != "tokens":
        return ()
    return tuple(
        kind
        for kind, rate in _OWN_RATES.items()
        if getattr(price, rate, None) is None
        and np.nansum(floats(run.columns("attempt", kind), kind)) > 0
    )


def _measured_cold_start(run: RunData) -> float | None:
    """Return the mean cold start of a run's attempts in seconds; None where none was measured."""
    spans = floats(run.columns("attempt", "cold_s", known="cold_s"), "cold_s")
    known = spans[np.isfinite(spans) & (spans > 0)]
    return float(known.mean()) if len(known) else None
