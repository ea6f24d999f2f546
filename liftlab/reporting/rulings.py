"""Rulings on claims as a terminal shows them: what was said, the ruling, why, what may be said."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from liftlab.summary.claims import Claim, Quantity, Ruling
from liftlab.summary.claims.model import NUMBERS
from liftlab.summary.claims.text.figures import unit_of
from liftlab.summary.claims.text.markdown import shown
from liftlab.words import counted

if TYPE_CHECKING:
    from liftlab.summary import RunSummary
    from liftlab.summary.claims.text.lint import Checked

_BESIDE = 60  # letters on either side of a figure that is quoted
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_UNIT = re.compile(r"\s*[-‑]?([%¢$]|[^\W\d]+\b)")
_SCALES = (1.0, 100.0, 1000.0, 10_000.0, 1 / 60)  # in percent, in ms, of 1,000 requests, in minutes


def ruling_lines(rulings: Sequence[Ruling]) -> Iterator[str]:
    """Yield what `claims` says: each ruling by its claim's name, and how many of each there are."""
    for ruling in rulings:
        yield from (*_paragraph(ruling, ruling.claim.id), "")
    yield _counts(rulings)


def lint_lines(
    checked: Sequence[Checked], file: Path, report: str, summary: RunSummary
) -> list[str]:
    """Return what `lint-report` says: each ruling, each figure that is not read, and how many."""
    run, written = summary.run.run, report.split("\n")
    lines = [
        f"{file}, ruled by run {run.run_id} ({counted(summary.answers.trials, 'request')})",
        "",
    ]
    for row in checked:
        if row.ruling:
            said = _quoted(row.ruling.claim, written[row.line - 1])
            lines += [*_paragraph(row.ruling, f"{file}:{row.line}:", said), ""]
    unread = [row for row in checked if not row.ruling]
    lines += [f"{file}:{row.line}: not read ({row.why_not}): “{row.said}”" for row in unread]
    rulings = [row.ruling for row in checked if row.ruling]
    return [*lines, f"{_counts(rulings)}; {counted(len(unread), 'figure')} not read"]


def _quoted(claim: Claim, line: str) -> str:
    """Return the figure that is ruled, and its line cut around it; the line where it has none."""
    whole = shown(line, len(line) + 1)
    found = sorted(_NUMBER.finditer(whole), key=lambda number: _unit(number, whole) is None)
    at = next((number for number in found if _is_of(claim, number, whole)), None)
    if at is None:
        return f"“{claim.statement}”"
    end = re.compile(r"(?:\s*(?:%|[^\W\d]+\b))?").match(whole, at.end())
    assert end is not None
    figure = whole[at.start() : end.end()]
    if claim.count is not None:
        figure = f"{claim.count:,} of {claim.total or 0:,}"
    before, after = whole[: at.start()], whole[at.start() :]
    if len(before) > _BESIDE:
        before = f"…{before[-_BESIDE:].partition(' ')[2]}"
    if len(after) > 2 * _BESIDE:
        after = f"{after[: 2 * _BESIDE].rpartition(' ')[0]}…"
    return f"{figure} in “{before}{after}”"


def _is_of(claim: Claim, number: re.Match[str], line: str) -> bool:
    """Whether a number of a line is the claim's figure, by its unit where it has one."""
    written = float(number[0].replace(",", ""))
    if claim.count is not None:
        following = _NUMBER.search(line, number.end())
        total = following and following[0].replace(",", "")
        return written == claim.count and total == str(claim.total)
    if claim.value is None:
        return False
    unit = _unit(number, line)
    if unit is None:
        return any(math.isclose(written, claim.value * by) for by in _SCALES)
    kind, one = unit
    many = (1.0, 1e3, 1e4) if kind == "usd" else (1.0,)  # a price is told of 1,000 requests, too
    return kind == _kind(claim) and any(
        math.isclose(written * one, claim.value * by) for by in many
    )


def _unit(number: re.Match[str], line: str) -> tuple[str, float] | None:
    """Return what a number counts in and what one of it is; None where no unit stands by it."""
    if re.search(r"(?:\$|\bUSD) ?$", line[: number.start()], re.IGNORECASE):
        return unit_of("$")
    beside = _UNIT.match(line, number.end())
    return unit_of(beside[1].lower()) if beside else None


def _kind(claim: Claim) -> str:
    if not isinstance(claim.what, Quantity) or claim.what.metric in NUMBERS:
        return "whole"
    return "share" if claim.what.is_share else "usd" if "_usd" in claim.what.metric else "seconds"


def _paragraph(ruling: Ruling, name: str, said: str = "") -> list[str]:
    """Return a ruling as lines: what was said, the ruling, why, and what may be said."""
    caveat = f", {ruling.caveat}" if ruling.caveat else ""
    lines = [f"{name}  {said or f'“{ruling.claim.statement}”'}: {ruling.ruling}{caveat}"]
    lines.append(f"     why  {ruling.why}")
    return lines if ruling.may_say == ruling.why else [*lines, f"     say  {ruling.may_say}"]


def _counts(rulings: Sequence[Ruling]) -> str:
    """Return how many of each ruling there are, the most frequent first."""
    found = Counter(ruling.ruling for ruling in rulings).most_common()
    said = ", ".join(f"{count:,} {ruling}" for ruling, count in found)
    return counted(len(rulings), "claim") + (f": {said}" if said else "")
