"""Two runs beside each other, stage by stage and prompt by prompt; or several, a row each."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

from liftlab.analysis.estimate import quantity
from liftlab.reporting.figures.rates import Ratio, ratio_rows
from liftlab.reporting.html import Html
from liftlab.reporting.sections.base import Section, cell, interval_cell, shown
from liftlab.reporting.tables import Scorecard, behind, scorecards, table, verdict
from liftlab.reporting.text import comparison as text
from liftlab.reporting.text import words
from liftlab.reporting.text.base import code, likely, write
from liftlab.summary.comparison import Comparison, RankedRuns

_DIGEST = re.compile("[0-9a-f]{40,64}")


@shown.register
def _(comparison: Comparison) -> Section:
    """Return what changed between two runs, with verdicts that hold together."""
    return Section(
        title=text.title(comparison),
        sentences=tuple(text.sentences(comparison)),
        parts=tuple(_parts(comparison)),
        notes=(
            "Ratio: second over first, paired over the prompts that both have; below 1 is faster. "
            "Verdicts and intervals hold together (Holm's correction).",
        ),
        line=write("{} → {}", code(comparison.first.run_id), code(comparison.second.run_id)),
        run_id=comparison.second.run_id,
        is_end=True,
        owes=bool(comparison.times.shared),
    )


def _parts(comparison: Comparison) -> Iterator[Html]:
    """Yield scorecards, stages, prompts where they have verdicts, and what was not the same."""
    yield scorecards(_cards(comparison))
    changes = comparison.times.times
    stages = [
        {
            "": words.stage(change.what),
            "Ratio": cell(change.ratio),
            "95 % interval": interval_cell(change.ratio),
            "Prompts": change.ratio.n,
            "Verdict": verdict(change.verdict),
        }
        for change in changes
    ]
    yield ratio_rows(
        [Ratio(name=words.stage(c.what), ratio=c.ratio, verdict=c.verdict) for c in changes],
        caption=text.change(changes[-1]),
        margin=changes[-1].margin,
        table=behind(table(stages)),
    ).html()
    if comparison.cases:
        yield _prompts(comparison)
    if comparison.differs:
        first, second = comparison.first.run_id, comparison.second.run_id
        rows = [
            {"": name, first: _short(before), second: _short(after)}
            for name, (before, after) in comparison.differs.items()
        ]
        yield table(rows, caption="What was not the same")


def _cards(comparison: Comparison) -> Iterator[Scorecard]:
    change, success = comparison.times.times[-1], comparison.times.success
    yield Scorecard(
        what="End to end",
        number="–" if change.ratio.value is None else f"× {change.ratio.point}",
        why=likely(change.ratio),
        verdict=change.verdict,
    )
    yield Scorecard(
        what="Right answers",
        number=success.difference.point,
        why=likely(success.difference),
        verdict=success.verdict,
    )
    if comparison.costs is not None:
        before, after = (quantity(usd, "USD") for usd in comparison.costs)
        yield Scorecard(what="Cost of a request", number=f"{before} → {after}")
    yield Scorecard(what="Prompts in both", number=f"{comparison.times.shared:,}")


def _prompts(comparison: Comparison) -> Html:
    rows = [
        {
            "Prompt": code(row.case_id),
            "First, s": row.first_s,
            "Second, s": row.second_s,
            "Ratio": row.ratio.value,
            "Low": row.ratio.low,
            "High": row.ratio.high,
            "Repeats": f"{row.n_first} and {row.n_second}",
            "Verdict": row.verdict if row.p is not None else None,
        }
        for row in comparison.cases
    ]
    return ratio_rows(
        [Ratio(name=c.case_id, ratio=c.ratio, verdict=c.verdict) for c in comparison.cases],
        caption=text.by_prompt(comparison),
        table=behind(table(pd.DataFrame(rows, dtype=object), csv="prompts.csv")),
    ).html()


def _short(value: object) -> object:
    """Return a value as it is shown: a digest by its beginning."""
    return value[:12] if isinstance(value, str) and _DIGEST.fullmatch(value) else value


@shown.register
def _(ranked: RankedRuns) -> Section:
    """Return which run is best, and whether it really is."""
    rows = [
        {
            "Run": row.run_id,
            "Endpoint": row.endpoint,
            "Model": row.model,
            "Right": cell(row.success),
            "95 % interval": interval_cell(row.success),
            "Place": text.place(row.success_places),
            "Median": cell(row.median),
            "Place by time": text.place(row.time_places),
        }
        for row in ranked.rows
    ]
    return Section(
        title=text.most_often_right(ranked),
        sentences=tuple(text.ranking(ranked)),
        parts=(table(rows),),
        notes=(text.PLACES,),
        line=" · ".join(row.run_id for row in ranked.rows),
        run_id=ranked.rows[0].run_id,
        is_end=True,
    )
