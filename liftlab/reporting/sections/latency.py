"""Where the time goes, how it varies and drifts, and what was slow."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from liftlab.analysis.causes import CAUSES
from liftlab.analysis.estimate import Estimate
from liftlab.reporting.figures import curves
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
from liftlab.reporting.text import latency as text
from liftlab.reporting.text import slow as slow_text
from liftlab.reporting.text import words
from liftlab.reporting.text.base import capitalised
from liftlab.summary.latency import Drift, Latency, Slow, Spread, steps_of

_CHIPS = {"drifts": "not met", "undecided": "undecided"}
_TOLD = 8  # steps in sentences; the table has all
_LISTED = 2_000


@shown.register
def _(latency: Latency) -> Section:
    """Return the times of trials as bars, and of stages as a table."""
    run, title = latency.run, text.title(latency)
    limits, trials = dict(latency.limits), behind(trial_table(run))
    bars = stage_bars(run, limits, caption=title, table=trials)
    named = [(words.stage(row.what), row) for row in (*latency.stages, latency.e2e)]
    rows = [
        {
            "": name,
            "Requests": row.n,
            "Median, s": seconds_cell(row.p50),
            "95 % interval": interval_cell(replace(row.p50, unit="")),
            "P90, s": seconds_cell(row.p90),
            "P95, s": seconds_cell(row.p95),
            "Mean, s": seconds_cell(row.mean),
            "SD, s": row.std_s,
        }
        for name, row in [*named, ("End to end, right answers", latency.right)]
        if row.n
    ]
    stages = join([table(rows), tag("p", text.ROWS, cls="note")])
    return of_run(
        latency,
        title=title,
        sentences=tuple(text.sentences(latency)),
        parts=(bars.html(),) if len(run.columns("trial", "e2e_s", known="e2e_s")) else (),
        details=(("Times by stage", stages),) if latency.e2e.n else (),
    )


@shown.register
def _(spread: Spread) -> Section:
    """Return coefficients of variation and variance components of each stage."""
    title = text.spread_title(spread)
    known = any(parts.repeat.value is not None for _, parts in spread.rows)
    rows = []
    for what, parts in spread.rows:
        times = spread.latency.of(what)
        if times is None or not times.n:
            continue
        row: dict[str, object] = {"": words.stage(what), "n": times.n, "SD, s": times.std_s}
        row["SD / mean"] = cell(times.cv)
        if known:
            row["Same prompt again"] = cell(parts.repeat)
            row["95 % interval"] = interval_cell(parts.repeat)
            row["Between prompts"] = cell(parts.share)
            row["95 % interval "] = interval_cell(parts.share)
        rows.append(row)
    if not rows:
        return of_run(spread, title=title)
    note = (
        "Same prompt again: coefficient of variation of repeats. Between prompts: their part "
        "of the variance of ln seconds; the rest is of repeats."
    )
    return of_run(
        spread,
        title=title,
        sentences=(text.between_prompts(spread),),
        parts=(table(rows),),
        notes=(note,) if known else (),
    )


@shown.register
def _(drift: Drift) -> Section:
    """Return each time over its prompt's median, in the order of measuring."""
    title = text.drift_title(drift)
    if not drift.times.ordered or not len(drift.relative):
        return of_run(drift, title=title)
    rows = [
        {
            "": words.stage(row.what),
            "n": row.ratio.n,
            "Drift": verdict(_CHIPS.get(text.drifts(row), ""), text.drifts(row)),
            "Last over first": _ratio(row.ratio),
            "95 % interval": interval_cell(row.ratio),
            "Neighbours correlate by": _ratio(row.neighbours),
            "First tenth over the rest": _ratio(row.warm_up),
        }
        for row in (*drift.times.stages, drift.times.e2e)
    ]
    return of_run(
        drift,
        title=title,
        sentences=(text.neighbours(drift),),
        parts=(curves.drift(drift.relative, caption=title).html(), behind(table(rows))),
        notes=("Each prompt against itself, in the order of measuring.",),
    )


def _ratio(estimate: Estimate) -> str:
    return "–" if estimate.value is None else f"{round(estimate.value, 2) + 0.0:.2f}"


@shown.register
def _(slow: Slow) -> Section:
    """Return every step as a point, and what each slow one consists of."""
    title = slow_text.title(slow)
    if not slow.steps.total:
        return of_run(slow, title=title)
    strip = latency_strip(steps_of(slow.run), slow.steps, slow.medians, caption=title)
    parts = [strip.html()]
    if len(slow.steps):
        caption = capitalised(slow_text.count_words(slow.steps.counts()))
        causes = causes_figure(slow.steps, caption=caption, table=behind(_slow_table(slow)))
        told = [tag("li", sentence) for sentence in slow_text.worst(slow, _TOLD)]
        parts += [causes.html(), tag("ul", *told)]
    return of_run(
        slow,
        title=title,
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
        f"{capitalised(slow_text.CAUSE_WORDS[cause])}, s": shown[cause]
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
