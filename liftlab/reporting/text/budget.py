"""How long a request will take with the planned stages."""

from __future__ import annotations

from collections.abc import Iterator

from liftlab.analysis.budget import MODEL, Budget
from liftlab.analysis.estimate import as_set, quantity, span
from liftlab.reporting.text import words
from liftlab.reporting.text.base import Text, joined, write
from liftlab.reporting.text.numbers import value
from liftlab.summary.budget import BudgetResult
from liftlab.words import counted


def title(result: BudgetResult) -> Text:
    """Return how long the median request takes with the planned stages, and now."""
    budget = result.budget
    if budget is None:
        return Text("No request was answered, so there are no times to start from")
    now = value(budget.without[0.5])
    if not budget.planned:
        return write("Every planned stage is measured: the median request takes {}", now)
    stages = counted(len(budget.planned), "planned stage")
    planned = value(budget.with_planned[0.5])
    return write("With {} the median request will take {}; now {}", stages, planned, now)


def ends(result: BudgetResult) -> Text:
    """Say between which medians the plan lies; empty where nothing is planned."""
    budget = result.budget
    if budget is None or not budget.planned:
        return Text()
    between = span(budget.lowest_s, budget.highest_s, "s")
    return Text(f"If every planned stage takes its least, or its most: {between}.")


def within(result: BudgetResult) -> Text:
    """Say how many requests will end within the target; empty without one."""
    budget = result.budget
    if budget is None or not result.limits:
        return Text()
    _, limit = result.limits[0]
    now, planned = (quantity(share, "%") for share in budget.within(limit))
    if not budget.planned:
        return Text(f"{now} of requests end within {as_set(limit, 's')}.")
    return Text(f"{planned} of requests will end within {as_set(limit, 's')}; now {now} do.")


def lever(result: BudgetResult) -> Text:
    """Say which stage's speed-up would save most; empty where there is no stage."""
    budget = result.budget
    if budget is None or not budget.stages:
        return Text()
    first = budget.stages[0]
    saved = quantity(max(0.0, first.saves_p50_s), "s")
    return Text(f"Halving {words.stage(first.name)} would save {saved}, the most of any stage.")


def beside(result: BudgetResult) -> Text:
    """Say what running planned stages in parallel would gain; empty where that is nothing."""
    budget, parallel = result.budget, result.beside
    if budget is None or parallel is None or len(budget.planned) < 2:
        return Text()
    now, then = (found.with_planned[0.5].value or 0.0 for found in (budget, parallel))
    return Text(
        f"Run in parallel, the planned stages would end {quantity(now - then, 's')} sooner."
    )


def model(result: BudgetResult) -> Text:
    """Say what the figures rest on."""
    budget = result.budget
    if budget is None:
        return Text()
    rests = f"By {MODEL}: {counted(budget.rows, 'request')} of {counted(budget.n, 'prompt')}."
    return joined([rests, *_limits(budget)])


def estimates(result: BudgetResult) -> Iterator[Text]:
    """Yield how good the estimate of each stage was that is measured by now."""
    for kept in result.budget.kept if result.budget else ():
        range_s, inside = span(kept.low_s, kept.high_s, "s"), quantity(kept.inside.value, "%")
        yield Text(
            f"{words.stage(kept.name)} was estimated at {range_s}; its median is "
            f"{kept.measured.point}, and {inside} of its times lie in the range."
        )


def _limits(budget: Budget) -> Iterator[str]:
    if budget.left_out:
        yield f"{budget.left_out:,} without an answer are left out."
    if budget.misplaced:
        names = ", ".join(words.stage(name) for name in budget.misplaced)
        yield f"This run has no stage {names}: what comes after it was put at the end."
