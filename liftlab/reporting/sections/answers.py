"""How many answers are right, by kind of prompt and by when; and what is wrong with the others."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from liftlab.analysis.success import SuccessRate
from liftlab.reporting.figures import curves
from liftlab.reporting.figures.rates import success_by_category
from liftlab.reporting.html import Html, bounded, join, tag
from liftlab.reporting.sections.base import Section, cell, interval_cell, of_run, shown
from liftlab.reporting.tables import MOST_CELL, behind, codes, table
from liftlab.reporting.text import answers as text
from liftlab.reporting.text import latency as latency_text
from liftlab.reporting.text import words
from liftlab.reporting.text.base import Text, capitalised, code, listed, write
from liftlab.reporting.text.reasons import lacking
from liftlab.summary.answers import Answers, Failures
from liftlab.summary.latency import RightBy
from liftlab.summary.trials import Example, Examples
from liftlab.words import counted

OPEN = 2  # of them without a click
MOST_CODE = 4_000  # characters of one answer
_BESIDE = (
    "display:grid;grid-template-columns:repeat(auto-fit,minmax(min(16rem,100%),1fr));gap:.8rem"
)
_SAID = ("exception", "message")  # of what the grader found: the rest is in the tables
_LINES = re.compile("\r\n|\r|\n")


@shown.register
def _(answers: Answers) -> Section:
    """Return success by category and difficulty, and pass@k."""
    groups = {"category": answers.by_category, "difficulty": answers.by_difficulty}
    details: list[tuple[str, Html]] = []
    if answers.repeats[1] > 1:
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
        details.append(("pass@k: at least one of k answers to a prompt is right", table(rows)))
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
        parts=tuple(
            _figure(answers, kind, rates)
            for kind, rates in groups.items()
            if len(rates) > 1 and answers.graded
        ),
        details=tuple(details),
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
        caption=text.apart(rates) or f"No {kind} is clearly better than another",
        table=behind(table(rows, csv=f"success_by_{kind}.csv")),
    ).html()


@shown.register
def _(right_by: RightBy) -> Section:
    """Return the curve of right answers over time."""
    if not right_by.curve.n:
        return of_run(right_by, title="No answer was graded, so none is known to be right")
    title = latency_text.right_by_title(right_by)
    figure = curves.right_by(right_by.curve, dict(right_by.limits), caption=title)
    return of_run(
        right_by,
        title=title,
        sentences=tuple(latency_text.right_within(right_by)),
        parts=(figure.html(),),
        notes=("A wrong answer never becomes right: the curve ends at the success rate.",),
    )


@shown.register
def _(failures: Failures) -> Section:
    """Return each failure class with its share of graded answers and of failures."""
    facets = failures.run.counted("grade", "facets").dropna()
    notes = tuple(lacking(zip(map(json.loads, facets["facets"]), facets["rows"], strict=True)))
    title = text.failures_title(failures)
    if not failures.rows:
        is_said = not notes and title == text.NOT_GRADED  # beside the answers
        return of_run(failures, sentences=notes, title=title, is_empty=is_said)
    rows = [
        {
            "Cause": capitalised(words.cause(row.failure_class)),
            "Answers": row.count,
            "Of failures": cell(row.of_failures),
            "Prompts": listed([code(case) for case in row.cases]),
            "Of graded": cell(row.of_trials),
            "95 % interval": interval_cell(row.of_trials),
        }
        for row in failures.rows
    ]
    frame = pd.DataFrame(rows, dtype=object)
    return of_run(
        failures,
        title=title,
        sentences=tuple(
            filter(None, (text.spoiled(failures), text.weighed_shares(failures), *notes))
        ),
        parts=(table(frame.iloc[:, :4]),),
        details=(("Shares of all graded answers (table, CSV)", table(frame, csv="failures.csv")),),
        notes=("A share is the most that a fix can gain: another fault may lie beneath.",),
    )


@shown.register
def _(examples: Examples) -> Section:
    """Return failed answers of each class, with what they were made from and a right one."""
    if not examples.failed:
        return of_run(examples, title="No answer failed", is_empty=True)
    shown = [_example(row, number < OPEN) for number, row in enumerate(examples.rows)]
    return of_run(
        examples,
        title=f"{len(shown):,} of {counted(examples.failed, 'failed answer')}, some of each kind",
        parts=tuple(shown),
    )


def marked(code: str, line: int | None) -> Html:
    """Return code with one line marked, in colour and in words.

    Examples
    --------
    >>> str(marked("if a < b:", 1))
    '<pre><span class="bad">if a &lt; b:</span>  ← line 1</pre>'
    """
    lines: list[object] = list(_LINES.split(bounded(code, MOST_CODE)))
    if line is not None and 1 <= line <= len(lines):
        lines[line - 1] = join([tag("span", lines[line - 1], cls="bad"), f"  ← line {line}"])
    return tag("pre", join(lines, "\n"))


def _example(row: Example, is_open: bool) -> Html:
    name = words.cause(row.failure_class) if row.failure_class else "not classed"
    said = ": ".join(str(row.facets[key]) for key in _SAID if row.facets.get(key))
    checks = row.checks.dropna(axis="columns", how="all")
    checks = pd.DataFrame({str(name).capitalize(): codes(checks[name]) for name in checks})
    parts = [
        tag("summary", write("{}, repeat {}: {}", code(row.case_id), row.repeat, name)),
        tag("p", bounded(said, MOST_CELL), cls="note") if said else "",
        tag("div", *_columns(row), style=_BESIDE),
        table(checks, most=2) if len(checks) else "",
    ]
    return tag("details", *parts, open="" if is_open else None)


def _columns(row: Example) -> list[Html]:
    """Return the failed answer beside what it was made from, and beside a right one."""
    category = words.readable(row.category) or "none"
    like, why = Text("A right answer"), f"There is none for this prompt or its kind ({category})."
    if row.like is not None:
        case, repeat = row.like
        what = "same prompt" if case == row.case_id else f"same kind, {category}"
        like, why = (
            write("Right: {}, repeat {} ({})", code(case), repeat, what),
            "Its code was not kept.",
        )
    columns = (
        ("Failed", row.code, row.line, "No code was kept."),
        ("The model's IR", row.ir, None, "No IR was kept."),
        (like, row.like_code, None, why),
    )
    return [
        tag(
            "div",
            tag("p", title, cls="note", style="margin-bottom:0"),
            marked(source, line) if source else tag("p", none, cls="note"),
        )
        for title, source, line, none in columns
    ]
