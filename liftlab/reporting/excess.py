"""The figure of what slow stages consist of: what is usual, each cause, and the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from liftlab.analysis.estimate import quantity
from liftlab.analysis.explain import Explanation
from liftlab.reporting import canvas
from liftlab.reporting.bars import stage_title
from liftlab.reporting.canvas import BACKGROUND, INK, MUTED, Figure, blank, label
from liftlab.reporting.html import Html

MOST_EXPLAINED = 12
PART_HUES = ("#dc7b29", "#eaa23b", "#5aa898", "#9b84bd", "#b58a66")
TYPICAL_HUE, UNEXPLAINED_HUE = "#c3ccd5", "#b3bdc7"
_OVERSHOOT = 1.02
_LEGEND: dict[str, Any] = {
    "frameon": False,
    "fontsize": 11,
    "handlelength": 1,
    "borderaxespad": 0.1,
}


def excess_breakdown(
    explanations: Sequence[Explanation], *, caption: str, table: Html | None = None
) -> Figure:
    """Show what each slow stage's time consists of: what is usual, each cause, and the rest."""
    shown = list(explanations[:MOST_EXPLAINED])
    causes = list(dict.fromkeys(part.cause for each in shown for part in each.parts))
    told = " ".join(each.sentence() for each in shown)
    more = len(explanations) - len(shown)
    return Figure(
        caption=caption,
        alt=f"Bars of slow stages, split by cause. {told or 'No stage was slow.'}"
        + (f" And {more} more." if more else ""),
        draw=lambda width: _draw_excess(shown, causes, width),
        table=table,
    )


def _draw_excess(shown: Sequence[Explanation], causes: Sequence[str], width: float) -> Drawing:
    narrow = width < canvas.WIDE
    named = len(causes) + 2
    legend = 17 * (named if narrow else -(-named // 3))
    drawing, axes = blank(width, 74 + legend + 40 * max(len(shown), 1))
    longest = max((max(each.latency_s, _end(each)) for each in shown), default=1.0)
    for row, each in enumerate(shown):
        at = _segment(axes, row, 0.0, each.typical_s, TYPICAL_HUE, "usual", longest, width)
        for part in each.parts:
            hue = PART_HUES[causes.index(part.cause) % len(PART_HUES)]
            if part.seconds > 0:
                at = _segment(axes, row, at, part.seconds, hue, part.cause, longest, width)
        left = max(0.0, each.latency_s - at)
        _segment(axes, row, at, left, UNEXPLAINED_HUE, "unexplained", longest, width, hatch="////")
        if at > each.latency_s * _OVERSHOOT:  # the line in tokens said more than it took
            axes.plot([each.latency_s] * 2, [row - 0.42, row + 0.42], color=INK, linewidth=2)
    axes.set_xlim(0, longest * 1.02)
    axes.set_ylim(max(len(shown), 1) - 0.45, -0.6)
    axes.set_yticks(
        range(len(shown)),
        [_slow_name(each, narrow) for each in shown],
        fontfamily="monospace",
        fontsize=11,
    )
    words = "seconds" if narrow else "seconds: usual for its peers, then each cause, then the rest"
    if any(_end(each) > each.latency_s * _OVERSHOOT for each in shown):
        words += "; a line where it ended, if causes claim more"
    seconds_axis(axes, longest, words)
    hues = {label(c.replace("_", " "), 30): hue for c, hue in zip(causes, PART_HUES, strict=False)}
    if shown:
        hues = {"usual": TYPICAL_HUE, **hues, "unexplained": UNEXPLAINED_HUE}
        marks = [Patch(facecolor=hue, label=name) for name, hue in hues.items()]
        axes.legend(
            handles=marks,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=1 if narrow else 3,
            **_LEGEND,
        )
    if not shown:
        axes.text(0, 0, "No stage was slow", color=MUTED, va="center")
    return drawing


def _segment(
    axes: Axes,
    row: int,
    at: float,
    seconds: float,
    hue: str,
    name: str,
    longest: float,
    width: float,
    hatch: str = "",
) -> float:
    """Draw one part of a bar with its name in it, where it fits; return where it ends."""
    if seconds <= 0:
        return at
    look: dict[str, Any] = {"color": hue, "edgecolor": BACKGROUND, "hatch": hatch}
    axes.barh(row, seconds, left=at, height=0.66, linewidth=1.4, **look)
    words = f"{label(name.replace('_', ' '), 26)} {quantity(seconds, 's')}"
    room = seconds / longest * (width - 150)
    if room > 6.4 * len(words):
        axes.text(
            at + seconds / 2,
            row,
            words,
            ha="center",
            va="center",
            fontsize=11,
            color="#14171a",
            bbox={"facecolor": hue, "edgecolor": "none", "pad": 1.5},
        )
    return at + seconds


def _slow_name(each: Explanation, narrow: bool) -> str:
    name = label(each.case_id, 14 if narrow else 24)
    return name if narrow else f"{name} {stage_title(each.stage)}"


def _end(each: Explanation) -> float:
    """Return where the parts of a bar end, those that were smaller than usual left out."""
    return each.typical_s + sum(max(0.0, part.seconds) for part in each.parts)


def seconds_axis(axes: Axes, longest: float, words: str) -> None:
    """Give an axis of seconds its ticks, as far as it is drawn, and its words."""
    ticks = MaxNLocator(nbins=7, steps=[1, 2, 5, 10]).tick_values(0, longest)
    low, high = axes.get_xlim()
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xlim(low, high)
    axes.set_xlabel(words, loc="left")
