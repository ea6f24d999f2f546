"""Published figures beside what the same rows give: which come out, and which survive."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liftlab import jobs
from liftlab.analysis.columns import floats, is_true, labels
from liftlab.analysis.estimate import quantity
from liftlab.analysis.published import PublishedFigure
from liftlab.reporting.bars import stage_names, stage_title
from liftlab.reporting.facts import Facts
from liftlab.reporting.html import Html, join, tag
from liftlab.reporting.tables import behind, table
from liftlab.reporting.tiles import verdict

_VERDICTS = {
    "yes": ("met", "survives"),
    "no": ("not met", "does not survive"),
    "cannot be checked": ("not measurable", "cannot be checked"),
}


def published_figures(facts: Facts) -> Html:
    """Return each published figure of a run beside its recomputed one, and the rows as printed."""
    figures = survivors(facts)
    if not figures:
        words = "Nothing is known to be published of this run. Of week2_day1 it is: open that run."
        return tag("p", words, cls="note")
    stages = stage_names(facts.data.stages)
    rows = [
        {
            "Figure": _name(row.what, stages),
            "Published": _amount(row.published, row.unit),
            "Comes out as": row.comes_out_as or "–",
            "Recomputed": _amount(row.recomputed, row.unit),
            "By": row.rule or "–",
            "": verdict(*_VERDICTS[row.survives]),
            "Why": row.explanation,
        }
        for row in figures
    ]
    kept = sum(row.survives == "yes" for row in figures)
    out = sum(row.comes_out for row in figures)
    words = (
        f"{out} of {len(figures)} published figures come out of the rows to the digit; {kept} of "
        f"{len(figures)} survive the rules that liftlab stands by: all rows that ended, the "
        "functional verdict, the price that is billed."
    )
    shown = table(pd.DataFrame(rows), csv="published.csv", full=_plain(figures))
    return join([tag("p", words), shown, behind(_case_rows(facts), "The rows as printed")])


def survivors(facts: Facts) -> list[PublishedFigure]:
    """Return the published figures of a run with what became of them; none if none are known."""
    told = facts.published.get(facts.data.run.run_id)
    return jobs.published_figures(facts.data, told, facts.published)


def _case_rows(facts: Facts) -> Html:
    """Return every row as printed, the sum of its stages, and what became of its success."""
    trials, stages, key = facts.data.trials, facts.data.stages, ["case_id", "repeat"]
    frame = trials[key].copy()
    summed = np.zeros(len(trials))
    for name in stage_names(stages):
        times = stages.loc[stages["stage"] == name, [*key, "latency_s"]]
        seconds = floats(trials[key].merge(times, on=key, how="left"), "latency_s")
        frame[f"{stage_title(name)}, s"] = seconds
        summed += np.nan_to_num(seconds)
    e2e = floats(trials, "e2e_s")
    counted = np.where(is_true(trials, "completed"), "success", "failed")
    shown = frame.drop(columns="repeat").assign(
        **{
            "End to end, s": e2e,
            "less its stages, s": np.round(e2e - summed, 2),
            "Published as": counted,
            "Run against checks": labels(trials, "outcome"),
        }
    )
    return table(shown, headings={"case_id": "Case"}, csv="published_rows.csv")


def _name(what: str, stages: list[str]) -> str:
    """Write the stages in a figure's name as on every page."""
    for stage in stages:
        what = what.replace(stage.replace("_", " "), stage_title(stage))
    return what.replace("e2e", "End to end")


def _amount(value: float | None, unit: str) -> str:
    """Write a figure with the digits that a published one has."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if not unit and value == int(value) else quantity(value, unit)


def _plain(figures: list[PublishedFigure]) -> pd.DataFrame:
    columns = ["field", "unit", "published", "comes_out_as", "recomputed", "rule", "survives"]
    columns.append("explanation")
    return pd.DataFrame([{name: getattr(row, name) for name in columns} for row in figures])
