"""The capacity of an endpoint: the curve, each level, and answers under load."""

from __future__ import annotations

from liftlab.analysis.estimate import quantity
from liftlab.reporting.figures.curves import goodput
from liftlab.reporting.sections.base import Section, cell, interval_cell, of_run, shown
from liftlab.reporting.tables import behind, table, verdict
from liftlab.reporting.text import capacity as text
from liftlab.summary.capacity import Capacity


@shown.register
def _(found: Capacity) -> Section:
    """Return goodput at each level, and answers at each beside those of the lowest."""
    if not found.levels:
        return of_run(found, is_empty=True)
    levels = [
        {
            "At once": level.at_once,
            "Under way": f"{level.timed.under_way:,.1f}",
            "Visits": level.visits,
            "Requests": level.trials,
            "Right in time": f"{level.within:,} of {level.timed.n:,}",
            "Right a second": cell(level.goodput),
            "95 % interval": interval_cell(level.goodput),
            "Right for a dollar": cell(level.per_usd),
            "95 % interval ": interval_cell(level.per_usd),
            text.objective(found): verdict(level.slo.verdict),
            text.statistic(found): cell(level.slo.estimate),
        }
        for level in found.levels
    ]
    answers = [
        {
            "At once": level.at_once,
            "Right at the lowest level": quantity(change.first, "%"),
            "Right here": quantity(change.second, "%"),
            "Difference": change.difference.point,
            "95 % interval": interval_cell(change.difference),
            "Answers": verdict(change.verdict),
        }
        for level in found.levels
        if (change := level.change) is not None
    ]
    curve = goodput(found, caption=text.knee(found), table=behind(table(levels, csv="levels.csv")))
    caption = "Answers under load, compared prompt by prompt with the lowest level"
    return of_run(
        found,
        parts=(curve.html(), table(answers, caption=caption, csv="answers_under_load.csv")),
        notes=(
            "Right answers a second: requests under way × right answers in time / seconds of all "
            "requests (Little's law). Intervals come from batches of neighbouring requests, and "
            "are for these prompts, asked again. Requests sent before a level was full are left "
            "out.",
            "Knee: where a fitted line through the origin stops rising. Answers are compared with "
            "the lowest level, prompt by prompt, with Holm's correction over levels.",
        ),
    )
