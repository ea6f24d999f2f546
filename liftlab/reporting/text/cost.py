"""What a run costs: a request, a right answer, and the bill of a month."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from liftlab.analysis.columns import floats
from liftlab.analysis.cost.hosting import Usage
from liftlab.analysis.cost.parts import parts_with_idle
from liftlab.analysis.cost.traffic import MONTH_S, break_even, usd_of
from liftlab.analysis.estimate import plain, quantity
from liftlab.reporting.text.base import Text, capitalised, listed, value, write
from liftlab.reporting.text.words import readable
from liftlab.summary.cost import ColdStart, Costs
from liftlab.words import counted

_COLD_STARTS: dict[ColdStart, str] = {
    "measured": "measured in this run",
    "configured": "as configured",
}
NEARLY = 0.1  # so much more is hardly more


def title(cost: Costs) -> Text:
    """Return what a request costs, and the bill of a month."""
    if cost.request.value is None:
        return _unknown(cost)
    said = write("A request costs {}", value(cost.request))
    bill = next((bill for bill in cost.bills if bill.usd.value is not None), None)
    if bill is None:
        return said
    month = f"{bill.requests:,.0f} requests a month"
    return write("{}; {} cost {}, idle time included", said, month, value(bill.usd))


def request(cost: Costs) -> Text:
    """Say what a request and a right answer cost."""
    if cost.request.value is None:
        return write("{}.", _unknown(cost))
    said = write("A request costs {}", value(cost.request))
    if cost.right.value is None:
        return write("{}.", said)
    return write("{}, a right answer {}.", said, value(cost.right))


def sentences(cost: Costs) -> Iterator[str]:
    """Yield what the costs have in them, what is lost, and what would change them."""
    if cost.request.value is not None:
        rate = cost.price.usd_per_hour
        at = f" at {quantity(rate, 'USD')} an hour" if rate and cost.model != "tokens" else ""
        phases = set(cost.run.counted("attempt", "phase")["phase"])
        parts = ["retries", "failures", *(["the warm-up"] if phases & {"warmup", "probe"} else [])]
        yield (
            f"The cost of a request includes {listed(parts)}{at}; idle time is only in the bill of "
            "a month."
        )
    if (used := _used(cost)) and cost.hosting is not None:
        _, usage = used
        yield (
            f"Of a month's bill {quantity(usage.idle_s / usage.billed_s, '%')} is for idle time: "
            f"the container stops only after {cost.hosting.idle_window_s:g} s without work."
        )
    if cost.busy.judged and cost.busy.failures > 0:
        yield f"Failed answers took {quantity(cost.busy.failures, '%')} of the machine time."
    if cost.open_ended:
        which = counted(cost.open_ended, "request")
        yield f"It may be more: after {which} without a known end the server may have gone on."
    by_hour = cost.model != "tokens"
    if not cost.price.knows(cost.model) and (len(cost.service.seconds) or not by_hour):
        where = f'price = "…" in [endpoints.{cost.run.run.endpoint}] of liftlab.toml'
        if cost.price.source:
            where = f"the rates of [{cost.price.price_id}] in data/prices.toml"
        hour = quantity(cost.service.mean_s / 3600, "USD") if by_hour else ""
        yield f"Set {where}." + (f" At 1 USD an hour a request would cost {hour}." if hour else "")
    if warm := warm_from(cost):
        yield capitalised(f"{warm[0]}.")


def assumptions(cost: Costs) -> Iterator[str]:
    """Yield which price this is, what the bill of a month assumes, and what is not known."""
    if cost.price.source:
        yield f"Price {cost.price.price_id} of {cost.price.date}: {cost.price.source}."
    if (host := cost.hosting) is not None:
        cold = "Cold starts are not known and left out: the bill may be higher."
        if cost.cold_start != "unknown":
            took = quantity(host.cold_start_s, "s")
            cold = f"A cold start takes {took} ({_COLD_STARTS[cost.cold_start]})."
        yield (
            "The bill assumes that requests arrive at random, and at most "
            f"{counted(host.containers, 'container')} with {counted(host.slots, 'slot')} each that "
            f"stop after {host.idle_window_s:g} s without work; computed by "
            f"{'a formula' if host.serial else 'simulation'}. {cold}"
        )
    if kinds := [readable(kind) for kind in cost.missing_rates]:
        yield f"The price has no rate for {listed(kinds)}."
    told = cost.run.columns("attempt", "seq", "reported_usd", known="reported_usd")
    if len(told):
        total = quantity(float(floats(told, "reported_usd").sum()), "USD")
        costs = cost.run.columns("cost", "seq", "price_id", "usd")
        own = costs[costs["price_id"] == cost.price.price_id].drop_duplicates("seq")
        computed = floats(told[["seq"]].merge(own, on="seq", how="left"), "usd")
        beside = ""
        if np.isfinite(computed).all():
            beside = f"; by this price they cost {quantity(float(computed.sum()), 'USD')}"
        yield f"The endpoint reports {total} for {counted(len(told), 'request')}{beside}."


def traffic(cost: Costs) -> Text:
    """Return what the figure of traffic answers."""
    known = [bill for bill in cost.bills if bill.usage is not None and bill.usd.value is not None]
    if not known:
        return Text("The bill of a month by its requests")
    bills = [write("{} requests cost {}", f"{b.requests:,.0f}", value(b.usd)) for b in known]
    return write("In a month {}", listed(bills))


def parts(cost: Costs) -> str:
    """Return what the figure of parts answers."""
    if (used := _used(cost)) is None:
        return "What the seconds of this run went to"
    requests, usage = used
    whole = parts_with_idle(cost.busy, usage)
    shares = [f"{quantity(whole.idle, '%')} of the bill is for idle time"]
    if cost.cold_start != "unknown":
        shares.append(f"{quantity(whole.cold, '%')} for cold starts")
    if whole.judged:
        shares.append(f"{quantity(whole.failures, '%')} for failed answers")
    return f"At {requests:,.0f} requests a month, {listed(shares)}"


def warm_from(cost: Costs) -> tuple[str, float] | None:
    """Return from which arrival rate keeping one container warm pays: in words, and per second.

    At no lower rate of its own it never costs less: then, from where it costs hardly more.
    """
    known = cost.price
    both = [(p.rate_rps, p.scaling, p.kept) for p in cost.curve if p.scaling and p.kept]
    if known.usd_per_hour is None or not both:
        return None
    rates = [rate for rate, *_ in both]
    scaling = [usd_of(used, known, cost.service.calls) for _, used, _ in both]
    kept = [usd_of(used, known, cost.service.calls) for *_, used in both]
    warm = known.usd_per_hour_kept_warm
    if warm is not None and warm < known.usd_per_hour:
        words, rate = "costs less than", break_even(rates, scaling, kept)
    else:
        words = f"costs at most {quantity(NEARLY, '%')} more than"
        rate = break_even(rates, [(1 + NEARLY) * usd for usd in scaling], kept)
    if rate is None:
        return None
    since = f"from {plain(rate * MONTH_S, 2)} requests a month on"
    return f"{since}, keeping one container warm {words} letting it stop", rate


def _used(cost: Costs) -> tuple[float, Usage] | None:
    """Return the first bill of a month that containers can keep up with: requests, and usage."""
    used = ((bill.requests, bill.usage) for bill in cost.bills if bill.usage is not None)
    return next(used, None)


def _unknown(cost: Costs) -> Text:
    if cost.model == "tokens":
        set_it = "set the price of a million tokens, in and out"
        lacks = "the run has no counts of tokens" if cost.price.knows("tokens") else set_it
        return Text(f"Cost unknown: {lacks}")
    if not len(cost.service.seconds):
        return Text("Cost unknown: the run has no times of single HTTP requests")
    work = quantity(cost.service.mean_s, "s")
    return Text(f"Cost unknown: set an hourly price; a request takes {work} of machine time")
