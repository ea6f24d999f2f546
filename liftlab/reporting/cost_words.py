"""What a run costs, in sentences: every number in them is an estimate's, or a model's own."""

from __future__ import annotations

import numpy as np

from liftlab.analysis.columns import floats
from liftlab.analysis.cost import Price, Traffic, break_even
from liftlab.analysis.cost.parts import parts_with_idle
from liftlab.analysis.cost.traffic import MONTH_S, usd_of
from liftlab.analysis.estimate import plain, quantity
from liftlab.reporting.cost_facts import COLD_UNKNOWN, CostFacts
from liftlab.reporting.html import Html, tag
from liftlab.reporting.messages import plural

GPU, TOKENS = 0, 1  # the models that every run has, in their order
NEARLY = 0.1  # so much more is hardly more


def title(costs: CostFacts) -> str:
    """Return the finding in one line."""
    if not len(costs.service.seconds):
        return "No attempt of this run has a known time: its cost cannot be told"
    request = costs.models[GPU].request
    first = next((told for told in costs.months if told.usd_request.value is not None), None)
    if first is not None and first.usage is not None:
        idle = quantity(first.usage.idle_s / first.usage.billed_s, "%")
        return (
            f"A request costs {first.usd_request.point} at {first.requests:,.0f} a month; "
            f"{idle} of it is idle time"
        )
    if request.value is not None:
        return f"A request costs {request.point} while it works; idle time is not counted"
    if costs.models[TOKENS].request.value is not None:
        return f"A request costs {costs.models[TOKENS].request.point} in tokens"
    return f"No price, no cost: a request keeps the machine busy for {worked(costs)}"


def sentences(costs: CostFacts) -> list[str]:
    """Return two or three sentences that anyone understands."""
    if not len(costs.service.seconds):
        return ["A cost is made of attempts: how long they took, and how many tokens they had."]
    said = [f"The machine works {worked(costs)} a request, retries and failures included."]
    request = costs.models[GPU].request
    if request.value is not None:
        said.append(f"At {_rate(costs)} that is {request.point}.")
    else:
        said.append("Its price per hour is not known, so no seconds can be turned into money.")
    return said + [_month_sentence(costs, told) for told in costs.months[:1]]


def _month_sentence(costs: CostFacts, told: Traffic) -> str:
    if told.usage is None:
        return f"These containers cannot keep up with {told.requests:,.0f} requests a month."
    used, window = told.usage, costs.hosting.idle_window_s if costs.hosting else 0.0
    cost = f", {told.usd.point} a month" if told.usd.value is not None else ""
    return (
        f"With {told.requests:,.0f} a month on a container that goes after {window:g} s without "
        f"work, {used.billed_s:,.0f} s are billed for each{cost}: "
        f"{used.billed_s / costs.service.mean_s:.0f} times its work."
    )


def traffic_caption(costs: CostFacts) -> str:
    """Return what the figure of traffic answers."""
    told = next((each for each in costs.months if each.usage is not None), None)
    if told is None or told.usage is None:
        return "These containers cannot keep up with such months"
    times = told.usage.billed_s / costs.service.mean_s
    return (
        f"At {told.requests:,.0f} requests a month each is billed {times:.0f} times its work; "
        "the more there are, the less idle time each one carries"
    )


def parts_caption(costs: CostFacts) -> str:
    """Return what the figure of parts answers."""
    told = next((each for each in costs.months if each.usage is not None), None)
    if told is None or told.usage is None:
        lost = f"Failed answers took {quantity(costs.busy.failures, '%')} of the work"
        untold = "No answer was judged" if costs.busy.amounts else "Nothing timed"
        return lost if costs.busy.judged else untold
    whole = parts_with_idle(costs.busy, told.usage)
    shares = [f"{quantity(whole.idle, '%')} goes to idle time"]
    if costs.cold_start != COLD_UNKNOWN:
        shares.append(f"{quantity(whole.cold, '%')} to starts")
    if whole.judged:
        shares.append(f"{quantity(whole.failures, '%')} to failed answers")
    return f"At {told.requests:,.0f} a month {', '.join(shares)}"


def warm_from(costs: CostFacts) -> tuple[str, float] | None:
    """Return from which arrival rate keeping one warm pays, in words and requests a second.

    At no lower rate of its own it never costs less: then, from where it costs hardly more.
    """
    price = costs.price
    both = [(p.rate_rps, p.scaling, p.kept) for p in costs.curve if p.scaling and p.kept]
    if price.usd_per_hour is None or not both:
        return None
    rates = [rate for rate, *_ in both]
    scaling = [usd_of(used, price, costs.service.calls) for _, used, _ in both]
    kept = [usd_of(used, price, costs.service.calls) for *_, used in both]
    if _cheaper_warm(price):
        words, rate = "one kept warm pays from", break_even(rates, scaling, kept)
    else:
        words = f"one kept warm costs less than {NEARLY:.0%} more from".replace("%", " %")
        rate = break_even(rates, [(1 + NEARLY) * usd for usd in scaling], kept)
    return None if rate is None else (f"{words} {plain(rate * MONTH_S, 2)} a month", rate)


def keep_warm(costs: CostFacts) -> str:
    """Say what keeping one warm costs and buys, and from which traffic it pays."""
    price, told = costs.price, costs.months[0]
    if price.usd_per_hour is None or told.usage is None:
        return ""
    found = warm_from(costs)
    pays = f"{found[0][:1].upper()}{found[0][1:]}." if found else ""
    if _cheaper_warm(price):
        return pays or "One kept warm does not pay at any traffic up to ten requests a second."
    month_usd = price.usd_per_hour * MONTH_S / 3600
    scaled = told.requests * usd_of(told.usage, price, costs.service.calls)
    return (
        f"At the same rate keeping one warm never costs less: {month_usd:,.0f} USD a month instead "
        f"of {scaled:,.2f} at {told.requests:,.0f} requests, and the "
        f"{quantity(told.usage.cold_share, '%')} that wait for a start would not. {pays}"
    )


def _cheaper_warm(price: Price) -> bool:
    kept, hourly = price.usd_per_hour_kept_warm, price.usd_per_hour
    return kept is not None and hourly is not None and kept < hourly


def without_price(costs: CostFacts) -> Html:
    """Say what is known without a price, and how to give one."""
    price = costs.price
    timed = len(costs.service.seconds) > 0
    if not timed or price.usd_per_hour is not None or price.knows("tokens"):
        return Html("")
    attempts, endpoint = costs.facts.data.attempts, costs.facts.data.run.endpoint
    tokens = [floats(attempts, name) for name in ("prompt_tokens", "output_tokens")]
    told = [f"{np.nansum(column):,.0f}" if np.isfinite(column).any() else "–" for column in tokens]
    hour = costs.service.mean_s / 3600
    how = (
        f"Give [{price.price_id}] in data/prices.toml its rates"
        if price.source
        else f"Name a price in [endpoints.{endpoint}] of liftlab.toml, and give it a table with "
        "its rates in data/prices.toml"
    )
    words = (
        f"What is known: {costs.busy.total:,.1f} s of work, {told[0]} prompt and {told[1]} output "
        f"tokens in all. At 1 USD an hour a request would cost {quantity(hour, 'USD')}. {how}: "
        "usd_per_hour, or usd_per_million_prompt_tokens and usd_per_million_output_tokens, and "
        "idle_s where containers come and go."
    )
    return tag("p", words)


def price_words(costs: CostFacts) -> str:
    """Return which price this is, and where it is from."""
    price = costs.price
    if not len(costs.service.seconds):
        return ""
    if not price.source:
        told = f"The price {price.price_id} is not in data/prices.toml."
        return " ".join(filter(None, (told, _reported(costs))))
    told = f"Price {price.price_id} of {price.date}: {price.source}."
    return " ".join(filter(None, (told, _same_rates(costs), _reported(costs))))


def _same_rates(costs: CostFacts) -> str:
    """Say which tokens have no rate of their own, where a run has any of them."""
    price, attempts = costs.price, costs.facts.data.attempts
    if not price.knows("tokens"):
        return ""
    rates = (
        ("cached_tokens", price.usd_per_million_cached_tokens, "cached prompt tokens"),
        ("reasoning_tokens", price.usd_per_million_reasoning_tokens, "reasoning tokens"),
    )
    named = [
        words for name, rate, words in rates if rate is None and np.nansum(floats(attempts, name))
    ]
    return f"It has no rate for {' and '.join(named)}: counted as others." if named else ""


def _reported(costs: CostFacts) -> str:
    """Say what the endpoint itself says that it charged, beside what the price makes of it."""
    attempts, table = costs.facts.data.attempts, costs.facts.data.costs
    reported = floats(attempts, "reported_usd")
    known = np.isfinite(reported)
    if not known.any():
        return ""
    count, total = int(known.sum()), quantity(float(reported[known].sum()), "USD")
    said = f"The endpoint reports {total} for {count:,} {plural('attempt', count)}"
    own = table[table["price_id"] == costs.price.price_id]
    usd = floats(attempts[["seq"]].merge(own.drop_duplicates("seq"), on="seq", how="left"), "usd")
    if not np.isfinite(usd[known]).all():
        return f"{said}."
    return f"{said}; by this price they cost {quantity(float(usd[known].sum()), 'USD')}."


def hosting_words(costs: CostFacts) -> str:
    """Return what the model of containers assumes."""
    hosting = costs.hosting
    assert hosting is not None
    how = "a closed form" if hosting.serial else "simulated events"
    return (
        f"Random arrivals; at most {hosting.containers:,} {plural('container', hosting.containers)}"
        f", {hosting.slots:,} {plural('slot', hosting.slots)} each, gone after "
        f"{hosting.idle_window_s:g} s without work; cold start {hosting.cold_start_s:.3g} s "
        f"({costs.cold_start}). Service times as in this run, at its own concurrency. By {how}. "
        "A line ends where the containers could not keep up."
    )


def worked(costs: CostFacts) -> str:
    """Return the mean work of a request."""
    return quantity(costs.service.mean_s, "s")


def _rate(costs: CostFacts) -> str:
    rate = costs.price.usd_per_hour or 0.0
    return f"{rate:,.2f} USD an hour" if rate >= 1 else f"{quantity(rate, 'USD')} an hour"


def time_scale(costs: CostFacts) -> str:
    """Say that a simulator was sped up; empty where none was."""
    if costs.sped_up == 1:
        return ""
    return f"A simulator, sped up {costs.sped_up:g} times: its times count at their real length."
