"""Figures of spread, success and excess: each answers one question, and says it in words, too.

`stage_bars`, the figure of where the time goes, has a module of its own and is offered here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from liftlab.analysis.columns import Bools, Floats, floats, labels
from liftlab.analysis.estimate import as_set, quantity
from liftlab.analysis.slow_steps import SlowSteps
from liftlab.analysis.success import SuccessRate
from liftlab.analysis.success_curve import SuccessCurve
from liftlab.reporting import canvas
from liftlab.reporting.bars import (
    STAGE_HUES,
    in_view,
    stage_bars,
    stage_names,
    target_lines,
)
from liftlab.reporting.canvas import BAD, INK, MUTED, RULE, Figure, blank, label
from liftlab.reporting.drift_figure import drift_figure
from liftlab.reporting.excess import excess_breakdown, seconds_axis
from liftlab.reporting.html import Html
from liftlab.reporting.text import words

__all__ = [
    "drift_figure",
    "excess_breakdown",
    "latency_strip",
    "stage_bars",
    "success_by_category",
    "success_by_time",
]

MOST_POINTS = 600  # a row with more is drawn as pixels
MOST_NAMED = 6  # outliers named in one row
ACCENT = "#447aa6"


class _Strip(NamedTuple):
    """The points of one stage."""

    stage: str
    values: Floats
    flagged: Bools
    cases: list[str]
    median: float | None


def latency_strip(
    stages: pd.DataFrame,
    slow: SlowSteps,
    medians: Mapping[str, float | None],
    *,
    caption: str,
    table: Html | None = None,
) -> Figure:
    """Show every latency of each stage; slow steps are red and named.

    Parameters
    ----------
    stages
        The stage table.
    slow
        The run's slow steps.
    medians
        By stage, what the tables say: where cases repeat it is a median of medians.
    caption, table
        The answer, and the numbers behind it.
    """
    rows: list[_Strip] = []
    keys = ["case_id", "repeat", "stage"]
    red = pd.MultiIndex.from_frame(slow.steps[keys])
    for name in stage_names(stages):
        frame = stages[stages["stage"] == name]
        values = floats(frame, "latency_s")
        known = np.isfinite(values)
        flagged = pd.MultiIndex.from_frame(frame[keys]).isin(red)
        cases = [label(case, 24) for case in labels(frame, "case_id")[known]]
        rows.append(_Strip(name, values[known], flagged[known], cases, medians.get(name)))
    told = [_strip_words(row) for row in rows]
    return Figure(
        caption=caption,
        alt=f"A strip of points a stage, in seconds. {' '.join(told) or 'There are none.'}",
        draw=lambda width: _draw_strip(rows, width),
        table=table,
    )


def success_by_category(
    rates: Sequence[SuccessRate],
    target: float | None = None,
    *,
    caption: str,
    table: Html | None = None,
) -> Figure:
    """Show each group's success rate with its interval, and the counts beside it."""
    told = "; ".join(
        f"{label(rate.group)} {rate.successes} of {rate.trials}, {rate.estimate}" for rate in rates
    )
    return Figure(
        caption=caption,
        alt=f"Success rates with their intervals: {told or 'none'}.",
        draw=lambda width: _draw_rates(rates, target, width),
        table=table,
    )


def success_by_time(
    curves: Mapping[str, SuccessCurve],
    targets: Mapping[str, float],
    *,
    caption: str,
    table: Html | None = None,
) -> Figure:
    """Show which share of all trials has succeeded by a time; a failure never does."""
    told = []
    for name, curve in curves.items():
        final = float(curve.share[-1]) if len(curve.share) else 0.0
        by = [f"{quantity(curve.at(s).value, '%')} by {quantity(s, 's')}" for s in targets.values()]
        told.append(f"{name}: {', '.join(by)}, {quantity(final, '%')} in the end")
    trials = max((curve.n for curve in curves.values()), default=0)
    longest = max((float(c.seconds[-1]) for c in curves.values() if len(c.seconds)), default=0.0)
    near, far = in_view(targets, longest)
    axis = " · ".join(["seconds from the first request to the last byte", *far])
    return Figure(
        caption=caption,
        alt=f"The share of {trials:,} trials that succeeded by a time. {'; '.join(told)}.",
        draw=lambda width: _draw_success(curves, near, axis, width),
        table=table,
    )


def _strip_words(row: _Strip) -> str:
    name, values, flagged, cases, median = row
    if len(values) == 0:
        return f"{words.stage(name)}: no times."
    slow = [f"{c} {quantity(v, 's')}" for v, f, c in zip(values, flagged, cases, strict=True) if f]
    more = f" and {len(slow) - 10} more" if len(slow) > 10 else ""
    return (
        f"{words.stage(name)}: {len(values):,} values from {quantity(float(values.min()), 's')} to "
        f"{quantity(float(values.max()), 's')}, median {quantity(median, 's')}; "
        f"slow: {', '.join(slow[:10]) or 'none'}{more}."
    )


def _draw_strip(rows: Sequence[_Strip], width: float) -> Drawing:
    drawing, axes = blank(width, 70 + 94 * max(len(rows), 1))
    rng = np.random.default_rng(0)  # jitter only
    longest = max((float(values.max()) for _, values, *_ in rows if len(values)), default=1.0)
    for row, (_, values, flagged, cases, middle) in enumerate(rows):
        if len(values) == 0:
            continue
        heights = row + _apart(values, rng)
        many = len(values) > MOST_POINTS
        hue = STAGE_HUES[row % len(STAGE_HUES)][0]
        axes.scatter(
            values[~flagged],
            heights[~flagged],
            color=hue,
            s=12 if many else 46,
            alpha=0.35 if many else 0.8,
            linewidths=0,
            rasterized=many,
            zorder=3,
        )
        axes.scatter(values[flagged], heights[flagged], color=BAD, s=46, linewidths=0, zorder=4)
        _name_outliers(axes, row, values, flagged, cases, longest, width)
        if middle is None:
            continue
        axes.plot([middle] * 2, [row - 0.3, row + 0.3], color=INK, linewidth=1.6, zorder=5)
        wording = f"median {quantity(middle, 's')}"
        axes.text(middle, row + 0.34, wording, ha="center", va="top", fontsize=11)
    axes.set_xlim(0, longest * 1.12)
    axes.set_ylim(max(len(rows), 1) - 0.35, -0.6)
    axes.set_yticks(range(len(rows)), [words.stage(row.stage) for row in rows])
    seconds_axis(axes, longest, "seconds")
    if not rows:
        axes.text(0, 0, "No times to show", color=MUTED, va="center")
    return drawing


def _apart(values: Floats, rng: np.random.Generator) -> Floats:
    """Return small heights that keep points from hiding each other."""
    if len(values) > 40:
        return rng.uniform(-0.17, 0.17, len(values))
    heights = np.empty(len(values))
    heights[np.argsort(values, kind="stable")] = (np.arange(len(values)) % 3 - 1) * 0.12
    return heights


def _name_outliers(
    axes: Axes,
    row: int,
    values: Floats,
    flagged: Bools,
    cases: Sequence[str],
    longest: float,
    width: float,
) -> None:
    slowest = [i for i in np.argsort(-values) if flagged[i]][:MOST_NAMED]
    taken: list[float] = []
    room = 170 / width  # of the axis, for one name
    for index in slowest:  # one above the other where they would touch
        near = sum(abs(values[index] - other) < room * longest for other in taken)
        taken.append(float(values[index]))
        text = f"{cases[index]} {quantity(values[index], 's')}"
        height = row - 0.24 - 0.2 * near
        if near < 2:
            side = "left" if values[index] < 0.25 * longest else "right"  # stay within the axes
            axes.text(values[index], height, text, color=BAD, ha=side, fontsize=11.5)


def _draw_rates(rates: Sequence[SuccessRate], target: float | None, width: float) -> Drawing:
    narrow = width < canvas.WIDE
    drawing, axes = blank(width, 66 + 34 * max(len(rates), 1))
    for row, rate in enumerate(rates):
        estimate = rate.estimate
        if estimate.low is not None and estimate.high is not None:
            ends = [estimate.low, estimate.high]
            axes.plot(ends, [row, row], color=ACCENT, linewidth=6, alpha=0.35, zorder=2)
        if estimate.value is not None:
            axes.scatter([estimate.value], [row], color=ACCENT, s=60, zorder=3, clip_on=False)
        wording = f"{rate.successes:,} of {rate.trials:,}" if rate.trials else "not judged"
        axes.text(1.03, row, wording, va="center", fontsize=12, color=INK if rate.trials else MUTED)
    if target is not None:
        axes.axvline(target, color=INK, linestyle=(0, (4, 3)), linewidth=1.1)
        wording = as_set(target, "%") if narrow else f"target {as_set(target, '%')}"
        axes.text(target, -0.62, f" {wording}", fontsize=11.5, va="bottom")
    axes.set_xlim(0, 1.35 if narrow else 1.16)
    axes.set_ylim(max(len(rates), 1) - 0.4, -0.65)
    names = [label(rate.group.replace("_", " "), 16 if narrow else 30) for rate in rates]
    axes.set_yticks(range(len(rates)), names)
    axes.tick_params(axis="y", pad=10)  # a dot at 0 % keeps clear of its name
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.set_xlabel("share right; the band is the 95 % interval", loc="left")
    if not rates:
        axes.text(0, 0, "Nothing was judged", color=MUTED, va="center")
    return drawing


def _draw_success(
    curves: Mapping[str, SuccessCurve], targets: Mapping[str, float], axis: str, width: float
) -> Drawing:
    drawing, axes = blank(width, 300)
    ends = [float(curve.seconds[-1]) for curve in curves.values() if len(curve.seconds)]
    longest = 1.12 * max([*ends, *targets.values()], default=1.0)
    named: list[float] = []
    for (name, curve), color in zip(curves.items(), (ACCENT, "#8a98a6", "#dc7b29"), strict=False):
        seconds, share = curve.seconds, curve.share
        if len(seconds) > MOST_POINTS:
            kept = np.linspace(0, len(seconds) - 1, MOST_POINTS).astype(int)
            seconds, share = seconds[kept], share[kept]
        final = float(share[-1]) if len(share) else 0.0
        frame = {"x": [0.0, *seconds, longest], "y": [0.0, *share, final]}
        sns.lineplot(
            **frame, ax=axes, drawstyle="steps-post", color=color, linewidth=2, errorbar=None
        )
        if len(seconds) <= 40:
            axes.scatter(seconds, share, color=color, s=26, zorder=3)
        wording = f"{label(name)}: {quantity(final, '%')} in the end"
        taken = any(abs(final - other) < 0.1 for other in named)
        named.append(final)
        height, va = (final - 0.02, "top") if taken else (final + 0.02, "bottom")
        axes.text(longest, height, wording, ha="right", va=va, color=color, fontsize=12)
    target_lines(axes, targets, narrow=width < canvas.WIDE)
    axes.set_ylim(-0.1 if len(named) > 1 and max(named) == 0 else 0, 1.12)
    axes.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    seconds_axis(axes, longest, axis)
    axes.set(xlim=(0, longest), ylabel="")
    return drawing
