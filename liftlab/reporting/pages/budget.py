"""The page on the stage budget: what end to end will take, and which stage to speed up first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from liftlab.analysis.budget import Budget, PlannedStage, StageEffect, forecast, side_by_side
from liftlab.analysis.columns import is_true
from liftlab.analysis.estimate import plain, quantity, span
from liftlab.reporting import budget_figures
from liftlab.reporting.bars import stage_title
from liftlab.reporting.facts import Facts
from liftlab.reporting.facts import gather as gather_facts
from liftlab.reporting.html import End, Finding, Html, join, tag
from liftlab.reporting.messages import plural
from liftlab.reporting.pages import parts
from liftlab.reporting.tables import behind, table
from liftlab.reporting.tiles import Tile
from liftlab.reporting.tiles import tiles as tile_row

if TYPE_CHECKING:
    from liftlab.settings import Project
    from liftlab.store import RunData

__all__ = [
    "assumptions",
    "conclusion",
    "ends_figure",
    "estimates",
    "finding",
    "gather",
    "levers_figure",
    "provenance",
    "targets_table",
    "tiles",
]

_QUANTILES = {0.5: "P50", 0.9: "P90", 0.95: "P95"}
_CORRELATIONS = {0.0: "independent of each other", 0.5: "half correlated", 1.0: "slow together"}
_NOTHING = "No trial of this run has an end-to-end time: there is nothing to start from."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class BudgetFacts:
    """What is known of a run and its plan.

    Parameters
    ----------
    facts
        What every page knows of the run.
    budget
        The forecast; None where no trial has a time.
    scenarios
        By name: the same plan under other assumptions.
    limits
        Limits of the end-to-end targets in seconds, by name.
    sped_up
        How many times faster its simulator was than what it stands for; 1 for other endpoints.
    """

    facts: Facts
    budget: Budget | None
    scenarios: dict[str, Budget]
    limits: dict[str, float]
    sped_up: float


def gather(data: RunData, project: Project) -> BudgetFacts:
    """Compute what end to end will take with the project's planned stages."""
    facts, plan = gather_facts(data, project), project.settings.budget
    planned = [
        PlannedStage(name=name, low_s=told.range_s[0], high_s=told.range_s[1], after=told.after)
        for name, told in plan.stages.items()
    ]
    if not np.isfinite(data.trials["e2e_s"].to_numpy(dtype=np.float64, na_value=np.nan)).any():
        return BudgetFacts(
            facts=facts, budget=None, scenarios={}, limits=facts.time_targets, sped_up=data.sped_up
        )
    budget = forecast(data.trials, data.stages, planned, correlation=plan.correlation)
    scenarios = {
        f"planned stages {words}": forecast(data.trials, data.stages, planned, correlation=linked)
        for linked, words in _CORRELATIONS.items()
    }
    beside = forecast(data.trials, data.stages, side_by_side(planned), correlation=plan.correlation)
    scenarios["planned stages beside each other"] = beside
    return BudgetFacts(
        facts=facts,
        budget=budget,
        scenarios=scenarios if budget.planned else {},
        limits=facts.time_targets,
        sped_up=data.sped_up,
    )


def finding(told: BudgetFacts) -> Finding:
    """Return what end to end will take, and what drives it."""
    return parts.finding(told.facts, _title(told), _sentences(told))


def tiles(told: BudgetFacts) -> Html:
    """Return the middle and the tail, now and then, the target, and the first lever."""
    budget = told.budget
    if budget is None:
        return tag("p", _NOTHING, cls="note")
    shown = [_quantile_tile(budget, 0.5), _quantile_tile(budget, 0.95)]
    for name, limit in list(told.limits.items())[:1]:
        now, then = budget.within(limit)
        why = f"{name}; now {quantity(now, '%')}, from n = {budget.n:,}"
        what = f"Requests within {quantity(limit, 's')}"
        shown.append(Tile(what=what, number=quantity(then, "%"), why=why))
    if budget.stages:
        first = budget.stages[0]
        saved = f"−{_saved(first)}"
        why = f"at half the time of {stage_title(first.name)}"
        shown.append(Tile(what="First lever", number=saved, why=why))
    return tile_row(shown)


def ends_figure(told: BudgetFacts) -> Html:
    """Return the share of requests that ends by a time, now and with the planned stages."""
    budget = told.budget
    if budget is None:
        return tag("p", _NOTHING, cls="note")
    rows = [
        {
            "": name,
            "Now": budget.without[q].point,
            "With planned": budget.with_planned[q].point,
            "Why none": budget.with_planned[q].reason if _missing(budget, q) else None,
        }
        for q, name in _QUANTILES.items()
    ]
    drawn = budget_figures.ends_by(
        budget,
        told.limits,
        caption=_title(told),
        table=behind(table(pd.DataFrame(rows), csv="budget.csv")),
    )
    return join([drawn.html(), tag("p", " ".join(_limits_of_it(told, budget)), cls="note")])


def targets_table(told: BudgetFacts) -> Html:
    """Return the chance of meeting each target: a request's, and the median's."""
    budget = told.budget
    if budget is None or not told.limits:
        return tag("p", "There is no end-to-end target to meet.", cls="note")
    rows = []
    for name, limit in told.limits.items():
        now, then = budget.within(limit)
        medians = budget.median_within(limit)
        rows.append(
            {
                "Target": name,
                "Limit": quantity(limit, "s"),
                "Requests within it, now": quantity(now, "%"),
                "with planned": quantity(then, "%"),
                "Chance that the median keeps it, now": _chance(medians, 0),
                "then": _chance(medians, 1),
            }
        )
    note = (
        "A request's share is over trials drawn as they were. The median's chance is over cases "
        "drawn anew, each planned stage at one typical time from its range; below five cases "
        "there is none."
    )
    return join([table(pd.DataFrame(rows), csv="chances.csv"), tag("p", note, cls="note")])


def levers_figure(told: BudgetFacts) -> Html:
    """Return which stage to speed up first, and which may run beside others."""
    budget = told.budget
    if budget is None:
        return tag("p", _NOTHING, cls="note")
    ranges = {stage.name: span(stage.low_s, stage.high_s, "s") for stage in budget.planned}
    rows = [
        {
            "Stage": stage_title(each.name),
            "Is": "planned" if each.planned else "measured",
            "Typical, s": each.typical_s,
            "Range": ranges.get(each.name),
            "Waited for": quantity(each.critical, "%"),
            "Half the time saves, s": max(0.0, each.saves_p50_s),
        }
        for each in budget.stages
    ]
    drawn = budget_figures.stage_levers(
        budget.stages,
        caption=_lever_caption(budget),
        table=behind(table(pd.DataFrame(rows), csv="stages.csv")),
    )
    return join([drawn.html(), tag("p", _parallel(told), cls="note")])


def assumptions(told: BudgetFacts) -> Html:
    """Return the same plan under other assumptions."""
    rows = []
    for name, budget in told.scenarios.items():
        row: dict[str, object] = {"If": name}
        row |= {q: budget.with_planned[at].point for at, q in _QUANTILES.items()}
        for limit in list(told.limits.values())[:1]:
            row[f"Within {quantity(limit, 's')}"] = quantity(budget.within(limit)[1], "%")
        rows.append(row)
    if not rows:
        return tag("p", "No stage is left to estimate.", cls="note")
    return table(pd.DataFrame(rows), csv="assumptions.csv")


def estimates(told: BudgetFacts) -> Html:
    """Return how good the estimates of stages were that are measured by now."""
    kept = told.budget.kept if told.budget else ()
    if not kept:
        words = (
            "No planned stage is in this run yet. Once a stage of that name is, its measured times "
            "replace its range, and here stands how good the estimate was."
        )
        return tag("p", words)
    rows = [
        {
            "Stage": stage_title(each.name),
            "Estimated": span(each.low_s, each.high_s, "s"),
            "Measured median": each.measured.point,
            "Interval": parts.estimate_words(each.measured),
            "Times inside the range": quantity(each.inside.value, "%"),
            "The estimate": each.verdict,
        }
        for each in kept
    ]
    return table(pd.DataFrame(rows), csv="estimates.csv")


def conclusion(told: BudgetFacts) -> Html:
    """Return what follows, in sentences made from the data."""
    said = _sentences(told)
    if told.budget is not None:
        said.append(_parallel(told))
        said += [each.sentence() for each in told.budget.kept]
    return tag("ul", *(tag("li", sentence) for sentence in said if sentence))


def provenance(told: BudgetFacts) -> End:
    """Return where the numbers come from."""
    return parts.provenance(told.facts)


def _title(told: BudgetFacts) -> str:
    budget = told.budget
    if budget is None:
        return "Nothing was timed: no budget can be drawn"
    now, then = budget.without[0.5].value or 0.0, budget.with_planned[0.5].value or 0.0
    if not budget.planned:
        return f"No stage is left to estimate: the typical request takes {quantity(now, 's')}"
    count = len(budget.planned)
    return (
        f"With {count} planned {plural('stage', count)} the typical request takes "
        f"{then:.1f} s instead of {now:.1f} s"
    )


def _sentences(told: BudgetFacts) -> list[str]:
    budget = told.budget
    if budget is None:
        return [_NOTHING]
    said = []
    if not is_true(told.facts.data.trials, "completed").any():
        said.append("No trial gave a value in every stage: these are times until it failed.")
    if budget.planned:
        ends = f"{budget.lowest_s:.1f} to {budget.highest_s:.1f} s"
        said.append(f"If each planned stage takes its least or its most, it is {ends}.")
    for name, limit in list(told.limits.items())[:1]:
        now, then = budget.within(limit)
        said.append(
            f"{quantity(then, '%')} of requests would end within the {name} of "
            f"{quantity(limit, 's')}; now {quantity(now, '%')} do."
        )
    if budget.stages:
        said.append(f"{_lever_caption(budget)}.")
    return said


def _lever_caption(budget: Budget) -> str:
    if not budget.stages:
        return "No stage was measured or is planned"
    first = budget.stages[0]
    return (
        f"{stage_title(first.name)} is the first to speed up: at half its time the middle ends "
        f"{_saved(first)} sooner"
    )


def _parallel(told: BudgetFacts) -> str:
    """Say what running planned stages beside each other would gain, and which already do."""
    budget = told.budget
    beside = told.scenarios.get("planned stages beside each other")
    if budget is None or beside is None or len(budget.planned) < 2:
        return ""
    now, then = budget.with_planned[0.5].value or 0.0, beside.with_planned[0.5].value or 0.0
    idle = [stage_title(e.name) for e in budget.stages if e.planned and e.critical < 1]
    said = f"Beside each other the planned stages would end {quantity(now - then, 's')} sooner."
    if idle:
        said += f" Not always waited for: {', '.join(idle)}."
    return f"{said} The field after in [budget.stages] says which stage needs which."


def _limits_of_it(told: BudgetFacts, budget: Budget) -> list[str]:
    """Say what the draws rest on, and what they cannot say."""
    said = [
        f"Drawn from {budget.rows:,} trials of {budget.n:,} "
        f"{plural('case', budget.n)}: all that ended, failures too."
    ]
    if budget.left_out:
        said.append(f"{budget.left_out:,} without an end-to-end time are left out.")
    tail = budget.with_planned[0.95]
    if tail.value is None:
        at = quantity(float(np.quantile(budget.planned_s, 0.95)), "s")
        said.append(
            f"{tail.reason}. If these trials were all there is, one request in 20 would take {at} "
            "or more: an illustration, not an estimate."
        )
    if told.sped_up != 1:
        said.append(
            f"A simulator, sped up {told.sped_up:g} times: its times count at their real length."
        )
    if budget.misplaced:
        names = ", ".join(budget.misplaced)
        said.append(f"This run has no stage {names}: what is after it was put at the end.")
    return said


def _quantile_tile(budget: Budget, q: float) -> Tile:
    then, now = budget.with_planned[q], budget.without[q]
    what = f"End to end, {_QUANTILES[q]}, with planned stages"
    if then.value is None:
        return Tile(what=what, number="–", why=then.reason, verdict="not measurable")
    return Tile(what=what, number=then.point, why=f"now {now.point}; {then.reason}")


def _missing(budget: Budget, q: float) -> bool:
    return budget.with_planned[q].value is None


def _saved(each: StageEffect) -> str:
    """Write what a stage's speed-up gains, to the digits that draws carry."""
    return f"{plain(max(0.0, each.saves_p50_s), 2)} s"


def _chance(chances: tuple[float, float] | None, index: int) -> str:
    return "–" if chances is None else quantity(chances[index], "%")
