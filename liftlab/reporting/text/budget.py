"""How long a request will take with the planned stages, or would under other assumptions."""

from __future__ import annotations

from collections.abc import Iterator

from liftlab.analysis.budget import MODEL, Budget
from liftlab.analysis.estimate import as_set, quantity, span
from liftlab.reporting.text import words
from liftlab.reporting.text.base import Text, value, write
from liftlab.summary.budget import BudgetResult, WhatIf
from liftlab.words import counted

NO_TIMES = Text("No request was answered, so there are no times")
ASSUMED = "Answers are taken to be as right as they were; what is assumed has no interval."


def title(result: BudgetResult) -> Text:
    """Return how long the median request takes with the planned stages, and now."""
    budget = result.budget
    if budget is None:
        return write("{} to start from", NO_TIMES)
    now = value(budget.without[0.5])
    if not budget.planned:
        return write("Every planned stage is measured: the median request takes {}", now)
    stages = counted(len(budget.planned), "planned stage")
    planned = value(budget.with_planned[0.5])
    return write("With {} the median request will take {}; now {}", stages, planned, now)


def sentences(result: BudgetResult) -> Iterator[str]:
    """Yield what the plan means for its target, what would help, and how good estimates were."""
    budget = result.budget
    if budget is None:
        return
    if result.limits:
        limit = as_set(result.limits[0][1], "s")
        now, planned = (quantity(share, "%") for share in budget.within(result.limits[0][1]))
        if budget.planned:
            yield f"{planned} of requests will end within {limit}; now {now} do."
        else:
            yield f"{now} of requests end within {limit}."
    if budget.planned:
        between = span(budget.lowest_s, budget.highest_s, "s")
        yield f"If every planned stage takes its least, or its most: {between}."
    yield lever(budget)
    if result.beside is not None and len(budget.planned) > 1:
        now_s, then_s = (b.with_planned[0.5].value or 0.0 for b in (budget, result.beside))
        sooner = quantity(now_s - then_s, "s")
        yield f"Run in parallel, the planned stages would end {sooner} sooner."
    for kept in budget.kept:
        range_s, inside = span(kept.low_s, kept.high_s, "s"), quantity(kept.inside.value, "%")
        yield (
            f"{words.stage(kept.name)} was estimated at {range_s}; its median is "
            f"{kept.measured.point}, and {inside} of its times lie in the range."
        )


def lever(budget: Budget) -> str:
    """Say which stage's speed-up would save most; empty where there is no stage."""
    if not budget.stages:
        return ""
    first = budget.stages[0]
    saved = quantity(max(0.0, first.saves_p50_s), "s")
    return f"Halving {words.stage(first.name)} would save {saved}, the most of any stage."


def model(budget: Budget) -> str:
    """Say what the figures rest on."""
    said = f"By {MODEL}: {counted(budget.rows, 'request')} of {counted(budget.n, 'prompt')}."
    if budget.left_out:
        said += f" {budget.left_out:,} without an answer are left out."
    if budget.misplaced:
        names = ", ".join(words.stage(name) for name in budget.misplaced)
        said += f" This run has no stage {names}: what comes after it was put at the end."
    return said


def what_if(found: WhatIf) -> Iterator[str]:
    """Yield the median then and now, and what a request and a month would cost."""
    now, then = found.now.p50, found.then.p50
    if then.value is None:
        yield NO_TIMES
    else:
        yield f"The median request would take {then.point} instead of {now.point}"
    if found.cost_then.value is not None:
        instead = "" if found.cost_now.value is None else f" instead of {found.cost_now.point}"
        yield f"A request would cost {found.cost_then.point}{instead}."
    if found.month is not None:
        usd, requests = found.month.usd, f"{found.month.requests:,.0f}"
        if usd.value is None:
            yield f"The bill of a month is not known: {usd.reason}."
        else:
            yield f"{requests} requests a month would cost {usd.point}."
