"""What a request and a right answer cost, the bill of a month, and what the money is for."""

from __future__ import annotations

import math

import pandas as pd

from liftlab.analysis.cost.hosting import Usage
from liftlab.analysis.cost.parts import COLD, Parts, parts_with_idle
from liftlab.analysis.cost.traffic import MONTH_S, fee_of, usd_of
from liftlab.analysis.estimate import quantity
from liftlab.reporting.figures.cost import cost_by_traffic, cost_parts
from liftlab.reporting.html import Html, join, tag
from liftlab.reporting.sections.base import Section, cell, interval_cell, of_run, shown
from liftlab.reporting.tables import Scorecard, behind, scorecards, table
from liftlab.reporting.text import cost as cost_text
from liftlab.reporting.text.base import capitalised
from liftlab.reporting.text.numbers import likely, value
from liftlab.summary.cost import Costs

_MODELS = {"gpu_seconds": "By the hour", "tokens": "By tokens", "latency": "By latency"}


@shown.register
def _(cost: Costs) -> Section:
    """Return costs as scorecards, the bill over traffic, and what the seconds went to."""
    parts = [_cards(cost), *_traffic(cost), *_parts(cost)]
    if len(cost.models) > 1:
        parts.append(_models(cost))
    rests = (
        cost_text.price(cost),
        cost_text.hosting(cost),
        cost_text.missing_rates(cost),
        cost_text.reported(cost),
    )
    return of_run(
        cost,
        title=cost_text.title(cost),
        sentences=(
            cost_text.included(cost),
            cost_text.idle(cost),
            cost_text.lost(cost),
            cost_text.lower_bound(cost),
            cost_text.how_to_price(cost),
            cost_text.keep_warm(cost),
        ),
        parts=tuple(parts),
        details=(("Price and assumptions", join(tag("p", said) for said in rests if said)),),
    )


def _cards(cost: Costs) -> Html:
    named = [("A request", cost.request), ("A right answer", cost.right)]
    bills = [(f"{bill.requests:,.0f} requests a month", bill.usd) for bill in cost.bills]
    return scorecards(
        Scorecard(what=name, number=value(estimate), why=likely(estimate))
        for name, estimate in [*named, *bills]
        if estimate.value is not None
    )


def _traffic(cost: Costs) -> list[Html]:
    if cost.hosting is None or not cost.curve:
        return []
    lines = {
        "stopped when idle": [p.rate_rps * _amount(cost, p.scaling) for p in cost.curve],
        "one kept warm": [p.rate_rps * _amount(cost, p.kept) for p in cost.curve],
        "without idle time": [p.rate_rps * _worked(cost, p.scaling) for p in cost.curve],
    }
    lines = {name: [MONTH_S * amount for amount in bills] for name, bills in lines.items()}
    marks = {
        f"{bill.requests:,.0f} a month": (
            bill.requests / MONTH_S,
            bill.requests * _amount(cost, bill.usage),
        )
        for bill in cost.bills
        if bill.usage is not None
    }
    rates = [point.rate_rps for point in cost.curve]
    unit = "s" if cost.price.usd_per_hour is None else "USD"
    billed = {f"{capitalised(name)}, {unit} a month": bills for name, bills in lines.items()}
    frame = pd.DataFrame({"Requests a day": [86_400 * rate for rate in rates], **billed})
    figure = cost_by_traffic(
        rates,
        lines,
        marks,
        cost_text.warm_from(cost),
        unit=unit,
        caption=cost_text.traffic(cost),
        table=behind(table(frame, csv="traffic.csv", most=10)),
    )
    return [figure.html()]


def _parts(cost: Costs) -> list[Html]:
    spent = cost.busy.amounts | ({COLD: cost.cold_s} if cost.cold_s > 0 else {})
    if not spent:
        return []
    bars = {"this run": Parts(amounts=spent)}
    for bill in cost.bills:
        if bill.usage is not None:
            bars[f"{bill.requests:,.0f} a month"] = parts_with_idle(cost.busy, bill.usage)
    rows = [
        {"": name, "Part": part, "Billed, s": amount, "Share": quantity(amount / bar.total, "%")}
        for name, bar in bars.items()
        for part, amount in bar.amounts.items()
    ]
    figure = cost_parts(
        bars,
        unit="s",
        caption=cost_text.parts(cost),
        table=behind(table(pd.DataFrame(rows), csv="parts.csv")),
    )
    return [figure.html()]


def _models(cost: Costs) -> Html:
    rows = [
        {
            "Billed": _MODELS[row.model],
            "A request": cell(row.request),
            "95 % interval": interval_cell(row.request),
            "A right answer": cell(row.right),
        }
        for row in cost.models
        if row.model != cost.model and row.request.value is not None
    ]
    if not rows:
        return Html("")
    return behind(table(pd.DataFrame(rows), csv="models.csv"), "The same run, billed otherwise")


def _amount(cost: Costs, usage: Usage | None) -> float:
    if usage is None:
        return math.nan
    if cost.price.usd_per_hour is None:
        return usage.billed_s
    return usd_of(usage, cost.price, cost.service.calls)


def _worked(cost: Costs, usage: Usage | None) -> float:
    if usage is None:
        return math.nan
    rate = cost.price.usd_per_hour
    if rate is None:
        return usage.busy_s
    return usage.busy_s * rate / 3600 + fee_of(cost.price, cost.service.calls)
