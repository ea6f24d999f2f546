"""Show coordinated omission: a server that stalls 2 s in 20, under a client of four connections.

Requests are planned evenly, but only four may be under way. While the server stalls the others
wait to be sent: counted from sent they are as fast as ever, counted from planned they are not.
Writes the figure of docs/how-we-measure.md.

    python benchmarks/omission.py [--seconds S] [--figure FILE.svg]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Drawing

from liftlab.analysis.columns import Floats, floats
from liftlab.analysis.estimate import quantity
from liftlab.analysis.load import summarise_load
from liftlab.jobs import loading
from liftlab.reporting.figures.base import BLUE, MUTED, ORANGE, RULE, Figure, blank
from liftlab.reporting.text.load import lines
from liftlab.serving.simulator import SimulatorServer
from liftlab.settings import load_project

RATE_RPS, AT_ONCE = 20.0, 4
# What a drawing has from its page, where it stands alone.
ALONE = 'xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" style="background: #fff"'
FIGURE = Path(__file__).parents[1] / "docs" / "images" / "omission.svg"


def coordinated_omission(attempts: pd.DataFrame, *, caption: str) -> Figure:
    """Show each latency over the planned moment: from sent, and from planned."""
    rows = attempts[attempts["phase"] == "measure"]
    planned, sent = floats(rows, "scheduled_s"), floats(rows, "sent_s")
    ended = floats(rows, "last_byte_s")
    known = np.isfinite(planned) & np.isfinite(sent) & np.isfinite(ended)
    moments = (planned - planned[known].min())[known]
    spans = {"from planned": (ended - planned)[known], "from sent": (ended - sent)[known]}
    said = [
        f"{name}: median {quantity(float(np.median(values)), 's')}, "
        f"95 in 100 within {quantity(float(np.quantile(values, 0.95)), 's')}"
        for name, values in spans.items()
    ]
    return Figure(
        caption=caption,
        alt=f"A point a request, latency over its planned moment. {'; '.join(said)}.",
        draw=lambda width: draw(moments, spans, width),
    )


def draw(moments: Floats, spans: dict[str, Floats], width: float) -> Drawing:
    """Draw a point a request and way of counting."""
    drawing, axes = blank(width, 300)
    for (name, values), hue in zip(spans.items(), (ORANGE, BLUE), strict=True):
        axes.scatter(moments, values, s=9, color=hue, label=name, linewidth=0, rasterized=True)
    axes.set_xlabel("planned moment, seconds after the start")
    axes.set_ylabel("latency, s")
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", labelcolor=MUTED, labelsize=12)
    axes.legend(frameon=False, fontsize=12, loc="upper left", markerscale=2)
    return drawing


def main() -> int:
    """Run the load, print both latencies, draw them; 1 if only one of them tells the stall."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--figure", type=Path, default=FIGURE)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, SimulatorServer("stall") as server:
        project = load_project(Path(folder), environ={})
        request = loading.plan_load(
            project,
            project.settings.endpoint(server.url, "lift"),
            requests=int(RATE_RPS * options.seconds),
            concurrency=AT_ONCE,
            rate_rps=RATE_RPS,
            arrival="constant",
        )
        run = loading.run_load(request)
        found = summarise_load(run.run, run.attempts)
        print("\n".join(lines(found)))
        caption = (
            "A server stalls for 2 s in every 20 s: from planned tells it, from sent does not."
        )
        svg = coordinated_omission(run.attempts, caption=caption).svg()
    options.figure.write_text(svg.replace("<svg ", f"<svg {ALONE} ", 1) + "\n")
    spreads = {spread.name: dict(spread.quantiles) for spread in found.spreads}
    sent, planned = (spreads[name][0.95].value for name in ("e2e", "e2e_from_planned"))
    assert sent is not None
    assert planned is not None
    return 0 if planned > 0.5 > sent else 1


if __name__ == "__main__":
    raise SystemExit(main())
