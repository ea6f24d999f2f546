"""Simulate what the methods of `liftlab.analysis` promise, and write it as docs/calibration.md.

    python benchmarks/calibration.py [--seed 20251124] [--replicates 1000]

Coverage of intervals, false alarms and power of tests, on shapes that times may have. Every
generator is an assumption: real endpoints differ. A quarter of an hour on one core.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from asked_again import TIMES, decided, rate_changes, rates, request_quantiles
from promises import (
    REPEATS,
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
# Times the replicates: more for rare errors; fewer where one is a whole run.
MORE = {
    **{"rates": 2, "flags": 4, "decided": 0.5, "equal_runs": 0.5},
    **{"causes": 0.06, "line_errors": 0.01},
}
TABLES: list[tuple[str, str, list[str], Callable[[Rng, int], Rows]]] = [
    (
        "Quantiles",
        "Coverage of 95 % intervals, each prompt asked once. P95 has an upper limit only at "
        "n = 59, and an interval from n = 72.",
        [
            "shape",
            *(f"median, n = {n}" for n in (6, 10, 20, 100)),
            *(f"P95, n = {n}" for n in (59, 72, 100)),
        ],
        quantiles,
    ),
    (
        "Quantiles where prompts repeat",
        "Coverage for prompts like these, prompts × repeats (unequal: 1, 2, 5 or 20). Below 59 "
        "prompts P95, and below 29 P90, has a lower limit only. ICC: the share of the variance "
        "that prompts hold. One cell is below 93 %: where one prompt in eight is slow, no "
        "prompt of 20 is in 7 % of runs, and 50 repeats of these 20 cannot show it.",
        ["quantile, layout", *TIMES],
        request_quantiles,
    ),
    (
        "Success rate where prompts repeat",
        "Coverage, prompts × repeats. ICC: the share of the variance that prompts hold, their "
        "chances drawn from a beta distribution. In the last column half of the prompts end the "
        "same way each time. With 50 repeats of 20 prompts a rate of 95 % is then not covered: "
        "one prompt in 40 always fails, most runs have none, and repeats cannot show it.",
        ["layout", "ICC .05", "ICC .2", "ICC .5", "ICC .8", "half always the same"],
        rates,
    ),
    (
        "What would decide",
        "How often a run of the number of prompts that is named decides (80 % is the aim): if the "
        "truth is the far end of the interval, and if it is halfway between what was seen and the "
        "limit. For a quantile the truth is the share of requests within the limit.",
        ["seen", "prompts, far end", "decides", "prompts, halfway", "decides"],
        decided,
    ),
    (
        "Outlier flag",
        "Share of clean sets with any flag, and how often one value, made three times as slow, is "
        "flagged.",
        ["set", "false alarm, σ .2", "found, σ .2", "false alarm, σ .35", "found, σ .35"],
        flags,
    ),
    (
        "Why a step was slow",
        "One cause is planted in one step of a run: how often it is named, of the steps that are "
        "slow. The first word is the cause; then come the columns that are not recorded. Prompts "
        "have 200 to 6,000 tokens, nearly all cached. Without `prefill_s` a prompt that was not "
        "cached is named as *probably* the cause. If the server does not report cached tokens "
        "either, the wait for the first token shows it; without streaming little does. A wait "
        "that nobody recorded looks the same: the last row is how often it is called a prompt "
        "that was not cached.",
        ["planted", "20 × 1", "20 × 3", "slow steps"],
        causes,
    ),
    (
        "False alarms: slow steps beyond chance",
        "Share of runs of two stages, without any cause, in which any step is called beyond "
        "chance; only these steps bring advice. First how prompts are cached or what makes "
        "answers long, then the noise. Floor and Lomax: all replicates; t: a fourth; others: a "
        "twentieth; 20 × 50: a tenth of these. The test takes tails for those of a power of the "
        "time. The t row is heavier than any power: there the alarms are not held.",
        ["run", "40 × 1", "20 × 2", "20 × 3", "20, unequal", "20 × 50"],
        alarms,
    ),
    (
        "False alarms: two runs of the same code",
        f"Run SD {RUN_SD}, case × run SD {WEEK_SD}, on ln seconds, two stages; by the noise of "
        "repeats. *All*: stages, end to end or success differ (a fourth of the runs). *Case*: "
        "any single case does.",
        ["cases × repeats", *(f"{noise}: {what}" for noise in REPEATS for what in ("all", "case"))],
        equal_runs,
    ),
    (
        "What two runs can show",
        f"Run SD {RUN_SD}, case × week SD {WEEK_SD}, on ln seconds. Slow-downs found with 80 % "
        "power, alone and as the first of three (Holm); the power simulated at the first; and how "
        "often, without any change, one of two stages or their sum is called different.",
        ["cases × repeats", "alone", "of three", "power", "false alarm of three"],
        comparisons,
    ),
    (
        "Drift",
        "Random order, noise .10 on ln seconds: false alarms; how often 20 % from first to last "
        "is found; coverage of that drift, of the correlation of neighbours, and of the warm-up.",
        ["layout", "false alarm", "found", "drift covered", "neighbours", "warm-up"],
        drifts,
    ),
    (
        "Share of the variance that cases hold",
        "Coverage of the F interval.",
        ["layout", "ICC .2", "ICC .5", "ICC .9"],
        components,
    ),
    (
        "Is the rate at least 70 %?",
        "Sequential test of .8 against .6, the first trial of each case, random order; and how "
        "often the confidence sequence misses the truth at any look.",
        ["truth", "says above", "says below", "mean trials", "sequence misses"],
        decisions,
    ),
    (
        "A line in tokens from a sample",
        "How far the slope of 1,000 attempts is from the slope of all of them.",
        ["attempts", "median", "largest"],
        line_errors,
    ),
    (
        "Success of two runs, where prompts repeat",
        "Right 70 % of the time, prompts × repeats. How often two equal runs are told apart, by "
        "the share of the variance that prompts hold (ICC). If each prompt then loses half of its "
        "errors: coverage, the width of the interval in percentage points, and how often it is "
        "found. Last: every prompt ends the same way each time, and one in ten breaks.",
        [
            *("layout", "no change, ICC .2", "no change, ICC .5"),
            *("half the errors: covered", "width", "found", "one in ten breaks: covered"),
        ],
        rate_changes,
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
        "How well the methods of `liftlab.analysis` keep their promises on simulated data. All "
        f"tables are from one run of `python {command}`; the standard error (SE) is that of a "
        "share of .05 or .95. Every shape is an assumption: real endpoints differ.",
    ]
    for place, (title, text, head, make) in enumerate(TABLES):
        count = math.ceil(options.replicates * MORE.get(make.__name__, 1))
        error = math.sqrt(0.05 * 0.95 / count)
        made = f"{count:,} replicates" + ("." if make is line_errors else f", SE {error:.3f}.")
        lines += ["", f"## {title}", "", f"{text} {made}", ""]
        lines += [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
        for row in make(np.random.default_rng([options.seed, place]), count):
            lines.append(f"| {' | '.join(written(value) for value in row)} |")
        print(title, flush=True)
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
