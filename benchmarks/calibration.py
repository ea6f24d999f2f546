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
from asked_again import TIMES, quantiles_decided, rates, rates_decided, request_quantiles
from promises import (
    RUN_SD,
    WEEK_SD,
    Rng,
    Rows,
    alarms,
    causes,
    comparisons,
    components,
    decisions,
    drifts,
    equal_runs,
    flags,
    line_errors,
    quantiles,
)

TARGET = Path(__file__).parents[1] / "docs" / "calibration.md"
# Times the replicates: more for rare errors, promised exactly; fewer where one is a whole run.
MORE = {
    **dict.fromkeys(("quantiles", "request_quantiles", "rates", "components"), 10),
    **{
        "flags": 50,
        "comparisons": 10,
        "decisions": 5,
        "causes": 0.25,
        "alarms": 0.5,
        "equal_runs": 0.5,
        "line_errors": 0.05,
    },
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
        "Quantiles of requests where prompts repeat",
        "Coverage for prompts like these, prompts × repeats; unequal: each is asked 1, 2, 3 or 10 "
        "times. Without an upper limit the lower one has to hold.",
        ["quantile, layout", *TIMES],
        request_quantiles,
    ),
    (
        "Success rate where prompts repeat",
        "Coverage of a rate, prompts × repeats.",
        ["layout", "ICC .05", "ICC .2", "ICC .5", "ICC .8"],
        rates,
    ),
    (
        "What would decide about a rate",
        "How often a run of the named number of prompts decides, if the truth is the far end of "
        "the interval, and if it lies halfway between the rate and the limit.",
        ["seen", "prompts, far end", "decides", "prompts, halfway", "decides"],
        rates_decided,
    ),
    (
        "What would decide about a quantile",
        "The same; the truth is the share of requests within the limit.",
        ["seen", "prompts, far end", "decides", "prompts, halfway", "decides"],
        quantiles_decided,
    ),
    (
        "Outlier flag",
        "Share of clean sets with any flag, and of sets in which one value, made three times as "
        "slow, is flagged.",
        ["set", "false alarm, σ .2", "found, σ .2", "false alarm, σ .35", "found, σ .35"],
        flags,
    ),
    (
        "Why a step was slow",
        "Share of slow steps whose only cause, planted in one step of a run, is named; prompts of "
        "200 to 6,000 tokens, nearly all cached; columns that were not recorded are named. A "
        "prompt that was not cached counts as named by `probably` where the server does not tell.",
        ["planted", "20 × 1", "20 × 3", "steps"],
        causes,
    ),
    (
        "A line in tokens from a sample",
        "How far the slope of 1,000 attempts lies from the slope of them all, a set a replicate.",
        ["attempts", "median", "largest"],
        line_errors,
    ),
    (
        "Drift",
        "Cases × repeats in random order, noise .10 on ln seconds: false alarms of the drift, how "
        "often 20 % from first to last is found, and coverage of that drift, of neighbours that do "
        "not correlate, and of a run that begins as it goes on (where there is an interval).",
        ["layout", "false alarm", "found", "drift covered", "neighbours", "warm-up"],
        drifts,
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
    (
        "Slow steps beyond chance where nothing is the matter",
        "Share of runs without a cause in which any step is called beyond chance, by how prompts "
        "of 200 to 6,000 tokens are cached, what answers' lengths follow, and the noise; each "
        "such step is also all the advice that a run gets. Of 20 × 50 a tenth of the runs.",
        ["run", "40 × 1", "20 × 2", "20 × 3", "20 × 5", "20, unequal", "20 × 50"],
        alarms,
    ),
    (
        "Two runs of the same code",
        f"Run SD {RUN_SD}, case × run SD {WEEK_SD}, on ln seconds; cases are right with chances "
        "of beta(.8, .4). The share of comparisons in which two stages, end to end or success "
        "differ, and in which any single case does.",
        ["cases × repeats, noise", "times and success", "any case"],
        equal_runs,
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
