"""What a run costs: a request, a right answer, and the bill of a month."""

from __future__ import annotations

import numpy as np

from liftlab.analysis.columns import floats
from liftlab.analysis.cost.parts import parts_with_idle
from liftlab.analysis.cost.prices import Price
from liftlab.analysis.cost.traffic import MONTH_S, Traffic, break_even, usd_of
from liftlab.analysis.estimate import plain, quantity
from liftlab.reporting.text.base import Text, capitalised, write
from liftlab.reporting.text.numbers import listed, value
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
    bill = next((bill for bill in cost.bills if bill.usd.value is not None), None)
    said = write("A request costs {}", value(cost.request))
    return said if bill is None else write("{}; {}", said, month(bill))


def request(cost: Costs) -> Text:
    """Say what a request and a right answer cost."""
    if cost.request.value is None:
        return write("{}.", _unknown(cost))
    said = write("A request costs {}", value(cost.request))
    if cost.right.value is None:
        return write("{}.", said)
    return write("{}, a right answer {}.", said, value(cost.right))


def month(bill: Traffic) -> Text:
    """Return the bill of a month."""
    requests = f"{bill.requests:,.0f} requests a month"
    return write("{} cost {}, idle time included", requests, value(bill.usd))


def idle(cost: Costs) -> Text:
    """Say how much of a month's bill is for idle time; empty where that is not known."""
    bill = next((bill for bill in cost.bills if bill.usage is not None), None)
    if bill is None or bill.usage is None or cost.hosting is None:
        return Text()
    share = quantity(bill.usage.idle_s / bill.usage.billed_s, "%")
    window = f"{cost.hosting.idle_window_s:g} s"
    return Text(
        f"Of a month's bill {share} is for idle time: the container stops only after {window} "
        "without work."
    )


def included(cost: Costs) -> Text:
    """Say what the cost of a request has in it, and at which price."""
    if cost.request.value is None:
        return Text()
    rate = cost.price.usd_per_hour
    at = f" at {quantity(rate, 'USD')} an hour" if rate and cost.model != "tokens" else ""
    return Text(
        f"The cost of a request includes retries, failures and the warm-up{at}; idle time is "
        "only in the bill of a month."
    )


def lost(cost: Costs) -> Text:
    """Say how much of the work went to failed answers; empty where nothing was graded."""
    if not cost.busy.judged or cost.busy.failures <= 0:
        return Text()
    share = quantity(cost.busy.failures, "%")
    return Text(f"Failed answers took {share} of the machine time.")


def lower_bound(cost: Costs) -> Text:
    """Say which requests may have cost more than is counted; empty where none may."""
    if not cost.open_ended:
        return Text()
    which = counted(cost.open_ended, "request")
    return Text(f"It may be more: after {which} without a known end the server may have gone on.")


def missing_rates(cost: Costs) -> Text:
    """Say which tokens are billed like the others for want of a rate; empty where none are."""
    kinds = [readable(kind) for kind in cost.missing_rates]
    return write("The price has no rate for {}.", listed(kinds)) if kinds else Text()


def reported(cost: Costs) -> Text:
    """Say what the endpoint itself says that it charged; empty where it says nothing."""
    told = cost.run.columns("attempt", "seq", "reported_usd", known="reported_usd")
    if not len(told):
        return Text()
    total = quantity(float(floats(told, "reported_usd").sum()), "USD")
    said = f"The endpoint reports {total} for {counted(len(told), 'request')}"
    costs = cost.run.columns("cost", "seq", "price_id", "usd")
    own = costs[costs["price_id"] == cost.price.price_id].drop_duplicates("seq")
    computed = floats(told[["seq"]].merge(own, on="seq", how="left"), "usd")
    if not np.isfinite(computed).all():
        return Text(f"{said}.")
    return Text(f"{said}; by this price they cost {quantity(float(computed.sum()), 'USD')}.")


def how_to_price(cost: Costs) -> Text:
    """Say how to set a price; empty where there is one."""
    if cost.request.value is not None or not len(cost.service.seconds):
        return Text()
    hour = quantity(cost.service.mean_s / 3600, "USD")
    where = (
        f"the rates of [{cost.price.price_id}] in data/prices.toml"
        if cost.price.source
        else f'price = "…" in [endpoints.{cost.run.run.endpoint}] of liftlab.toml'
    )
    return Text(f"Set {where}. At 1 USD an hour a request would cost {hour}.")


def price(cost: Costs) -> Text:
    """Return which price this is, its date and where it is from."""
    known = cost.price
    if not known.source:
        return Text()
    return Text(f"Price {known.price_id} of {known.date}: {known.source}.")


def hosting(cost: Costs) -> Text:
    """Say what the bill of a month assumes; empty where no containers are known."""
    host = cost.hosting
    if host is None:
        return Text()
    how = "a formula" if host.serial else "simulation"
    cold = "Cold starts are not known and left out: the bill may be higher."
    if cost.cold_start != "unknown":
        took = quantity(host.cold_start_s, "s")
        cold = f"A cold start takes {took} ({_COLD_STARTS[cost.cold_start]})."
    return Text(
        "The bill assumes that requests arrive at random, and at most "
        f"{counted(host.containers, 'container')} with {counted(host.slots, 'slot')} each that "
        f"stop after {host.idle_window_s:g} s without work; computed by {how}. {cold}"
    )


def traffic(cost: Costs) -> Text:
    """Return what the figure of traffic answers."""
    known = [bill for bill in cost.bills if bill.usage is not None and bill.usd.value is not None]
    if not known:
        return Text("The bill of a month by its requests")
    bills = [write("{} requests cost {}", f"{b.requests:,.0f}", value(b.usd)) for b in known]
    return write("In a month {}", listed(bills))


def parts(cost: Costs) -> Text:
    """Return what the figure of parts answers."""
    bill = next((bill for bill in cost.bills if bill.usage is not None), None)
    if bill is None or bill.usage is None:
        return Text("What the seconds of this run went to")
    whole = parts_with_idle(cost.busy, bill.usage)
    shares = [f"{quantity(whole.idle, '%')} of the bill is for idle time"]
    if cost.cold_start != "unknown":
        shares.append(f"{quantity(whole.cold, '%')} for cold starts")
    if whole.judged:
        shares.append(f"{quantity(whole.failures, '%')} for failed answers")
    return write("At {} requests a month, {}", f"{bill.requests:,.0f}", listed(shares))


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
    if _cheaper_warm(known):
        words, rate = "costs less than", break_even(rates, scaling, kept)
    else:
        words = f"costs at most {quantity(NEARLY, '%')} more than"
        rate = break_even(rates, [(1 + NEARLY) * usd for usd in scaling], kept)
    if rate is None:
        return None
    since = f"from {plain(rate * MONTH_S, 2)} requests a month on"
    return f"{since}, keeping one container warm {words} letting it stop", rate


def keep_warm(cost: Costs) -> Text:
    """Say from which traffic keeping one container warm pays; empty where it is not known."""
    found = warm_from(cost)
    return capitalised(f"{found[0]}.") if found else Text()


def _unknown(cost: Costs) -> Text:
    if not len(cost.service.seconds):
        return Text("Cost unknown: no request has a known time")
    work = quantity(cost.service.mean_s, "s")
    return Text(f"Cost unknown: set an hourly price; a request takes {work} of machine time")


def _cheaper_warm(known: Price) -> bool:
    kept, hourly = known.usd_per_hour_kept_warm, known.usd_per_hour
    return kept is not None and hourly is not None and kept < hourly
