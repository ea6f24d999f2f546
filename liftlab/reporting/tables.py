"""Tables and scorecards for people: numbers aligned, foreign text escaped, all of it as CSV."""

from __future__ import annotations

import base64
import math
import numbers
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import unescape
from typing import Any

import pandas as pd

from liftlab.reporting.html import Html, bounded, join, tag
from liftlab.reporting.text.base import Text, write
from liftlab.words import counted

# The colour of each verdict and ruling. Those that are not here are shown without a judgement.
_OF_COLOR = {
    "good": ("met", "supported", "right", "pass", "faster", "better", "equivalent"),
    "bad": ("not met", "contradicted", "fail", "error", "slower", "worse"),
    "undecided": ("undecided", "cannot tell", "not supported"),
}
_COLORS = {word: color for color, words in _OF_COLOR.items() for word in words}
MOST_ROWS = 40
MOST_CELL = 300  # characters
MOST_CSV, MOST_CSV_ROWS = 1_000_000, 5_000  # characters, rows
_TAG = re.compile(r"<[^>]*>")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """One number that a reader should leave with."""

    what: str  # its name
    number: str  # the number with its unit, or an en dash
    why: str = ""  # the interval, or why there is none and what would give it
    verdict: str = ""  # "met", "not met", "undecided", "not measurable", or empty
    target: str = ""  # what the verdict is about

    def html(self) -> Html:
        """Return the scorecard."""
        said = write("{}: {}", self.target, self.verdict) if self.target else self.verdict
        return tag(
            "div",
            tag("p", self.what, cls="what"),
            tag("p", self.number, cls="number"),
            tag("p", self.why, cls="why"),
            verdict(self.verdict, said) if self.verdict else "",
            cls="tile",
        )


def scorecards(shown: Iterable[Scorecard]) -> Html:
    """Return scorecards beside each other, as many as the page is wide for."""
    return tag("div", *(card.html() for card in shown), cls="tiles")


def verdict(word: str, said: str = "") -> Html:
    """Return a verdict as a coloured word."""
    return tag("span", said or word, cls=f"verdict {_COLORS.get(word, 'unmeasured')}")


def table(
    shown: pd.DataFrame | Sequence[Mapping[str, Any]],
    *,
    caption: str = "",
    headings: Mapping[str, str] | None = None,
    most: int = MOST_ROWS,
    csv: str = "",
    full: pd.DataFrame | None = None,
    rows: int | None = None,
) -> Html:
    """Return a table of rows, or of a frame without its index.

    Cells may be text, numbers, `Html`, or missing. `most` rows are shown, the rest is counted.
    `csv`: file name for a download of all rows, or of `full`, if that is more; none if empty.
    `rows`: how many there are where the frame has only the first of them.
    """
    frame = shown if isinstance(shown, pd.DataFrame) else pd.DataFrame(shown)
    named, count = headings or {}, len(frame) if rows is None else rows
    decimals = [_decimals(frame[name]) for name in frame.columns]
    head = [
        _heading(named.get(name, str(name)), "" if places is None else "num")
        for name, places in zip(frame.columns, decimals, strict=True)
    ]
    lines = [
        tag("tr", *map(_cell, row, decimals))
        for row in frame.head(most).itertuples(index=False, name=None)
    ]
    if not lines:
        lines = [tag("tr", tag("td", "none", colspan=max(len(head), 1), cls="more"))]
    parts = [
        tag("caption", caption) if caption else "",
        tag("thead", tag("tr", *head)),
        tag("tbody", *lines),
    ]
    below: list[object] = [f"and {count - most:,} more"] if count > most else []
    if csv:
        below.append(download(frame if full is None else full, csv, count))
    scrolling = _scrolling(tag("table", *parts), caption)
    return join([scrolling, tag("p", join(below, " · "), cls="more")]) if below else scrolling


def codes(values: Iterable[object]) -> list[Html | None]:
    """Return identifiers, or values of somebody's code, for a column that shows them as code."""
    return [None if _missing(v) else tag("code", bounded(str(v), MOST_CELL)) for v in values]


def trial_mark(case_id: object, repeat: object) -> str:
    """Return what stands for a trial in a page, whatever its case is called."""
    digest = sha256(str(case_id).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{digest[:12]}-{repeat}"


def trial_codes(frame: pd.DataFrame) -> list[Html]:
    """Return the case of each row as code that leads to its trial, once pages are linked."""
    trials = zip(frame["case_id"], frame["repeat"], strict=True)
    return [
        tag("code", bounded(str(case), MOST_CELL), data_t=trial_mark(case, repeat))
        for case, repeat in trials
    ]


def behind(shown: Html, summary: str = "The numbers behind the figure (table, CSV)") -> Html:
    """Return a part that is one click away."""
    return tag("details", tag("summary", summary), shown)


def download(frame: pd.DataFrame, name: str, count: int | None = None) -> Html:
    """Return a link that saves a frame as CSV; the data are inside the page.

    Columns without any value are left out. Beyond 5,000 rows, or 1 MB, only their number is told:
    the page would be slow to open. `count`: how many there are where the frame has not all of them.
    A report puts what is over 100 kB into a file beside its page.
    """
    rows = count or len(frame)
    if rows <= MOST_CSV_ROWS:
        csv = frame.dropna(axis="columns", how="all").map(_harmless).to_csv(index=False)
    if rows > MOST_CSV_ROWS or len(csv) > MOST_CSV:
        return tag("span", f"{rows:,} rows, too many for a page: see the run's tables")
    encoded = base64.b64encode(csv.encode("utf-8", "replace")).decode()
    words = f"CSV, {counted(len(frame), 'row')}"
    return tag("a", words, href=f"data:text/csv;base64,{encoded}", download=name)


def facts_table(facts: Mapping[str, object]) -> Html:
    """Return names and values, one pair a row; pairs without a value are left out."""
    rows = [
        tag("tr", tag("th", name, scope="row"), tag("td", _words(value)))
        for name, value in facts.items()
        if not _missing(value)
    ]
    return _scrolling(tag("table", tag("tbody", *rows)), "")


def _scrolling(shown: Html, caption: str) -> Html:
    """Return a table that scrolls where it is too wide, by keyboard too."""
    name = caption or "Table"
    return tag("div", shown, cls="scroll", tabindex=0, role="group", aria_label=name)


def _heading(words: str, cls: str) -> Html:
    """Return a column's heading; a heading without words is none."""
    return tag("th", words, scope="col", cls=cls) if words.strip() else tag("td", cls=cls)


def _decimals(column: pd.Series[Any]) -> int | None:
    """Return the decimals of a column of numbers; None of others.

    None of counts, two from 1 on, four below 0.1.
    """
    known = [value for value in column if not _missing(value)]
    if not known or any(isinstance(v, bool) or not isinstance(v, numbers.Real) for v in known):
        return None
    if all(float(number).is_integer() for number in known):
        return 0
    largest = max(abs(float(number)) for number in known)
    return 2 if largest >= 1 else 3 if largest >= 0.1 else 4


def _cell(value: object, decimals: int | None) -> Html:
    return tag("td", _words(value, decimals or 0), cls="" if decimals is None else "num")


def _words(value: object, decimals: int = 0) -> object:
    if isinstance(value, Html):
        return value
    if _missing(value):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, numbers.Real):
        return _number(float(value), decimals)
    if isinstance(value, Text) and value.marks:
        return value
    return bounded(str(value), MOST_CELL).replace(" %", "\N{NO-BREAK SPACE}%")


def _number(number: float, decimals: int) -> str:
    """Write a number to so many decimals; one that is not 0 never as 0."""
    text = f"{number:,.{decimals}f}"
    if any(digit in "123456789" for digit in text):
        return text
    return f"< {10.0**-decimals:.{decimals}f}" if number > 0 else "0"


def _missing(value: object) -> bool:
    if value is None or value is pd.NA or value == "":
        return True
    return isinstance(value, float) and math.isnan(value)


def _harmless(value: object) -> object:
    if isinstance(value, Html):
        value = unescape(_TAG.sub("", value.text))
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
