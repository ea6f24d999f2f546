"""Each time against its case's usual one, in the order measured."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from liftlab.analysis.columns import Floats
from liftlab.analysis.estimate import plain
from liftlab.reporting.figures.base import BLUE, INK, MUTED, Figure, blank, legend

MOST_POINTS = 600
_ROLLING = 15  # times behind each point of the line


def drift(relative: Floats, *, caption: str) -> Figure:
    """Show whether times grow or shrink in the course of a run.

    Parameters
    ----------
    relative : (n,)
        Each trial's time over the median of its case, in the order of measuring.
    """
    known = relative[np.isfinite(relative)]
    told = "none"
    if len(known):
        told = f"from {plain(float(known.min()), 2)} to {plain(float(known.max()), 2)} times"
    return Figure(
        caption=caption,
        alt=f"{len(known):,} end-to-end times over their prompt's median, in order: {told}.",
        draw=lambda width: _draw(relative, width),
    )


def _draw(relative: Floats, width: float) -> Drawing:
    drawing, axes = blank(width, 260)
    place = np.flatnonzero(np.isfinite(relative))
    values = relative[place]
    kept = np.arange(len(place))
    if len(place) > MOST_POINTS:
        kept = np.sort(np.random.default_rng(0).choice(len(place), MOST_POINTS, replace=False))
    size, alpha = (34, 0.8) if len(kept) <= 100 else (14, 0.4)
    axes.axhline(1, color=MUTED, linewidth=1, linestyle=":")
    axes.scatter(place[kept] + 1, values[kept], color=BLUE, s=size, alpha=alpha, linewidths=0)
    handles = [Line2D([], [], color=BLUE, marker="o", linestyle="", label="a trial")]
    if len(values) >= 3 * _ROLLING:
        # Medians of more neighbours where there are more of them.
        window = np.lib.stride_tricks.sliding_window_view(
            values, max(_ROLLING, len(values) // 40) | 1
        )
        middle, half = np.median(window, axis=1), window.shape[1] // 2
        thin = np.linspace(0, len(middle) - 1, min(len(middle), MOST_POINTS)).astype(int)
        axes.plot(place[half + thin] + 1, middle[thin], color=INK, linewidth=1.6)
        handles.append(Line2D([], [], color=INK, linewidth=1.6, label="rolling median"))
    axes.set_ylim(0, 1.1 * float(values.max(initial=1.0)))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(lambda tick, _: f"{plain(tick, 2)}×")
    axes.set_xlabel("trials in the order measured; 1× is the prompt's median", loc="left")
    legend(axes, handles, columns=2)
    return drawing
