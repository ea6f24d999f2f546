"""The figures in a text, and the words that stand around each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from liftlab.analysis.claims.text.markdown import Piece

MAX_SENTENCE, MAX_FIGURES = 600, 24  # beyond them it is a listing, and patterns would be slow
NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,3}|[0-9]{1,9})(?:\.[0-9]{1,6})?"
_FREE = r"(?<![0-9.,a-z_/@])"
Kind = Literal["share", "count", "times", "seconds", "usd", "number"]

_SECONDS = re.compile(
    rf"(?<![0-9.,a-z_/$])(?:({NUMBER}) ?(?:ms|s|sec|secs|seconds)? ?(?:-|to|and) ?)?"
    rf"({NUMBER})[ -]?(ms|milliseconds?|s|secs?|seconds?|µs|us|minutes?|mins?)\b(?!/)"
)
_SHARE = re.compile(rf"{_FREE}({NUMBER}) ?(?:%|(?=pp\b|(?:percentage[- ])?points?\b))")
_COUNT = re.compile(
    r"(?<![0-9.,/:-])([0-9]{1,6}) ?(?:/|(?:out )?of(?: the| our)?"
    r"|in) ?([0-9]{1,6})\b(?![/.:,-]?[0-9]| ?%)"
)
_TIMES = re.compile(rf"{_FREE}({NUMBER})x(?![a-z0-9])|\b(doubled|halved|tripled|in half)\b")
_USD = re.compile(
    rf"(?:\$|\busd ?)({NUMBER})(k)?(?![0-9])|{_FREE}({NUMBER}) ?(usd|dollars|\$|cents?|¢"
    rf"|ct)(?![a-z])"
    rf"|{_FREE}({NUMBER})% (?:of )?(?:a|1) (cent)\b"
)
_NUMBER = re.compile(rf"{_FREE}({NUMBER})(?![0-9a-z%$])")
_UNITS = (("ms", 3), ("milli", 3), ("µs", 6), ("us", 6), ("s", 0))  # and their decimals
_END = re.compile(r"(?<=[.!?])\s+")
_CLAUSE = re.compile(
    r", |; ?|\(|\)|\||·| (?:and|but|while|with|whereas|at|for only) | - | / |: (?=[a-z])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure of a sentence.

    Parameters
    ----------
    kind
        What it counts in.
    value
        A fraction, a factor, seconds or USD; of a range the upper end.
    decimals
        To how many decimals it was given, in the unit of `value`.
    start, end
        Where it stands in the sentence.
    total
        Of a count, how many in all.
    low
        Of a range, its lower end.
    """

    kind: Kind
    value: float
    decimals: int
    start: int
    end: int
    total: int = 0
    low: float | None = None


@dataclass(frozen=True)
class Sentence:
    """A sentence of a piece, with its figures.

    Parameters
    ----------
    text
        The sentence.
    piece
        Where it stands.
    at
        Where it begins there.
    """

    text: str
    piece: Piece
    at: int

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """Its figures, from left to right."""
        return tuple(figure for figure in self._all if figure.kind != "number")

    @property
    def numbers(self) -> tuple[Figure, ...]:
        """Its bare numbers."""
        return tuple(figure for figure in self._all if figure.kind == "number")

    @cached_property
    def _all(self) -> tuple[Figure, ...]:
        found = sorted(_scan(self.text), key=lambda figure: figure.start)
        return tuple(found) if len(found) <= MAX_FIGURES else ()

    def clause(self, figure: Figure) -> str:
        """Return the words around a figure, up to a comma, a bracket or a conjunction."""
        start, end = self._bounds(figure)
        return self.text[start:end]

    def before(self, figure: Figure) -> str:
        """Return the words of the clause before a figure."""
        return self.text[self._bounds(figure)[0] : figure.start]

    def after(self, figure: Figure) -> str:
        """Return the words of the clause after a figure."""
        return self.text[figure.end : self._bounds(figure)[1]]

    def left(self, figure: Figure) -> str:
        """Return all that stands before a figure, back to the figure before it."""
        ends = [other.end for other in self.figures if other.end <= figure.start]
        return self.text[max(ends, default=0) : figure.start]

    def right(self, figure: Figure) -> str:
        """Return all that stands after a figure, up to the next one."""
        starts = [other.start for other in self.figures if other.start >= figure.end]
        return self.text[figure.end : min(starts, default=len(self.text))]

    def same(self, figure: Figure, kind: Kind) -> Figure | None:
        """Return the figure of another kind that says the same, as 80 % does of 4/5."""
        for other in self.figures:
            if other.kind == kind and abs(other.value - figure.value) < 0.01:
                return other
        return None

    @cached_property
    def _cuts(self) -> tuple[tuple[int, int], ...]:
        return tuple(match.span() for match in _CLAUSE.finditer(self.text))

    def _bounds(self, figure: Figure) -> tuple[int, int]:
        start = max((end for _, end in self._cuts if end <= figure.start), default=0)
        end = min((cut for cut, _ in self._cuts if cut >= figure.end), default=len(self.text))
        return start, end


def sentences(piece: Piece) -> Iterator[Sentence]:
    """Yield the sentences of a piece, long ones cut."""
    at = 0
    for match in [*_END.finditer(piece.text), None]:
        end = match.start() if match else len(piece.text)
        for start in range(at, end, MAX_SENTENCE):
            text = piece.text[start : min(end, start + MAX_SENTENCE)]
            if text.strip():
                yield Sentence(text, piece, start)
        at = match.end() if match else end


def as_number(text: str) -> float:
    """Read a number that may have commas."""
    return float(text.replace(",", ""))


def decimals_of(text: str) -> int:
    """Return how many decimals a number was written with."""
    return len(text.partition(".")[2])


def _scan(text: str) -> Iterator[Figure]:
    taken: list[tuple[int, int]] = []
    for reader in (_usd, _counts, _times, _seconds, _shares, _numbers):
        for figure in reader(text):
            if all(figure.end <= start or figure.start >= end for start, end in taken):
                taken.append((figure.start, figure.end))
                yield figure


def _usd(text: str) -> Iterator[Figure]:
    for match in _USD.finditer(text):
        number = match[1] or match[3] or match[5]
        scale, more = 1.0, 0
        if match[6]:
            scale, more = 1e-4, 4
        elif (match[4] or "").startswith(("c", "¢")):
            scale, more = 1e-2, 2
        elif match[2]:
            scale, more = 1e3, -3
        yield Figure(
            kind="usd",
            value=as_number(number) * scale,
            decimals=max(0, decimals_of(number) + more),
            start=match.start(),
            end=match.end(),
        )


def _counts(text: str) -> Iterator[Figure]:
    for match in _COUNT.finditer(text):
        count, total = int(match[1]), int(match[2])
        if 0 <= count <= total and total > 0:
            yield Figure(
                kind="count",
                value=count / total,
                decimals=2,
                start=match.start(),
                end=match.end(),
                total=total,
            )


def _times(text: str) -> Iterator[Figure]:
    for match in _TIMES.finditer(text):
        value = {"doubled": 2.0, "tripled": 3.0}.get(match[2], 0.5) if match[2] else 0.0
        yield Figure(
            kind="times",
            value=value or as_number(match[1]),
            decimals=decimals_of(match[1] or ""),
            start=match.start(),
            end=match.end(),
        )


def _seconds(text: str) -> Iterator[Figure]:
    for match in _SECONDS.finditer(text):
        more = next((places for name, places in _UNITS if match[3].startswith(name)), 0)
        unit = 60.0 if match[3].startswith("min") else 10.0**-more
        yield Figure(
            kind="seconds",
            value=as_number(match[2]) * unit,
            decimals=decimals_of(match[2]) + more,
            start=match.start(2) if match[1] is None else match.start(1),
            end=match.end(),
            low=None if match[1] is None else as_number(match[1]) * unit,
        )


def _shares(text: str) -> Iterator[Figure]:
    for match in _SHARE.finditer(text):
        yield Figure(
            kind="share",
            value=as_number(match[1]) / 100,
            decimals=decimals_of(match[1]) + 2,
            start=match.start(),
            end=match.end(),
        )


def _numbers(text: str) -> Iterator[Figure]:
    for match in _NUMBER.finditer(text):
        yield Figure(
            kind="number",
            value=as_number(match[1]),
            decimals=decimals_of(match[1]),
            start=match.start(),
            end=match.end(),
        )
