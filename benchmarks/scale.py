"""What it costs to go past one process: a load in segments, grading on a cluster, on loopback.

    python benchmarks/scale.py [PART…] [--rounds N] [--requests N] [--samples N] [--answers N]

`load` holds `liftlab load --processes 2` against one process: processor time a request, whether
the arrivals of all are one Poisson process, how far times are from the server's own, and what is
there after a process is killed and its segment resumed.

`grading` grades the same answers by one process and by a cluster of four workers, of which two are
killed in mid-run: verdicts must be the same to the byte, but for times.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from liftlab.serving.simulator import SimulatorServer
from liftlab.store import RunFolder, committed, read_journal

MOST_CPU, MOST_ERROR = 1.15, 1.25  # of one process's
SAME_MS = 0.01  # what errors may differ by: each process of two is idle for longer, and wakes later
RATE_RPS, SEED = 100.0, 20251015
CASES = (
    {"case_id": "double", "prompt": "Double x.", "checks": [[[2], 4], [[-3], -6], [[0], 0]]},
    {"case_id": "evens", "prompt": "The even ones.", "checks": [[[[1, 2, 4]], [2, 4]], [[[]], []]]},
)
ANSWERS = {
    "double": (
        "def f(x):\n    mark = {n}\n    return x * 2\n",
        "def f(x):\n    mark = {n}\n    return x ** 2\n",
        "Sure:\n```python\ndef f(x):\n    return x + x  # {n}\n```\n",
        "def f(x):\n    raise ValueError({n})\n",
    ),
    "evens": (
        "def f(xs):\n    return [x for x in xs if x % 2 == 0]  # {n}\n",
        "def f(xs):\n    print({n}, xs)\n",
        "def f(xs)\n    return {n}\n",
    ),
}
KILLED_AFTER = (0.25, 0.6)  # of the answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One load: what it says, its measured attempts, and what it took of the processor."""

    shown: dict[str, Any]
    folder: RunFolder
    cpu_s: float

    def measured(self) -> Any:
        """Return its attempts without those of the warm-up."""
        attempts = read_journal(self.folder)["attempt"]
        return attempts[attempts["phase"] == "measure"]


def main() -> int:
    """Print each number with its target; 1 if one is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=40_000)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--answers", type=int, default=20_000, help="different ones among them")
    options = parser.parse_args()
    missed = [name for part in options.parts for name in PARTS[part](options)]
    for name in missed:
        print(f"MISSED: {name}")
    return 1 if missed else 0


def load(options: argparse.Namespace) -> list[str]:
    """Hold two processes against one; return what was missed."""
    with tempfile.TemporaryDirectory() as name, SimulatorServer("instant") as server:
        folder = Path(name)
        (folder / "liftlab.toml").write_text("")
        return [
            *processor_time(folder, server, options.rounds, options.requests),
            *arrivals(folder, server, min(options.requests, 3000)),
            *errors(folder, server, options.rounds, min(options.requests, 1000)),
            *killed(folder, server, min(options.requests, 8000)),
        ]


def send(folder: Path, server: SimulatorServer, *more: str) -> Sent:
    """Send a load with the command, and wait for it."""
    command = [sys.executable, "-m", "liftlab", "load", server.openai_url, "--protocol", "openai"]
    command += ["--model", server.profile.model, "--seed", str(SEED), "--json", *more]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 5):
        raise RuntimeError(f"liftlab load ended with {done.returncode}: {done.stderr[-800:]}")
    shown = json.loads(done.stdout)
    return Sent(
        shown=shown,
        folder=RunFolder(folder / "data" / "runs" / shown["run"]["run_id"]),
        cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    )


def processor_time(folder: Path, server: SimulatorServer, rounds: int, requests: int) -> list[str]:
    """Compare what the whole command takes of the processor, start and merge included."""
    asked, ratios = ["-n", str(requests), "-c", "64"], []
    for _ in range(rounds):
        one = send(folder, server, *asked)
        two = send(folder, server, *asked, "--processes", "2")
        ratios.append(two.cpu_s / one.cpu_s)
        rates = [sent.shown["load"]["ok_per_second"] for sent in (one, two)]
        print(
            f"processor a request: {1e6 * one.cpu_s / requests:.0f} µs in one process, "
            f"{1e6 * two.cpu_s / requests:.0f} µs in two; {rates[0]:.0f} and {rates[1]:.0f} "
            "answered a second",
            flush=True,
        )
    ratio = statistics.median(ratios)
    print(f"two processes take {ratio:.2f} times the processor time of one (≤ {MOST_CPU})")
    return [] if ratio <= MOST_CPU else [f"processor time: {ratio:.2f} × one process"]


def arrivals(folder: Path, server: SimulatorServer, requests: int) -> list[str]:
    """Test what all segments were to send, and sent, as one plan's arrivals are tested.

    How late a busy machine sends disturbs one process as it does two: what one fails, too, is said.
    """
    asked = ["-n", str(requests), "--rate", str(RATE_RPS)]
    one = send(folder, server, *asked).measured()
    two = send(folder, server, *asked, "--processes", "2").measured()
    missed = []
    for name in ("scheduled_s", "sent_s"):
        of_one, of_two = (poisson_faults(np.sort(rows[name].to_numpy())) for rows in (one, two))
        for of, faults in (("one process", of_one), ("the union of two", of_two)):
            said = "; ".join(f"{what} ({value:.3f})" for what, value in faults.items())
            print(f"arrivals of {of}, {name}: {said or 'a Poisson process'}", flush=True)
        missed += [f"arrivals, {name}: {fault}" for fault in of_two.keys() - of_one.keys()]
    return missed


def poisson_faults(moments: Any) -> dict[str, float]:
    """Return which of the tests of `tests/runner/test_arrivals.py` moments fail, and with what."""
    gaps = np.diff(moments)
    counts = np.bincount((moments - moments[0]).astype(int))[:-1]
    lagged = max(abs(np.corrcoef(gaps[:-lag], gaps[lag:])[0, 1]) for lag in (1, 2, 3))
    slack = 3 / np.sqrt(len(gaps))
    rate, spread = gaps.mean() * RATE_RPS, gaps.std() / gaps.mean()
    uneven = counts.var() / counts.mean()
    fit = stats.kstest(gaps, "expon", (0, gaps.mean())).pvalue
    found = {
        "not the rate asked for": (rate, abs(rate - 1) > max(0.025, slack)),
        "gaps know each other": (lagged, lagged > slack),
        "gaps are too even or uneven": (spread, abs(spread - 1) > 2 * slack),
        "gaps are not exponential": (fit, fit <= 0.01),
        "counts a second are not": (uneven, abs(uneven - 1) > 3 * np.sqrt(2 / len(counts))),
    }
    return {what: float(value) for what, (value, fault) in found.items() if fault}


def errors(folder: Path, server: SimulatorServer, rounds: int, requests: int) -> list[str]:
    """Compare how far times are from the server's own log."""
    ratios = []
    for _ in range(rounds):
        asked = ["-n", str(requests), "--rate", "200"]
        one = error_ms(send(folder, server, *asked), server)
        two = error_ms(send(folder, server, *asked, "--processes", "2"), server)
        ratios.append([max(0.0, b - SAME_MS) / a for a, b in zip(one, two, strict=True)])
        print(
            f"error against the server's clock, P50 / P99: {one[0]:.3f} / {one[1]:.2f} ms in one "
            f"process, {two[0]:.3f} / {two[1]:.2f} ms in two",
            flush=True,
        )
    p50, p99 = (statistics.median(column) for column in zip(*ratios, strict=True))
    print(
        f"two processes: {p50:.2f} and {p99:.2f} times the error of one, beyond {SAME_MS} ms "
        f"(≤ {MOST_ERROR})"
    )
    return [] if max(p50, p99) <= MOST_ERROR else [f"error: {p50:.2f} and {p99:.2f} × one's"]


def error_ms(sent: Sent, server: SimulatorServer) -> tuple[float, float]:
    """Return P50 and P99 of the difference between our spans and the server's."""
    truth = {line["request_id"]: line for line in server.truth()}
    rows = sent.measured()
    true = [truth[request_id] for request_id in rows["request_id"]]
    true_s = np.array([line["last_byte_s"] - line["received_s"] for line in true])
    found = np.abs((rows["last_byte_s"] - rows["sent_s"]).to_numpy() - true_s)
    p50, p99 = 1e3 * np.quantile(found, [0.5, 0.99])
    return float(p50), float(p99)


def killed(folder: Path, server: SimulatorServer, requests: int) -> list[str]:
    """Kill one of two load processes, resume its segment, merge, and look for each request."""
    known = (
        set((folder / "data" / "runs").iterdir()) if (folder / "data" / "runs").exists() else set()
    )
    command = [sys.executable, "-m", "liftlab", "load", server.openai_url, "--protocol", "openai"]
    command += ["-c", "16", "-n", str(requests), "--processes", "2"]
    with subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as run:
        victim = wait_for(folder, known, requests // 8)
        os.kill(load_process_of(victim), signal.SIGKILL)
        run.communicate()
    before = len(committed(victim))
    merged = victim.path.with_name(victim.run_id.removesuffix("_2of2"))
    liftlab(folder, "load", "--resume", victim.run_id)
    liftlab(folder, "merge", f"{merged.name}_1of2", victim.run_id)
    frames = read_journal(RunFolder(merged))
    attempts = frames["attempt"][frames["attempt"]["phase"] == "measure"]
    lost = int(attempts["abandoned"].sum())
    numbers = list(range(1, requests + 1))
    served = [line["request_id"] for line in server.truth() if merged.name in line["request_id"]]
    rows_of = set(frames["attempt"]["request_id"].dropna())
    missed = []
    if sorted(frames["trial"]["repeat"]) != numbers or sorted(attempts["repeat"]) != numbers:
        missed.append("after a kill: the rows are not the plan, each once")
    if len([name for name in served if name not in rows_of]) > lost:
        missed.append("after a kill: something was sent again")
    print(
        f"killed after {before:,} of {requests // 2:,} rows and resumed: "
        f"{len(attempts):,} rows of {requests:,} planned, {lost} of them sent and lost"
    )
    return missed


def grading(options: argparse.Namespace) -> list[str]:
    """Grade the same samples twice, once on a cluster that loses two workers; compare."""
    count, answers = options.samples, options.answers
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "suite.jsonl").write_text("".join(json.dumps(case) + "\n" for case in CASES))
        with (folder / "samples.jsonl").open("w") as file:
            file.writelines(json.dumps(sample(n % answers)) + "\n" for n in range(count))
        started = time.perf_counter()
        liftlab(folder, *grade("one.jsonl"))
        ended = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-m", "liftlab", *grade("many.jsonl"), "--cluster", "local:4"],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        ) as cluster:  # fmt: skip
            for share in KILLED_AFTER:
                kill_one(cluster, folder, int(share * answers))
            _, said = cluster.communicate()
        if cluster.returncode:
            return [f"grading on a cluster ended with {cluster.returncode}: {said[-300:]!r}"]
        rates = [answers / (ended - started), answers / (time.perf_counter() - ended)]
        is_same = timeless(folder / "one.jsonl") == timeless(folder / "many.jsonl")
        size = (folder / "many.jsonl").stat().st_size / count
    print(
        f"{count:,} samples, {answers:,} different: {rates[0]:.0f} programs a second by one "
        f"process, {rates[1]:.0f} by four workers of which two were killed; {size:.0f} bytes a "
        f"verdict; {'the same' if is_same else 'OTHER'} verdicts but for times"
    )
    return [] if is_same else ["grading: a cluster's verdicts differ from one process's"]


def sample(number: int) -> dict[str, str]:
    """Return an answer; another number is another answer."""
    case_id = list(ANSWERS)[number % 2]
    forms = ANSWERS[case_id]
    return {"case_id": case_id, "code": forms[number // 2 % len(forms)].format(n=number)}


def grade(out: str) -> list[str]:
    """Return the words that grade the samples of the folder."""
    return ["grade", "samples.jsonl", "--suite", "suite.jsonl", "--out", out]


def kill_one(cluster: subprocess.Popen[bytes], folder: Path, after: int) -> int:
    """Kill a worker once so many verdicts are there; return its process's number."""
    while cluster.poll() is None:
        found = [*folder.glob("many.jsonl.*.shard")]
        text = found[0].read_text() if found else ""
        if text.count('"verdict"') >= after:
            at_work = dict.fromkeys(map(int, re.findall(r'"by": "[^"]*process (\d+)', text)))
            for process in at_work:
                if Path(f"/proc/{process}").exists():
                    os.kill(process, signal.SIGKILL)
                    return process
        time.sleep(0.2)
    raise SystemExit("the cluster ended before a worker could be killed")


def timeless(path: Path) -> list[str]:
    """Return the lines of verdicts without their times."""
    return [re.sub(r', "(cpu|wall)_s": [^,}]+', "", line) for line in path.open()]


def liftlab(folder: Path, *words: str) -> None:
    """Run the command, which has to end well."""
    command = [sys.executable, "-m", "liftlab", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"liftlab {' '.join(words)}: {done.stderr[-800:]}")


def wait_for(folder: Path, known: set[Path], rows: int) -> RunFolder:
    """Return the second segment of a new load once it has some rows."""
    deadline_s = time.monotonic() + 120
    while time.monotonic() < deadline_s:
        new = [p for p in (folder / "data" / "runs").glob("*_2of2") if p not in known]
        if new and len(committed(RunFolder(new[0]))) >= rows:
            return RunFolder(new[0])
        time.sleep(0.02)
    raise TimeoutError("no segment got under way")


def load_process_of(run: RunFolder) -> int:
    """Return the load process that writes a run."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"liftlab.runner.child" in (process / "cmdline").read_bytes():
                files = [os.readlink(link) for link in (process / "fd").iterdir()]
                if str(run.journal_path) in files:
                    return int(process.name)
        except OSError:
            continue
    raise LookupError(f"nobody writes {run.run_id}")


PARTS: dict[str, Callable[[argparse.Namespace], Sequence[str]]] = {
    "load": load,
    "grading": grading,
}


if __name__ == "__main__":
    raise SystemExit(main())
