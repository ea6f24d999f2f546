"""What a recogniser gives back: a claim for the rows to rule, a ruling, or a note."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from scipy import stats

from liftlab.analysis.claims.model import Claim, Comparison, Ruling
from liftlab.analysis.claims.text.figures import NUMBER, Figure, Sentence, as_number

_FROM_TO = re.compile(rf"\bfrom ~?({NUMBER}) to ~?({NUMBER})\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A claim in a text, and where in its sentence it stands."""

    kind: str
    at: int
    claim: Claim | None = None
    ruling: Ruling | None = None
    note: str = ""


def tied(kind: str, at: int, **fields: object) -> Found:
    """Return a claim that the rows of the run can rule."""
    return Found(kind=kind, at=at, claim=Claim(id="", statement="", **fields))  # type: ignore[arg-type]


def change(sentence: Sentence, at: int) -> Found:
    """Read "x % faster" with the two times beside it; without them nothing stands behind it."""
    times = [each for each in sentence.figures if each.kind == "seconds" and each.low is None]
    ranges = [each for each in sentence.figures if each.kind == "seconds" and each.low is not None]
    if len(ranges) == 1 and not times:  # "21.7 s to 14.9 s" reads as a range
        values = [ranges[0].low or 0.0, ranges[0].value]
    else:
        values = [each.value for each in times]
    if not values and (bare := _FROM_TO.search(sentence.text)):
        values = [as_number(bare[1]), as_number(bare[2])]
    if len(values) != 2 or min(values) <= 0:
        return _alone("change", at, "The times that it compares do not stand beside it.")
    header = [name for name in sentence.piece.header[1:] if name]
    was, now = (header[0], header[1]) if len(header) > 1 else ("the first", "the second")
    alone = not sentence.piece.header or was.split("(")[-1] == now.split("(")[-1]
    two = pair(values[1], values[0], now, was, same=alone)
    return tied("change", at, metric="change", comparison=two)


def points(sentence: Sentence, figure: Figure) -> Found:
    """Read "+30 %" between two rates: they are points, and counts tell if they are many."""
    counts = [each for each in sentence.figures if each.kind == "count"]
    if len(counts) != 2:
        why = "A difference of rates is in percentage points, and both counts have to stand by it."
        return _alone("points", figure.start, why)
    (a, m), (b, n) = ((round(each.value * each.total), each.total) for each in counts)
    level = float(stats.fisher_exact(np.array([[a, m - a], [b, n - b]]))[1])
    sure = level <= 0.05
    said = f"{a:,} of {m:,} before, {b:,} of {n:,} now"
    return Found(
        kind="points",
        at=figure.start,
        ruling=Ruling(
            claim=Claim(id="", statement="", metric="change"),
            ruling="supported" if sure else "not supported",
            why=f"{100 * figure.value:g} are percentage points, not percent; {a:,} of {m:,} "
            f"against {b:,} of {n:,}: Fisher's exact p = {level:.2g}.",
            may_say=f"{said}." if sure else f"{said}: too few to call it a change.",
            faults=() if sure else ("single_runs",),
        ),
    )


def _alone(kind: str, at: int, why: str) -> Found:
    """Rule a change that gives nothing to judge it by: the rows of one run hold no difference."""
    return Found(
        kind=kind,
        at=at,
        ruling=Ruling(
            claim=Claim(id="", statement="", metric="change"),
            ruling="not supported",
            why=f"{why} The rows of one run carry no difference between two.",
            may_say="Compare both runs over the cases that they share: liftlab compare.",
            faults=("single_runs",),
        ),
    )


def pair(value: float, base: float, now: str, was: str, *, same: bool = True) -> Comparison:
    """Return two published figures; a report that gives no number of runs is taken to have one."""
    return Comparison(
        value_s=value,
        baseline_s=base,
        n=1,
        baseline_n=1,
        value_is=f"{now} (runs not given, taken as one)",
        baseline_is=was,
        same_cases=same,
    )
