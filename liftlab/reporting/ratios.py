"""How many times as long: a row a stage or a case, its ratio with the interval, on a log scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure as Drawing

from liftlab.analysis.estimate import Estimate, plain
from liftlab.reporting import canvas
from liftlab.reporting.canvas import BAD, INK, MUTED, RULE, Figure, blank, label
from liftlab.reporting.html import Html

MOST_ROWS = 40
_ACCENT, _GREY = "#2a78c2", "#8a98a6"
_TICKS = (0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """One row: its name, second over first, and the verdict in a word."""

    name: str
    ratio: Estimate
    verdict: str


def ratio_rows(
    rows: Sequence[Ratio],
    *,
    caption: str,
    margin: float | None = None,
    table: Html | None = None,
) -> Figure:
    """Show ratios beside 1; what is within the margin counts as the same.

    Parameters
    ----------
    rows
        From top to bottom; at most 40 are drawn.
    caption
        The answer.
    margin
        What counts as the same, as a share; drawn as a band.
    table
        The numbers behind it.
    """
    shown = [row for row in rows if row.ratio.value is not None][:MOST_ROWS]
    told = "; ".join(f"{label(row.name)} {row.ratio}, {row.verdict}" for row in shown)
    more = f" {len(rows) - len(shown):,} more are not drawn." if len(rows) > len(shown) else ""
    return Figure(
        caption=caption,
        alt=f"Times of the second run over the first, 1 is the same: {told or 'none'}.{more}",
        draw=lambda width: _draw(shown, margin, width),
        table=table,
    )


def _draw(rows: Sequence[Ratio], margin: float | None, width: float) -> Drawing:
    narrow = width < canvas.WIDE
    drawing, axes = blank(width, 74 + (28 if len(rows) <= 12 else 19) * max(len(rows), 1))
    low, high = _range(rows, margin)
    if margin:
        axes.axvspan(1 / (1 + margin), 1 + margin, color=RULE, alpha=0.6, linewidth=0, zorder=0)
    axes.axvline(1.0, color=INK, linewidth=1.1, zorder=1)
    for place, row in enumerate(rows):
        color = {"faster": _ACCENT, "slower": BAD}.get(row.verdict, _GREY)
        found, value = row.ratio, row.ratio.value or math.nan
        if found.low is not None and found.high is not None:
            ends = [max(found.low, low), min(found.high, high)]
            axes.plot(ends, [place, place], color=color, linewidth=5, alpha=0.4, zorder=2)
        axes.scatter([value], [place], color=color, s=44, zorder=3)
        axes.text(1.02, place, plain(value, 3, padded=True), fontsize=12, va="center",
                  color=INK, transform=axes.get_yaxis_transform())  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(max(len(rows), 1) - 0.4, -0.6)
    names = [label(row.name, 16 if narrow else 30) for row in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set_xticks(_ticks(low, high, 4 if narrow else 8))
    axes.set_xticks([], minor=True)
    axes.set_xticklabels([f"× {plain(tick, 2)}" for tick in axes.get_xticks()])
    words = "faster ← the same → slower"
    axes.set_xlabel(words if narrow else f"{words}; the bar is the 95 % interval", loc="left")
    if not rows:
        axes.text(1, 0, "Nothing can be compared", color=MUTED, va="center", ha="center")
    return drawing


def _range(rows: Sequence[Ratio], margin: float | None) -> tuple[float, float]:
    """Return the ends of the axis, as far above 1 as below, at most a factor of ten."""
    values = [
        abs(math.log(value))
        for row in rows
        for value in (row.ratio.value, row.ratio.low, row.ratio.high)
        if value
    ]
    furthest = max([*values, math.log1p(margin or 0.1) * 1.5])
    furthest = min(furthest * 1.08, math.log(10))
    return math.exp(-furthest), math.exp(furthest)


def _ticks(low: float, high: float, most: int) -> list[float]:
    inside = [tick for tick in _TICKS if low <= tick <= high]
    while len(inside) > most:  # thin out on both sides of 1
        centre = inside.index(1.0)
        inside = [tick for place, tick in enumerate(inside) if (place - centre) % 2 == 0]
    return inside
