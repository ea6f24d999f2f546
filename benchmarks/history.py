"""How fast the history is, and how well shifts in it are found.

Writes 1,000 runs of 100 trials and 2 stages, then times the command as a user starts it, first
without an index, then with one, and reads its peak memory. Then simulates histories: steady ones,
ones with a step of 10 % between runs whose SD is 4 %, and ones that break what the method assumes.

    python benchmarks/history.py [--runs N] [--histories N]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from liftlab import store
from liftlab.analysis.trends import shifts
from liftlab.records import Run, as_row
from liftlab.store.frames import table_columns, typed

CASES, REPEATS = 50, 2
SD, STEP = 0.04, 0.10
COMMAND = "from liftlab.cli.main import main; raise SystemExit(main(['history']))"


def main() -> int:
    """Print both parts; return 1 where a figure misses what is asked of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--histories", type=int, default=200)
    options = parser.parse_args()
    fast = speed(options.runs)
    right = shifts_found(options.histories)
    return 0 if fast and right else 1


def speed(runs: int) -> bool:
    """Time `liftlab history` on many runs."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        write_runs(Path(folder) / "data" / "runs", runs)
        (Path(folder) / "liftlab.toml").write_text("")
        print(f"{runs:,} runs × {CASES * REPEATS} trials × 2 stages written in {since(began)}")
        times = []
        for what in ("no index yet", "with index", "with index", "with index"):
            seconds, cpu, peak_mb = timed(Path(folder))
            print(f"liftlab history, {what}: {seconds:.2f} s, CPU {cpu:.2f} s, {peak_mb:.0f} MB")
            times.append((seconds, peak_mb))
    first, later = times[0][0], min(seconds for seconds, _ in times[1:])
    return max(first, later) < 2 and max(peak for _, peak in times) < 500


def timed(folder: Path) -> tuple[float, float, float]:
    """Return wall seconds, CPU seconds and peak memory of one call of the command."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND], cwd=folder, stdout=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit("the command failed")
    cpu = used.ru_utime + used.ru_stime
    return time.perf_counter() - began, cpu, used.ru_maxrss / 1024


def write_runs(runs_dir: Path, count: int) -> None:
    """Write runs' tables; the second half is slower by the step, on another model."""
    rng = np.random.default_rng(1)
    cases = [f"case_{index:02}" for index in range(CASES)] * REPEATS
    repeats = [repeat + 1 for repeat in range(REPEATS) for _ in range(CASES)]
    for number in range(count):
        begun = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=6 * number)
        late = number >= count // 2
        run = Run(
            run_id=f"{begun:%Y%m%d_%H%M%S}_test",
            suite="mvp",
            suite_sha256="0" * 64,
            pipeline="lift",
            endpoint="modal",
            model="second" if late else "first",
            started_at=begun.isoformat(),
            status="complete",
            concurrency=1,
            repeats=REPEATS,
        )
        level = np.exp(rng.normal(0, SD)) * (1 + STEP * late)
        times = {
            name: mean * level * np.exp(rng.normal(0, 0.1, len(cases)))
            for name, mean in (("nlp_to_ir", 10), ("ir_to_code", 4))
        }
        key = pd.DataFrame({"run_id": run.run_id, "case_id": cases, "repeat": repeats})
        e2e = sum(times.values())
        outcome = rng.choice(["pass", "fail"], len(cases), p=[0.7, 0.3])
        trials = key.assign(e2e_s=e2e, attempts=2, completed=True, outcome=outcome, cost_usd=e2e)
        stages = pd.concat(
            key.assign(stage=name, position=place, ok=True, latency_s=took, attempts=1)
            for place, (name, took) in enumerate(times.items())
        )
        attempts = stages[["run_id", "case_id", "repeat", "stage"]].assign(
            seq=range(1, len(stages) + 1), attempt=1, phase="measure", abandoned=False,
            prompt_tokens=300, output_tokens=50,
        )  # fmt: skip
        write(runs_dir / run.run_id, run, trials, stages, attempts)


def write(
    path: Path, run: Run, trials: pd.DataFrame, stages: pd.DataFrame, attempts: pd.DataFrame
) -> None:
    """Write one run's tables, and what tells that the folder holds a run."""
    path.mkdir(parents=True)
    folder = store.RunFolder(path)
    folder.write_manifest({"suite": run.suite})
    frames = {
        "run": pd.DataFrame([as_row(run)], dtype=object),
        "trial": trials,
        "stage": stages,
        "attempt": attempts,
    }
    store.write_tables(folder, {name: complete(name, frame) for name, frame in frames.items()})


def complete(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with all columns of its table."""
    kinds = table_columns(table)
    return typed(frame.reindex(columns=list(kinds)).astype(object), kinds)


def shifts_found(histories: int) -> bool:
    """Simulate histories; print how often a shift is found, and how near."""
    print(f"\n{histories} histories each; runs' SD {SD:.0%}, a step is {STEP:.0%}")
    print(f"{'history':<46}{'any shift':>10}{'± 10 runs':>10}")
    found = {
        name: rates(histories, make, at)
        for name, (make, at) in {
            "steady, 100 runs": (lambda rng: normal(rng, 100), None),
            "steady, 1,000 runs": (lambda rng: normal(rng, 1000), None),
            "step after 50 of 100": (lambda rng: stepped(normal(rng, 100), 50), 50),
            "step after 50 of 500": (lambda rng: stepped(normal(rng, 500), 50), 50),
            "step after 20 of 40": (lambda rng: stepped(normal(rng, 40), 20), 20),
            "steady, heavy tails (t, 3 df)": (lambda rng: heavy(rng, 100), None),
            "step, heavy tails": (lambda rng: stepped(heavy(rng, 100), 50), 50),
            "steady, neighbours correlated .3": (lambda rng: correlated(rng, 100, 0.3), None),
            "steady, neighbours correlated .6": (lambda rng: correlated(rng, 100, 0.6), None),
            "step, neighbours correlated .3": (
                lambda rng: stepped(correlated(rng, 100, 0.3), 50),
                50,
            ),
            "slow drift, 5 % in 100 runs": (
                lambda rng: normal(rng, 100) + np.linspace(0, 0.05, 100),
                None,
            ),
        }.items()
    }
    for name, (any_shift, near) in found.items():
        print(f"{name:<46}{any_shift:>10.1%}{'–' if near is None else f'{near:.1%}':>10}")
    near = found["step after 50 of 100"][1] or 0.0
    return found["steady, 100 runs"][0] <= 0.05 and near >= 0.95


def rates(
    histories: int, make: Callable[[np.random.Generator], np.ndarray], at: int | None
) -> tuple[float, float | None]:
    """Return how often any shift is found, and one within ten runs of the true one."""
    hits = near = 0
    for seed in range(histories):
        found = shifts(make(np.random.default_rng(seed)), seed=seed)
        hits += bool(found)
        near += at is not None and any(abs(shift.index - at) <= 10 for shift in found)
    return hits / histories, None if at is None else near / histories


def normal(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return ln medians of steady runs."""
    return rng.normal(0, SD, n)


def heavy(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return the same with rare large deviations."""
    return rng.standard_t(3, n) * SD / np.sqrt(3)


def correlated(rng: np.random.Generator, n: int, rho: float) -> np.ndarray:
    """Return the same with neighbours that resemble each other."""
    noise = rng.normal(0, SD, n)
    for index in range(1, n):
        noise[index] = rho * noise[index - 1] + np.sqrt(1 - rho**2) * noise[index]
    return noise


def stepped(values: np.ndarray, at: int) -> np.ndarray:
    """Return values with the step from one place on."""
    return values + np.log1p(STEP) * (np.arange(len(values)) >= at)


def since(began: float) -> str:
    """Return the seconds since then."""
    return f"{time.perf_counter() - began:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
