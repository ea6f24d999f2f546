"""Whether times change over a run."""

from __future__ import annotations

import pandas as pd

from liftlab.analysis.estimate import Estimate
from liftlab.reporting.figures.drift import drift as drift_figure
from liftlab.reporting.html import Html
from liftlab.reporting.scorecards import verdict
from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import interval_cell
from liftlab.reporting.sections.shared import section as of_run
from liftlab.reporting.tables import behind, table
from liftlab.reporting.text import drift as text
from liftlab.reporting.text import words
from liftlab.summary.drift import Drift

_CHIPS = {"drifts": "not met", "undecided": "undecided"}


def section(drift: Drift) -> Section:
    """Return each time over its prompt's median, in the order of measuring."""
    if not drift.times.ordered or not len(drift.relative):
        return of_run(drift, title=text.title(drift))
    figure = drift_figure(drift.relative, caption=text.title(drift))
    return of_run(
        drift,
        title=text.title(drift),
        sentences=(text.neighbours(drift),),
        parts=(figure.html(), behind(_table(drift))),
        notes=("Each prompt against itself, in the order of measuring.",),
    )


def _table(drift: Drift) -> Html:
    rows = [
        {
            "": words.stage(row.what),
            "n": row.ratio.n,
            "Drift": verdict(_CHIPS.get(text.verdict(row), ""), text.verdict(row)),
            "Last over first": _ratio(row.ratio),
            "95 % interval": interval_cell(row.ratio),
            "Neighbours correlate by": _ratio(row.neighbours),
            "First tenth over the rest": _ratio(row.warm_up),
        }
        for row in (*drift.times.stages, drift.times.e2e)
    ]
    return table(pd.DataFrame(rows))


def _ratio(estimate: Estimate) -> str:
    return "–" if estimate.value is None else f"{round(estimate.value, 2) + 0.0:.2f}"
