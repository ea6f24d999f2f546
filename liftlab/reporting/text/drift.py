"""Whether times change over a run."""

from __future__ import annotations

from liftlab.analysis.drift import Drift as TimeDrift
from liftlab.analysis.estimate import quantity
from liftlab.reporting.text import words
from liftlab.reporting.text.base import Text, joined, marked, write
from liftlab.summary.latency import Drift

CORRELATED = 0.2  # of neighbours: from here on repeats say visibly less than as many new prompts


def title(drift: Drift) -> Text:
    """Return which times changed over the run, each by how much."""
    times = drift.times
    if not times.ordered:
        return Text("The order of measuring is not known, so drift is not measurable")
    if times.e2e.p is None and not times.drifting:
        return Text("Not enough repeats to see whether times changed over the run")
    if not times.drifting:
        return Text("No change of times over the run was seen")
    return joined([_change(row) for row in times.drifting], "; ")


def neighbours(drift: Drift) -> Text:
    """Say that neighbouring requests go together, where they do."""
    low = drift.times.e2e.neighbours.low
    if not drift.times.ordered or low is None or low <= CORRELATED:
        return Text()
    return Text(
        "Requests sent near each other took similar times, so repeats tell less than new prompts."
    )


def verdict(row: TimeDrift) -> str:
    """Return whether a time drifts."""
    if row.p is None:
        return "undecided"
    return "drifts" if row.drifts else "none seen"


def _change(row: TimeDrift) -> Text:
    value = row.ratio.value
    assert value is not None
    by = marked(quantity(abs(value - 1), "%"), row.ratio.quantity)
    way = "longer" if value > 1 else "less"
    return write(
        "{} took {} {} at the end of the run than at its start", words.stage(row.what), by, way
    )
