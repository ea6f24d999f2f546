"""Check the model of cost: simulated events against the closed form, and intervals against truth.

    python benchmarks/cost.py [--seed 20251015] [--replicates 1000]

First 100,000 requests a point over three orders of magnitude of the arrival rate, at one slot in
one container; then how often a month's interval holds the true bill. Half a minute on one core.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from liftlab.analysis.cost.hosting import Hosting, closed_form, simulate
from liftlab.analysis.cost.prices import Price
from liftlab.analysis.cost.traffic import MONTH_S, Service, month

REQUESTS = 100_000
SERVICE_S = 15.0
MOST_OFF = 0.02
HOSTINGS = [
    Hosting(idle_window_s=300, cold_start_s=60),
    Hosting(idle_window_s=120, cold_start_s=300),
    Hosting(idle_window_s=60, cold_start_s=5),
]
LOADS = np.geomspace(0.00089, 0.89, 7)
PRICE = Price(price_id="hourly", usd_per_hour=1.10)

Rng = np.random.Generator


def lognormal(rng: Rng, sigma: float, n: int) -> np.ndarray:
    """Draw service times with the known mean."""
    return SERVICE_S * rng.lognormal(-(sigma**2) / 2, sigma, n)


def agreement(rng: Rng) -> float:
    """Print the simulation beside the closed form, and return the largest difference."""
    worst = 0.0
    print("window  start   load  billed s a request: simulated, closed form, difference, took")
    for hosting in HOSTINGS:
        for load in LOADS:
            rate = load / SERVICE_S
            arrivals = np.cumsum(rng.exponential(1 / rate, REQUESTS))
            service, began = lognormal(rng, 0.35, REQUESTS), time.perf_counter()
            used, took = simulate(arrivals, service, hosting), time.perf_counter() - began
            expected = closed_form(rate, SERVICE_S, hosting)
            off = used.billed_s / expected.billed_s - 1
            worst = max(worst, abs(off))
            print(
                f"{hosting.idle_window_s:6.0f} {hosting.cold_start_s:6.0f} {load:6.4f} "
                f"{used.billed_s:30.2f} {expected.billed_s:12.2f} {off:+11.2%} {took:6.2f} s"
            )
    return worst


def coverage(rng: Rng, replicates: int) -> None:
    """Print how often the interval of a request holds the bill of the true mean and rate.

    Times are scaled to what ten requests an hour and a window of five minutes would be.
    """
    print("cases  requests seen  holds the true cost, median width / cost, no interval")
    for cases, seen in [(20, 100), (20, 1000), (100, 500)]:
        scale = (10 / 3600) / (seen / MONTH_S)
        hosting = Hosting(idle_window_s=300 * scale, cold_start_s=60 * scale)
        true = month(_trials(np.full(25, SERVICE_S * scale)), PRICE, hosting, seen).usd
        inside, widths = 0, []
        for seed in range(replicates):
            trials = _trials(scale * lognormal(rng, 0.35, cases))
            told = month(trials, PRICE, hosting, rng.poisson(seen), seed=seed).usd
            if told.has_interval:
                inside += told.low <= true.value <= told.high
                widths.append((told.high - told.low) / true.value)
        refused = 1 - len(widths) / replicates
        share = inside / max(len(widths), 1)
        print(f"{cases:5} {seen:14,} {share:20.3f} {np.median(widths):20.2f} {refused:12.3f}")


def _trials(seconds: np.ndarray) -> Service:
    cases = np.array([f"case {number}" for number in range(len(seconds))], dtype=object)
    return Service(seconds=seconds, cases=cases)


def main() -> int:
    """Print both tables; return 1 if the simulation is off by more than 2 %."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=20_251_015)
    parser.add_argument("--replicates", type=int, default=1000)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    worst = agreement(rng)
    print(f"largest difference {worst:.2%}, at most {MOST_OFF:.0%} wanted")
    coverage(rng, asked.replicates)
    return 0 if worst <= MOST_OFF else 1


if __name__ == "__main__":
    sys.exit(main())
