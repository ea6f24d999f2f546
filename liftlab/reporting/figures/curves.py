"""Curves of a share over time: done by then, right by then, done by then once stages are added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from liftlab.analysis.budget import Budget
from liftlab.analysis.columns import Floats
from liftlab.analysis.estimate import as_set, quantity
from liftlab.analysis.success import SuccessCurve
from liftlab.reporting.figures.base import (
    BLUE,
    MUTED,
    ORANGE,
    RULE,
    WIDE,
    Figure,
    blank,
    in_view,
    legend,
    target_lines,
    ticks,
    wrapped,
)
from liftlab.reporting.html import Html

_POINTS = 400
_SHOWN = 0.995  # of what ends: beyond it a long tail would squeeze the rest


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


def ends_by(
    budget: Budget, limits: Mapping[str, float], *, caption: str, table: Html | None = None
) -> Figure:
    """Show which share of requests ends by a time, now and with the planned stages."""
    parts = [("now", BLUE, budget.now_s), ("with the planned stages", ORANGE, budget.planned_s)]
    lines = [
        Curve(name=name, hue=hue, x=times, y=shares)
        for name, hue, seconds in parts
        for times, shares in [reached(seconds)]
    ]
    axis = ["seconds end to end", "planned stages are estimates"]
    return curves(lines, limits, axis=axis, caption=caption, table=table)


def right_by(
    curve: SuccessCurve, targets: Mapping[str, float], *, caption: str, table: Html | None = None
) -> Figure:
    """Show which share of all answers is right by a time; a wrong one never is."""
    line = Curve(name="right", hue=BLUE, x=curve.seconds, y=curve.share)
    axis = ["seconds from the first request to the last byte"]
    return curves([line], targets, axis=axis, caption=caption, table=table)


def reached(seconds: Floats) -> tuple[Floats, Floats]:
    """Return times and the share that ended by each: steps where there are few values.

    Examples
    --------
    >>> times, shares = reached(np.array([1.0, 3.0]))
    >>> float(shares[times <= 2.0].max()), float(shares[times <= 3.0].max())
    (0.5, 1.0)
    """
    shares = np.linspace(0, 1, _POINTS + 1)
    return np.quantile(seconds, shares, method="inverted_cdf"), shares


def curves(
    lines: Sequence[Curve],
    targets: Mapping[str, float],
    *,
    axis: Sequence[str],
    caption: str,
    table: Html | None = None,
) -> Figure:
    """Show the share that is reached by a time, a line a series, and the targets."""
    told = []
    for line in lines:
        by = [f"{quantity(line.at(s), '%')} by {as_set(s, 's')}" for s in targets.values()]
        end = quantity(float(line.y[-1]) if len(line.y) else 0.0, "%")
        told.append(f"{line.name}: {', '.join([*by, f'{end} in the end'])}")
    return Figure(
        caption=caption,
        alt=f"Curves of the share reached by a time. {'; '.join(told) or 'None'}.",
        draw=lambda width: _draw(lines, targets, axis, width),
        table=table,
    )


def _draw(
    lines: Sequence[Curve], targets: Mapping[str, float], axis: Sequence[str], width: float
) -> Drawing:
    narrow = width < WIDE
    drawing, axes = blank(width, 320)
    finite = [line.x[np.isfinite(line.x)] for line in lines]
    longest = max((float(np.quantile(x, _SHOWN)) for x in finite if len(x)), default=1.0) or 1.0
    near, far = in_view(targets, longest)
    longest = 1.1 * max([longest, *near.values()])
    for line in lines:
        kept = np.unique(np.linspace(0, len(line.x) - 1, min(len(line.x), _POINTS)).astype(int))
        x, y = line.x[kept], line.y[kept]
        end = float(y[-1]) if len(y) else 0.0
        axes.plot([0, *x, longest], [0, *y, end], color=line.hue, lw=2, drawstyle="steps-post")
        if 0 < len(line.x) <= 40:
            axes.scatter(x, y, color=line.hue, s=26, zorder=3)
    target_lines(axes, near, narrow)
    axes.set_xlim(0, longest)
    axes.set_ylim(0, 1.04)
    axes.set_yticks([0, 0.5, 0.9, 1], ["0 %", "50 %", "90 %", "all"])
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    ticks(axes, longest, wrapped([*axis, *far], narrow))
    handles = [Line2D([], [], color=line.hue, lw=2, label=line.name) for line in lines]
    if handles:
        legend(axes, handles, columns=1 if narrow else 4, above=14.0 if near else 0.0)
    else:
        axes.text(0, 0.5, "Nothing to show", color=MUTED)
    return drawing
