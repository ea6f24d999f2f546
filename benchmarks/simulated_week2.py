"""Measure the simulated week-2 day, 100 times as fast, and hold every span against the truth.

Two runs: the profile `week2-a10g` as it is, and the same day with a container that takes 40 s to
wake, refuses calls meanwhile, and later drops one call in twenty. No warm-up goes before, so that
the first trial pays for the cold start. Compared with the server's own log: the median of each
stage, which attempts were made, every trial from end to end with its pauses, and of each slow
trial the cold start and the retries. The limit is the run's own timing uncertainty, multiplied as
the times are; it must be within 5 % of the median.

    python benchmarks/simulated_week2.py [--repeats 4] [--scale 100]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from liftlab.jobs import running
from liftlab.runner.endpoint_lifecycle import SERVER_LOG
from liftlab.serving.simulation import profile
from liftlab.serving.simulation.truth import read_truth
from liftlab.settings import load_project
from liftlab.store import RunData

SUITE = Path(__file__).parents[1] / "data" / "suites" / "mvp.toml"
PROFILE = Path(profile.__file__).parent / "profiles" / "week2-a10g.toml"
SETTINGS = """
[run]
suite = "mvp"
endpoint = "simulated"
concurrency = 1
repeats = {repeats}
[endpoints.simulated]
protocol = "lift"
serve = "simulator"
profile = "{profile}"
time_scale = {scale}
[endpoints.simulated.retry]
first_wait_s = {wait}
longest_wait_s = {wait}
retries = 40
"""
FAULTS = '[[faults]]\nfault = "status code=503"\nshare = 0.025\n'
FAULTS += '[[faults]]\nfault = "reset-in-body"\nshare = 0.025\n'
KEY = ["case_id", "repeat"]


def main() -> int:
    """Print each comparison; return 1 if one is beyond its limit."""
    parser = argparse.ArgumentParser(description="hold a simulated day against the truth")
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--scale", type=float, default=100.0)
    options = parser.parse_args()
    good = True
    for name in ("week2-a10g", "with storms and faults"):
        with tempfile.TemporaryDirectory() as folder:
            run = measure(Path(folder), name, options.repeats, options.scale)
            print(f"\n{name}: {len(run.trials)} trials, {len(run.attempts)} attempts")
            good = compare(run, options.scale) and good
    return 0 if good else 1


def measure(folder: Path, name: str, repeats: int, scale: float) -> RunData:
    """Run the suite on the simulated day, without a warm-up."""
    told = "week2-a10g"
    if name != told:
        day = PROFILE.read_text().replace("load_s = 0.4", "load_s = 40\nstorm = [503, 408, 502]")
        (folder / "stormy.toml").write_text(day + FAULTS)
        told = str(folder / "stormy.toml")
    suites = folder / "data" / "suites"
    suites.mkdir(parents=True)
    (suites / "mvp.toml").write_bytes(SUITE.read_bytes())
    settings = SETTINGS.format(repeats=repeats, profile=told, scale=scale, wait=5 / scale)
    (folder / "liftlab.toml").write_text(settings)
    run = running.run_suite(running.plan_run(load_project(folder, environ={}), warm_up=False))
    run.attempts.attrs["truth"] = read_truth(run.folder.path / SERVER_LOG)
    return run


def compare(run: RunData, scale: float) -> bool:
    """Hold a run against its server's log; times are those of the day, in seconds."""
    truth = pd.DataFrame(run.attempts.attrs["truth"]).set_index("request_id").add_prefix("true_")
    attempts = run.attempts.join(truth, on="request_id")
    seen = attempts["true_received_s"].notna()
    limit_s = run.run.timing_uncertainty_s or 0.0
    median_s = float(run.trials["e2e_s"].median())
    within = limit_s <= 0.05 * median_s
    print(
        f"  E2E median {median_s:.2f} s; stated uncertainty {limit_s:.3f} s, "
        f"{limit_s / median_s:.1%} of it (limit 5 %) {verdict(within)}"
    )
    good = within & line("attempts without a line in the server's log", int((~seen).sum()), 0)
    spans = attempts[seen].assign(
        begin=lambda a: a["sent_s"],
        end=lambda a: a["last_byte_s"].fillna(a["ended_s"]),
        true_begin=lambda a: a["true_received_s"] * scale,
        true_end=lambda a: a["true_last_byte_s"] * scale,
        own=lambda a: a["end"] - a["begin"],
        true=lambda a: a["true_end"] - a["true_begin"],
        cold_own=lambda a: a["cold_s"].fillna(0.0),
        cold_true=lambda a: a["true_cold_s"].fillna(0.0) * scale,
    )
    for stage, rows in spans.groupby("stage", sort=False):
        whole = rows[rows["transport_ok"]]
        off = abs(float(whole["own"].median() - whole["true"].median()))
        good &= line(f"{stage}: attempt median {whole['own'].median():.2f} s, off by", off, limit_s)
    stages = run.stages.merge(_true_stages(spans), on=[*KEY, "stage"])
    wrong = int((stages["attempts"] != stages["true_attempts"]).sum())
    good &= line("stages with another number of attempts than the server saw", wrong, 0)
    good &= line("E2E of a trial, off by at most", _worst_trial(spans), limit_s)
    storms = spans["true_fault"] == "storm"
    missed = int((storms != ((spans["cold"] == True) & ~spans["transport_ok"])).sum())  # noqa: E712
    good &= line(
        f"refusals of the waking container ({int(storms.sum())}) told otherwise", missed, 0
    )
    return bool(good & slow_trials(spans, limit_s))


def slow_trials(spans: pd.DataFrame, limit_s: float) -> bool:
    """Compare cold start and retries of each trial that had any."""
    good, worst_cold, worst_retry, cold, retried = True, 0.0, 0.0, 0, 0
    for _, rows in spans.groupby(KEY):
        vain = rows[~rows["valid"]]
        if len(vain):
            retried += 1
            worst_retry = max(worst_retry, abs(vain["own"].sum() - vain["true"].sum()) / len(vain))
        held = rows[rows["transport_ok"]]
        if (held["cold_true"] > 0).any() or (held["cold_own"] > 0).any():
            cold += 1
            worst_cold = max(worst_cold, abs(held["cold_own"].sum() - held["cold_true"].sum()))
    good &= line(f"retries of {retried} trials, off an attempt by at most", worst_retry, limit_s)
    return good & line(f"cold start of {cold} trials, off by at most", worst_cold, limit_s)


def _worst_trial(spans: pd.DataFrame) -> float:
    trials = spans.groupby(KEY)
    own = trials["end"].max() - trials["begin"].min()
    true = trials["true_end"].max() - trials["true_begin"].min()
    return float((own - true).abs().max())


def _true_stages(spans: pd.DataFrame) -> pd.DataFrame:
    sizes = spans.groupby([*KEY, "stage"]).size()
    return sizes.rename("true_attempts").reset_index()


def line(what: str, value: float, limit: float) -> bool:
    """Print one comparison, and say whether it holds."""
    text = f"{value:d}" if isinstance(value, int) else f"{value:.3f} s (limit {limit:.3f} s)"
    print(f"  {what}: {text} {verdict(value <= limit)}")
    return value <= limit


def verdict(good: bool) -> str:
    """Return a word for it."""
    return "ok" if good else "BEYOND"


if __name__ == "__main__":
    raise SystemExit(main())
