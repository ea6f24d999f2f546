"""Figures in a report, and claims that are ruled by the figures beside them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from scipy import stats

from liftlab.analysis.claims.lines import Line
from liftlab.analysis.claims.model import Claim, Comparison, Ruling

NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,3}|[0-9]{1,9})(?:\.[0-9]{1,6})?"
SECONDS = re.compile(rf"(?<![0-9.,$–-])({NUMBER}) ?(ms|s|secs?|seconds?)\b")
RATIO = re.compile(r"(?<![0-9.,/])([0-9]{1,6}) ?(?:/|out of|of) ?([0-9]{1,6})\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A claim in a line: tied to the run by `claim`, ruled by its own figures, or with a note."""

    kind: str
    claim: Claim | None = None
    ruling: Ruling | None = None
    note: str = ""


def change(line: Line) -> Found:
    """Read "x % faster" with the two times of its line; without them nothing can be said."""
    times = [as_seconds(match) for match in SECONDS.finditer(line.text)]
    if len(times) != 2 or min(times) <= 0:
        return Found(kind="change", note="the times it compares do not stand beside it")
    header = [name for name in line.header[1:] if name]
    was, now = (header[0], header[1]) if len(header) > 1 else ("the first", "the second")
    alone = line.header == () or was.split("(")[-1] == now.split("(")[-1]
    return tied(
        "change", metric="change", comparison=pair(times[1], times[0], now, was, same=alone)
    )


def points(line: Line, figure: str) -> Found:
    """Read "+30 %" between two rates: they are points, and counts tell if they are many."""
    counts = [(int(m[1]), int(m[2])) for m in RATIO.finditer(line.text)]
    counts = [(count, total) for count, total in counts if total > 0 and count <= total]
    if len(counts) != 2:
        return Found(kind="points", note="percentage points, not percent; without both counts")
    (a, m), (b, n) = counts
    level = float(stats.fisher_exact(np.array([[a, m - a], [b, n - b]]))[1])
    claim = Claim(id=f"line {line.number}", statement=line.said, metric="change")
    return Found(
        kind="points",
        ruling=Ruling(
            claim=claim,
            ruling="supported" if level <= 0.05 else "not supported",
            why=f"{figure} are percentage points, not percent; {a:,} of {m:,} against {b:,} of "
            f"{n:,}: Fisher's exact p = {level:.2g}.",
            may_say=f"{a:,} of {m:,} before, {b:,} of {n:,} now"
            + ("." if level <= 0.05 else ": too few to call it a change."),
            faults=() if level <= 0.05 else ("single_runs",),
        ),
    )


def tied(kind: str, **fields: object) -> Found:
    """Return a claim that the rows of the run can rule."""
    return Found(kind=kind, claim=Claim(id="", statement="", **fields))  # type: ignore[arg-type]


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


def as_number(text: str) -> float:
    """Read a number that may have commas."""
    return float(text.replace(",", ""))


def as_seconds(match: re.Match[str]) -> float:
    """Return the seconds of a match of `SECONDS`."""
    return as_number(match[1]) / (1000 if match[2] == "ms" else 1)


def decimals_of(text: str) -> int:
    """Return how many decimals a number was written with."""
    return len(text.partition(".")[2])
