"""Figures of cost: the bill of a month by its requests, and what the money goes to."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from liftlab.analysis.cost.parts import (
    APART,
    COLD,
    IDLE,
    RIGHT,
    RIGHT_RETRIES,
    UNJUDGED,
    WRONG,
    WRONG_RETRIES,
    Parts,
)
from liftlab.analysis.estimate import quantity
from liftlab.reporting import canvas
from liftlab.reporting.canvas import BACKGROUND, INK, MUTED, RULE, Figure, blank
from liftlab.reporting.html import Html

PART_HUES = {
    RIGHT: "#5a8fbb",
    RIGHT_RETRIES: "#30628b",
    WRONG: "#dc7b29",
    WRONG_RETRIES: "#bb4f28",
    UNJUDGED: "#8a98a6",
    APART: "#9b84bd",
    COLD: "#67508d",
    IDLE: "#c3ccd5",
}
SCALING_HUE, KEPT_HUE, WORK_HUE = "#447aa6", "#dc7b29", "#8a98a6"
_RATES = {1 / 86_400: "a day", 1 / 3600: "an hour", 1 / 60: "a minute", 1.0: "a second"}
_NARROW_RATES = {1 / 86_400: "day", 1 / 3600: "hour", 1 / 60: "min", 1.0: "s"}


def cost_by_traffic(
    rates: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    marks: Mapping[str, tuple[float, float]],
    warm_from: tuple[str, float] | None = None,
    *,
    unit: str,
    caption: str,
    table: Html | None = None,
) -> Figure:
    """Show the bill of a month at each arrival rate.

    Parameters
    ----------
    rates : (n,)
        Requests a second, rising.
    lines
        By name, an amount at each rate; NaN where it cannot keep up.
    marks
        Points to name: rate and amount.
    warm_from
        From which rate keeping one warm pays, in words, and that rate.
    unit
        "USD", or "s" where no price is known.
    caption, table
        The answer, and the numbers behind it.
    """
    told = "; ".join(_line_words(name, rates, values, unit) for name, values in lines.items())
    points = "; ".join(f"{name}: {quantity(y, unit)}" for name, (_, y) in marks.items())
    return Figure(
        caption=caption,
        alt=f"Lines of the bill of a month, by arrival rate, both axes logarithmic. {told}."
        + (f" {points}." if points else "")
        + (f" {warm_from[0]}.".capitalize() if warm_from else ""),
        draw=lambda width: _draw_traffic(rates, lines, marks, warm_from, unit, width),
        table=table,
    )


def cost_parts(
    bars: Mapping[str, Parts], *, unit: str, caption: str, table: Html | None = None
) -> Figure:
    """Show what the money went to, one bar of shares each."""
    told = "; ".join(f"{name}: {_part_words(parts)}" for name, parts in bars.items())
    return Figure(
        caption=caption,
        alt=f"Bars of shares of the bill, by what it went to. {told or 'There are none'}.",
        draw=lambda width: _draw_parts(bars, unit, width),
        table=table,
    )


def _line_words(name: str, rates: Sequence[float], values: Sequence[float], unit: str) -> str:
    known = [(r, v) for r, v in zip(rates, values, strict=True) if np.isfinite(v)]
    if not known:
        return f"{name}: none"
    (first, high), (last, low) = known[0], known[-1]
    return (
        f"{name}: {quantity(high, unit)} at {_rate_words(first)}, "
        f"{quantity(low, unit)} at {_rate_words(last)}"
    )


def _rate_words(rate: float) -> str:
    """Return an arrival rate in the unit in which it is easiest to read.

    Examples
    --------
    >>> _rate_words(1 / 86_400), _rate_words(0.5), _rate_words(2.0)
    ('1 a day', '30 a minute', '2 a second')
    """
    for seconds, unit in ((1, "second"), (60, "minute"), (3600, "hour"), (86_400, "day")):
        if rate * seconds >= 0.995:
            return f"{rate * seconds:.3g} a {unit}"
    return f"{rate * 86_400:.2g} a day"


def _part_words(parts: Parts) -> str:
    total = parts.total or 1.0
    return ", ".join(f"{name} {quantity(a / total, '%')}" for name, a in parts.amounts.items())


def _draw_traffic(
    rates: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    marks: Mapping[str, tuple[float, float]],
    warm_from: tuple[str, float] | None,
    unit: str,
    width: float,
) -> Drawing:
    narrow = width < canvas.WIDE
    drawing, axes = blank(width, 360)
    axes.set(xscale="log", yscale="log")
    looks: dict[int, tuple[str, Any]] = {
        0: (SCALING_HUE, "-"),
        1: (KEPT_HUE, "-"),
        2: (WORK_HUE, (0, (4, 3))),
    }
    for index, (name, values) in enumerate(lines.items()):
        color, style = looks[index % 3]
        axes.plot(rates, values, color=color, linestyle=style, linewidth=2.2)
        _name_line(axes, index, name, rates, np.asarray(values), color)
    _name_marks(axes, marks, unit, narrow)
    if warm_from is not None:
        _draw_break_even(axes, *warm_from, narrow)
    ticks = _NARROW_RATES if narrow else _RATES
    axes.set_xticks(list(ticks), [f"1 {name}" if not narrow else name for name in ticks.values()])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    low, high = axes.get_ylim()
    decades = 10.0 ** np.arange(np.ceil(np.log10(low)), np.floor(np.log10(high)) + 1)
    axes.set_yticks(decades.tolist(), [f"{d:g}" for d in decades])
    axes.set_ylim(low, high)
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    axes.set_xlabel("requests, one every …" if narrow else "requests", loc="left")
    what = "USD a month" if unit == "USD" else "billed seconds a month"
    axes.set_title(what, loc="left", fontsize=12, color=MUTED)
    return drawing


def _name_line(
    axes: Axes, index: int, name: str, rates: Sequence[float], values: Any, color: str
) -> None:
    """Write a line's name where the lines lie apart: kept warm on the left, work at the bottom."""
    known = np.flatnonzero(np.isfinite(values))
    if len(known) == 0:
        return
    at = known[int((0.0, 0.22, 0.0)[index % 3] * (len(known) - 1))]
    shift, va = ((4, -6), "top") if index != 1 else ((8, 2), "bottom")
    axes.annotate(
        name,
        (rates[at], values[at]),
        xytext=shift,
        textcoords="offset points",
        color=color if index < 2 else MUTED,
        fontsize=12,
        va=va,
    )


def _name_marks(
    axes: Axes, marks: Mapping[str, tuple[float, float]], unit: str, narrow: bool
) -> None:
    for index, (name, (rate, amount)) in enumerate(marks.items()):
        axes.scatter([rate], [amount], color=SCALING_HUE, s=52, zorder=4)
        words = quantity(amount, unit) if narrow else f"{name}: {quantity(amount, unit)}"
        axes.annotate(
            words,
            (rate, amount),
            xytext=(-6, -7) if index % 2 else (4, 6),  # in turns, so that they do not touch
            textcoords="offset points",
            ha="right" if index % 2 else "left",
            va="top" if index % 2 else "bottom",
            fontsize=11.5,
            bbox={"facecolor": BACKGROUND, "edgecolor": "none", "pad": 0.6},
        )


def _draw_break_even(axes: Axes, words: str, rate: float, narrow: bool) -> None:
    axes.axvline(rate, color=MUTED, linestyle=(0, (1, 2.5)), linewidth=1.1)
    axes.annotate(
        "\n".join(textwrap.wrap(words, 20 if narrow else 28)),
        (rate, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(4, -2),
        textcoords="offset points",
        va="top",
        fontsize=11 if narrow else 11.5,
        color=MUTED,
    )


def _draw_parts(bars: Mapping[str, Parts], unit: str, width: float) -> Drawing:
    narrow = width < canvas.WIDE
    used = [name for name in PART_HUES if any(name in parts.amounts for parts in bars.values())]
    columns = 1 if narrow else 3
    legend = 18 * -(-len(used) // columns)
    drawing, axes = blank(width, 60 + legend + 44 * max(len(bars), 1))
    for row, parts in enumerate(bars.values()):
        _draw_bar(axes, row, parts, unit, width)
    axes.set_xlim(0, 1.30 if narrow else 1.16)
    axes.set_ylim(max(len(bars), 1) - 0.5, -0.6)
    axes.set_yticks(range(len(bars)), list(bars), fontsize=11 if narrow else 13)
    axes.set_xticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    axes.spines.bottom.set_bounds(0, 1)
    axes.set_xlabel("share of the bill", loc="left")
    axes.legend(
        handles=[Patch(facecolor=PART_HUES[name], label=name) for name in used],
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=columns,
        frameon=False,
        fontsize=11,
        handlelength=1,
        borderaxespad=0.1,
    )
    if not bars:
        axes.text(0, 0, "Nothing was timed", color=MUTED, va="center")
    return drawing


def _draw_bar(axes: Axes, row: int, parts: Parts, unit: str, width: float) -> None:
    total, at = parts.total or 1.0, 0.0
    for name, amount in parts.amounts.items():
        share = amount / total
        look: dict[str, Any] = {"color": PART_HUES[name], "edgecolor": BACKGROUND}
        axes.barh(row, share, left=at, height=0.62, linewidth=1.2, **look)
        if share * width > 90:
            axes.text(
                at + share / 2,
                row,
                quantity(share, "%"),
                ha="center",
                va="center",
                fontsize=11,
                color="#14171a",
                bbox={"facecolor": PART_HUES[name], "edgecolor": "none", "pad": 1.5},
            )
        at += share
    axes.text(1.02, row, quantity(parts.total, unit), va="center", fontsize=12, color=INK)
