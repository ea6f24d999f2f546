"""Where the time goes: a bar a trial, and a row a stage."""

from __future__ import annotations

import pandas as pd

from liftlab.analysis.latency import LatencySummary
from liftlab.reporting.figures.trials import stage_bars
from liftlab.reporting.html import Html
from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import cell, interval_cell
from liftlab.reporting.sections.shared import section as of_run
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
        table=behind(_trials(latency)),
    )
    return of_run(
        latency,
        title=text.title(latency),
        sentences=(text.tail(latency), text.right(latency), text.left_out(latency)),
        parts=(bars.html(), _table(latency)) if len(run.trials) else (),
        notes=(text.ROWS,),
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
        "n": summary.n,
        "Median": cell(summary.p50),
        "95 % interval": interval_cell(summary.p50),
        "P90": cell(summary.p90),
        "P95": cell(summary.p95),
        "Mean": cell(summary.mean),
        "SD, s": summary.std_s,
    }


def _trials(latency: Latency) -> Html:
    keys = ["case_id", "repeat"]
    trials, stages = latency.run.trials, latency.run.stages
    frame = trials[[*keys, "e2e_s", "attempts", "outcome", "failure_class"]]
    for name in stages.sort_values("position")["stage"].drop_duplicates():
        times = stages.loc[stages["stage"] == name, [*keys, "latency_s"]]
        title = f"{words.stage(str(name))}, s"
        frame = frame.merge(times.rename(columns={"latency_s": title}), on=keys, how="left")
    frame = frame.rename(columns={"e2e_s": "end to end, s", "case_id": "prompt"})
    frame["failure_class"] = frame["failure_class"].map(words.cause, na_action="ignore")
    named = {"failure_class": "what went wrong"}
    return table(
        frame.sort_values("end to end, s", ascending=False), csv="times.csv", headings=named
    )
