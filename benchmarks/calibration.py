"""Simulate what the methods of `liftlab.analysis` promise, and write it as docs/calibration.md.

    python benchmarks/calibration.py [--seed 20251124] [--replicates 1000]

Coverage of intervals, false alarms and power of tests, on shapes that times may have. Every
generator is an assumption: real endpoints differ. A few minutes on one core.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from liftlab.analysis import decide, intervals, outliers, paired, sequential, variance

TARGET = Path(__file__).parents[1] / "docs" / "calibration.md"
RUN_SD, WEEK_SD, CASE_SD = 0.10, 0.05, 0.4  # of ln seconds

Rng = np.random.Generator
Draw = Callable[[Rng, tuple[int, ...]], np.ndarray]
Rows = Iterator[list[object]]


def retry_mix(rng: Rng, size: tuple[int, ...]) -> np.ndarray:
    """Draw around 10 s; one in ten takes 2 to 4 times as long."""
    slow = np.where(rng.random(size) < 0.1, rng.uniform(2, 4, size), 1)
    return 10 * rng.lognormal(0, 0.1, size) * slow


def cold_mix(rng: Rng, size: tuple[int, ...]) -> np.ndarray:
    """Draw around 10 s; one in twenty waits another 20 to 60 s."""
    return 10 * rng.lognormal(0, 0.2, size) + (rng.random(size) < 0.05) * rng.uniform(20, 60, size)


def two_servers(rng: Rng, size: tuple[int, ...]) -> np.ndarray:
    """Draw from two machines, one of them 1.6 times as slow."""
    return 10 * rng.lognormal(0, 0.1, size) * np.where(rng.random(size) < 0.4, 1.6, 1)


GENERATORS: dict[str, Draw] = {
    "normal(10, .5)": lambda rng, size: rng.normal(10, 0.5, size),
    "lognormal σ .35": lambda rng, size: 10 * rng.lognormal(0, 0.35, size),
    "retries, 10 % × 2–4": retry_mix,
    "5 + 2·Lomax(1.5)": lambda rng, size: 5 + 2 * rng.pareto(1.5, size),
    "lognormal, 5 % cold": cold_mix,
    "gamma, shape 4": lambda rng, size: rng.gamma(4, 2.5, size),
    "floor 5 s + Weibull 1.3": lambda rng, size: 5 + 3 * rng.weibull(1.3, size),
    "two servers, 1 : 1.6": two_servers,
}


def covers(draw: Draw, rng: Rng, q: float, n: int, replicates: int) -> float:
    """Return how often the interval, or bound, of a quantile holds the true one."""
    truth = float(np.quantile(draw(rng, (1_000_000,)), q))
    inside = 0
    for sample in draw(rng, (replicates, n)):
        found = intervals.quantile(sample, q)
        low, high = found.low, found.high
        inside += (low is None or low <= truth) and (high is None or truth <= high)
    return inside / replicates


def quantiles(rng: Rng, replicates: int) -> Rows:
    """Yield coverage by generator."""
    for name, draw in GENERATORS.items():
        medians = [covers(draw, rng, 0.5, n, replicates) for n in (6, 10, 20, 100)]
        yield [name, *medians, *(covers(draw, rng, 0.95, n, replicates) for n in (59, 72, 100))]


def clustered_medians(rng: Rng, replicates: int) -> Rows:
    """Yield coverage of the median of prompts like these, where cases repeat."""
    for repeats in (2, 5):
        row: list[object] = [f"20 × {repeats}"]
        for share in (0.2, 0.5, 0.9):
            names, inside = np.repeat(np.arange(20), repeats), 0
            for _ in range(replicates):
                case = rng.normal(0, 0.35 * math.sqrt(share), 20)[names]
                own = rng.normal(0, 0.35 * math.sqrt(1 - share), len(names))
                found = intervals.median(10 * np.exp(case + own), clusters=names)
                inside += found.low <= 10 <= found.high
            row.append(inside / replicates)
        yield row


def outcomes(rng: Rng, rate: float, share: float, names: np.ndarray) -> np.ndarray:
    """Draw outcomes of cases whose own rates differ, with an intra-class correlation."""
    shape = np.array([rate, 1 - rate]) * (1 - share) / share
    return rng.random(len(names)) < rng.beta(*shape, names.max() + 1)[names]


def proportions(rng: Rng, replicates: int) -> Rows:
    """Yield coverage of a success rate of .7 with five repeats a case."""
    for cases in (10, 20, 50):
        names = np.repeat(np.arange(cases), 5)
        row: list[object] = [f"{cases} × 5"]
        for share in (0.2, 0.5, 0.8):
            found = [
                intervals.proportion(outcomes(rng, 0.7, share, names), clusters=names)
                for _ in range(replicates)
            ]
            row.append(np.mean([each.low <= 0.7 <= each.high for each in found]))
        yield row


def flags(rng: Rng, replicates: int) -> Rows:
    """Yield how often a clean set has any flag, and how often one value × 3 is found."""
    for n in (5, 10, 20, 50, 100):
        row: list[object] = [f"pooled, n = {n}"]
        for sigma in (0.2, 0.35):
            clean = rng.lognormal(0, sigma, (replicates, n))
            row.append(np.mean([outliers.flag(sample).mask.any() for sample in clean]))
            clean[:, 0] *= 3
            row.append(np.mean([outliers.flag(sample).mask[0] for sample in clean]))
        yield row
    for repeats in (3, 5):
        names = np.repeat(np.arange(20), repeats)
        level = np.where(names < 15, 4.2, 10.5)
        row = [f"within, 15 easy and 5 hard × {repeats}"]
        for sigma in (0.2, 0.35):
            clean = level * rng.lognormal(0, sigma, (replicates, len(names)))
            row.append(np.mean([outliers.flag(sample, names).mask.any() for sample in clean]))
            clean[:, 0] *= 3
            row.append(np.mean([outliers.flag(sample, names).mask[0] for sample in clean]))
        yield row


def components(rng: Rng, replicates: int) -> Rows:
    """Yield coverage of the share of variance that cases hold."""
    for cases, repeats in ((5, 3), (10, 3), (20, 2), (20, 5)):
        names = np.repeat(np.arange(cases), repeats)
        row: list[object] = [f"{cases} × {repeats}"]
        for share in (0.2, 0.5, 0.9):
            inside = 0
            for _ in range(replicates):
                case = rng.normal(0, math.sqrt(share), cases)[names]
                times = np.exp(0.3 * (case + rng.normal(0, math.sqrt(1 - share), len(names))))
                found = variance.components(times, names).share
                inside += found.low <= share <= found.high
            row.append(inside / replicates)
        yield row


def week(rng: Rng, of_case: np.ndarray, repeats: int, ratio: float = 1.0) -> np.ndarray:
    """Draw one week of every case: (cases, repeats), in seconds."""
    level = of_case + rng.normal(0, WEEK_SD / math.sqrt(2), len(of_case)) + math.log(ratio)
    return np.exp(level[:, None] + rng.normal(0, RUN_SD, (len(of_case), repeats)))


def comparisons(rng: Rng, replicates: int) -> Rows:
    """Yield detectable slow-downs, the power there, and the false alarms of three stages."""
    for cases, repeats in ((5, 3), (10, 1), (10, 3), (20, 1), (20, 5), (40, 5)):
        medians = np.median(rng.normal(0, RUN_SD, (200_000, repeats)), axis=1)
        deviation = math.sqrt(2 * float(medians.var()) + WEEK_SD**2)
        ratios = [
            math.exp(deviation * paired.detectable_effect(cases, alpha))
            for alpha in (0.05, 0.05 / 3)
        ]
        names, found, alarms = np.repeat(np.arange(cases), repeats), [], []
        for _ in range(replicates):
            of_case = rng.normal(2, CASE_SD, cases)
            first, second = week(rng, of_case, repeats), week(rng, of_case, repeats, ratios[0])
            found.append(paired.times(first.ravel(), names, second.ravel(), names).p < 0.05)
            stages = [[week(rng, of_case, repeats) for _ in range(2)] for _ in range(2)]
            stages.append([stages[0][0] + stages[1][0], stages[0][1] + stages[1][1]])
            changes = [paired.times(a.ravel(), names, b.ravel(), names) for a, b in stages]
            alarms.append(any(change.p < 0.05 for change in paired.holm(changes)))
        slow = [f"{100 * (ratio - 1):.1f} %" for ratio in ratios]
        yield [f"{cases} × {repeats}", *slow, np.mean(found), np.mean(alarms)]


def decisions(rng: Rng, replicates: int) -> Rows:
    """Yield where the sequential test ends, and how often the sequence misses at any look."""
    looks = np.unique(np.geomspace(3, 400, 25).astype(int))
    for rate in (0.6, 0.7, 0.8, 0.9):
        for share in (0.0, 0.8):
            names = np.repeat(np.arange(250), 2)
            verdicts, used, missed = [], [], 0
            for _ in range(replicates):
                made = rng.random(500) < rate if not share else outcomes(rng, rate, share, names)
                order = rng.permutation(500)
                decision = decide.success_rate(made[order], cases=names[order])
                verdicts.append(decision.verdict)
                used.append(decision.decided_after or decision.trials)
                hits = np.cumsum(made[:: 1 if not share else 2])
                at = [
                    sequential.confidence_sequence(int(hits[n - 1]), int(n))
                    for n in looks
                    if n <= len(hits)
                ]
                missed += any(not each.low <= rate <= each.high for each in at)
            counts = pd.Series(verdicts).value_counts(normalize=True)
            kind = "independent" if not share else "2 repeats, ICC .8"
            ends = [float(counts.get(verdict, 0.0)) for verdict in ("above", "below")]
            yield [f"{rate}, {kind}", *ends, f"{np.mean(used):.0f}", missed / replicates]


MORE = {"flags": 4, "decisions": 2}  # times the replicates: rare errors, promised exactly
TABLES: list[tuple[str, str, list[str], Callable[[Rng, int], Rows]]] = [
    (
        "Quantiles",
        "Coverage of nominal 95 %: the median's interval; of P95 the upper bound at n = 59 and the "
        "interval from n = 72. At n = 6 to 8 the median's interval has no room to interpolate.",
        [
            "shape",
            *(f"median, n = {n}" for n in (6, 10, 20, 100)),
            *(f"P95, n = {n}" for n in (59, 72, 100)),
        ],
        quantiles,
    ),
    (
        "Median where cases repeat",
        "Coverage for prompts like these, cases × repeats, by the part of the variance of cases.",
        ["layout", "ICC .2", "ICC .5", "ICC .9"],
        clustered_medians,
    ),
    (
        "Success rate where cases repeat",
        "Coverage of a rate of .7, cases × repeats.",
        ["layout", "ICC .2", "ICC .5", "ICC .8"],
        proportions,
    ),
    (
        "Outlier flag",
        "Share of clean sets with any flag, and of sets in which one value, made three times as "
        "slow, is flagged.",
        ["set", "false alarm, σ .2", "found, σ .2", "false alarm, σ .35", "found, σ .35"],
        flags,
    ),
    (
        "Share of the variance that cases hold",
        "Coverage of the F interval, cases × repeats.",
        ["layout", "ICC .2", "ICC .5", "ICC .9"],
        components,
    ),
    (
        "Two runs",
        f"Medians of repeats, run SD {RUN_SD}, case × week SD {WEEK_SD}, on ln seconds. Slow-downs "
        "found with 80 % power, alone and as Holm's first step of three; the power simulated at "
        "the first; and the share of runs without any change in which one of three stages, end to "
        "end the sum of the other two, is called different.",
        ["cases × repeats", "alone", "of three", "power", "false alarm of three"],
        comparisons,
    ),
    (
        "Is the rate at least 70 %?",
        "Sequential test of .8 against .6, first trial of a case only, random order; mean trials "
        "used; and the share of studies whose confidence sequence misses the truth at any look.",
        ["truth", "says above", "says below", "mean trials", "sequence misses"],
        decisions,
    ),
]


def written(value: object) -> str:
    """Write a share to three decimals, and words as they are."""
    return f"{float(value):.3f}" if isinstance(value, float | np.floating) else str(value)


def main() -> None:
    """Write every table, each with a seed of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=20251124)
    parser.add_argument("--replicates", type=int, default=1000)
    options = parser.parse_args()
    command = f"benchmarks/calibration.py --seed {options.seed} --replicates {options.replicates}"
    lines = [
        "# Calibration",
        "",
        "What the methods of `liftlab.analysis` do on simulated data, made by "
        f"`python {command}`. Standard errors are those of a share near .05 or .95. Every shape "
        "is an assumption.",
    ]
    for place, (title, text, head, make) in enumerate(TABLES):
        count = options.replicates * MORE.get(make.__name__, 1)
        error = math.sqrt(0.05 * 0.95 / count)
        made = f"Seed {options.seed}, {place}; {count:,} replicates, standard error {error:.3f}."
        lines += ["", f"## {title}", "", f"{text} {made}", ""]
        lines += [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
        for row in make(np.random.default_rng([options.seed, place]), count):
            lines.append(f"| {' | '.join(written(value) for value in row)} |")
        print(title, flush=True)
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
