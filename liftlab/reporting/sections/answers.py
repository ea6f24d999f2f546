"""How many answers are right, by kind of prompt, and by how many tries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from liftlab.analysis.success import SuccessRate
from liftlab.reporting.figures.rates import success_by_category
from liftlab.reporting.html import Html
from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import cell, interval_cell
from liftlab.reporting.sections.shared import section as of_run
from liftlab.reporting.tables import behind, table
from liftlab.reporting.text import answers as text
from liftlab.reporting.text import words
from liftlab.summary.answers import Answers


def section(answers: Answers) -> Section:
    """Return success by category and difficulty, and pass@k."""
    groups = [("category", answers.by_category), ("difficulty", answers.by_difficulty)]
    parts = [
        _figure(answers, kind, rates) for kind, rates in groups if len(rates) > 1 and answers.graded
    ]
    return of_run(
        answers,
        title=text.right(answers),
        sentences=(
            text.wrong(answers),
            text.weighed(answers),
            text.parsed(answers),
            text.errors(answers),
            text.apart(answers.by_category),
        ),
        parts=tuple(parts),
        details=_pass_at_k(answers),
    )


def _figure(answers: Answers, kind: str, rates: Sequence[SuccessRate]) -> Html:
    shown = [replace(answers.success, group="all"), *rates]
    rows = [
        {
            kind.capitalize(): words.readable(rate.group),
            "Right": rate.successes,
            "Graded": rate.trials,
            "Rate": cell(rate.estimate),
            "95 % interval": interval_cell(rate.estimate),
            "Prompts": rate.cases,
            "Failed at the endpoint": rate.errors,
            "Not graded": rate.ungraded,
        }
        for rate in shown
    ]
    return success_by_category(
        shown,
        answers.limit,
        caption=text.apart(rates) or text.overlap(kind),
        table=behind(table(pd.DataFrame(rows), csv=f"success_by_{kind}.csv")),
    ).html()


def _pass_at_k(answers: Answers) -> tuple[tuple[str, Html], ...]:
    if answers.repeats[1] < 2:
        return ()
    rows = [
        {
            "": f"pass@{row.k}",
            "Value": cell(row.estimate),
            "95 % interval": interval_cell(row.estimate),
            "Answers": row.samples,
            "Prompts": row.cases,
        }
        for row in answers.pass_at_k
    ]
    return (("pass@k: at least one of k answers to a prompt is right", table(pd.DataFrame(rows))),)
