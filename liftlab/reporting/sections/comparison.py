"""Two runs beside each other, stage by stage and prompt by prompt; or several, a row each."""

from __future__ import annotations

import re

import pandas as pd

from liftlab.analysis.estimate import quantity
from liftlab.reporting.figures.rates import Ratio, ratio_rows
from liftlab.reporting.html import Html
from liftlab.reporting.sections.base import Section, cell, interval_cell, shown
from liftlab.reporting.tables import Scorecard, behind, scorecards, table, verdict
from liftlab.reporting.text import comparison as comparison_text
from liftlab.reporting.text import ranking as ranking_text
from liftlab.reporting.text import words
from liftlab.reporting.text.base import code, write
from liftlab.reporting.text.numbers import likely
from liftlab.summary.comparison import Comparison, RankedRuns

_DIGEST = re.compile("[0-9a-f]{40,64}")


@shown.register
def _(comparison: Comparison) -> Section:
    """Return what changed between two runs, with verdicts that hold together."""
    parts = [_cards(comparison), _stages(comparison)]
    if comparison.cases:
        parts.append(_cases(comparison))
    if comparison.differs:
        parts.append(_differs(comparison))
    return Section(
        title=comparison_text.title(comparison),
        sentences=tuple(comparison_text.sentences(comparison)),
        parts=tuple(parts),
        notes=(
            "Ratio: second over first, paired over the prompts that both have; below 1 is faster. "
            "Verdicts and intervals hold together (Holm's correction).",
        ),
        line=write("{} → {}", code(comparison.first.run_id), code(comparison.second.run_id)),
        run_id=comparison.second.run_id,
        is_end=True,
        owes=bool(comparison.times.shared),
    )


def _cards(comparison: Comparison) -> Html:
    change, success = comparison.times.times[-1], comparison.times.success
    time = Scorecard(
        what="End to end",
        number="–" if change.ratio.value is None else f"× {change.ratio.point}",
        why=likely(change.ratio),
        verdict=change.verdict,
    )
    right = Scorecard(
        what="Right answers",
        number=success.difference.point,
        why=likely(success.difference),
        verdict=success.verdict,
    )
    cards = [time, right]
    if comparison.costs is not None:
        before, after = (quantity(usd, "USD") for usd in comparison.costs)
        cards.append(Scorecard(what="Cost of a request", number=f"{before} → {after}"))
    count = Scorecard(what="Prompts in both", number=f"{comparison.times.shared:,}")
    return scorecards([*cards, count])


def _stages(comparison: Comparison) -> Html:
    changes = comparison.times.times
    rows = [
        {
            "": words.stage(change.what),
            "Ratio": cell(change.ratio),
            "95 % interval": interval_cell(change.ratio),
            "Prompts": change.ratio.n,
            "Verdict": verdict(change.verdict),
        }
        for change in changes
    ]
    return ratio_rows(
        [Ratio(name=words.stage(c.what), ratio=c.ratio, verdict=c.verdict) for c in changes],
        caption=comparison_text.change(changes[-1]),
        margin=changes[-1].margin,
        table=behind(table(pd.DataFrame(rows))),
    ).html()


def _cases(comparison: Comparison) -> Html:
    frame = pd.DataFrame(
        [
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
        ],
        dtype=object,
    )
    return ratio_rows(
        [Ratio(name=c.case_id, ratio=c.ratio, verdict=c.verdict) for c in comparison.cases],
        caption=comparison_text.by_prompt(comparison),
        table=behind(table(frame, csv="prompts.csv")),
    ).html()


def _differs(comparison: Comparison) -> Html:
    first, second = comparison.first.run_id, comparison.second.run_id
    rows = [
        {"": name, first: _short(before), second: _short(after)}
        for name, (before, after) in comparison.differs.items()
    ]
    return table(pd.DataFrame(rows), caption="What was not the same")


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
            "Place": ranking_text.place(row.success_places),
            "Median": cell(row.median),
            "Place by time": ranking_text.place(row.time_places),
        }
        for row in ranked.rows
    ]
    runs = [row.run_id for row in ranked.rows]
    return Section(
        title=ranking_text.title(ranked),
        sentences=(ranking_text.fastest(ranked), ranking_text.shared(ranked)),
        parts=(table(pd.DataFrame(rows)),),
        notes=(ranking_text.NOTE,),
        line=" · ".join(runs),
        run_id=runs[0],
        is_end=True,
    )
