"""Right answers a second over the number of requests under way, with the knee."""

from __future__ import annotations

from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from liftlab.analysis.estimate import quantity
from liftlab.reporting.figures import base
from liftlab.reporting.figures.base import Figure
from liftlab.reporting.html import Html
from liftlab.reporting.text.numbers import with_likely
from liftlab.summary.capacity import Capacity


def curve(found: Capacity, *, caption: str, table: Html | None = None) -> Figure:
    """Show goodput at each level with its interval, where it stops rising, and worse answers."""
    told = [f"{one.at_once:,} at once {with_likely(one.goodput)}" for one in found.levels]
    if found.knee.value is not None:
        told.append(f"knee at {with_likely(found.knee)}")
    return Figure(
        caption=caption,
        alt=f"Right answers a second by requests at once: {'; '.join(told) or 'none'}.",
        draw=lambda width: _draw(found, width),
        table=table,
    )


def _draw(found: Capacity, width: float) -> Drawing:
    narrow = width < base.WIDE
    drawing, axes = base.blank(width, 320)
    known = [level for level in found.levels if level.goodput.value is not None]
    known.sort(key=lambda level: level.timed.under_way)
    levels = [level.timed.under_way for level in known]
    values = [level.goodput.value or 0.0 for level in known]
    axes.plot(levels, values, color=base.BLUE, lw=2)
    for level, at, rate in zip(known, levels, values, strict=True):
        low, high = level.goodput.low, level.goodput.high
        if low is not None and high is not None:
            axes.plot([at, at], [low, high], color=base.BLUE, linewidth=5.5, alpha=0.4)
        hue = base.BAD if level in found.worse else base.BLUE
        axes.scatter([at], [rate], color=hue, s=46, zorder=3)
    handles = [Line2D([], [], color=base.BLUE, marker="o", lw=2, label="right answers in time")]
    if found.worse:
        label = "answers worse under load"
        handles.append(Line2D([], [], color=base.BAD, marker="o", lw=0, label=label))
    if found.knee.value is not None:
        low, high = found.knee.low, found.knee.high
        if low is not None and high is not None:
            axes.axvspan(low, high, color=base.RULE, alpha=0.6, linewidth=0, zorder=0)
        axes.axvline(found.knee.value, color=base.INK, linestyle=(0, (4, 3)), linewidth=1.1)
        label = f"knee, {quantity(found.knee.value)} at once"
        handles.append(Line2D([], [], color=base.INK, linestyle="--", lw=1.1, label=label))
    axes.set_xlim(0, 1.05 * max(levels, default=1))
    top = max([level.goodput.high or level.goodput.value or 0.0 for level in known], default=1.0)
    axes.set_ylim(0, 1.08 * (top or 1.0))
    axes.grid(axis="y", color=base.RULE, linewidth=0.8)
    base.ticks(axes, max(levels, default=1.0), "requests under way; the bar is the likely range")
    axes.set_ylabel("right answers a second")
    base.legend(axes, handles, columns=1 if narrow else 3)
    return drawing
