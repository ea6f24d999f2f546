"""Free Markdown as plain, short, numbered pieces of text that claims are looked for in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from liftlab.analysis.claims.model import Evidence
from liftlab.analysis.columns import labels

MAX_LINES, MAX_COLUMNS, MAX_CELLS = 20_000, 1_000, 20
_ARROWS = re.compile(r"\s*(?:->|→|⇒|=>)\s*")
_MARKER = re.compile(r"^\s*(?:[-*+>#]\s+)+")  # of a list, a quotation, a heading
_RULE = re.compile(r"[\s|:-]+")
_COMMON = frozenset(
    [
        "a",
        "an",
        "and",
        "check",
        "for",
        "from",
        "get",
        "if",
        "in",
        "is",
        "of",
        "or",
        "string",
        "the",
        "to",
        "two",
        "number",
    ]
)
_CONTROL = re.compile(r"\b(?:faster|slower|quicker)\b|(?<![0-9])[+-] ?[0-9.]{1,8} ?(?:%|pp\b)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line, or a cell of a table with its row's and its column's name before it.

    Parameters
    ----------
    number
        The line in the file, from 1.
    said
        What stands there, for people.
    text
        The same in lower case and without marks, for patterns.
    stage
        The stage that the lines around it speak of; empty if none.
    header
        Names of the columns, where it is a whole row of a table.
    """

    number: int
    said: str
    text: str
    stage: str = ""
    header: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a report can name of a run: its stages, its cases and its categories."""

    stages: Mapping[str, str]
    cases: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]
    price: str = ""

    @classmethod
    def of(cls, evidence: Evidence) -> Names:
        """Take the names of a run."""
        trials = evidence.trials
        cases = tuple(dict.fromkeys(labels(trials, "case_id").astype(str)))
        categories: dict[str, tuple[str, ...]] = {}
        if "category" in trials:
            known = trials[pd.notna(trials["category"])]
            for name, frame in known.groupby("category", sort=False):
                members = dict.fromkeys(labels(frame, "case_id").astype(str))
                categories[plain(str(name))] = tuple(str(each) for each in members)
        stages = {plain(str(s)): str(s) for s in dict.fromkeys(labels(evidence.stages, "stage"))}
        # Where a table was priced by its own formula, what is billed stands after it.
        prices = [str(p) for p in dict.fromkeys(labels(evidence.costs, "price_id"))]
        return cls(
            stages=stages | {"end to end": "e2e", "e2e": "e2e"},
            cases=cases,
            categories=categories,
            price=prices[-1] if prices else "",
        )

    def stage(self, text: str, at: int, around: str = "") -> str:
        """Return the stage that a figure is of: the last named before it, or soon after it."""
        places = [(text.rfind(name, 0, at), stage) for name, stage in self.stages.items()]
        before = max(places, default=(-1, ""))
        if before[0] >= 0:
            return before[1]
        after = [(text.find(name, at, at + 40), stage) for name, stage in self.stages.items()]
        found = min((place for place in after if place[0] >= 0), default=(0, ""))
        return found[1] or around or "e2e"

    def cases_in(self, text: str) -> tuple[str, ...]:
        """Return the cases that a text names by their telling word, such as "add"."""
        words = set(re.findall(r"[a-z0-9]+", text))
        return tuple(case for case in self.cases if _telling(case) in words)

    def category_in(self, text: str) -> tuple[str, tuple[str, ...]]:
        """Return the category that a text names, and its cases."""
        return next(((n, c) for n, c in self.categories.items() if n in text), ("", ()))


def plain(text: str) -> str:
    """Return text in lower case, without Markdown's marks, arrows as "to".

    Examples
    --------
    >>> plain("- **NLP → IR**: `10.4s` median")
    '- nlp to ir: 10.4s median'
    """
    text = _ARROWS.sub(" to ", text.lower().replace("*", "").replace("`", "").replace("_", " "))
    text = text.replace("-to-", " to ").replace("≤", "<=").replace("≥", ">=").replace("−", "-")
    return " ".join(text.split())


def lines(markdown: str, names: Names) -> Iterator[Line]:
    """Yield the lines outside code, tables cell by cell; no more than a report can have."""
    fenced, header, context, indent = False, [""], "", -1
    in_table = False
    for number, whole in enumerate(markdown.split("\n")[:MAX_LINES], 1):
        raw = whole[:MAX_COLUMNS]
        stripped = raw.strip()
        if stripped.startswith(("```", "~~~")):
            fenced = not fenced
        if fenced or not stripped:
            in_table = in_table and bool(stripped)
            continue
        if stripped.startswith("|"):
            cells = [cell.strip() for cell in stripped.strip("|").split("|")][:MAX_CELLS]
            if not in_table:
                header, in_table = cells, True
            elif not _RULE.fullmatch(stripped):
                yield from _row(number, cells, header)
            continue
        in_table = False
        text = plain(_MARKER.sub("", raw))
        depth = -1 if stripped.startswith("#") else len(raw) - len(raw.lstrip())
        if depth <= indent or stripped.startswith("#"):
            context, indent = "", -1
        yield Line(number=number, said=_shown(stripped), text=text, stage=context)
        if text.endswith(":") or depth == -1:
            context, indent = _stage_named(text, names), depth


def _row(number: int, cells: Sequence[str], header: Sequence[str]) -> Iterator[Line]:
    text = plain(" | ".join(cells))
    said = _shown(" | ".join(cells))
    if _CONTROL.search(text):  # a comparison: its figures belong together
        names = tuple(plain(each) for each in header)
        yield Line(number=number, said=said, text=text, header=names)
        return
    for place, cell in enumerate(cells[1:], 1):
        column = header[place] if place < len(header) else ""
        yield Line(number=number, said=said, text=plain(f"{cells[0]} {column} {cell}"))


def _stage_named(text: str, names: Names) -> str:
    return next((stage for name, stage in names.stages.items() if name in text), "")


def _telling(case: str) -> str:
    words = plain(case).split()
    return next((word for word in words if word not in _COMMON), words[0] if words else "")


def _shown(text: str, most: int = 160) -> str:
    """Return one printable line for people."""
    line = "".join(char if char.isprintable() else " " for char in text[: 2 * most])
    line = " ".join(line.replace("*", "").split()).lstrip("#>- ")
    return line if len(line) <= most else f"{line[: most - 1]}…"
