"""The page on cost: what a request costs by each model, by how many there are, and what for."""

from __future__ import annotations

import math

import pandas as pd

from liftlab.analysis.cost import Traffic, Usage
from liftlab.analysis.cost.parts import COLD, Parts, parts_with_idle
from liftlab.analysis.cost.traffic import MONTH_S, fee_of, usd_of
from liftlab.analysis.estimate import Estimate, quantity
from liftlab.reporting import cost_figures
from liftlab.reporting import cost_words as words
from liftlab.reporting.cost_facts import CostFacts, gather
from liftlab.reporting.cost_words import GPU, TOKENS
from liftlab.reporting.html import End, Finding, Html, join, tag
from liftlab.reporting.pages import parts
from liftlab.reporting.pages.published import published_figures
from liftlab.reporting.tables import behind, table
from liftlab.reporting.tiles import Tile
from liftlab.reporting.tiles import tiles as tile_row

__all__ = [
    "conclusion",
    "finding",
    "gather",
    "models_table",
    "parts_figure",
    "projections",
    "provenance",
    "published",
    "tiles",
    "traffic_figure",
]

_UNTIMED = "no attempt has a known time"


def finding(costs: CostFacts) -> Finding:
    """Return what a request costs, and what most of it is for."""
    return parts.finding(costs.facts, words.title(costs), words.sentences(costs))


def tiles(costs: CostFacts) -> Html:
    """Return a request while it works, in a month's traffic, and a right answer."""
    shown = [_work_tile(costs), *(_month_tile(costs, told) for told in costs.months[:1])]
    shown += [_right_tile(costs), _lost_tile(costs)]
    return tile_row(shown)


def models_table(costs: CostFacts) -> Html:
    """Return the models side by side: a request and a right answer."""
    rows = [_model_row(each.name, each.bills, each.request, each.right) for each in costs.models]
    rows += [
        _model_row(
            f"Scale to zero, {told.requests:,.0f} a month",
            "work, start and idle window",
            told.usd_request,
            told.usd_pass,
        )
        for told in costs.months
    ]
    if not costs.months:
        rows.append(
            _model_row("Scale to zero", "work, start and idle window", *[_unhosted(costs)] * 2)
        )
    said = [words.price_words(costs), costs.bound, words.time_scale(costs)]
    note = tag("p", " ".join(part for part in said if part), cls="note")
    return join([table(pd.DataFrame(rows), csv="models.csv"), note, words.without_price(costs)])


def traffic_figure(costs: CostFacts) -> Html:
    """Return what a request costs by how many there are."""
    if costs.hosting is None or not costs.curve:
        return tag("p", f"{_unhosted(costs).reason}.".capitalize(), cls="note")
    lines = {
        "scales to zero": [_amount(costs, point.scaling) for point in costs.curve],
        "one kept warm": [_amount(costs, point.kept) for point in costs.curve],
        "work alone": [_worked(costs, point.scaling) for point in costs.curve],
    }
    marks = {
        f"{told.requests:,.0f} a month": (told.requests / MONTH_S, _amount(costs, told.usage))
        for told in costs.months
        if told.usage is not None
    }
    rates = [point.rate_rps for point in costs.curve]
    frame = pd.DataFrame({"requests a day": [86_400 * rate for rate in rates], **lines})
    drawn = cost_figures.cost_by_traffic(
        rates,
        lines,
        marks,
        words.warm_from(costs),
        unit=_unit(costs),
        caption=words.traffic_caption(costs),
        table=behind(table(frame, csv="traffic.csv")),
    )
    return join([drawn.html(), tag("p", words.hosting_words(costs), cls="note")])


def projections(costs: CostFacts) -> Html:
    """Return what months cost by each model, with intervals or why there is none."""
    rows = [_month_row(t.requests, "Scale to zero", t.usd, t.usage) for t in costs.months]
    rows += [
        _month_row(requests, each.name, estimate, None)
        for each in costs.models
        for requests, estimate in each.months.items()
        if estimate.value is not None
    ]
    if not rows:
        return tag("p", "No month can be projected without a price.", cls="note")
    note = (
        "The interval of a month that scales to zero carries latency, retries and arrivals; that "
        "of a right answer success, too. The others are the mean cost of a request, times as many."
    )
    frame = pd.DataFrame(rows).sort_values("Requests a month", kind="stable")
    return join([table(frame, csv="projections.csv"), tag("p", note, cls="note")])


def parts_figure(costs: CostFacts) -> Html:
    """Return what the money goes to: in this run, and in a month's traffic."""
    spent = costs.busy.amounts | ({COLD: costs.cold_s} if costs.cold_s > 0 else {})
    bars = {"this run": Parts(amounts=spent)} if spent else {}
    for told in costs.months:
        if told.usage is not None:
            bars[f"{told.requests:,.0f} a month"] = parts_with_idle(costs.busy, told.usage)
    rows = [
        {"": name, "Part": part, "Billed s": amount, "Share": quantity(amount / each.total, "%")}
        for name, each in bars.items()
        for part, amount in each.amounts.items()
    ]
    drawn = cost_figures.cost_parts(
        bars,
        unit="s",
        caption=words.parts_caption(costs),
        table=behind(table(pd.DataFrame(rows), csv="parts.csv")) if rows else None,
    )
    note = (
        "Seconds: of the whole run, and billed for one request. Retries are second and later "
        "tries of a stage; a failed answer is one that missed a check or never came."
    )
    return join([drawn.html(), tag("p", note, cls="note")])


def published(costs: CostFacts) -> Html:
    """Return what was published of this run, and what of it survives."""
    return published_figures(costs.facts)


def conclusion(costs: CostFacts) -> Html:
    """Return what follows, in sentences made from the data."""
    said = words.sentences(costs)
    if costs.busy.failures > 0:
        share = quantity(costs.busy.failures, "%")
        said.append(
            f"Failed answers took {share} of the work, retries "
            f"{quantity(costs.busy.retries, '%')}; the two overlap."
        )
    if costs.months:
        said.append(words.keep_warm(costs))
    return tag("ul", *(tag("li", sentence) for sentence in said if sentence))


def provenance(costs: CostFacts) -> End:
    """Return where the numbers come from."""
    return parts.provenance(costs.facts)


def _work_tile(costs: CostFacts) -> Tile:
    request = costs.models[GPU].request
    if request.value is None and costs.models[TOKENS].request.value is not None:
        request = costs.models[TOKENS].request
        return Tile(what="A request, in tokens", number=request.point, why=_why(request))
    if not len(costs.service.seconds):
        return Tile(what="A request", number="–", why=_UNTIMED, verdict="not measurable")
    if request.value is None:
        why = f"works {words.worked(costs)}; {request.reason}"
        return Tile(what="A request", number="–", why=why, verdict="not measurable")
    why = f"{_why(request)}; idle time out"
    return Tile(what="A request, while it works", number=request.point, why=why)


def _month_tile(costs: CostFacts, told: Traffic) -> Tile:
    estimate, name = told.usd_request, f"A request, {told.requests:,.0f} a month"
    if told.usage is None or estimate.value is None:
        return Tile(what=name, number="–", why=estimate.reason, verdict="not measurable")
    why = f"{_why(estimate)}; idle time {quantity(told.usage.idle_s / told.usage.billed_s, '%')}"
    return Tile(what=name, number=estimate.point, why=why)


def _right_tile(costs: CostFacts) -> Tile:
    told, where = costs.models[GPU].right, ", while it works"
    if costs.months:
        told, where = costs.months[0].usd_pass, f", {costs.months[0].requests:,.0f} a month"
    elif costs.models[TOKENS].right.value is not None:
        told, where = costs.models[TOKENS].right, ", in tokens"
    verdict = "" if told.value is not None else "not measurable"
    return Tile(what=f"A right answer{where}", number=told.point, why=_why(told), verdict=verdict)


def _lost_tile(costs: CostFacts) -> Tile:
    what = "Spent on failed answers"
    if not costs.busy.judged:
        why = "no answer was judged" if costs.busy.amounts else _UNTIMED
        return Tile(what=what, number="–", why=why, verdict="not measurable")
    why = f"of the work; retries {quantity(costs.busy.retries, '%')}"
    return Tile(what=what, number=quantity(costs.busy.failures, "%"), why=why)


def _model_row(name: str, bills: str, request: Estimate, right: Estimate) -> dict[str, object]:
    return {
        "Model": name,
        "Bills": bills,
        "A request, USD": _usd(request),
        "Interval": _why(request),
        "A right answer, USD": _usd(right),
        "Its interval": _why(right),
    }


def _month_row(
    requests: float, name: str, estimate: Estimate, usage: Usage | None
) -> dict[str, object]:
    waits = quantity(usage.cold_share, "%") if usage is not None else None
    return {
        "Requests a month": int(requests),
        "Model": name,
        "USD a month": f"{estimate.value:,.2f}" if estimate.value is not None else "–",
        "Interval": _why(estimate),
        "Meet no warm container": waits,
    }


def _unhosted(costs: CostFacts) -> Estimate:
    why = "no idle window is known: set idle_s in the price or in the endpoint's table"
    if costs.hosting is not None:
        why = _UNTIMED
    return Estimate(value=None, n=len(costs.service.seconds), unit="USD", reason=why)


def _unit(costs: CostFacts) -> str:
    return "s" if costs.price.usd_per_hour is None else "USD"


def _amount(costs: CostFacts, usage: Usage | None) -> float:
    if usage is None:
        return math.nan
    return (
        usage.billed_s
        if costs.price.usd_per_hour is None
        else usd_of(usage, costs.price, costs.service.calls)
    )


def _worked(costs: CostFacts, usage: Usage | None) -> float:
    rate = costs.price.usd_per_hour
    if usage is None:
        return math.nan
    if rate is None:
        return usage.busy_s
    return usage.busy_s * rate / 3600 + fee_of(costs.price, costs.service.calls)


def _usd(estimate: Estimate) -> str:
    return "–" if estimate.value is None else quantity(estimate.value, "USD").removesuffix(" USD")


def _why(estimate: Estimate) -> str:
    return parts.estimate_words(estimate) or f"n = {estimate.n:,}"
