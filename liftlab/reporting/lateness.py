"""The figure of what a load's own lateness hides: each latency from sent, and from planned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Drawing

from liftlab.analysis.columns import Floats, floats
from liftlab.analysis.estimate import quantity
from liftlab.reporting.canvas import INK, MUTED, RULE, Figure, blank

SENT_HUE, PLANNED_HUE = "#447aa6", "#dc7b29"


def omission(attempts: pd.DataFrame, *, caption: str) -> Figure:
    """Show latency over the planned moment: from sent, and from planned.

    Parameters
    ----------
    attempts
        The attempts of a load in open loop; those of the warm-up are left out.
    caption
        The answer.
    """
    rows = attempts[attempts["phase"] == "measure"]
    planned, sent = floats(rows, "scheduled_s"), floats(rows, "sent_s")
    ended = floats(rows, "last_byte_s")
    known = np.isfinite(planned) & np.isfinite(sent) & np.isfinite(ended)
    moments = (planned - planned[known].min())[known]
    spans = {
        "from planned": ((ended - planned)[known], PLANNED_HUE),
        "from sent": ((ended - sent)[known], SENT_HUE),
    }
    said = [
        f"{name}: median {quantity(float(np.median(values)), 's')}, "
        f"95 in 100 within {quantity(float(np.quantile(values, 0.95)), 's')}"
        for name, (values, _) in spans.items()
    ]
    return Figure(
        caption=caption,
        alt=f"A point a request, latency over its planned moment. {'; '.join(said)}.",
        draw=lambda width: _draw(moments, spans, width),
    )


def _draw(moments: Floats, spans: dict[str, tuple[Floats, str]], width: float) -> Drawing:
    drawing, axes = blank(width, 300)
    style: dict[str, Any] = {"linewidth": 0, "rasterized": True}
    for name, (values, hue) in spans.items():
        axes.scatter(moments, values, s=9, color=hue, label=name, **style)
    axes.set_xlabel("planned moment, seconds after the start")
    axes.set_ylabel("latency, s")
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", labelcolor=MUTED, labelsize=12)
    axes.legend(frameon=False, labelcolor=INK, fontsize=12, loc="upper left", markerscale=2)
    return drawing
