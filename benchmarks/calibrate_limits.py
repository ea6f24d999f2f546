"""Simulate the limits of the outlier flag, as `liftlab/analysis/outliers.py` has them.

    python benchmarks/calibrate_limits.py [--seed 20251015] [--replicates 4000000]

A limit is the .95 quantile of the largest score in a clean sample: normal values (times are
judged by their logarithm), score = (value - median) / (1.4826 MAD), slow side. Pooled limits
depend on n; limits within cases on the layout, cases x repeats, with residuals from each case's
median. A few minutes on one core.
"""

from __future__ import annotations

import argparse

import numpy as np

POOLED_N = [*range(4, 31), 35, 40, 50, 75, 100, 150, 200, 300, 500, 1000, 2000]
REPEATS = [3, 4, 5, 6, 7, 8, 9, 10]
CASES = [1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 2000]
VALUES = 150_000_000  # of a table's entry, at most
VALUES_AT_ONCE = 2_000_000


def limit(cases: int, repeats: int, replicates: int, rng: np.random.Generator) -> float:
    """Return the .95 quantile of the largest slow-side score; pooled is one case."""
    largest = []
    size = cases * repeats
    replicates = min(replicates, max(10_000, VALUES // size))
    while replicates > 0:
        count = min(replicates, max(1, VALUES_AT_ONCE // size))
        x = rng.standard_normal((count, cases, repeats))
        residuals = (x - np.median(x, axis=2, keepdims=True)).reshape(count, size)
        mad = 1.4826 * np.median(np.abs(residuals), axis=1)
        largest.append(residuals.max(axis=1) / np.maximum(mad, 1e-12))
        replicates -= count
    return float(np.quantile(np.concatenate(largest), 0.95))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=20251015)
    parser.add_argument("--replicates", type=int, default=4_000_000)
    options = parser.parse_args()
    rng = np.random.default_rng([options.seed, 1])
    print("_POOLED = (")
    for n in POOLED_N:
        print(f"    {limit(1, n, options.replicates, rng):.2f},")
    rng = np.random.default_rng([options.seed, 2])
    print(")\nWITHIN_CASES = (" + ", ".join(map(str, CASES)) + ")\nWITHIN = {")
    for repeats in REPEATS:
        row = [limit(cases, repeats, options.replicates // 20, rng) for cases in CASES]
        print(f"    {repeats}: ({', '.join(f'{value:.2f}' for value in row)}),", flush=True)
    print("}")


if __name__ == "__main__":
    main()
