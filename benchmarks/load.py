"""What `liftlab load` costs beside a bare aiohttp script: throughput, pacing, start, memory.

Each number stands beside the bare script's of the same round, against the simulator without
delay. The bare script keeps five fields a request in memory; liftlab keeps full rows on disk.

    python benchmarks/load.py [--rounds N] [--memory REQUESTS]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _clients import Shot, bare, load

from liftlab.runner.plan import at_rate
from liftlab.serving.simulator import SimulatorServer

RATE_RPS, SEED = 100.0, 20251015
THROUGHPUT, LAG, START, MEMORY_MB = 0.35, 1.5, 2.5, 150.0


def main() -> int:
    """Print each ratio with its target; 1 if one is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", type=int, default=0, help="also send so many, and watch memory")
    options = parser.parse_args()
    ratios: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        with SimulatorServer("instant") as server:
            for name, ratio in one_round(server).items():
                ratios.setdefault(name, []).append(ratio)
    missed = 0
    for name, limit, at_least in (
        ("throughput", THROUGHPUT, True),
        ("lag P99", LAG, False),
        ("first request", START, False),
    ):
        ratio = statistics.median(ratios[name])
        met = ratio >= limit if at_least else ratio <= limit
        missed += not met
        sign = "≥" if at_least else "≤"
        print(f"{name}: {ratio:.2f} × bare aiohttp ({sign} {limit}: {'met' if met else 'MISSED'})")
    if options.memory:
        missed += not flat(options.memory)
    return 1 if missed else 0


def one_round(server: SimulatorServer) -> dict[str, float]:
    """Measure both clients once, and return the ratios."""
    model = server.profile.model
    shot = Shot(url=server.openai_url, model=model, streamed=False, concurrency=64, count=20_000)
    mine, _ = load(shot)
    base, rows = bare(shot)
    base_rps = len(rows) / base["seconds"]
    said = f"{mine['load']['ok_per_second']:.0f} v {base_rps:.0f} a second"
    paced = Shot(url=server.openai_url, model=model, streamed=True, concurrency=16, count=1000)
    lag, arrival = lags(server, paced)
    start = (first_request_s(server, mine=True), first_request_s(server, mine=False))
    print(
        f"{said}; lag {words(lag)}; lag at the server {words(arrival)}; "
        f"first request {start[0]:.2f} v {start[1]:.2f} s",
        flush=True,
    )
    return {
        "throughput": mine["load"]["ok_per_second"] / base_rps,
        "lag P99": lag[1] / lag[3],
        "first request": start[0] / start[1],
    }


def lags(server: SimulatorServer, shot: Shot) -> tuple[list[float], list[float]]:
    """Return P50 and P99 of the lag behind the plan in ms: liftlab's, then the bare script's.

    First until each says that it sent, then until the server had it: the bare script's stamp is
    before all that aiohttp does to send, liftlab's just before the write.
    """
    _, lines = load(shot, "--rate", str(RATE_RPS), "--seed", str(SEED))
    assert len(lines) == shot.count, "not all that was planned was sent"
    plan = list(at_rate(RATE_RPS).plan(shot.count, SEED))
    _, rows = bare(shot, rate=RATE_RPS, plan=plan)
    arrived_ns = {line["request_id"]: line["received_s"] * 1e9 for line in server.truth()}
    sent, arrival = [], []
    for found in (lines, rows):
        sent += quantiles([row["sent_ns"] - row["planned_ns"] for row in found])
        arrival += quantiles([arrived_ns[row["request_id"]] - row["planned_ns"] for row in found])
    return sent, arrival


def words(lag: list[float]) -> str:
    """Say what `lags` found."""
    return f"P50 {lag[0]:.2f} v {lag[2]:.2f} ms, P99 {lag[1]:.2f} v {lag[3]:.2f} ms"


def quantiles(lags_ns: list[float]) -> list[float]:
    """Return P50 and P99 in ms."""
    ranked = sorted(lags_ns)
    return [ranked[int(q * (len(ranked) - 1))] / 1e6 for q in (0.5, 0.99)]


def first_request_s(server: SimulatorServer, *, mine: bool) -> float:
    """Return the time from a process's start to the first request that the server read."""
    seen = len(server.truth())
    shot = Shot(
        url=server.openai_url,
        model=server.profile.model,
        streamed=False,
        concurrency=1,
        count=1,
    )
    started_s = time.perf_counter()
    if mine:
        load(shot)
    else:
        bare(shot)
    return min(line["received_s"] for line in server.truth()[seen:]) - started_s


def flat(count: int) -> bool:
    """Send many requests, and print the load process's memory as it goes."""
    with SimulatorServer("instant") as server, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "liftlab.toml").write_text("")
        command = [sys.executable, "-m", "liftlab", "load", server.openai_url, "-c", "64"]
        command += ["--protocol", "openai", "-n", str(count)]
        peaks: list[float] = []
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as running:
            while running.poll() is None:
                time.sleep(5)
                found = resident_mb(running.pid)
                if found is not None:
                    peaks.append(found)
            said = running.stdout.read() if running.stdout else ""
    print(said)
    settled = peaks[len(peaks) // 5 :]
    print(f"load process, every 5 s, MB: {', '.join(f'{peak:.0f}' for peak in peaks)}")
    met = max(peaks) <= MEMORY_MB and max(settled) - min(settled) < 0.1 * max(settled)
    print(f"at most {max(peaks):.0f} MB (≤ {MEMORY_MB:.0f}, flat: {'met' if met else 'MISSED'})")
    return met


def resident_mb(parent: int) -> float | None:
    """Return what a liftlab's load process holds resident, in MB; None if it has none."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
            command = (status.parent / "cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if int(fields["PPid"]) == parent and b"liftlab.runner.child" in command:
            return int(fields["VmRSS"].split()[0]) * 1024 / 1e6
    return None


if __name__ == "__main__":
    raise SystemExit(main())
