"""How many right answers a second an endpoint gives, up to which load, and whether they suffer."""

from __future__ import annotations

from collections.abc import Iterator

from liftlab.analysis.estimate import Estimate, as_set, quantity
from liftlab.reporting.text import targets
from liftlab.reporting.text.base import Text, joined, marked, write
from liftlab.reporting.text.numbers import with_interval, with_likely
from liftlab.settings.targets import GOODPUT
from liftlab.summary.capacity import Capacity, Level
from liftlab.summary.run import RunSummary
from liftlab.words import counted


def title(summary: RunSummary) -> Text:
    """Return the highest goodput, where it is, and the target."""
    found = of(summary)
    if found.best is None:
        return Text(f"No answer was right within {limit(found)} at any level of load")
    said = write(
        "{} right answers a second within {}, {}",
        bare(found.goodput),
        limit(found),
        at_once(found.best),
    )
    target = summary.targets.of(GOODPUT)
    return said if target is None else write("{}; {}", said, targets.clause(target))


def sentences(summary: RunSummary) -> tuple[Text, ...]:
    """Return what else anyone should know of the capacity."""
    found = of(summary)
    if not found.levels:
        return (Text("No request was answered, so nothing can be judged."),)
    said = (knee(found), objective(found), answers(found), cost(found), short(found))
    return tuple(filter(None, said))


def numbers(summary: RunSummary) -> list[tuple[str, Text]]:
    """Return the numbers of a status update by name."""
    found = of(summary)
    rows = [("Right answers a second", found.goodput), ("Knee, requests at once", found.knee)]
    return [(name, bare(row)) for name, row in rows if row.value is not None]


def message(summary: RunSummary) -> Text:
    """Return the capacity as a paragraph."""
    return joined([write("{}.", title(summary)), *sentences(summary)])


def technical(summary: RunSummary) -> Text:
    """Return the capacity, and each level in a sentence."""
    found = of(summary)
    return joined(
        [message(summary), joined(_level(found, level) for level in found.levels)], "\n\n"
    )


def bare(estimate: Estimate) -> Text:
    """Return an estimate's value without its unit, marked as what it is."""
    return marked(estimate.point.removesuffix(f" {estimate.unit}"), estimate.quantity)


def knee(found: Capacity) -> Text:
    """Say up to where more load brings more right answers."""
    if found.knee.value is None:
        return write("The knee is not known: {}.", found.knee.reason)
    known = with_likely(found.knee)
    return write("Beyond {} more load brings no more right answers a second (the knee).", known)


def objective(found: Capacity) -> Text:
    """Say the highest level that meets the objective, and the lowest that does not."""
    aim, met = f"{statistic(found)} ≤ {limit(found)}", found.meets
    missed = next((level for level in found.levels if level.slo.verdict == "not met"), None)
    parts = [] if met is None else [f"is met {at_once(met)}"]
    parts += [] if missed is None else [f"is not met {at_once(missed)}"]
    if parts:
        return Text(f"{aim} {' and '.join(parts)}.")
    return Text(f"Not enough data to say at any level whether {aim} is met.")


def answers(found: Capacity) -> Text:
    """Say whether answers get worse under load, and where first."""
    compared = [level for level in found.levels if level.change and level.change.cases]
    if not compared:
        return Text()
    first = next(iter(found.worse), None)
    level = first or compared[-1]
    change = level.change
    assert change is not None
    where, base = at_once(level), at_once(found.levels[0])
    if first is not None:
        shares = quantity(change.second, "%"), quantity(change.first, "%")
        return Text(
            f"Answers get worse under load: {where} {shares[0]} are right, {base} {shares[1]}."
        )
    by = with_likely(change.difference)
    return Text(
        f"Answers were not seen to get worse under load: {where} the success rate differs by {by} "
        f"from that {base}."
    )


def cost(found: Capacity) -> Text:
    """Say what a dollar buys at the best level; empty where the price is not known."""
    if found.best is None or found.best.per_usd.value is None:
        return Text()
    many = marked(quantity(found.best.per_usd.value), found.best.per_usd.quantity)
    where = at_once(found.best).capitalize()
    return write("{} a dollar buys {} right answers in time.", where, many)


def short(found: Capacity) -> Text:
    """Say where fewer requests were under way than were asked for; empty where none were."""
    level = next((one for one in reversed(found.levels) if not one.is_full), None)
    if level is None:
        return Text()
    return Text(
        f"Of {level.at_once:,} requests planned at once only {level.timed.under_way:,.1f} "
        "were under way on average, because liftlab was slow between requests: the level counts "
        "as that many."
    )


def _level(found: Capacity, level: Level) -> Text:
    told = f"{statistic(found)} ≤ {limit(found)} {level.slo.verdict}"
    many = f"{level.at_once:,} at once, {level.timed.under_way:,.1f} under way"
    return write("{}: {}, {}.", many, with_interval(level.goodput), told)


def at_once(level: Level) -> str:
    """Return a level in words."""
    return f"with {counted(level.at_once, 'request')} at once"


def limit(found: Capacity) -> str:
    """Return within which time an answer counts."""
    return as_set(found.plan.limit_s, "s")


def statistic(found: Capacity) -> str:
    """Return the quantile of the objective, in words."""
    return found.plan.metric.split("_")[1].replace("p", "P")


def lines(summary: RunSummary) -> Iterator[str]:
    """Yield the capacity for a terminal, a line a level."""
    found = of(summary)
    yield f"{title(summary)}."
    yield from (f"  {sentence}" for sentence in sentences(summary))
    if found.levels:
        base = found.levels[0].at_once
        columns = f"right a second; the SLO; answers compared with {base:,} at once"
        yield f"\nat once  under way  requests  right in time  {columns}"
    for level in found.levels:
        share = f"{level.within:,} of {level.timed.n:,}"
        tail = f"{statistic(found)} ≤ {limit(found)}: {level.slo.verdict}"
        if level.change is not None:
            tail += f"; answers: {level.change.verdict}"
        yield (
            f"{level.at_once:7,}  {level.timed.under_way:9.1f}  {level.trials:8,}  {share:>13}  "
            f"{with_interval(level.goodput)}; {tail}"
        )


def of(summary: RunSummary) -> Capacity:
    """Return the capacity of a run that is of one."""
    assert summary.capacity is not None
    return summary.capacity
