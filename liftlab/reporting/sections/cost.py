"""What a request and a right answer cost, the bill of a month, and what the money is for."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from liftlab.analysis.cost.hosting import Usage
from liftlab.analysis.cost.parts import COLD, Parts, parts_with_idle
from liftlab.analysis.cost.traffic import MONTH_S, fee_of, usd_of
from liftlab.analysis.estimate import quantity
from liftlab.reporting.figures.cost import cost_by_traffic, cost_parts
from liftlab.reporting.html import Html, join, tag
from liftlab.reporting.sections.base import Section, cell, interval_cell, of_run, shown
from liftlab.reporting.tables import Scorecard, behind, scorecards, table
from liftlab.reporting.text import cost as text
from liftlab.reporting.text.base import capitalised, likely, value
from liftlab.summary.cost import Costs

_MODELS = {"gpu_seconds": "By the hour", "tokens": "By tokens", "latency": "By latency"}


@shown.register
def _(cost: Costs) -> Section:
    """Return costs as scorecards, the bill over traffic, and what the seconds went to."""
    assumptions = join(tag("p", said) for said in text.assumptions(cost))
    return of_run(
        cost,
        title=text.title(cost),
        sentences=tuple(text.sentences(cost)),
        parts=tuple(_parts(cost)),
        details=(("Price and assumptions", assumptions),),
    )


def _parts(cost: Costs) -> Iterator[Html]:
    """Yield scorecards, the bill over traffic, its parts, and the run billed otherwise."""
    named = [("A request", cost.request), ("A right answer", cost.right)]
    named += [(f"{bill.requests:,.0f} requests a month", bill.usd) for bill in cost.bills]
    yield scorecards(
        Scorecard(what=name, number=value(estimate), why=likely(estimate))
        for name, estimate in named
        if estimate.value is not None
    )
    if cost.hosting is not None and cost.curve:
        yield _traffic(cost)
    spent = cost.busy.amounts | ({COLD: cost.cold_s} if cost.cold_s > 0 else {})
    if spent:
        yield _shares(cost, spent)
    models = [
        {
            "Billed": _MODELS[row.model],
            "A request": cell(row.request),
            "95 % interval": interval_cell(row.request),
            "A right answer": cell(row.right),
        }
        for row in cost.models
        if row.model != cost.model and row.request.value is not None
    ]
    if models:
        yield behind(table(models, csv="models.csv"), "The same run, billed otherwise")


def _traffic(cost: Costs) -> Html:
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
    return cost_by_traffic(
        rates,
        lines,
        marks,
        text.warm_from(cost),
        unit=unit,
        caption=text.traffic(cost),
        table=behind(table(frame, csv="traffic.csv", most=10)),
    ).html()


def _shares(cost: Costs, spent: dict[str, float]) -> Html:
    bars, of = {"this run": Parts(amounts=spent)}, {"this run": "in all"}
    for bill in cost.bills:
        if bill.usage is not None:
            bars[f"{bill.requests:,.0f} a month"] = parts_with_idle(cost.busy, bill.usage)
            of[f"{bill.requests:,.0f} a month"] = "a request"
    rows = [
        {
            "": name,
            "Of": of[name],
            "Part": part,
            "Billed, s": amount,
            "Share": quantity(amount / bar.total, "%"),
        }
        for name, bar in bars.items()
        for part, amount in bar.amounts.items()
    ]
    numbers = behind(table(rows, csv="parts.csv"))
    return cost_parts(bars, of, unit="s", caption=text.parts(cost), table=numbers).html()


def _amount(cost: Costs, usage: Usage | None) -> float:
    """Return what a request is billed: USD, or seconds without a price."""
    if usage is None:
        return math.nan
    if cost.price.usd_per_hour is None:
        return usage.billed_s
    return usd_of(usage, cost.price, cost.service.calls)


def _worked(cost: Costs, usage: Usage | None) -> float:
    """Return the same without idle time and cold starts."""
    if usage is None:
        return math.nan
    rate = cost.price.usd_per_hour
    if rate is None:
        return usage.busy_s
    return usage.busy_s * rate / 3600 + fee_of(cost.price, cost.service.calls)
