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

from liftlab import jobs
from liftlab.analysis.load import summarise_load
from liftlab.reporting.lateness import omission
from liftlab.reporting.text.load import lines
from liftlab.serving.simulator import serve_simulator
from liftlab.settings import load_project

RATE_RPS, AT_ONCE = 20.0, 4
# What a drawing has from its page, where it stands alone.
ALONE = 'xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" style="background: #fff"'
FIGURE = Path(__file__).parents[1] / "docs" / "images" / "omission.svg"


def main() -> int:
    """Run the load, print both latencies, draw them; 1 if only one of them tells the stall."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--figure", type=Path, default=FIGURE)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serve_simulator("stall") as server:
        project = load_project(Path(folder), environ={})
        request = jobs.plan_load(
            project,
            project.settings.endpoint(server.url, "lift"),
            requests=int(RATE_RPS * options.seconds),
            concurrency=AT_ONCE,
            rate_rps=RATE_RPS,
            arrival="constant",
        )
        run = jobs.run_load(request)
        found = summarise_load(run.run, run.attempts)
        print("\n".join(lines(found)))
        caption = (
            "A server stalls for 2 s in every 20 s: from planned tells it, from sent does not."
        )
        svg = omission(run.attempts, caption=caption).svg()
    options.figure.write_text(svg.replace("<svg ", f"<svg {ALONE} ", 1) + "\n")
    spreads = {spread.name: dict(spread.quantiles) for spread in found.spreads}
    sent, planned = (spreads[name][0.95].value for name in ("e2e", "e2e_from_planned"))
    assert sent is not None
    assert planned is not None
    return 0 if planned > 0.5 > sent else 1


if __name__ == "__main__":
    raise SystemExit(main())
