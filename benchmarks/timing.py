"""How far the times of four clients are from the server's own, in turns against one server.

liftlab load, a bare aiohttp script, guidellm and aiperf send the same requests to the
simulator, which logs when it had read each and when it wrote the first and last bytes. The
error of a request is its client's span less the server's. On a shared machine single numbers
move; the ratios of one round are what counts.

    python benchmarks/timing.py [--rounds N] [--clients …] [--cells …] [--results FILE.json]

A cell is PROFILE-MODE-CONCURRENCY, such as stream-streamed-64; a part of its name selects
all that have it. Rounds gather in the results file, so that they can be run in several
sittings; `--rounds 0` only prints. The two command-line clients live in an environment of
their own (6 GB, since guidellm brings torch along; needs a package index).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from _clients import Client, Peers, Row, Shot, aiohttp, liftlab

from liftlab.serving.simulator import SimulatorServer

CLIENTS = ("liftlab", "aiohttp", "guidellm", "aiperf")
COUNTS = {"instant": {1: 200, 16: 2000, 64: 2000}, "stream": {1: 60, 16: 600, 64: 2000}}
TARGETS = {"p50": 1.2, "p99": 1.5}  # of the median of per-round ratios to aiohttp, at 16 and 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One kind of run."""

    profile: str
    streamed: bool
    concurrency: int

    @property
    def name(self) -> str:
        """What selects it."""
        mode = "streamed" if self.streamed else "plain"
        return f"{self.profile}-{mode}-{self.concurrency}"

    def shot(self, server: SimulatorServer) -> Shot:
        """Return what is sent to a server of the cell's profile."""
        return Shot(
            url=server.openai_url,
            model=server.profile.model,
            streamed=self.streamed,
            concurrency=self.concurrency,
            count=COUNTS[self.profile][self.concurrency],
        )


CELLS = [
    Cell(profile=profile, streamed=streamed, concurrency=concurrency)
    for profile, counts in COUNTS.items()
    for streamed in (True, False)
    for concurrency in counts
]


def main() -> int:
    """Run the rounds that were asked for, and print all that there are."""
    options = arguments()
    results: list[dict[str, Any]] = []
    if options.results.exists():
        results = json.loads(options.results.read_text())
    clients = made(options) if options.rounds else {}
    for _ in range(options.rounds):
        for cell in options.cells:
            number = 1 + max((r["round"] for r in results if r["cell"] == cell.name), default=0)
            for result in round_of(cell, clients, number):
                results.append({"round": number, "cell": cell.name, **result})
                options.results.write_text(json.dumps(results, indent=1))
    return summarise(results, options.cells)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", nargs="+", choices=CLIENTS, default=list(CLIENTS))
    parser.add_argument("--cells", nargs="+", default=[""], metavar="NAME")
    parser.add_argument("--results", type=Path, default=Path("timing-results.json"))
    parser.add_argument("--environment", type=Path, default=Path(".venv-peers"))
    options = parser.parse_args()
    chosen = [cell for cell in CELLS if any(part in f"{cell.name}$" for part in options.cells)]
    if not chosen:
        parser.error(f"no such cell; there are {', '.join(cell.name for cell in CELLS)}")
    options.cells = chosen
    return options


def made(options: argparse.Namespace) -> dict[str, Client]:
    """Return the clients; those that cannot be installed are named, never left out in silence."""
    clients: dict[str, Client] = {"liftlab": liftlab, "aiohttp": aiohttp}
    if {"guidellm", "aiperf"} & set(options.clients):
        try:
            peers = Peers(options.environment.absolute())
            clients |= {"guidellm": peers.guidellm, "aiperf": peers.aiperf}
        except (RuntimeError, OSError) as error:
            print(f"NOT MEASURED: guidellm and aiperf cannot be installed here: {error}")
    return {name: client for name, client in clients.items() if name in options.clients}


def round_of(cell: Cell, clients: dict[str, Client], number: int) -> Iterator[dict[str, Any]]:
    """Let each client have its turn with one cell; the order turns from round to round."""
    names = list(clients)
    names = names[number % len(names) :] + names[: number % len(names)]
    for name in names:
        with SimulatorServer(cell.profile) as server:
            started = time.perf_counter()
            try:
                rows = clients[name](cell.shot(server))
            except (RuntimeError, OSError, KeyError, ValueError) as error:
                print(f"{cell.name} {name}: FAILED: {error}", file=sys.stderr)
                continue
            wall_s = time.perf_counter() - started
            found = errors(rows, server.truth())
        print(f"{cell.name:22} {name:9} {told(found)}  ({wall_s:.0f} s)", flush=True)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        yield {"client": name, "at": at, **found}


def errors(rows: list[Row], truth: list[dict[str, Any]]) -> dict[str, Any]:
    """Join rows with the server's log by either id, and return quantiles of the errors in ms."""
    true: dict[str, dict[str, Any]] = {}
    for line in truth:
        if line["last_byte_s"] is not None:
            true[line["request_id"]] = true[str(line["response_id"])] = line
    joined = [(row, true[row.key]) for row in rows if row.key in true]
    e2e = [abs(r.e2e_s - (t["last_byte_s"] - t["received_s"])) for r, t in joined]
    ttft = [
        abs(r.ttft_s - (t["first_byte_s"] - t["received_s"]))
        for r, t in joined
        if r.ttft_s is not None
    ]
    found: dict[str, Any] = {"rows": len(rows), "joined": len(joined)}
    for name, values in (("e2e", e2e), ("ttft", ttft)):
        if values:
            ranked = sorted(1e3 * value for value in values)
            for q in (50, 99):
                found[f"{name}_p{q}"] = ranked[max(0, -(-q * len(ranked) // 100) - 1)]
    return found


def told(found: dict[str, Any]) -> str:
    """Return one result as text."""
    parts = [
        f"{name.upper()} {found[f'{name}_p50']:8.3f} / {found[f'{name}_p99']:8.3f} ms"
        for name in ("ttft", "e2e")
        if f"{name}_p50" in found
    ]
    return f"{'  '.join(parts)}  n {found['joined']}"


def summarise(results: list[dict[str, Any]], cells: list[Cell]) -> int:
    """Print medians over the rounds and ratios within them; 1 if a target is missed."""
    missed = 0
    print("\nMedians over the rounds: |client − server|, P50 / P99 in ms; ratio to bare aiohttp")
    for cell in cells:
        mine = [result for result in results if result["cell"] == cell.name]
        for metric in ("ttft", "e2e") if cell.streamed else ("e2e",):
            print(f"\n{cell.name}, {metric.upper()}")
            for client in CLIENTS:
                missed += line_of(mine, client, metric, cell)
    return 1 if missed else 0


def line_of(mine: list[dict[str, Any]], client: str, metric: str, cell: Cell) -> int:
    """Print one client's line, and return how many targets liftlab missed in it."""
    rounds = {
        name: {result["round"]: result for result in mine if result["client"] == name}
        for name in CLIENTS
    }
    if not rounds[client]:
        print(f"  {client:9} not measured")
        return 0
    missed, parts = 0, []
    for q in ("p50", "p99"):
        key = f"{metric}_{q}"
        value = statistics.median(result[key] for result in rounds[client].values())
        ratio = ratio_of(rounds[client], rounds["aiohttp"], key)
        text = f"{q.upper()} {value:9.3f}  ratio {ratio:6.2f}"
        if cell.concurrency > 1 and client != "aiohttp":
            own, target = ratio, TARGETS[q]
            if client != "liftlab":  # a peer, whom liftlab is to be ahead of
                own, target = ratio_of(rounds["liftlab"], rounds[client], key), 1.0
            missed += own > target
            said = "MISSED" if own > target else "met" if own <= target else "not known"
            text += f" (liftlab {own:.2f} ≤ {target}: {said})"
        parts.append(text)
    print(f"  {client:9} {'   '.join(parts)}   {len(rounds[client])} rounds")
    return missed


def ratio_of(first: dict[int, Any], second: dict[int, Any], key: str) -> float:
    """Return the median over common rounds of one client's value over another's; NaN if none."""
    ratios = [result[key] / second[n][key] for n, result in first.items() if n in second]
    return statistics.median(ratios) if ratios else float("nan")


if __name__ == "__main__":
    raise SystemExit(main())
