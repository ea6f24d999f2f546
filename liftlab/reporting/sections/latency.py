"""Where the time goes: a bar a trial, and a row a stage."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from liftlab.analysis.latency import LatencySummary
from liftlab.reporting.figures.trials import stage_bars
from liftlab.reporting.html import Html, join, tag
from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import interval_cell, seconds_cell
from liftlab.reporting.sections.shared import section as of_run
from liftlab.reporting.sections.trials import trial_table
from liftlab.reporting.tables import behind, table
from liftlab.reporting.text import latency as text
from liftlab.reporting.text import words
from liftlab.summary.latency import Latency


def section(latency: Latency) -> Section:
    """Return the times of trials as bars, and of stages as a table."""
    run = latency.run
    bars = stage_bars(
        run,
        dict(latency.limits),
        caption=text.title(latency),
        table=behind(trial_table(run)),
    )
    return of_run(
        latency,
        title=text.title(latency),
        sentences=(text.tail(latency), text.right(latency), text.left_out(latency)),
        parts=(bars.html(),) if run.trials["e2e_s"].notna().any() else (),
        details=(("Times by stage", join([_table(latency), tag("p", text.ROWS, cls="note")])),)
        if latency.e2e.n
        else (),
    )


def _table(latency: Latency) -> Html:
    rows = [_row(row, words.stage(row.what)) for row in (*latency.stages, latency.e2e)]
    rows.append(_row(latency.right, "End to end, right answers"))
    return table(pd.DataFrame([row for row in rows if row]))


def _row(summary: LatencySummary, name: str) -> dict[str, object]:
    if not summary.n:
        return {}
    return {
        "": name,
        "Requests": summary.n,
        "Median, s": seconds_cell(summary.p50),
        "95 % interval": interval_cell(replace(summary.p50, unit="")),
        "P90, s": seconds_cell(summary.p90),
        "P95, s": seconds_cell(summary.p95),
        "Mean, s": seconds_cell(summary.mean),
        "SD, s": summary.std_s,
    }
