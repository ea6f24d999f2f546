"""The figure of what slow steps consist of: what is usual, each cause, and the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from liftlab.analysis.causes import CAUSES, Cause
from liftlab.analysis.estimate import quantity
from liftlab.analysis.slow_steps import SlowStep, SlowSteps
from liftlab.reporting import canvas
from liftlab.reporting.canvas import BACKGROUND, MUTED, Figure, blank, label
from liftlab.reporting.html import Html
from liftlab.reporting.text import words
from liftlab.reporting.text.slow_words import CAUSE_WORDS, step_words

MOST_EXPLAINED = 12
CAUSE_HUES: dict[Cause, str] = {  # each cause has its own, on every page
    "queue": "#5aa898",
    "cold_start": "#6f9fc8",
    "connect": "#8fb4b0",
    "back_off": "#eaa23b",
    "schema_compile": "#c7a5c9",
    "prefill": "#a9b665",
    "uncached_prompt": "#7f9a3c",
    "longer_prompt": "#c9c36b",
    "stall": "#c65d6b",
    "retry": "#dc7b29",
    "longer_answer": "#9b84bd",
}
TYPICAL_HUE, UNEXPLAINED_HUE = "#c3ccd5", "#b3bdc7"
_LEGEND: dict[str, Any] = {
    "frameon": False,
    "fontsize": 11,
    "handlelength": 1,
    "borderaxespad": 0.1,
}


def excess_breakdown(slow: SlowSteps, *, caption: str, table: Html | None = None) -> Figure:
    """Show what each slow step's time consists of: what is usual, each cause, and the rest."""
    shown = slow.first(MOST_EXPLAINED)
    causes = [cause for cause in CAUSES if any(step.seconds(cause) for step in shown)]
    told = " ".join(step_words(step) for step in shown)
    more = len(slow) - len(shown)
    return Figure(
        caption=caption,
        alt=f"Bars of slow steps, split by cause. {told or 'No step was slow.'}"
        + (f" And {more} more." if more else ""),
        draw=lambda width: _draw_excess(shown, causes, width),
        table=table,
    )


def _draw_excess(shown: Sequence[SlowStep], causes: Sequence[Cause], width: float) -> Drawing:
    narrow = width < canvas.WIDE
    named = len(causes) + 2
    legend = 17 * (named if narrow else -(-named // 3))
    drawing, axes = blank(width, 74 + legend + 40 * max(len(shown), 1))
    longest = max((step.took_s for step in shown), default=1.0)
    hues = {cause: CAUSE_HUES[cause] for cause in causes}
    for row, step in enumerate(shown):
        at = _segment(axes, row, 0.0, step.usual_s, TYPICAL_HUE, "usual", longest, width)
        for part in step.parts:
            name = CAUSE_WORDS[part.cause]
            at = _segment(axes, row, at, part.seconds, hues[part.cause], name, longest, width)
        left = step.unexplained_s
        _segment(axes, row, at, left, UNEXPLAINED_HUE, "unexplained", longest, width, hatch="////")
    axes.set_xlim(0, longest * 1.02)
    axes.set_ylim(max(len(shown), 1) - 0.45, -0.6)
    axes.set_yticks(
        range(len(shown)),
        [_slow_name(step, narrow) for step in shown],
        fontfamily="monospace",
        fontsize=11,
    )
    wording = "seconds" if narrow else "seconds: the usual, then each cause, then the rest"
    seconds_axis(axes, longest, wording)
    if shown:
        named_hues = {CAUSE_WORDS[cause]: hue for cause, hue in hues.items()}
        marks = {"usual": TYPICAL_HUE, **named_hues, "unexplained": UNEXPLAINED_HUE}
        axes.legend(
            handles=[Patch(facecolor=hue, label=name) for name, hue in marks.items()],
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=1 if narrow else 3,
            **_LEGEND,
        )
    if not shown:
        axes.text(0, 0, "No step was slow", color=MUTED, va="center")
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
    wording = f"{name} {quantity(seconds, 's')}"
    room = seconds / longest * (width - 150)
    if room > 6.4 * len(wording):
        axes.text(
            at + seconds / 2,
            row,
            wording,
            ha="center",
            va="center",
            fontsize=11,
            color="#14171a",
            bbox={"facecolor": hue, "edgecolor": "none", "pad": 1.5},
        )
    return at + seconds


def _slow_name(step: SlowStep, narrow: bool) -> str:
    name = label(step.case_id, 14 if narrow else 24)
    return name if narrow else f"{name} {words.stage(step.stage)}"


def seconds_axis(axes: Axes, longest: float, wording: str) -> None:
    """Give an axis of seconds its ticks, as far as it is drawn, and its words."""
    ticks = MaxNLocator(nbins=7, steps=[1, 2, 5, 10]).tick_values(0, longest)
    low, high = axes.get_xlim()
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xlim(low, high)
    axes.set_xlabel(wording, loc="left")
