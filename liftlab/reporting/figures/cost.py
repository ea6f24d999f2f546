"""What it costs: the bill of a month by its requests, and what the money goes to."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Unpack

import numpy as np
from matplotlib.figure import Figure as Drawing
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
from liftlab.reporting.figures import base
from liftlab.reporting.figures.bars import Bar, Bars, Part
from liftlab.reporting.figures.base import Around, Figure

HUES = {
    "right answers": base.BLUE,
    "failed answers": base.ORANGE,
    "not judged, warm-up": base.GREEN,
    COLD: base.VIOLET,
    IDLE: base.GREY,
}
_KINDS = {  # of each part: its kind, and whether it is of retries
    RIGHT: ("right answers", False),
    RIGHT_RETRIES: ("right answers", True),
    WRONG: ("failed answers", False),
    WRONG_RETRIES: ("failed answers", True),
    UNJUDGED: ("not judged, warm-up", False),
    APART: ("not judged, warm-up", False),
    COLD: (COLD, False),
    IDLE: (IDLE, False),
}
_RATES = {1 / 86_400: "a day", 1 / 3600: "an hour", 1 / 60: "a minute", 1.0: "a second"}
Lines = Mapping[str, Sequence[float]]
Marks = Mapping[str, tuple[float, float]]


def cost_by_traffic(
    rates: Sequence[float],
    lines: Lines,
    marks: Marks,
    warm_from: tuple[str, float] | None = None,
    *,
    unit: str,
    **around: Unpack[Around],
) -> Figure:
    """Show the bill of a month at each arrival rate.

    `rates`: requests a second, rising. `lines`: by name, an amount at each rate, NaN where it
    cannot keep up. `marks`: points to name. `warm_from`: from which rate keeping one warm pays, in
    words, and that rate. `unit`: "USD", or "s" where no price is known.
    """
    told = [_line_words(name, rates, values, unit) for name, values in lines.items()]
    told += [f"{name}: {quantity(y, unit)}" for name, (_, y) in marks.items()]
    told += [warm_from[0]] if warm_from else []
    return Figure(
        alt="Lines of the bill of a month, by arrival rate, both axes logarithmic. "
        f"{'; '.join(told)}.",
        draw=lambda width: _draw_traffic(rates, lines, marks, warm_from, unit, width),
        **around,
    )


def cost_parts(
    bills: Mapping[str, Parts], of: Mapping[str, str], *, unit: str, **around: Unpack[Around]
) -> Figure:
    """Show what the money went to, one bar of shares each; `of`: of what each is the bill."""
    rows = []
    for name, parts in bills.items():
        total = parts.total or 1.0
        shares = {part: amount / total for part, amount in parts.amounts.items()}
        kinds = [(*_KINDS[part], share) for part, share in shares.items()]
        rows.append(
            Bar(
                name=name,
                parts=tuple(Part(kind=k, amount=share, hatched=of) for k, of, share in kinds),
                beside=f"{quantity(parts.total, unit)} {of[name]}",
                words=", ".join(f"{part} {quantity(s, '%')}" for part, s in shares.items()),
            )
        )
    axis = ["share of the bill"]
    shown = Bars(rows=rows, hues=HUES, axis=axis, hatch="retries", targets={}, unit="%")
    return shown.figure("Shares of the bill by what it is for", **around)


def _line_words(name: str, rates: Sequence[float], values: Sequence[float], unit: str) -> str:
    known = [(r, v) for r, v in zip(rates, values, strict=True) if np.isfinite(v)]
    if not known:
        return f"{name}: none"
    ends = (
        f"{quantity(amount, unit)} at {_rate_words(rate)}"
        for rate, amount in known[:: len(known) - 1 or 1]
    )
    return f"{name}: {', '.join(ends)}"


def _rate_words(rate: float) -> str:
    """Return an arrival rate in the unit in which it is easiest to read.

    Examples
    --------
    >>> _rate_words(1 / 86_400), _rate_words(0.5), _rate_words(2.0)
    ('1 a day', '30 a minute', '2 a second')
    """
    units = {1: "second", 60: "minute", 3600: "hour", 86_400: "day"}
    seconds, unit = next(((s, u) for s, u in units.items() if rate * s >= 0.995), (86_400, "day"))
    return f"{rate * seconds:.3g} a {unit}"


def _draw_traffic(
    rates: Sequence[float],
    lines: Lines,
    marks: Marks,
    warm_from: tuple[str, float] | None,
    unit: str,
    width: float,
) -> Drawing:
    narrow = width < base.WIDE
    drawing, axes = base.blank(width, 380)
    axes.set(xscale="log", yscale="log")
    for (name, values), hue in zip(lines.items(), (base.BLUE, base.ORANGE, base.GREY), strict=True):
        style = "--" if hue == base.GREY else "-"
        axes.plot(rates, values, color=hue, linestyle=style, linewidth=2.2, label=name)
    for place, (name, (rate, amount)) in enumerate(marks.items()):
        axes.scatter([rate], [amount], color=base.BLUE, s=52, zorder=4)
        words = quantity(amount, unit) if narrow else f"{name}: {quantity(amount, unit)}"
        # In turns above and below, so that they do not touch.
        offset, ha, va = ((-6, -7), "right", "top") if place % 2 else ((4, 6), "left", "bottom")
        axes.annotate(
            words, (rate, amount), xytext=offset, textcoords="offset points", ha=ha, va=va,
            fontsize=11.5, bbox=base.CLEAR,
        )  # fmt: skip
    if warm_from is not None:
        words, rate = warm_from
        axes.axvline(rate, color=base.MUTED, linestyle=(0, (1, 2.5)), linewidth=1.1)
        axes.annotate(
            "\n".join(textwrap.wrap(words, 20 if narrow else 28)), (rate, 0.0), xytext=(4, 4),
            xycoords=("data", "axes fraction"), textcoords="offset points", va="bottom",
            fontsize=11, color=base.MUTED,
        )  # fmt: skip
    names = [words.split()[-1] if narrow else f"1 {words}" for words in _RATES.values()]
    axes.set_xticks(list(_RATES), names)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda tick, _: f"{tick:,.10g}")
    axes.grid(axis="y", color=base.RULE, linewidth=0.8)
    what = "USD a month" if unit == "USD" else "billed seconds a month"
    axes.set_xlabel(f"{what}, by requests{', one every …' if narrow else ''}", loc="left")
    base.legend(axes, axes.get_lines()[: len(lines)], columns=1 if narrow else 3)
    return drawing
