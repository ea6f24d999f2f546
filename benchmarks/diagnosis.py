"""Run a suite against a simulator with planted causes, and hold the diagnosis to its own log.

    python benchmarks/diagnosis.py [--runs 10] [--seed 1]

Each run goes the whole way: processes, records, analysis. The truth of a stage is the simulator's
log: waits for a slot, tokens over the usual, attempts in vain, pauses of its faults. Of every stage
at least 1.5 times as slow as its median the main cause that is found is held against the truth's
largest part; then again with the traces of a stall left out. A minute.
"""

from __future__ import annotations

import argparse
import collections
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from liftlab import store
from liftlab.analysis.slow_steps import SlowStep, slow_steps
from liftlab.jobs import running
from liftlab.runner.endpoint_lifecycle import SERVER_LOG
from liftlab.serving.simulation.truth import read_truth
from liftlab.settings import load_project
from liftlab.store import RunData

TOKEN_S, STALL_S, SCALE, SLOW = 0.04, 12.0, 40.0, 1.5
TRACES = ("max_gap_s", "server_s", "queue_s")
SETTINGS = f"""
[run]
suite = "planted"
endpoint = "sim"
concurrency = 3
repeats = 1
[endpoints.sim]
protocol = "lift"
serve = "simulator"
profile = "%s"
time_scale = {SCALE}
"""
# Noise of ± 17 % evenly is that of a σ of .10.
PROFILE = f"""
seed = %d
slots = 2
[service]
base_s = 0.4
base_spread = 0.17
token_s = {TOKEN_S}
token_spread = 0.17
[tokens]
ir = [90, 110]
body = [90, 110]
branching = [300, 500]
[answers.plain]
does_not_parse = 0.1
[[faults]]
fault = "stall-in-body s={STALL_S}"
share = 0.05
"""
PROMPTS = ["Double a number."] * 18 + ["Return the larger of two numbers a and b."] * 2


def measured(folder: Path, seed: int) -> tuple[RunData, pd.DataFrame]:
    """Run the suite; return the run, and its attempts joined with the simulator's log."""
    suites = folder / "data" / "suites"
    suites.mkdir(parents=True)
    cases = "".join(
        f'[[cases]]\ncase_id = "case{n:02}"\nprompt = "{prompt}"\nchecks = [[[1], 2]]\n'
        for n, prompt in enumerate(PROMPTS)
    )
    (suites / "planted.toml").write_text(f'name = "planted"\n{cases}')
    (folder / "planted.toml").write_text(PROFILE % seed)
    (folder / "liftlab.toml").write_text(SETTINGS % (folder / "planted.toml"))
    run = running.run_suite(running.plan_run(load_project(folder, environ={})))
    truth = pd.DataFrame(read_truth(run.folder.path / SERVER_LOG)).set_index("request_id")
    truth = store.rescale(truth, run.sped_up)
    mine = run.attempts[run.attempts["phase"] == "measure"]
    return run, mine.join(truth.add_suffix("_true"), on="request_id").sort_values("seq")


def true_cause(attempts: pd.DataFrame, usual_tokens: float) -> str:
    """Return the largest part of what the log says of one stage's attempts."""
    last = attempts.iloc[-1]
    parts = {
        "queue": attempts["queue_s_true"].sum(),
        "retry": attempts["service_s_true"].iloc[:-1].sum(),
        "longer_answer": TOKEN_S * (last["tokens_true"] - usual_tokens),
        "stall": STALL_S * attempts["fault_true"].fillna("").str.len().gt(0).sum(),
    }
    return max(parts, key=lambda cause: parts[cause])


def named(step: SlowStep | None) -> str:
    """Return the main cause."""
    return "not slow" if step is None else step.main_cause


def main() -> None:
    """Print how often each planted cause is found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for seed in range(options.seed, options.seed + options.runs):
        with tempfile.TemporaryDirectory() as folder:
            run, attempts = measured(Path(folder), seed)
        with_traces = slow_steps(run.trials, run.stages, run.attempts)
        without = slow_steps(run.trials, run.stages, run.attempts.drop(columns=list(TRACES)))
        for stage, rows in run.stages.groupby("stage"):
            usual = float(np.median(attempts.loc[attempts["stage"] == stage, "tokens_true"]))
            for row in rows[rows["latency_s"] >= SLOW * rows["latency_s"].median()].itertuples():
                place = (row.case_id, row.stage)
                mine = (attempts["case_id"] == row.case_id) & (attempts["stage"] == row.stage)
                cause = true_cause(attempts[mine], usual)
                for label, steps in ((cause, with_traces), (f"{cause}, no trace", without)):
                    each = {(e.case_id, e.stage): e for e in steps}.get(place)
                    found[label][named(each)] += 1
    for label in sorted(found):
        print(f"{label:<28} {dict(found[label].most_common())}")


if __name__ == "__main__":
    main()
