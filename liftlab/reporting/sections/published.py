"""Published figures, recomputed."""

from __future__ import annotations

from typing import Any

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
    "yes": ("met", "holds"),
    "no": ("not met", "does not hold"),
    "cannot be checked": ("not measurable", "cannot be checked"),
}


def section(published: Published) -> Section:
    """Return each published figure beside the recomputed one."""
    if not published.rows:
        return of_run(published, title="Nothing was published of this run", is_empty=True)
    return of_run(
        published,
        title=title(published),
        details=(("Each published figure beside the recomputed one", _table(published)),),
        notes=(
            "Recomputed from all answered requests; right means that every check agreed; money "
            "is at the endpoint's price.",
        ),
    )


def title(published: Published) -> str:
    """Return how many published figures are the same when recomputed."""
    same = sum(row.survives == "yes" for row in published.rows)
    count = len(published.rows)
    return f"{same:,} of {count:,} published figures are the same when recomputed"


def rows(published: Published) -> list[dict[str, str]]:
    """Return each published figure with the recomputed one, in words."""
    stages = list(dict.fromkeys(published.run.stages["stage"]))
    return [
        {
            "Figure": _name(row.what, stages),
            "Published": _amount(row.published, row.unit),
            "Recomputed": _amount(row.recomputed, row.unit, _limit(published, row)),
            "Verdict": _VERDICTS[row.survives][1],
            "Why": row.explanation,
        }
        for row in published.rows
    ]


def _table(published: Published) -> Html:
    shown = pd.DataFrame(rows(published))
    verdicts: Any = [verdict(*_VERDICTS[row.survives]) for row in published.rows]
    shown["Verdict"] = verdicts
    columns = ["field", "unit", "published", "comes_out_as", "recomputed", "rule", "survives"]
    full = pd.DataFrame(
        [{name: getattr(row, name) for name in [*columns, "explanation"]} for row in published.rows]
    )
    return table(shown, csv="published.csv", full=full)


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
