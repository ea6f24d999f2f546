"""Failed answers in full, each beside a right one; every text of a model's is escaped."""

from __future__ import annotations

import re

import pandas as pd

from liftlab.reporting.html import Html, bounded, join, tag
from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import absent
from liftlab.reporting.sections.shared import section as of_run
from liftlab.reporting.tables import MOST_CELL, codes, table
from liftlab.reporting.text import words
from liftlab.reporting.text.base import Text, capitalised, code, write
from liftlab.summary.trials import Example, Examples
from liftlab.words import counted

OPEN = 2  # of them without a click
MOST_CODE = 4_000  # characters of one answer
_BESIDE = (
    "display:grid;grid-template-columns:repeat(auto-fit,minmax(min(16rem,100%),1fr));gap:.8rem"
)
_SAID = ("exception", "message")  # of what the grader found: the rest is in the tables
_LINES = re.compile("\r\n|\r|\n")


def section(examples: Examples) -> Section:
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
        tag("summary", write("{}, repeat {}: {}", code(row.case_id), f"{row.repeat}", name)),
        tag("p", bounded(said, MOST_CELL), cls="note") if said else "",
        tag("div", *_columns(row), style=_BESIDE),
        table(checks, most=2) if len(checks) else "",
    ]
    return tag("details", *parts, open="" if is_open else None)


def _columns(row: Example) -> list[Html]:
    category = words.readable(row.category) or "none"
    return [
        _column("Failed", row.code, row.line, "No code was kept."),
        _column("The model's IR", row.ir, None, "No IR was kept."),
        _column(
            capitalised(_like(row, category)),
            row.like_code,
            None,
            "Its code was not kept."
            if row.like
            else f"There is none for this prompt or its kind ({category}).",
        ),
    ]


def _like(row: Example, category: str) -> Text:
    if row.like is None:
        return Text("a right answer")
    case, repeat = row.like
    what = "same prompt" if case == row.case_id else f"same kind, {category}"
    return write("right: {}, repeat {} ({})", code(case), f"{repeat}", what)


def _column(title: str, code: str | None, line: int | None, why: str) -> Html:
    shown = marked(code, line) if code else absent(why)
    return tag("div", tag("p", title, cls="note", style="margin-bottom:0"), shown)
