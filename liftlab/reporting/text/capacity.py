"""How many right answers a second an endpoint gives, up to which load, and whether they suffer."""

from __future__ import annotations

from collections.abc import Iterator

from liftlab.analysis.estimate import Estimate, as_set, quantity
from liftlab.reporting.text import targets
from liftlab.reporting.text.base import Text, joined, marked, with_interval, with_likely, write
from liftlab.settings.targets import GOODPUT
from liftlab.summary.capacity import Capacity, Level
from liftlab.summary.run import RunSummary
from liftlab.words import counted


def title(summary: RunSummary) -> Text:
    """Return the highest goodput, where it is, and the target."""
    found = of(summary)
    if found.best is None:
        return Text(f"No answer was right within {limit(found)} at any level of load")
    many, within = bare(found.goodput), limit(found)
    said = write("{} right answers a second within {}, {}", many, within, at_once(found.best))
    target = summary.targets.of(GOODPUT)
    return said if target is None else write("{}; {}", said, targets.clause(target))


def sentences(summary: RunSummary) -> tuple[Text, ...]:
    """Return what else anyone should know of the capacity."""
    return tuple(told(of(summary)))


def told(found: Capacity) -> Iterator[Text]:
    """Yield the knee, the objective, answers under load, what a dollar buys, what fell short."""
    if not found.levels:
        yield Text("No request was answered, so nothing can be judged.")
        return
    yield knee(found)
    aim, met = objective(found), found.meets
    missed = next((level for level in found.levels if level.slo.verdict == "not met"), None)
    judged = [f"is met {at_once(met)}"] if met else []
    judged += [f"is not met {at_once(missed)}"] if missed else []
    if judged:
        yield Text(f"{aim} {' and '.join(judged)}.")
    else:
        yield Text(f"Not enough data to say at any level whether {aim} is met.")
    yield from _under_load(found)
    if found.best is not None and (right := found.best.per_usd).value is not None:
        many, where = bare(right), at_once(found.best)
        yield write("{} a dollar buys {} right answers in time.", where.capitalize(), many)
    if short := next((level for level in reversed(found.levels) if not level.is_full), None):
        yield Text(
            f"Of {short.at_once:,} requests planned at once only {short.timed.under_way:,.1f} "
            "were under way on average, because liftlab was slow between requests: the level "
            "counts as that many."
        )


def _under_load(found: Capacity) -> Iterator[Text]:
    """Say whether answers get worse under load, and where first."""
    compared = [level for level in found.levels if level.change and level.change.cases]
    level = next(iter(found.worse), compared[-1] if compared else None)
    if level is None or level.change is None:
        return
    change, where, base = level.change, at_once(level), at_once(found.levels[0])
    if level in found.worse:
        now, then = quantity(change.second, "%"), quantity(change.first, "%")
        yield Text(f"Answers get worse under load: {where} {now} are right, {base} {then}.")
        return
    yield Text(
        f"Answers were not seen to get worse under load: {where} the success rate differs by "
        f"{with_likely(change.difference)} from that {base}."
    )


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
    levels = [
        write(
            "{}: {}, {} {}.",
            f"{level.at_once:,} at once, {level.timed.under_way:,.1f} under way",
            with_interval(level.goodput),
            objective(found),
            level.slo.verdict,
        )
        for level in found.levels
    ]
    return joined([message(summary), joined(levels)], "\n\n")


def bare(estimate: Estimate) -> Text:
    """Return an estimate's value without its unit, marked as what it is."""
    return marked(estimate.point.removesuffix(f" {estimate.unit}"), estimate.quantity)


def knee(found: Capacity) -> Text:
    """Say up to where more load brings more right answers."""
    if found.knee.value is None:
        return write("The knee is not known: {}.", found.knee.reason)
    known = with_likely(found.knee)
    return write("Beyond {} more load brings no more right answers a second (the knee).", known)


def at_once(level: Level) -> str:
    """Return a level in words."""
    return f"with {counted(level.at_once, 'request')} at once"


def limit(found: Capacity) -> str:
    """Return within which time an answer counts."""
    return as_set(found.plan.limit_s, "s")


def statistic(found: Capacity) -> str:
    """Return the quantile of the objective, in words."""
    return found.plan.metric.split("_")[1].replace("p", "P")


def objective(found: Capacity) -> str:
    """Return what a level has to keep, as "P95 ≤ 60 s"."""
    return f"{statistic(found)} ≤ {limit(found)}"


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
        tail = f"{objective(found)}: {level.slo.verdict}"
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
