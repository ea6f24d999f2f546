"""Curves: done by then, right by then, goodput by load; and each time in the order measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from liftlab.analysis.budget import Budget
from liftlab.analysis.columns import Floats
from liftlab.analysis.estimate import as_set, plain, quantity
from liftlab.analysis.success import SuccessCurve
from liftlab.reporting.figures import base
from liftlab.reporting.figures.base import Around, Figure
from liftlab.reporting.text.base import with_likely
from liftlab.summary.capacity import Capacity
from liftlab.words import counted

_POINTS = 400
_SHOWN = 0.995  # of what ends: beyond it a long tail would squeeze the rest
MOST_POINTS = 600
_ROLLING = 15  # times behind each point of the line


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A share `y` that is reached by the times `x`, both rising."""

    name: str
    hue: str
    x: Floats
    y: Floats

    def at(self, seconds: float) -> float:
        """Return the share that is reached by then."""
        place = int(np.searchsorted(self.x, seconds, side="right"))
        return float(self.y[place - 1]) if place else 0.0


def reached(name: str, hue: str, seconds: Floats) -> Curve:
    """Return the share that ended by each time: steps where there are few values."""
    shares = np.linspace(0, 1, _POINTS + 1)
    times = np.quantile(seconds, shares, method="inverted_cdf")
    return Curve(name=name, hue=hue, x=times, y=shares)


def ends_by(budget: Budget, limits: Mapping[str, float], **around: Unpack[Around]) -> Figure:
    """Show which share of requests ends by a time, now and with the planned stages."""
    lines = [
        reached("now", base.BLUE, budget.now_s),
        reached("with the planned stages", base.ORANGE, budget.planned_s),
    ]
    axis = ["seconds end to end", "planned stages are estimates"]
    return curves(lines, limits, axis=axis, **around)


def right_by(curve: SuccessCurve, targets: Mapping[str, float], **around: Unpack[Around]) -> Figure:
    """Show which share of all answers is right by a time; a wrong one never is."""
    line = Curve(name="right", hue=base.BLUE, x=curve.seconds, y=curve.share)
    axis = ["seconds from the first request to the last byte"]
    return curves([line], targets, axis=axis, **around)


def curves(
    lines: Sequence[Curve],
    targets: Mapping[str, float],
    *,
    axis: Sequence[str],
    **around: Unpack[Around],
) -> Figure:
    """Show the share that is reached by a time, a line a series, and the targets."""
    told = []
    for line in lines:
        by = [f"{quantity(line.at(s), '%')} by {as_set(s, 's')}" for s in targets.values()]
        end = quantity(float(line.y[-1]) if len(line.y) else 0.0, "%")
        told.append(f"{line.name}: {', '.join([*by, f'{end} in the end'])}")
    return Figure(
        alt=f"Curves of the share reached by a time. {'; '.join(told) or 'None'}.",
        draw=lambda width: _draw(lines, targets, axis, width),
        **around,
    )


def _draw(
    lines: Sequence[Curve], targets: Mapping[str, float], axis: Sequence[str], width: float
) -> Drawing:
    narrow = width < base.WIDE
    drawing, axes = base.blank(width, 320)
    finite = [line.x[np.isfinite(line.x)] for line in lines]
    longest = max((float(np.quantile(x, _SHOWN)) for x in finite if len(x)), default=1.0) or 1.0
    near, far = base.in_view(targets, longest)
    longest = 1.1 * max([longest, *near.values()])
    for line in lines:
        kept = np.unique(np.linspace(0, len(line.x) - 1, min(len(line.x), _POINTS)).astype(int))
        x, y = line.x[kept], line.y[kept]
        end = float(y[-1]) if len(y) else 0.0
        axes.plot([0, *x, longest], [0, *y, end], color=line.hue, lw=2, drawstyle="steps-post")
        if 0 < len(line.x) <= 40:
            axes.scatter(x, y, color=line.hue, s=26, zorder=3)
    base.target_lines(axes, near, narrow)
    axes.set_xlim(0, longest)
    axes.set_ylim(0, 1.04)
    axes.set_yticks([0, 0.5, 0.9, 1], ["0 %", "50 %", "90 %", "all"])
    axes.grid(axis="y", color=base.RULE, linewidth=0.8)
    base.ticks(axes, longest, base.wrapped([*axis, *far], narrow))
    handles = [Line2D([], [], color=line.hue, lw=2, label=line.name) for line in lines]
    if handles:
        base.legend(axes, handles, columns=1 if narrow else 4, above=14.0 if near else 0.0)
    else:
        axes.text(0, 0.5, "Nothing to show", color=base.MUTED)
    return drawing


def goodput(found: Capacity, **around: Unpack[Around]) -> Figure:
    """Show goodput at each level with its interval, where it stops rising, and worse answers."""
    told = [f"{one.at_once:,} at once {with_likely(one.goodput)}" for one in found.levels]
    if found.knee.value is not None:
        told.append(f"knee at {with_likely(found.knee)}")
    return Figure(
        alt=f"Right answers a second by requests at once: {'; '.join(told) or 'none'}.",
        draw=lambda width: _draw_goodput(found, width),
        **around,
    )


def _draw_goodput(found: Capacity, width: float) -> Drawing:
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


def drift(relative: Floats, **around: Unpack[Around]) -> Figure:
    """Show whether times grow or shrink: each over the median of its case, in order."""
    known = relative[np.isfinite(relative)]
    told = "nowhere"
    if len(known):
        told = f"from {plain(float(known.min()), 2)} to {plain(float(known.max()), 2)} times"
    return Figure(
        alt="End-to-end times over their prompt's median, in the order measured, "
        f"{counted(len(known), 'point')}. They go {told}.",
        draw=lambda width: _draw_drift(relative, width),
        **around,
    )


def _draw_drift(relative: Floats, width: float) -> Drawing:
    drawing, axes = base.blank(width, 260)
    place = np.flatnonzero(np.isfinite(relative))
    values = relative[place]
    kept = np.arange(len(place))
    if len(place) > MOST_POINTS:
        kept = np.sort(np.random.default_rng(0).choice(len(place), MOST_POINTS, replace=False))
    size, alpha = (34, 0.8) if len(kept) <= 100 else (14, 0.4)
    axes.axhline(1, color=base.MUTED, linewidth=1, linestyle=":")
    axes.scatter(place[kept] + 1, values[kept], color=base.BLUE, s=size, alpha=alpha, linewidths=0)
    handles = base.dots({"a trial": base.BLUE})
    if len(values) >= 3 * _ROLLING:
        # Medians of more neighbours where there are more of them.
        near = max(_ROLLING, len(values) // 40) | 1
        places = len(values) - near + 1
        begins = np.linspace(0, places - 1, min(places, MOST_POINTS)).astype(int)
        middle = [np.median(values[begin : begin + near]) for begin in begins]
        axes.plot(place[near // 2 + begins] + 1, middle, color=base.INK, linewidth=1.6)
        handles.append(Line2D([], [], color=base.INK, linewidth=1.6, label="rolling median"))
    axes.set_ylim(0, 1.1 * float(values.max(initial=1.0)))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(lambda tick, _: f"{plain(tick, 2)}×")
    some = f"{len(kept):,} of {len(place):,} " if len(kept) < len(place) else ""
    across = [f"{some}trials in the order measured", "1× is the prompt's median"]
    axes.set_xlabel(base.wrapped(across, width < base.WIDE), loc="left")
    base.legend(axes, handles, columns=2)
    return drawing
