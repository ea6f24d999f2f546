"""What several sections are made with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from liftlab.analysis.estimate import Estimate
from liftlab.reporting.html import Html, join, tag
from liftlab.reporting.sections.base import Section
from liftlab.reporting.text import run as run_text
from liftlab.reporting.text.base import marked
from liftlab.reporting.text.numbers import interval, value
from liftlab.summary.provenance import warning_of
from liftlab.summary.result import Result


def section(result: Result, **parts: Any) -> Section:
    """Return a section that says which run it is of."""
    return Section(
        line=run_text.line(result.run),
        warning=warning_of(result.run),
        run_id=result.run.run.run_id,
        **parts,
    )


def cell(estimate: Estimate) -> Html:
    """Return an estimate's value for a table, marked as what it is."""
    return join([value(estimate)])


def seconds_cell(estimate: Estimate) -> Html:
    """Return a time for a column of seconds."""
    shown = replace(estimate, unit="").point
    return join([marked(shown, estimate.quantity, estimate.point)])


def interval_cell(estimate: Estimate) -> str:
    """Return an estimate's interval for a table, or why it has none."""
    return interval(estimate).removeprefix("95 % interval ").removeprefix("95 % ")


def absent(why: str) -> Html:
    """Return a line in place of a part that a run does not have."""
    return tag("p", why, cls="note")
