"""Values with their intervals, a row each: success by kind of prompt, times of two runs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import NullLocator

from liftlab.analysis.estimate import Estimate, as_set, plain
from liftlab.analysis.success import SuccessRate
from liftlab.reporting.figures import base
from liftlab.reporting.figures.base import Around, Figure
from liftlab.reporting.text import words
from liftlab.words import counted

MOST_ROWS = 40
_RATIO_HUES = {"faster": base.BLUE, "slower": base.BAD}
_TICKS = (0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """One row: its name, second over first, and the verdict in a word."""

    name: str
    ratio: Estimate
    verdict: str


def success_by_category(
    rates: Sequence[SuccessRate],
    target: float | None = None,
    **around: Unpack[Around],
) -> Figure:
    """Show each group's success rate with its interval, and the counts beside it."""
    rows = [(words.readable(rate.group), rate) for rate in rates]
    known = [(name, rate) for name, rate in rows if rate.trials]
    ranked = sorted(known, key=lambda row: row[1].estimate.value or 0.0)
    ends = [f"{name} {r.successes:,} of {r.trials:,}" for name, r in [*ranked[-1:], *ranked[:1]]]
    aim = f", beside the target {as_set(target, '%')}" if target is not None else ""
    told = "From the highest to the lowest: {} to {}" if ends else "No rate is known"
    return Figure(
        alt=f"Success rates with their intervals of {counted(len(rows), 'group')}{aim}. "
        f"{told.format(*ends)}.",
        draw=lambda width: _draw_rates(rows, target, width),
        **around,
    )


def ratio_rows(
    rows: Sequence[Ratio],
    *,
    margin: float | None = None,
    **around: Unpack[Around],
) -> Figure:
    """Show times of a second run over a first beside 1; within the margin is the same."""
    shown = [row for row in rows if row.ratio.value is not None][:MOST_ROWS]
    counts = Counter(row.verdict for row in shown)
    told = ", ".join(f"{verdict} {count:,}" for verdict, count in counts.most_common())
    more = f"; {len(rows) - len(shown):,} more are not drawn" if len(rows) > len(shown) else ""
    return Figure(
        alt=f"Times of the second run over the first with their likely ranges, 1 is the same. "
        f"Of {counted(len(shown), 'row')}: {told or 'none'}{more}.",
        draw=lambda width: _draw_ratios(shown, margin, width),
        **around,
    )


def _draw_rates(
    rows: Sequence[tuple[str, SuccessRate]], target: float | None, width: float
) -> Drawing:
    drawing, axes = base.blank(width, 66 + 34 * max(len(rows), 1))
    for place, (_, rate) in enumerate(rows):
        _interval(axes, place, rate.estimate, base.BLUE, (0.0, 1.0))
        _beside(axes, place, f"{rate.successes:,} of {rate.trials:,}" if rate.trials else "–")
    if target is not None:
        axes.axvline(target, color=base.INK, linestyle=(0, (4, 3)), linewidth=1.1)
        axes.text(target, -0.62, f" target {as_set(target, '%')}", fontsize=11.5, va="bottom")
    axes.set_xlim(-0.02, 1.02)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    _names(axes, [name for name, _ in rows], width)
    axes.set_xlabel("share right; the bar is the likely range", loc="left")
    return drawing


def _draw_ratios(rows: Sequence[Ratio], margin: float | None, width: float) -> Drawing:
    drawing, axes = base.blank(width, 104 + (28 if len(rows) <= 12 else 19) * max(len(rows), 1))
    ends = low, high = _range(rows, margin)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    if margin:
        same = (1 / (1 + margin), 1 + margin)
        axes.axvspan(*same, color=base.RULE, alpha=0.6, linewidth=0, zorder=0)
    axes.axvline(1.0, color=base.INK, linewidth=1.1, zorder=1)
    for place, row in enumerate(rows):
        hue = _RATIO_HUES.get(row.verdict, base.GREY)
        _interval(axes, place, row.ratio, hue, ends)
        _beside(axes, place, plain(row.ratio.value or math.nan, 3, padded=True))
    _names(axes, [row.name for row in rows], width)
    at = _ticks(low, high, 4 if width < base.WIDE else 8)
    axes.set_xticks(at, [f"× {plain(tick, 2)}" for tick in at])
    axes.xaxis.set_minor_locator(NullLocator())
    what = ["second run over the first", "the bar is the likely range"]
    axes.set_xlabel(base.wrapped(what, width < base.WIDE), loc="left")
    named = {_RATIO_HUES.get(row.verdict, base.GREY): row.verdict for row in rows}
    named |= {base.GREY: "neither"} if base.GREY in named else {}
    if rows:
        base.legend(axes, base.dots({name: hue for hue, name in named.items()}), columns=3)
    return drawing


def _interval(
    axes: Axes, place: int, estimate: Estimate, hue: str, ends: tuple[float, float]
) -> None:
    """Draw a value as a dot on its interval, as far as the axis goes."""
    if estimate.value is None:
        return
    if estimate.low is not None and estimate.high is not None:
        span = [max(estimate.low, ends[0]), min(estimate.high, ends[1])]
        axes.plot(span, [place, place], color=hue, linewidth=5.5, alpha=0.4, zorder=2)
    axes.scatter([estimate.value], [place], color=hue, s=50, zorder=3)


def _beside(axes: Axes, place: int, text: str) -> None:
    across = axes.get_yaxis_transform()
    axes.text(1.02, place, text, va="center", fontsize=12, color=base.INK, transform=across)


def _names(axes: Axes, names: Sequence[str], width: float) -> None:
    axes.set_ylim(max(len(names), 1) - 0.4, -0.65)
    most = 16 if width < base.WIDE else 30
    axes.set_yticks(range(len(names)), [base.label(name, most) for name in names])
    if not names:
        middle: dict[str, Any] = {"ha": "center", "transform": axes.transAxes}
        axes.text(0.5, 0.5, "Nothing to show", color=base.MUTED, **middle)


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
