"""Bars of parts: a trial by stage, a slow step by cause, a bill by what it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Patch

from liftlab.analysis.estimate import quantity
from liftlab.reporting.figures import base
from liftlab.reporting.figures.base import Around, Figure
from liftlab.words import counted

MOST_LABELLED = 12  # up to so many bars each has words beside it, and amounts within
LEAST = 0.01  # of a bar: kinds that are less in every bar are one
OTHER = "other"
_CHARACTER = 6.9  # pixels of an average character


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a bar: what it is, how much, and whether it is hatched."""

    kind: str  # its name in the legend
    amount: float  # its length
    start: float | None = None  # where it begins; None: where the part before it ends
    hatched: bool = False  # whether it is marked as the figure's `hatch` says


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One row: its name, its parts, the words beside it, and whether something is wrong."""

    name: str
    parts: tuple[Part, ...]
    beside: str = ""
    is_bad: bool = False
    words: str = ""  # its parts for who cannot see them

    @property
    def spans(self) -> list[tuple[float, Part]]:
        """Each part with where it begins."""
        placed, at = [], 0.0
        for part in self.parts:
            begin = at if part.start is None else part.start
            placed.append((begin, part))
            at = begin + part.amount
        return placed

    @property
    def end(self) -> float:
        """Where its last part ends."""
        return max((begin + part.amount for begin, part in self.spans), default=0.0)

    def __str__(self) -> str:
        said = f"{self.name}: {self.beside}" if self.beside else self.name
        return " ".join(said.split()) + (f" ({self.words})" if self.words else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Rows of parts, and how they are drawn."""

    rows: Sequence[Bar]  # from top to bottom
    hues: Mapping[str, str]  # by kind of part, its colour; the legend has those that occur
    axis: Sequence[str]  # what the length is, a piece each
    hatch: str = ""  # what a hatched part is; empty where none is
    targets: Mapping[str, float]  # lines, by name
    unit: str = "s"  # of amounts within the bars; "%": bars are shares

    def figure(self, head: str, **around: Unpack[Around]) -> Figure:
        """Return the figure; `head` says in words what its rows are."""
        shown = self._folded()
        aims = ", ".join(f"{name} {quantity(at, 's')}" for name, at in self.targets.items())
        many = counted(len(shown.rows), "bar") + (f" beside {aims}" if aims else "")
        told = "There is nothing to show."
        if len(shown.rows) > 1:
            told = f"The first is {shown.rows[0]}; the last is {shown.rows[-1]}."
        elif shown.rows:
            told = f"It is {shown.rows[0]}."
        return Figure(alt=f"{head}, {many}. {told}", draw=shown._draw, **around)

    def _folded(self) -> Bars:
        """Return the bars without empty parts, kinds under 1 % of every bar in one."""
        kept = [[part for part in row.parts if part.amount > 0] for row in self.rows]
        used = {part.kind for parts in kept for part in parts}
        small = [
            kind for kind in self.hues if kind in used and all(_is_small(kind, p) for p in kept)
        ]
        hues = {kind: hue for kind, hue in self.hues.items() if kind not in small}
        if small:
            hues[OTHER] = self.hues[small[0]]
        folded = [
            [replace(part, kind=OTHER) if part.kind in small else part for part in parts]
            for parts in kept
        ]
        rows = [replace(r, parts=tuple(p)) for r, p in zip(self.rows, folded, strict=True)]
        return replace(self, rows=rows, hues=hues)

    def _draw(self, width: float) -> Drawing:
        narrow, many = width < base.WIDE, len(self.rows) > MOST_LABELLED
        near, far = base.in_view(self.targets, max((row.end for row in self.rows), default=0.0))
        handles = self._handles()
        columns = 1 if narrow else 4
        lines = -(-len(handles) // columns)
        pitch = 19.0 if many else 38.0
        drawing, axes = base.blank(width, 84 + 18 * lines + pitch * max(len(self.rows), 1))
        longest = max([*(row.end for row in self.rows), *near.values()], default=0.0) or 1.0
        said = ["" if many and not row.is_bad else row.beside for row in self.rows]
        said = [base.label(words, 20 if narrow else 64) for words in said]
        inner = width - (130 if narrow else 150)
        aside = max(map(len, said), default=0) * _CHARACTER
        scale = longest / max(inner - aside, inner * 0.35)
        for place, (row, words) in enumerate(zip(self.rows, said, strict=True)):
            self._row(axes, place, row, scale, many)
            axes.text(
                row.end + 6 * scale, place, words, va="center", fontsize=11 if many else 12.5,
                color=base.BAD if row.is_bad else base.MUTED if many else base.INK, bbox=base.CLEAR,
            )  # fmt: skip
        base.target_lines(axes, near, narrow)
        axes.set_ylim(max(len(self.rows), 1) - 0.5, -0.75)
        axes.set_xlim(0, inner * scale)
        names = [base.label(row.name, 16 if narrow else 36) for row in self.rows]
        axes.set_yticks(range(len(names)), names, fontsize=11 if many or narrow else 12.5)
        base.ticks(axes, longest, base.wrapped([*self.axis, *far], narrow))
        if self.unit == "%":
            axes.set_xticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
        axes.spines.bottom.set_bounds(0, longest)
        if not self.rows:
            axes.text(0, 0, "Nothing to show", color=base.MUTED, va="center")
        if handles:
            base.legend(axes, handles, columns=columns, above=14.0 if near else 0.0)
        return drawing

    def _row(self, axes: Axes, place: int, row: Bar, scale: float, many: bool) -> None:
        for begin, part in row.spans:
            hue = self.hues[part.kind]
            look: dict[str, Any] = {"color": hue, "edgecolor": base.BACKGROUND, "linewidth": 1.4}
            hatch = "////" if part.hatched else ""
            axes.barh(place, part.amount, left=begin, height=0.68, hatch=hatch, **look)
            words = quantity(part.amount, self.unit)
            if many or len(row.parts) < 2 or part.amount / scale < _CHARACTER * len(words) + 8:
                continue
            axes.text(
                begin + part.amount / 2, place, words, ha="center", va="center", fontsize=11,
                color="#14171a", bbox={"facecolor": hue, "edgecolor": "none", "pad": 1.5},
            )  # fmt: skip

    def _handles(self) -> list[Patch]:
        parts = [part for row in self.rows for part in row.parts]
        used = {part.kind for part in parts}
        handles = [Patch(facecolor=hue, label=k) for k, hue in self.hues.items() if k in used]
        if self.hatch and any(part.hatched for part in parts):
            look: dict[str, Any] = {"facecolor": base.GREY, "edgecolor": base.BACKGROUND}
            handles.append(Patch(hatch="////", label=self.hatch, **look))
        return handles


def _is_small(kind: str, parts: Sequence[Part]) -> bool:
    whole = sum(part.amount for part in parts)
    return sum(part.amount for part in parts if part.kind == kind) < LEAST * whole or not whole
