"""How much of a run is liftlab's own: all time in which no request was under way.

Runs a suite on the embedded model, one trial at a time. From the first call to the last byte
that came, what is neither a request (sent to last byte) nor a back-off is overhead: building
prompts, writing rows, waiting for the disk, parsing answers in the sandbox. Grading comes later.

    python benchmarks/overhead.py [--repeats 1]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from liftlab.jobs import running
from liftlab.settings import load_project
from liftlab.store import RunData

SUITE = Path(__file__).parents[1] / "data" / "suites" / "mvp.toml"
LIMIT = 0.01


def main() -> int:
    """Print the overhead of a run and of its trials; return 1 if the run's is over 1 %."""
    parser = argparse.ArgumentParser(description="measure what liftlab itself takes")
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        suites = Path(folder) / "data" / "suites"
        suites.mkdir(parents=True)
        (suites / "mvp.toml").write_bytes(SUITE.read_bytes())
        settings = f'[run]\nendpoint = "local"\nconcurrency = 1\nrepeats = {options.repeats}\n'
        (Path(folder) / "liftlab.toml").write_text(settings)
        run = running.run_suite(running.plan_run(load_project(Path(folder), environ={})))
        whole, trials = overhead(run)
    trials.sort()
    print(
        f"{len(trials)} trials of {run.trials['e2e_s'].median():.2f} s in the median, "
        f"{(run.attempts['phase'] == 'measure').sum()} requests: overhead {whole:.2%} of the run "
        f"(limit {LIMIT:.0%}), {trials[len(trials) // 2]:.2%} of a trial in the median, "
        f"{trials[-1]:.2%} at most"
    )
    return 1 if whole > LIMIT else 0


def overhead(run: RunData) -> tuple[float, list[float]]:
    """Return the share of the run that is overhead, and that of each trial with what follows it."""
    attempts = run.attempts[run.attempts["phase"] == "measure"].sort_values("seq")
    ended = attempts["last_byte_s"].fillna(attempts["ended_s"])  # a failed one has no last byte
    busy = (ended - attempts["sent_s"]) + attempts["backoff_before_s"].fillna(0)
    end_s = float(ended.max())
    begun = attempts.groupby(["case_id", "repeat"])["called_s"].min().sort_values()
    spent = busy.groupby([attempts["case_id"], attempts["repeat"]]).sum()
    next_s = [*begun.iloc[1:], end_s]
    trials = [
        1 - float(spent[key]) / (until_s - from_s)
        for (key, from_s), until_s in zip(begun.items(), next_s, strict=True)
    ]
    return 1 - float(busy.sum()) / (end_s - float(begun.iloc[0])), trials


if __name__ == "__main__":
    raise SystemExit(main())
