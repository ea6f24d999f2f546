"""How long a request would take: with the planned stages, or under other assumptions."""

from __future__ import annotations

from liftlab.analysis.budget import StageEffect
from liftlab.analysis.estimate import quantity, span
from liftlab.reporting.figures.curves import ends_by
from liftlab.reporting.figures.trials import stage_levers
from liftlab.reporting.html import Html
from liftlab.reporting.sections.base import (
    Section,
    cell,
    interval_cell,
    of_run,
    seconds_cell,
    shown,
)
from liftlab.reporting.tables import Scorecard, behind, scorecards, table
from liftlab.reporting.text import budget as text
from liftlab.reporting.text import words
from liftlab.reporting.text.base import likely, value
from liftlab.summary.budget import BudgetResult, WhatIf

_QUANTILES = {0.5: "Median", 0.9: "P90", 0.95: "P95"}


@shown.register
def _(result: BudgetResult) -> Section:
    """Return end to end now and with the planned stages, and what each stage costs."""
    budget, title = result.budget, text.title(result)
    if budget is None:
        return of_run(result, title=title)
    when, found = "now", budget.without
    if budget.planned:
        when, found = "with planned stages", budget.with_planned
    cards = scorecards(
        Scorecard(
            what=f"End to end {when}, {name.replace('Median', 'median')}",
            number=value(found[q]),
            why=likely(found[q]),
            verdict="" if found[q].value is not None else "not measurable",
        )
        for q, name in _QUANTILES.items()
    )
    quantiles = [
        {"": name, "Now": cell(budget.without[q]), "With planned": cell(budget.with_planned[q])}
        for q, name in _QUANTILES.items()
    ]
    ranges = {stage.name: span(stage.low_s, stage.high_s, "s") for stage in budget.planned}
    stages = [
        {
            "Stage": words.stage(stage.name),
            "Time": "planned" if stage.planned else "measured",
            "Median, s": _median(result, stage),
            "Range": ranges.get(stage.name),
            "On the critical path": quantity(stage.critical, "%"),
            "Halving it saves, s": max(0.0, stage.saves_p50_s),
        }
        for stage in budget.stages
    ]
    ends = ends_by(
        budget,
        dict(result.limits),
        caption=title,
        table=behind(table(quantiles, csv="budget.csv")),
    )
    levers = stage_levers(
        budget.stages, caption=text.lever(budget), table=behind(table(stages, csv="stages.csv"))
    )
    scenarios = [
        {"If": name} | {word: found.with_planned[q].point for q, word in _QUANTILES.items()}
        for name, found in result.scenarios.items()
    ]
    parts = [cards, ends.html(), levers.html()]
    if scenarios:
        others = table(scenarios, csv="assumptions.csv")
        parts.append(behind(others, "Under other assumptions"))
    return of_run(
        result,
        title=title,
        sentences=tuple(text.sentences(result)),
        parts=tuple(parts),
        notes=(text.model(budget),),
    )


def _median(result: BudgetResult, stage: StageEffect) -> str | Html:
    measured = None if stage.planned else result.medians.get(stage.name)
    return quantity(stage.typical_s) if measured is None else seconds_cell(measured)


@shown.register
def _(found: WhatIf) -> Section:
    """Return times and cost now and then."""
    rows = [
        {"": name, "Median": cell(row.p50), "95 % interval": interval_cell(row.p50)}
        | {"P90": cell(row.p90), "P95": cell(row.p95), "A request": cell(cost)}
        for name, row, cost in (
            ("Measured", found.now, found.cost_now),
            ("Then", found.then, found.cost_then),
        )
    ]
    title, *sentences = text.what_if(found)
    return of_run(
        found,
        title=title,
        sentences=tuple(sentences),
        parts=(table(rows),),
        notes=(text.ASSUMED,),
    )
