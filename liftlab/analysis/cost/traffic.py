"""What requests cost by how many there are: idle time and cold starts are billed, too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from liftlab.analysis.columns import CONFIDENCE, Floats, group_sums, indexed
from liftlab.analysis.cost.hosting import Hosting, Usage, billed_per_request, closed_form, simulate
from liftlab.analysis.cost.prices import Price
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.intervals import mean

MONTH_S = 365 / 12 * 86_400.0
MOST_LOAD = 0.95  # beyond it the queue grows, and the mean wait says nothing
_REQUESTS = 20_000  # simulated for one point: 0.1 s, and a bill known to about 1 %
_DRAWS = 4_000
_STEP = 0.1  # of ln, for slopes
_NO_RATE = "no price per hour"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Service:
    """How long trials held a slot, the case of each, and HTTP calls a trial, all with retries."""

    seconds: Floats
    cases: NDArray[np.generic]
    calls: float = 1.0

    @property
    def mean_s(self) -> float:
        """The arithmetic mean; NaN where there are none."""
        return float(self.seconds.mean()) if len(self.seconds) else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """The bill of so many requests a month, and what one uses; None where that is not known."""

    requests: float
    usage: Usage | None
    usd: Estimate


def usage_at(
    rate_rps: float,
    service_s: Floats,
    hosting: Hosting,
    *,
    stretch: float = 1.0,
    requests: int = _REQUESTS,
    seed: int = 20_251_015,
) -> Usage | None:
    """Return what a request uses at an arrival rate; None where the containers cannot keep up.

    Arrivals are Poisson; service times are drawn from those observed. One serial slot has a closed
    form. `stretch` is a factor on all service times.
    """
    typical = stretch * float(service_s.mean())
    if hosting.load(rate_rps, typical) > MOST_LOAD:
        return None
    if hosting.serial:
        return closed_form(rate_rps, typical, hosting)
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / rate_rps, requests))
    return simulate(arrivals, stretch * rng.choice(service_s, requests), hosting)


def month(
    service: Service, price: Price, hosting: Hosting, requests: float, *, seed: int = 20_251_015
) -> Traffic:
    """Estimate what a number of requests a month costs.

    The interval carries latency and retries (the mean service time from Cox's log t over the cases,
    Land 1972, Technometrics 14; Olsson 2005, J. Statistics Education 13) and the month's arrivals
    (Gamma(requests + ½)). None below 20 cases, nor where one slow value holds the mean. Raises
    ValueError if there are no service times.
    """
    if len(service.seconds) == 0:
        raise ValueError("no service times to project from")
    rate = requests / MONTH_S
    usage = usage_at(rate, service.seconds, hosting, seed=seed)
    hourly = price.usd_per_hour
    if usage is None or hourly is None:
        why = _NO_RATE if hourly is None else "these containers cannot keep up"
        unknown = Estimate(value=None, n=len(service.seconds), unit="USD", reason=why)
        return Traffic(requests=requests, usage=usage, usd=unknown)
    by_service, by_rate = _slopes(rate, service, hosting, seed)
    per_s, billed, fee = hourly / 3600, usage.billed_s, fee_of(price, service.calls)
    stretch, reason, cases = _stretch_draws(service, seed)
    grown = np.random.default_rng(seed + 1).gamma(requests + 0.5, 1 / requests, _DRAWS)
    if hosting.serial:
        drawn = per_s * billed_per_request(rate * grown, service.mean_s * stretch, hosting)
    else:
        drawn = per_s * billed * stretch**by_service * grown**by_rate
    value = requests * (fee + per_s * billed)
    bill = Estimate(value=value, n=cases, unit="USD", reason=reason, method="mean")
    if not reason:
        bills, tails = (
            requests * (fee + drawn) * grown,
            [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2],
        )
        low, high = map(float, np.quantile(bills, tails))
        bill = replace(bill, low=low, high=high, confidence=CONFIDENCE)
        bill = replace(bill, method="Cox's log t and Gamma")
    return Traffic(requests=requests, usage=usage, usd=bill)


def fee_of(price: Price, calls: float) -> float:
    """Return the fees of so many HTTP requests; a fee left out is not charged."""
    return calls * (price.usd_per_request or 0.0)


def usd_of(usage: Usage, price: Price, calls: float = 1.0) -> float:
    """Return what one request costs; raise ValueError if the hourly rate is not known."""
    if price.usd_per_hour is None:
        raise ValueError(_NO_RATE)
    hourly, kept = price.usd_per_hour, price.usd_per_hour_kept_warm
    rest = (usage.billed_s - usage.kept_s) * hourly
    return (rest + usage.kept_s * (hourly if kept is None else kept)) / 3600 + fee_of(price, calls)


def break_even(
    rates: Sequence[float], scaling: Sequence[float], kept: Sequence[float]
) -> float | None:
    """Return the arrival rate from which keeping one warm costs no more; None if there is none.

    `scaling`, `kept`, (n,): USD a request at each of the rising rates, with none and one kept warm.
    """
    excess = np.log(np.asarray(kept)) - np.log(np.asarray(scaling))
    below = np.flatnonzero(excess <= 0)
    if len(below) == 0:
        return None
    at = int(below[0])
    if at == 0:
        return float(rates[0])
    part = excess[at - 1] / (excess[at - 1] - excess[at])
    low, high = math.log(rates[at - 1]), math.log(rates[at])
    return round(math.exp(low + part * (high - low)), 12)


def _slopes(rate: float, service: Service, hosting: Hosting, seed: int) -> tuple[float, float]:
    """Return d ln billed / d ln service time, and / d ln arrival rate."""

    def billed(factor: float, stretch: float) -> float:
        used = usage_at(factor * rate, service.seconds, hosting, stretch=stretch, seed=seed)
        return math.nan if used is None else math.log(used.billed_s)

    now, up, down = billed(1, 1), math.exp(_STEP), math.exp(-_STEP)

    def slope(high: float, low: float) -> float:
        return (now - low) / _STEP if math.isnan(high) else (high - low) / (2 * _STEP)

    return slope(billed(1, up), billed(1, down)), slope(billed(up, 1), billed(down, 1))


def _stretch_draws(service: Service, seed: int) -> tuple[Floats, str, int]:
    """Draw the true mean service time over the observed one; or say why that cannot be told."""
    told = mean(service.seconds, clusters=service.cases)
    if not told.has_interval:
        return np.full(_DRAWS, math.nan), told.reason, told.n
    index, cases = indexed(service.cases)
    logs = np.log(group_sums(service.seconds, index, cases) / np.bincount(index))
    n, variance = len(logs), float(logs.var(ddof=1))
    error = math.sqrt(variance / n + variance**2 / (2 * (n - 1)))
    drawn = stats.t.rvs(n - 1, size=_DRAWS, random_state=np.random.default_rng(seed))
    return np.exp(error * drawn), "", n
