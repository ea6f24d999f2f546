"""The figure of drift: each time against its case's usual one, in the order measured."""

from __future__ import annotations

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import MaxNLocator

from liftlab.analysis.columns import Floats
from liftlab.analysis.estimate import plain
from liftlab.reporting.canvas import INK, MUTED, Figure, blank

MOST_POINTS = 600
_ACCENT = "#447aa6"
_ROLLING = 15  # times behind each point of the line


def drift_figure(relative: Floats, *, caption: str) -> Figure:
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
        alt=f"{len(known):,} end-to-end times over their case's median, in order: {told}.",
        draw=lambda width: _draw(relative, width),
    )


def _draw(relative: Floats, width: float) -> Drawing:
    drawing, axes = blank(width, 240)
    place = np.flatnonzero(np.isfinite(relative))
    values = relative[place]
    rng = np.random.default_rng(0)
    kept = np.arange(len(place))
    if len(place) > MOST_POINTS:
        kept = np.sort(rng.choice(len(place), MOST_POINTS, replace=False))
    few = len(kept) <= 100
    axes.axhline(1, color=MUTED, linewidth=1, linestyle=":")
    sns.scatterplot(
        x=place[kept] + 1,
        y=values[kept],
        ax=axes,
        color=_ACCENT,
        s=34 if few else 14,
        alpha=0.8 if few else 0.4,
        linewidth=0,
        legend=False,
    )
    if len(values) >= 3 * _ROLLING:
        window = np.lib.stride_tricks.sliding_window_view(values, _window(len(values)))
        middle = np.median(window, axis=1)
        half = window.shape[1] // 2
        at = place[half : half + len(middle)] + 1
        thin = np.linspace(0, len(at) - 1, min(len(at), MOST_POINTS)).astype(int)
        axes.plot(at[thin], middle[thin], color=INK, linewidth=1.6)
    top = 1.1 * float(values.max(initial=1.0))
    axes.set(ylim=(0, top), xlabel="", ylabel="")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.set_yticks(axes.get_yticks(), [f"{plain(tick, 2)}×" for tick in axes.get_yticks()])
    axes.set_ylim(0, top)
    axes.set_xlabel("trials in the order measured; 1× is the case's median", loc="left")
    return drawing


def _window(n: int) -> int:
    """Return how many neighbours the line's medians are of: more where there are more."""
    return max(_ROLLING, n // 40) | 1
