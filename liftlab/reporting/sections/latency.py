"""Where the time goes, how it varies and drifts, and what was slow."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from liftlab.analysis.causes import CAUSES
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.latency import LatencySummary
from liftlab.analysis.variance import Components
from liftlab.reporting.figures.curves import drift as drift_figure
from liftlab.reporting.figures.slow import causes as causes_figure
from liftlab.reporting.figures.slow import latency_strip
from liftlab.reporting.figures.trials import stage_bars
from liftlab.reporting.html import Html, join, tag
from liftlab.reporting.sections.base import (
    Section,
    cell,
    interval_cell,
    of_run,
    seconds_cell,
    shown,
)
from liftlab.reporting.sections.trials import trial_table
from liftlab.reporting.tables import behind, table, trial_codes, verdict
from liftlab.reporting.text import latency as latency_text
from liftlab.reporting.text import slow as slow_text
from liftlab.reporting.text import words
from liftlab.reporting.text.base import capitalised
from liftlab.reporting.text.slow import CAUSE_WORDS
from liftlab.summary.latency import Drift, Latency, Slow, Spread, steps_of

_CHIPS = {"drifts": "not met", "undecided": "undecided"}
_TOLD = 8  # steps in sentences; the table has all
_LISTED = 2_000


@shown.register
def _(latency: Latency) -> Section:
    """Return the times of trials as bars, and of stages as a table."""
    run = latency.run
    bars = stage_bars(
        run,
        dict(latency.limits),
        caption=latency_text.title(latency),
        table=behind(trial_table(run)),
    )
    return of_run(
        latency,
        title=latency_text.title(latency),
        sentences=(
            latency_text.tail(latency),
            latency_text.right(latency),
            latency_text.left_out(latency),
        ),
        parts=(bars.html(),) if len(run.columns("trial", "e2e_s", known="e2e_s")) else (),
        details=(
            (("Times by stage", join([_table(latency), tag("p", latency_text.ROWS, cls="note")])),)
            if latency.e2e.n
            else ()
        ),
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


@shown.register
def _(spread: Spread) -> Section:
    """Return coefficients of variation and variance components of each stage."""
    known = any(parts.repeat.value is not None for _, parts in spread.rows)
    rows = [
        {
            "": words.stage(what),
            "n": times.n,
            "SD, s": times.std_s,
            "SD / mean": cell(times.cv),
            **(_parts(parts) if known else {}),
        }
        for what, parts in spread.rows
        if (times := spread.latency.of(what)) is not None and times.n
    ]
    if not rows:
        return of_run(spread, title=latency_text.spread_title(spread))
    return of_run(
        spread,
        title=latency_text.spread_title(spread),
        sentences=(latency_text.between_prompts(spread),),
        parts=(table(pd.DataFrame(rows)),),
        notes=(
            "Same prompt again: coefficient of variation of repeats. Between prompts: their part "
            "of the variance of ln seconds; the rest is of repeats.",
        )
        if known
        else (),
    )


def _parts(parts: Components) -> dict[str, object]:
    return {
        "Same prompt again": cell(parts.repeat),
        "95 % interval": interval_cell(parts.repeat),
        "Between prompts": cell(parts.share),
        "95 % interval ": interval_cell(parts.share),
    }


@shown.register
def _(drift: Drift) -> Section:
    """Return each time over its prompt's median, in the order of measuring."""
    if not drift.times.ordered or not len(drift.relative):
        return of_run(drift, title=latency_text.drift_title(drift))
    figure = drift_figure(drift.relative, caption=latency_text.drift_title(drift))
    return of_run(
        drift,
        title=latency_text.drift_title(drift),
        sentences=(latency_text.neighbours(drift),),
        parts=(figure.html(), behind(_drift_table(drift))),
        notes=("Each prompt against itself, in the order of measuring.",),
    )


def _drift_table(drift: Drift) -> Html:
    rows = [
        {
            "": words.stage(row.what),
            "n": row.ratio.n,
            "Drift": verdict(_CHIPS.get(latency_text.drifts(row), ""), latency_text.drifts(row)),
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


@shown.register
def _(slow: Slow) -> Section:
    """Return every step as a point, and what each slow one consists of."""
    if not slow.steps.total:
        return of_run(slow, title=slow_text.title(slow))
    caption = slow_text.title(slow)
    strip = latency_strip(steps_of(slow.run), slow.steps, slow.medians, caption=caption)
    parts = [strip.html()]
    if len(slow.steps):
        caption = slow_text.kinds(slow)
        parts.append(
            causes_figure(slow.steps, caption=caption, table=behind(_slow_table(slow))).html()
        )
        told = [tag("li", sentence) for sentence in slow_text.worst(slow, _TOLD)]
        parts.append(tag("ul", *told))
    return of_run(
        slow,
        title=slow_text.title(slow),
        sentences=(slow_text.beyond_chance(slow),),
        parts=tuple(parts),
        notes=(
            "A step counts as slow from 1.5 times its usual time on, or where it took longer than "
            "chance explains for its tokens.",
        ),
    )


def _slow_table(slow: Slow) -> Html:
    shown = slow.steps.steps.head(_LISTED)
    causes = {
        f"{capitalised(CAUSE_WORDS[cause])}, s": shown[cause]
        for cause in CAUSES
        if (shown[cause] > 0).any()
    }
    rows = pd.DataFrame(
        {
            "Prompt": trial_codes(shown),
            "Repeat": shown["repeat"],
            "Stage": shown["stage"].map(words.stage),
            "Took, s": shown["took_s"],
            "Usual, s": shown["usual_s"],
            "Over, s": shown["excess_s"],
            **causes,
            "Unexplained, s": shown["unexplained_s"],
        }
    )
    return table(rows, csv="slow_steps.csv", most=20)
