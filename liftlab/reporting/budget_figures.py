"""Figures of the stage budget: end to end now and then, and which stage to speed up first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from liftlab.analysis.budget import Budget, StageEffect
from liftlab.analysis.columns import Floats
from liftlab.analysis.estimate import as_set, plain, quantity
from liftlab.reporting import canvas
from liftlab.reporting.bars import in_view, target_lines
from liftlab.reporting.canvas import BACKGROUND, MUTED, RULE, Figure, blank, label
from liftlab.reporting.html import Html
from liftlab.reporting.text import words

NOW_HUE, THEN_HUE = "#447aa6", "#dc7b29"
_POINTS = 400
_SHOWN = 0.995  # beyond it a long tail would squeeze the rest


def ends_by(
    budget: Budget, limits: Mapping[str, float], *, caption: str, table: Html | None = None
) -> Figure:
    """Show which share of requests ends by a time, now and with the planned stages."""
    curves = {"now": budget.now_s, "with the planned stages": budget.planned_s}
    told = "; ".join(
        f"{name}: half within {quantity(float(np.median(seconds)), 's')}"
        for name, seconds in curves.items()
    )
    longest = max(
        float(np.quantile(seconds[np.isfinite(seconds)], _SHOWN)) for seconds in curves.values()
    )
    near, far = in_view(limits, longest)
    axis = " · ".join(["seconds end to end; planned stages are estimates", *far])
    kept = [
        f"within {as_set(limit, 's')} {quantity(now, '%')} now, {quantity(then, '%')} then"
        for limit in limits.values()
        for now, then in [budget.within(limit)]
    ]
    return Figure(
        caption=caption,
        alt=f"Curves of the share of requests that ends by a time. {'; '.join([told, *kept])}.",
        draw=lambda width: _draw_ends(curves, near, axis, longest, width),
        table=table,
    )


def stage_levers(
    effects: Sequence[StageEffect], *, caption: str, table: Html | None = None
) -> Figure:
    """Show what the middle gains if a stage took half as long; planned stages are hatched."""
    told = "; ".join(
        f"{words.stage(each.name)}{' (planned)' if each.planned else ''}: "
        f"{plain(max(0.0, each.saves_p50_s), 2)} s"
        for each in effects
    )
    return Figure(
        caption=caption,
        alt=f"Bars of what end to end gains in the middle if a stage took half as long. {told}.",
        draw=lambda width: _draw_levers(effects, width),
        table=table,
    )


def _draw_ends(
    curves: Mapping[str, Floats],
    limits: Mapping[str, float],
    axis: str,
    longest: float,
    width: float,
) -> Drawing:
    narrow = width < canvas.WIDE
    drawing, axes = blank(width, 320)
    looks = zip(curves.items(), (NOW_HUE, THEN_HUE), (0.3, 0.55), strict=True)
    for (name, seconds), color, height in looks:
        times, reached = _steps(seconds)
        axes.plot(times, reached, color=color, linewidth=2.2)
        wording = "with planned" if narrow and name != "now" else name
        at = float(np.quantile(seconds, height))
        axes.text(at, height, f"  {wording}", color=color, va="top", fontsize=12.5)
    axes.set_xlim(0, 1.05 * max([longest, *limits.values()]))
    target_lines(axes, limits, narrow)
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.5, 0.9, 1], ["0 %", "50 %", "90 %", "all"])
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    axes.set_xlabel(axis.replace(" · ", "\n").replace("; ", "\n") if narrow else axis, loc="left")
    return drawing


def _steps(seconds: Floats) -> tuple[Floats, Floats]:
    """Return times and the share that ended by each: steps where there are few values.

    Examples
    --------
    >>> times, shares = _steps(np.array([1.0, 3.0]))
    >>> float(shares[times <= 2.0].max()), float(shares[times <= 3.0].max())
    (0.5, 1.0)
    """
    shares = np.linspace(0, 1, _POINTS + 1)
    return np.quantile(seconds, shares, method="inverted_cdf"), shares


def _draw_levers(effects: Sequence[StageEffect], width: float) -> Drawing:
    narrow = width < canvas.WIDE
    drawing, axes = blank(width, 100 + 34 * max(len(effects), 1))
    most = max((each.saves_p50_s for each in effects), default=0.0)
    longest = most if most > 0 else 1.0
    for row, each in enumerate(effects):
        saved = max(0.0, each.saves_p50_s)
        look: dict[str, Any] = {"color": NOW_HUE, "edgecolor": BACKGROUND}
        if each.planned:
            look |= {"color": THEN_HUE, "hatch": "////"}
        axes.barh(row, saved, height=0.62, **look)
        wording = quantity(saved, "s")
        if each.critical < 1 and not narrow:
            wording += f"  waited for in {quantity(each.critical, '%')} of requests"
        axes.text(saved + 0.01 * longest, row, wording, va="center", fontsize=12)
    axes.set_ylim(max(len(effects), 1) - 0.45, -0.6)
    names = [label(words.stage(each.name), 22 if narrow else 40) for each in effects]
    axes.set_yticks(range(len(effects)), names, fontsize=11 if narrow else 13)
    ticks = MaxNLocator(nbins=6, steps=[1, 2, 5, 10]).tick_values(0, longest)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xlim(0, longest * (1.35 if narrow else 1.4))
    axes.set_xlabel("seconds saved in the middle at half its time", loc="left")
    marks = [
        Patch(facecolor=NOW_HUE, label="measured"),
        Patch(facecolor=THEN_HUE, hatch="////", edgecolor=BACKGROUND, label="planned"),
    ]
    axes.legend(
        handles=marks,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=2,
        frameon=False,
        fontsize=11,
        handlelength=1.4,
        borderaxespad=0.1,
    )
    if not effects:
        axes.text(0, 0, "No stage was measured or is planned", color=MUTED, va="center")
    return drawing
