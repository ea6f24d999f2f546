"""Published figures, recomputed."""

from __future__ import annotations

import pandas as pd

from liftlab.analysis.estimate import quantity
from liftlab.analysis.published import PublishedFigure
from liftlab.reporting.html import Html
from liftlab.reporting.scorecards import verdict
from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import section as of_run
from liftlab.reporting.tables import table
from liftlab.reporting.text import words
from liftlab.reporting.text.base import capitalised
from liftlab.summary.published import Published

_VERDICTS = {
    "yes": ("met", "same figure"),
    "no": ("not met", "another figure"),
    "cannot be checked": ("not measurable", "cannot be checked"),
}


def section(published: Published) -> Section:
    """Return each published figure beside the recomputed one."""
    rows = published.rows
    if not rows:
        return of_run(published, title="Nothing was published of this run", is_empty=True)
    same = sum(row.survives == "yes" for row in rows)
    return of_run(
        published,
        title=f"{same:,} of {len(rows):,} published figures are the same when recomputed",
        details=(("Each published figure beside the recomputed one", _table(published)),),
        notes=(
            "Recomputed from all answered requests; right means that every check agreed; money "
            "is at the endpoint's price.",
        ),
    )


def _table(published: Published) -> Html:
    stages = list(dict.fromkeys(published.run.stages["stage"]))
    rows = [
        {
            "Figure": _name(row.what, stages),
            "Published": _amount(row.published, row.unit),
            "Recomputed": _amount(row.recomputed, row.unit, _limit(published, row)),
            "": verdict(*_VERDICTS[row.survives]),
            "Why": row.explanation,
        }
        for row in published.rows
    ]
    columns = ["field", "unit", "published", "comes_out_as", "recomputed", "rule", "survives"]
    full = pd.DataFrame(
        [{name: getattr(row, name) for name in [*columns, "explanation"]} for row in published.rows]
    )
    return table(pd.DataFrame(rows), csv="published.csv", full=full)


def _name(what: str, stages: list[str]) -> str:
    """Write the stages in a figure's name as on every page."""
    for stage in stages:
        what = what.replace(words.readable(stage), words.stage(stage))
    return capitalised(what.replace("e2e", "end to end"))


def _limit(published: Published, row: PublishedFigure) -> float | None:
    limits = published.targets.of(row.field, required=True)
    return next((limit for _, limit in limits), None)


def _amount(value: float | None, unit: str, limit: float | None = None) -> str:
    """Write a figure with the digits that a published one has."""
    if value is None:
        return "–"
    return (
        f"{value:,.0f}" if not unit and value == int(value) else quantity(value, unit, limit=limit)
    )
