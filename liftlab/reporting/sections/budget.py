"""How long a request would take: with the planned stages, or under other assumptions."""

from __future__ import annotations

import pandas as pd

from liftlab.analysis.budget import Budget
from liftlab.analysis.estimate import quantity, span
from liftlab.reporting.figures.curves import ends_by
from liftlab.reporting.figures.trials import stage_levers
from liftlab.reporting.html import Html
from liftlab.reporting.sections.base import Section, cell, interval_cell, of_run, shown
from liftlab.reporting.tables import Scorecard, behind, scorecards, table
from liftlab.reporting.text import budget as budget_text
from liftlab.reporting.text import what_if as what_if_text
from liftlab.reporting.text import words
from liftlab.reporting.text.numbers import likely, sentences, value
from liftlab.summary.budget import BudgetResult, WhatIf

_QUANTILES = {0.5: "Median", 0.9: "P90", 0.95: "P95"}


@shown.register
def _(result: BudgetResult) -> Section:
    """Return end to end now and with the planned stages, and what each stage costs."""
    budget = result.budget
    if budget is None:
        return of_run(result, title=budget_text.title(result))
    ends = ends_by(
        budget,
        dict(result.limits),
        caption=budget_text.title(result),
        table=behind(_quantiles(budget)),
    )
    levers = stage_levers(
        budget.stages, caption=budget_text.lever(result), table=behind(_stages(budget))
    )
    parts = [_cards(budget), ends.html(), levers.html()]
    if result.scenarios:
        parts.append(_scenarios(result))
    return of_run(
        result,
        title=budget_text.title(result),
        sentences=(
            budget_text.within(result),
            budget_text.ends(result),
            budget_text.lever(result),
            budget_text.beside(result),
            *budget_text.estimates(result),
        ),
        parts=tuple(parts),
        notes=(budget_text.model(result),),
    )


def _cards(budget: Budget) -> Html:
    when = "with planned stages" if budget.planned else "now"
    found = budget.with_planned if budget.planned else budget.without
    return scorecards(
        Scorecard(
            what=f"End to end {when}, {name[0].lower() + name[1:] if name == 'Median' else name}",
            number=value(found[q]),
            why=likely(found[q]),
            verdict="" if found[q].value is not None else "not measurable",
        )
        for q, name in _QUANTILES.items()
    )


def _quantiles(budget: Budget) -> Html:
    rows = [
        {"": name, "Now": cell(budget.without[q]), "With planned": cell(budget.with_planned[q])}
        for q, name in _QUANTILES.items()
    ]
    return table(pd.DataFrame(rows), csv="budget.csv")


def _stages(budget: Budget) -> Html:
    ranges = {stage.name: span(stage.low_s, stage.high_s, "s") for stage in budget.planned}
    rows = [
        {
            "Stage": words.stage(stage.name),
            "Time": "planned" if stage.planned else "measured",
            "Median, s": stage.typical_s,
            "Range": ranges.get(stage.name),
            "On the critical path": quantity(stage.critical, "%"),
            "Halving it saves, s": max(0.0, stage.saves_p50_s),
        }
        for stage in budget.stages
    ]
    return table(pd.DataFrame(rows), csv="stages.csv")


def _scenarios(result: BudgetResult) -> Html:
    rows = [
        {"If": name} | {word: found.with_planned[q].point for q, word in _QUANTILES.items()}
        for name, found in result.scenarios.items()
    ]
    return behind(table(pd.DataFrame(rows), csv="assumptions.csv"), "Under other assumptions")


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
    return of_run(
        found,
        title=what_if_text.title(found),
        sentences=sentences(what_if_text.cost(found), what_if_text.month(found)),
        parts=(table(pd.DataFrame(rows)),),
        notes=(what_if_text.NOTE,),
    )
