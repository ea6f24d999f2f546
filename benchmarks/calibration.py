"""Simulate what the methods of `liftlab.analysis` promise, and write it as docs/calibration.md.

    python benchmarks/calibration.py [--seed 20251124] [--replicates 400]

Coverage of intervals, false alarms and power of tests, on shapes that times may have. Every
generator is an assumption: real endpoints differ. A few minutes on one core.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from promises import (
    RUN_SD,
    WEEK_SD,
    Rng,
    Rows,
    causes,
    clustered_medians,
    comparisons,
    components,
    decisions,
    flags,
    line_errors,
    proportions,
    quantiles,
    time_courses,
    time_outs,
)

TARGET = Path(__file__).parents[1] / "docs" / "calibration.md"
# Times the replicates: more for rare errors, promised exactly; fewer where one is a whole run.
MORE = {
    **dict.fromkeys(("quantiles", "clustered_medians", "proportions", "components"), 10),
    **{"flags": 50, "comparisons": 10, "decisions": 5, "causes": 0.5, "line_errors": 0.05},
}
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
        "Why a stage was slow",
        "Share of trials at least 1.5 times the median whose main cause is the planted one, three "
        "planted trials of 20 a run, by the noise of the service; columns that were not recorded "
        "are named. Last, the share of runs without a cause in which anything is unexplained.",
        ["planted", "σ .05", "σ .10", "trials or runs"],
        causes,
    ),
    (
        "A line in tokens from a sample",
        "How far the slope of 1,000 attempts lies from the slope of them all, a set a replicate.",
        ["attempts", "median", "largest"],
        line_errors,
    ),
    (
        "Times in the course of a run",
        "Cases × repeats in random order, noise .10 on ln seconds: false alarms of the drift, how "
        "often 20 % from first to last is found, and coverage of that drift, of neighbours that do "
        "not correlate, and of a run that begins as it goes on (where there is an interval).",
        ["layout", "false alarm", "found", "drift covered", "neighbours", "warm-up"],
        time_courses,
    ),
    (
        "Time to success where clients give up",
        "True median 15 s, lognormal σ .4; clients wait 12 to 40 s.",
        ["n", "Kaplan-Meier", "successes only", "coverage"],
        time_outs,
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
    parser.add_argument("--replicates", type=int, default=400)
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
        count = math.ceil(options.replicates * MORE.get(make.__name__, 1))
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
