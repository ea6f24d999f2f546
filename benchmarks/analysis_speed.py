"""Time the whole analysis of a large run, and every interval, and write docs/analysis-speed.md.

    python benchmarks/analysis_speed.py [--trials 100000] [--values 1000000]

The run is made up: cases of several repeats, two stages, 1.3 attempts a stage, all spans known.
Each step is timed once, after its imports; memory is the whole process's peak. A minute.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from liftlab.analysis import (
    compare,
    cost,
    decide,
    drift,
    intervals,
    latency,
    outliers,
    slow_steps,
    success,
    success_curve,
    variance,
)
from liftlab.store.frames import DTYPES, table_columns

TARGET = Path(__file__).parents[1] / "docs" / "analysis-speed.md"
REPEATS, AGAIN, SEED = 5, 0.3, 20251124
LIMIT_S, LIMIT_MB, INTERVAL_S = 5.0, 1000.0, 0.3
PRICE = cost.Price(price_id="made-up", usd_per_hour=1.1)
Step = tuple[str, Callable[[], object]]


class MadeUpRun:
    """The tables of a run, as `liftlab.open_run` gives them."""

    def __init__(self, trials: int, rng: np.random.Generator) -> None:
        cases = max(1, trials // REPEATS)
        base = {
            "run_id": "r",
            "case_id": np.char.add("case", np.repeat(np.arange(cases), REPEATS).astype(str)),
            "repeat": np.tile(np.arange(1, REPEATS + 1), cases),
        }
        stages, attempts = [], []
        sizes = np.repeat(rng.integers(60, 160, cases), REPEATS)
        begun = 15.0 * np.arange(len(sizes))
        for position, (stage, share) in enumerate((("nlp_to_ir", 2.5), ("ir_to_code", 1.0))):
            rows = pd.DataFrame({**base, "stage": stage, "position": position})
            made = _attempts(rows, share * sizes, begun, rng)
            last = made.groupby(["case_id", "repeat"], sort=False)["last_byte_s"].max().to_numpy()
            rows = rows.assign(
                ok=True,
                started_s=begun,
                finished_s=last,
                latency_s=last - begun,
                attempts=made.groupby(["case_id", "repeat"], sort=False).size().to_numpy(),
            )
            begun = last
            stages.append(rows)
            attempts.append(made)
        self.stages = _typed("stage", pd.concat(stages, ignore_index=True))
        every = pd.concat(attempts, ignore_index=True)
        self.attempts = _typed("attempt", every.assign(seq=np.arange(1, len(every) + 1)))
        e2e = sum(rows["latency_s"] for rows in stages)
        passed = rng.random(len(e2e)) < 0.8
        self.trials = _typed(
            "trial",
            pd.DataFrame(base).assign(
                category=np.char.add("kind", (np.arange(len(e2e)) // REPEATS % 10).astype(str)),
                started_at=np.datetime_as_string(
                    np.datetime64("2025-10-15") + np.arange(len(e2e)).astype("timedelta64[s]")
                ),
                e2e_s=e2e,
                completed=True,
                parsed=True,
                outcome=np.where(passed, "pass", "fail"),
                failure_class=np.where(passed, None, "missing_return"),
                cost_usd=0.003,
            ),
        )


def _attempts(
    rows: pd.DataFrame, sizes: np.ndarray, begun: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    tries = 1 + (rng.random(len(rows)) < AGAIN)
    row = np.repeat(np.arange(len(rows)), tries)
    number = np.where(np.diff(row, prepend=-1) == 0, 2, 1)
    tokens = np.rint(sizes[row] * rng.uniform(0.9, 1.1, len(row)))
    service = (0.6 + 0.028 * tokens) * rng.lognormal(0, 0.1, len(row))
    queue = np.where(rng.random(len(row)) < 0.02, rng.uniform(3, 20, len(row)), 0.01)
    ended = begun[row] + queue + service
    ended[number == 2] += (queue + service)[np.flatnonzero(number == 2) - 1]
    return (
        rows[["run_id", "case_id", "repeat", "stage"]]
        .iloc[row]
        .assign(
            attempt=number,
            phase="measure",
            sent_s=ended - queue - service,
            first_byte_s=ended - 0.001,
            last_byte_s=ended,
            queue_s=queue,
            server_s=service,
            cold=False,
            max_gap_s=0.001,
            prompt_tokens=rng.integers(80, 400, len(row)),
            output_tokens=tokens,
            retry_reason=np.where(number == 2, "does_not_parse", None),
            abandoned=False,
        )
    )


def _typed(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    kinds = table_columns(table)
    frame = frame.reindex(columns=list(kinds))
    return frame.astype({name: DTYPES[kind] for name, kind in kinds.items()})


def analysis(run: MadeUpRun) -> list[Step]:
    """Return the steps that the pages of a run are made of."""
    trials, stages, attempts = run.trials, run.stages, run.attempts
    cases = trials["case_id"].to_numpy()
    e2e = trials["e2e_s"].to_numpy()
    halves = trials["repeat"] <= REPEATS // 2
    return [
        ("latency of stages", lambda: latency.stage_summaries(stages)),
        ("latency end to end", lambda: latency.e2e_summary(trials, stages=stages)),
        ("by when it is right", lambda: success_curve.success_curve(trials).at(15.0)),
        ("variance components", lambda: variance.components(e2e, cases)),
        ("drift", lambda: drift.drift_of(e2e, cases)),
        ("outliers", lambda: outliers.flag(e2e, cases)),
        ("why steps were slow", lambda: slow_steps.slow_steps(trials, stages, attempts)),
        ("success by category", lambda: success.success_by_group(trials, "category")),
        ("failure classes", lambda: success.failure_classes(trials)),
        ("decision", lambda: decide.of_run(trials)),
        ("cost of attempts", lambda: cost.attempt_costs(attempts, PRICE, "gpu_seconds", stages)),
        ("two halves compared", lambda: compare.runs(_part(run, halves), _part(run, ~halves))),
    ]


class _Part:
    def __init__(self, trials: pd.DataFrame, stages: pd.DataFrame) -> None:
        self.trials, self.stages = trials, stages


def _part(run: MadeUpRun, chosen: pd.Series) -> _Part:
    repeats = run.trials.loc[chosen, "repeat"].unique()
    return _Part(run.trials[chosen], run.stages[run.stages["repeat"].isin(repeats)])


def every_interval(n: int, rng: np.random.Generator) -> list[Step]:
    """Return each interval on n values, alone and with cases of several repeats."""
    x, ok = rng.lognormal(2, 0.35, n), rng.random(n) < 0.8
    names = np.char.add("case", np.repeat(np.arange(n // REPEATS), REPEATS).astype(str)).astype(
        object
    )
    steps: list[Step] = []
    for what, cases in (("", None), (", cases × 5", names)):
        steps += [
            (f"median{what}", lambda c=cases: intervals.median(x, clusters=c)),
            (f"P95{what}", lambda c=cases: intervals.quantile(x, 0.95, clusters=c)),
            (f"mean{what}", lambda c=cases: intervals.mean(x, clusters=c)),
            (f"CV{what}", lambda c=cases: intervals.cv(x, clusters=c)),
            (f"proportion{what}", lambda c=cases: intervals.proportion(ok, clusters=c)),
        ]
    return steps


def timed(steps: list[Step]) -> list[tuple[str, float]]:
    """Run each step once; return its name and seconds."""
    rows = []
    for name, step in steps:
        begun = time.perf_counter()
        step()
        rows.append((name, time.perf_counter() - begun))
        print(f"{name:<32} {rows[-1][1]:7.3f} s", flush=True)
    return rows


def main() -> int:
    """Time everything, write the page, and return 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--values", type=int, default=1_000_000)
    options = parser.parse_args()
    small = MadeUpRun(200, np.random.default_rng(SEED))
    timed(analysis(small))  # imports and caches
    print("---")
    run = MadeUpRun(options.trials, np.random.default_rng(SEED))
    steps = timed(analysis(run))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    whole = sum(seconds for _, seconds in steps)
    print(f"{'whole analysis':<32} {whole:7.3f} s, peak {peak_mb:.0f} MB\n---")
    single = timed(every_interval(options.values, np.random.default_rng(SEED)))
    slowest = max(seconds for _, seconds in single)
    lines = [
        "# How long the analysis takes",
        "",
        f"Made by `python benchmarks/analysis_speed.py`, seed {SEED}: Python "
        f"{platform.python_version()}, {os.cpu_count()} cores, each step once.",
        "",
        f"## A run of {options.trials:,} trials, {len(run.attempts):,} attempts",
        "",
        f"{whole:.1f} s in all (limit {LIMIT_S:g}), peak memory of the process {peak_mb:.0f} MB "
        f"(limit {LIMIT_MB:.0f}), tables and libraries included.",
        "",
        *_table(steps),
        "",
        f"## Every interval on {options.values:,} values",
        "",
        f"The slowest takes {slowest:.2f} s (limit {INTERVAL_S:g}).",
        "",
        *_table(single),
    ]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return int(whole > LIMIT_S or peak_mb > LIMIT_MB or slowest > INTERVAL_S)


def _table(rows: list[tuple[str, float]]) -> list[str]:
    head = ["| step | seconds |", "|---|---|"]
    return head + [f"| {name} | {seconds:.3f} |" for name, seconds in rows]


if __name__ == "__main__":
    sys.exit(main())
