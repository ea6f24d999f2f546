"""Tables for people: numbers aligned, foreign text escaped, long ones cut, all of it as CSV."""

from __future__ import annotations

import base64
import math
import numbers
import re
from collections.abc import Iterable, Mapping, Sequence
from html import unescape
from typing import Any

import pandas as pd

from liftlab.reporting.html import Html, bounded, join, tag
from liftlab.reporting.scorecards import verdict
from liftlab.reporting.text.base import Text
from liftlab.words import counted

MOST_ROWS = 40
MOST_CELL = 300  # characters
MOST_CSV = 100_000
_SMALLEST = 0.0001
_TAG = re.compile(r"<[^>]*>")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


def table(
    frame: pd.DataFrame,
    *,
    caption: str = "",
    headings: Mapping[str, str] | None = None,
    most: int = MOST_ROWS,
    csv: str = "",
    full: pd.DataFrame | None = None,
) -> Html:
    """Return a table of a frame's columns; its index is left out.

    Parameters
    ----------
    frame
        Cells may be text, numbers, `Html`, or missing.
    caption
        Which rows these are.
    headings
        What to call columns.
    most
        Rows shown; the rest is counted, and in the CSV.
    csv
        File name for a download of all rows; none if empty.
    full
        What the download holds, if it is more than `frame`.

    Examples
    --------
    >>> "and 2 more" in str(table(pd.DataFrame({"n": [1, 2, 3]}), most=1))
    True
    """
    named = headings or {}
    names = [str(name) for name in frame.columns]
    numeric = [_is_numeric(frame[name]) for name in names]
    head = [
        _heading(named.get(name, name), "num" * right)
        for name, right in zip(names, numeric, strict=True)
    ]
    rows = [
        tag("tr", *(_cell(value, right) for value, right in zip(row, numeric, strict=True)))
        for row in frame.head(most).itertuples(index=False, name=None)
    ]
    if not rows:
        rows = [tag("tr", tag("td", "none", colspan=max(len(head), 1), cls="more"))]
    parts = [
        tag("caption", caption) if caption else "",
        tag("thead", tag("tr", *head)),
        tag("tbody", *rows),
    ]
    below: list[object] = []
    if len(frame) > most:
        below.append(f"and {len(frame) - most:,} more")
    if csv:
        below.append(download(frame if full is None else full, csv))
    shown = _scrolling(tag("table", *parts), caption)
    return join([shown, tag("p", join(below, " · "), cls="more")]) if below else shown


def codes(values: Iterable[object]) -> list[Html | None]:
    """Return identifiers, or values of somebody's code, for a column that shows them as code."""
    return [None if _missing(v) else tag("code", bounded(str(v), MOST_CELL)) for v in values]


def behind(shown: Html, summary: str = "The numbers behind the figure (table, CSV)") -> Html:
    """Return a part that is one click away."""
    return tag("details", tag("summary", summary), shown)


def download(frame: pd.DataFrame, name: str) -> Html:
    """Return a link that saves a frame as CSV; the data are inside the page.

    Columns without any value are left out. Beyond 100 kB the page would be too large to send: then
    only the number of rows is told.
    """
    csv = frame.dropna(axis="columns", how="all").map(_harmless).to_csv(index=False)
    words = f"CSV, {counted(len(frame), 'row')}"
    if len(csv) > MOST_CSV:
        return tag("span", f"{len(frame):,} rows, too many for a page: see the run's tables")
    encoded = base64.b64encode(csv.encode("utf-8", "replace")).decode()
    return tag("a", words, href=f"data:text/csv;base64,{encoded}", download=name)


def facts_table(facts: Mapping[str, object], caption: str = "") -> Html:
    """Return names and values, one pair a row; pairs without a value are left out."""
    rows = [
        tag("tr", tag("th", name, scope="row"), tag("td", _words(value)))
        for name, value in facts.items()
        if not _missing(value)
    ]
    head = tag("caption", caption) if caption else ""
    return _scrolling(tag("table", head, tag("tbody", *rows)), caption)


def claims_table(claims: Sequence[Mapping[str, str]], caption: str = "") -> Html:
    """Return claims with their rulings; each has `claim`, `ruling` and `say`."""
    rows = [
        {
            "Claim": tag("span", f"“{claim['claim']}”"),
            "Ruling": verdict(claim["ruling"]),
            "What may be said": tag("span", claim["say"]),  # whole, however long
        }
        for claim in claims
    ]
    columns = ["Claim", "Ruling", "What may be said"]
    return table(pd.DataFrame(rows, columns=columns), caption=caption)


def _scrolling(shown: Html, caption: str) -> Html:
    """Return a table that scrolls where it is too wide, by keyboard too."""
    name = caption or "Table"
    return tag("div", shown, cls="scroll", tabindex=0, role="group", aria_label=name)


def _heading(words: str, cls: str) -> Html:
    """Return a column's heading; a heading without words is none."""
    return tag("th", words, scope="col", cls=cls) if words.strip() else tag("td", cls=cls)


def _is_numeric(column: pd.Series[Any]) -> bool:
    if pd.api.types.is_bool_dtype(column):
        return False
    known = [value for value in column if not _missing(value)]
    return bool(known) and all(
        isinstance(value, numbers.Real) and not isinstance(value, bool) for value in known
    )


def _cell(value: object, numeric: bool) -> Html:
    return tag("td", value if isinstance(value, Html) else _words(value), cls="num" * numeric)


def _words(value: object) -> object:
    if isinstance(value, Html):
        return value
    if _missing(value):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, numbers.Real):
        return _number(value)
    if isinstance(value, Text) and value.marks:
        return value
    return bounded(str(value), MOST_CELL).replace(" %", "\N{NO-BREAK SPACE}%")


def _number(value: numbers.Real) -> str:
    """Write whole numbers whole, others to two decimals from 1 on, and to four below 0.1."""
    number = float(value)
    if isinstance(value, numbers.Integral) or (number.is_integer() and 1e6 <= abs(number) < 2**53):
        return f"{number:,.0f}"  # a seed with nulls in its column is a float
    if number and abs(number) < _SMALLEST:
        return f"< {_SMALLEST}"
    decimals = 2 if abs(number) >= 1 else 3 if abs(number) >= 0.1 else 4
    return f"{number:,.{decimals}f}"


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
