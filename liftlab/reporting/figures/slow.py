"""Slow steps: every step as a point, and what the slow ones consist of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Unpack

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from numpy.typing import NDArray

from liftlab.analysis.causes import Cause
from liftlab.analysis.columns import Bools, Floats, Indices, floats, labels
from liftlab.analysis.estimate import Estimate, quantity
from liftlab.analysis.latency import stage_names
from liftlab.analysis.slow_steps import SlowStep, SlowSteps
from liftlab.reporting.figures import base
from liftlab.reporting.figures.bars import Bar, Bars, Part
from liftlab.reporting.figures.base import Around, Figure
from liftlab.reporting.text import words
from liftlab.reporting.text.slow import step_words
from liftlab.store.by_column import among
from liftlab.words import counted

MOST_POINTS = 600  # of a row with more, a density and the slow ones are drawn
_BINS, _LEAST, _MOST_RED = 150, 0.02, 60  # of a density, the height of a single step; red points
MOST_NAMED = 6  # slow steps named in one row
MOST_EXPLAINED = 12
USUAL = "usual time"
# Eleven causes in four hues; the table and the sentences tell them apart.
KINDS: dict[str, tuple[str, tuple[Cause, ...]]] = {
    "asked again": (base.ORANGE, ("retry", "back_off")),
    "longer or stalled answer": (base.VIOLET, ("longer_answer", "stall")),
    "prompt": (base.GREEN, ("prefill", "uncached_prompt", "longer_prompt")),
    "waiting": (base.BLUE, ("queue", "cold_start", "connect", "schema_compile")),
}


class _Strip(NamedTuple):
    """The points of one stage."""

    stage: str
    values: Floats
    slow: Bools
    cases: NDArray[np.object_]
    median: Estimate | None


def latency_strip(
    stages: pd.DataFrame,
    slow: SlowSteps,
    medians: Mapping[str, Estimate],
    **around: Unpack[Around],
) -> Figure:
    """Show every latency of each stage, with its median; slow steps are red and named."""
    rows: list[_Strip] = []
    for name in stage_names(stages):
        frame = stages[stages["stage"] == name]
        values = floats(frame, "latency_s")
        known = np.isfinite(values)
        flagged = among(frame, slow.steps[slow.steps["stage"] == name])
        cases = labels(frame, "case_id")[known]
        rows.append(_Strip(name, values[known], flagged[known], cases, medians.get(name)))
    told = "; ".join(map(_strip_words, rows))
    return Figure(
        alt="A strip of points a stage, in seconds, slow steps in red. "
        f"{told or 'There are none'}.",
        draw=lambda width: _draw_strip(rows, width),
        **around,
    )


def causes(slow: SlowSteps, **around: Unpack[Around]) -> Figure:
    """Show what the slowest steps consist of: what is usual, each kind of cause, and the rest."""
    repeated = slow.steps["repeat"].nunique() > 1
    rows = [_causes_of(step, repeated) for step in slow.first(MOST_EXPLAINED)]
    hues = {USUAL: base.GREY, **{kind: hue for kind, (hue, _) in KINDS.items()}}
    shown = Bars(rows=rows, hues=hues, axis=["seconds"], hatch="unexplained", targets={})
    return shown.figure("Seconds of slow steps by cause", **around)


def _causes_of(step: SlowStep, repeated: bool) -> Bar:
    amounts = [(kind, sum(map(step.seconds, of))) for kind, (_, of) in KINDS.items()]
    parts = [Part(kind=kind, amount=seconds) for kind, seconds in amounts if seconds > 0]
    rest = Part(kind=USUAL, amount=step.unexplained_s, hatched=True)
    return Bar(
        name=f"{base.label(step.case_id, 24)}{f' {step.repeat}' if repeated else ''}, "
        f"{words.stage(step.stage)}",
        parts=(Part(kind=USUAL, amount=step.usual_s), *parts, rest),
        words=step_words(step),
    )


def _strip_words(row: _Strip) -> str:
    name, values, flagged, _, median = row
    if len(values) == 0:
        return f"{words.stage(name)}: no times"
    ends = " to ".join(quantity(float(end), "s") for end in (values.min(), values.max()))
    count, middle = counted(len(values), "step"), median.point if median else "–"
    return f"{words.stage(name)}: {count}, {ends}, median {middle}, {flagged.sum():,} slow"


def _draw_strip(rows: Sequence[_Strip], width: float) -> Drawing:
    drawing, axes = base.blank(width, 88 + 94 * max(len(rows), 1))
    rng = np.random.default_rng(0)  # jitter only
    longest = max((float(row.values.max()) for row in rows if len(row.values)), default=1.0)
    for place, row in enumerate(rows):
        heights = place + _apart(row.values, rng)
        edges = np.linspace(0, longest, _BINS + 1)
        most = np.histogram(row.values, edges)[0].max(initial=1)
        for chosen, hue in ((~row.slow, base.BLUE), (row.slow, base.BAD)):
            if len(row.values) <= MOST_POINTS or (hue == base.BAD and chosen.sum() <= _MOST_RED):
                at = (row.values[chosen], heights[chosen])
                axes.scatter(*at, color=hue, s=46, alpha=0.85, linewidths=0, zorder=3)
                continue
            counts = np.histogram(row.values[chosen], edges)[0]
            tall = np.where(counts, np.maximum(0.3 * counts / most, _LEAST), 0)
            axes.stairs(place - tall, edges, baseline=place + tall, fill=True, color=hue, zorder=2)
        _name_slow(axes, place, row, heights, longest, width)
        if row.median is not None and row.median.value is not None:
            ends = [place - 0.3, place + 0.3]
            axes.plot([row.median.value] * 2, ends, color=base.INK, lw=1.6, zorder=5)
            said = f"median {row.median.point}"
            axes.text(row.median.value, place + 0.34, said, ha="center", va="top", fontsize=11)
    axes.set_xlim(0, longest * 1.12)
    axes.set_ylim(max(len(rows), 1) - 0.35, -0.6)
    axes.set_yticks(range(len(rows)), [words.stage(row.stage) for row in rows])
    base.ticks(axes, longest, "seconds")
    base.legend(axes, base.dots({"step": base.BLUE, "slow step": base.BAD}), columns=2)
    if not rows:
        axes.text(0, 0, "Nothing to show", color=base.MUTED, va="center")
    return drawing


def _apart(values: Floats, rng: np.random.Generator) -> Floats:
    """Return small heights that keep points from hiding each other."""
    if len(values) > 40:
        return rng.uniform(-0.17, 0.17, len(values))
    heights = np.empty(len(values))
    heights[np.argsort(values, kind="stable")] = (np.arange(len(values)) % 3 - 1) * 0.12
    return heights


def _name_slow(
    axes: Axes, place: int, row: _Strip, heights: Floats, longest: float, width: float
) -> None:
    red = np.flatnonzero(row.slow)
    slowest = red[np.argsort(-row.values[red])][:MOST_NAMED]
    for index, is_raised in _levels(row.values, slowest, longest, width).items():
        at = float(row.values[index])
        height = place - (0.44 if is_raised else 0.24)
        if is_raised:
            ends = [height, heights[index]]
            axes.plot([at] * 2, ends, color=base.BAD, lw=0.8, alpha=0.6, zorder=2)
        side = "left" if _is_left(at, longest) else "right"
        text = f"{base.label(row.cases[index], 24)} {quantity(at, 's')}"
        axes.text(at, height, text, color=base.BAD, ha=side, fontsize=11.5)


def _levels(values: Floats, slowest: Indices, longest: float, width: float) -> dict[int, bool]:
    """Return the steps to name, the slowest first, and which names stand above another.

    A name runs from its point towards the middle, over the points there: of two that would touch,
    the one whose point is nearer to the edge is above, and no name is over another's point alone.
    """
    room = 170 / width * longest  # for one name
    levels: dict[int, bool] = {}
    for index in map(int, slowest):
        near = [other for other in levels if abs(values[index] - values[other]) < room]
        if _is_left(float(values[index]), longest):
            if not any(levels[other] for other in near):
                levels[index] = bool(near)
            continue
        above = [other for other, is_raised in levels.items() if is_raised]
        apart = [abs(values[a] - values[b]) for a in near for b in {*above, *near} if a != b]
        if all(distance >= room for distance in apart):
            levels |= {index: False, **dict.fromkeys(near, True)}
    return levels


def _is_left(at: float, longest: float) -> bool:
    """Whether a name runs to the right of its point, to stay within the axes."""
    return at < 0.25 * longest
