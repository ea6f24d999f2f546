"""How long a large run takes to become tables and pages, and in how much memory.

    python benchmarks/scale_of_a_run.py [--trials 100000] [--pipeline direct|lift] [--keep DIR]

Writes the journal of a made-up run: 50 prompts, 100 distinct answers, one or two attempts a stage,
every span known. Then opens it (grading, tables), asks each part of its summary, and writes its
report, each in a process of its own. Prints wall and processor seconds, the peak memory of all
processes together and the size of the pages. At 100,000 attempts wanted: tables in 10 s, report in
20 s, under 1 GB; at a million 60 s and 2 GB; no page above 1 MB, 3 MB in all.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

from liftlab import jobs, store, summary
from liftlab.records import Run
from liftlab.settings import load_project

ROOT = Path(__file__).parents[1]
RUN_ID, SEED = "20260101_000000_made", 20260101
CASES, AGAIN = 50, 0.15
KINDS = ("arithmetic", "strings", "lists", "edge_cases", "control_flow")
STAGES = {"direct": ("code",), "lift": ("nlp_to_ir", "ir_to_code")}
CODE = "def add_{0}(x):\n    return x + {0}{1}\n"
PARTS = (
    "targets", "answers", "failures", "examples", "right_by", "trials", "latency", "spread",
    "slow", "drift", "cost", "budget", "claims", "published", "recommendations", "provenance",
)  # fmt: skip


def main() -> int:
    """Print each step; return 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--pipeline", choices=STAGES, default="direct")
    parser.add_argument("--keep", type=Path, help="a folder to make the project in, and to leave")
    parser.add_argument("--parts", action="store_true", help="only ask for each part")
    parser.add_argument("--profile", action="store_true", help="ask for each part, too")
    options = parser.parse_args()
    if options.parts:
        return parts(options.keep)
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    place = tempfile.TemporaryDirectory() if options.keep is None else nullcontext(options.keep)
    with place as folder:
        project = Path(folder)
        began = time.perf_counter()
        attempts = write_run(project, options.trials, options.pipeline)
        print(f"{options.trials:,} trials, {attempts:,} attempts, {options.pipeline}: ", end="")
        print(f"journal written in {time.perf_counter() - began:.1f} s")
        python = [sys.executable]
        opened = f"from liftlab import jobs; jobs.open_run({RUN_ID!r})"
        used = [measured("tables", [*python, "-c", opened], project)]
        if options.profile:
            measured("parts", [*python, __file__, "--parts", "--keep", str(project)], project)
        command = [*python, "-m", "liftlab", "report", RUN_ID]
        used.append(measured("report", command, project))
        sizes = {path.name: path.stat().st_size for path in pages(project)}
        for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
            print(f"{size / 1e6:8.2f} MB  {name}")
    large = attempts > 2e5
    late = used[0][0] + used[1][0] > 60 if large else used[0][0] > 10 or used[1][0] > 20
    heavy = max(peak for _, peak in used) > (2000 if large else 1000)
    return int(late or heavy or max(sizes.values()) > 1e6 or sum(sizes.values()) > 3e6)


def parts(folder: Path) -> int:
    """Ask for each part of the run's summary, in the order in which the pages do."""
    project = load_project(folder)
    with step("tables read"):
        run = jobs.open_run(RUN_ID, project=project)
    told = summary.summarize(run, project)
    from liftlab.reporting.sections import section_of

    for name in PARTS:
        with step(name):
            part = getattr(told, name)
        with step(f"{name} as a section"):
            html = str(section_of(part).html())
        print(f"{'':30} {len(html) / 1e3:7.0f} kB")
    return 0


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print what a step takes, and by how much it raised the highest memory so far."""
    import resource

    wall, cpu = time.perf_counter(), time.process_time()
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:30} {wall:7.2f} s, {cpu:7.2f} s processor, peak {peak:5.0f} MB", flush=True)


def measured(name: str, command: list[str], folder: Path) -> tuple[float, float]:
    """Run a command; print and return its wall seconds and the peak memory of its processes."""
    began, before = time.perf_counter(), os.times()
    with subprocess.Popen(
        command, cwd=folder, env=os.environ | {"LIFTLAB_PROJECT": str(folder)}
    ) as process:
        peak = [0.0]
        watch = threading.Thread(target=watched, args=(process, peak))
        watch.start()
        process.wait()
        watch.join()
    if process.returncode:
        raise SystemExit(f"{name}: the command failed")
    wall, after = time.perf_counter() - began, os.times()
    cpu = sum(after[2:4]) - sum(before[2:4])
    print(f"{name}: {wall:.1f} s, {cpu:.1f} s processor, peak {peak[0]:.0f} MB", flush=True)
    return wall, peak[0]


def watched(process: subprocess.Popen[bytes], peak: list[float]) -> None:
    """Keep the highest memory of a process and its descendants; shared pages count in parts."""
    while process.poll() is None:
        with suppress(psutil.Error):
            first = psutil.Process(process.pid)
            family = [first, *first.children(recursive=True)]
            peak[0] = max(peak[0], sum(each.memory_full_info().pss for each in family) / 2**20)
        time.sleep(0.1)


def pages(project: Path) -> list[Path]:
    """Return the files of the report."""
    return [path for path in (project / "reports" / RUN_ID).iterdir() if path.is_file()]


def write_run(project: Path, trials: int, pipeline: str) -> int:
    """Write a project with one run; return how many attempts it has."""
    for part in ("data", "notebooks"):
        shutil.copytree(
            ROOT / part, project / part, dirs_exist_ok=True, ignore=shutil.ignore_patterns("runs")
        )
    shutil.copy(ROOT / "liftlab.toml", project)
    shutil.rmtree(project / "data" / "runs", ignore_errors=True)
    run = Run(
        run_id=RUN_ID,
        suite="made_up",
        pipeline=pipeline,
        endpoint="made-up",
        protocol="openai",
        model="made-up",
        started_at="2026-01-01T00:00:00+00:00",
        finished_at="2026-01-02T00:00:00+00:00",
        status="complete",
        load="closed",
        concurrency=1,
        repeats=-(-trials // CASES),
        order_seed=1,
        timing_uncertainty_s=0.0004,
    )
    asked = {"endpoint": {"price": "modal-a10g", "cost_model": "gpu_seconds"}}
    manifest = {"suite": "made_up", "request": asked}
    folder = store.create(project / "data" / "runs", run, manifest, suite().encode(), ".toml")
    answers = [
        folder.artifacts.put_text(
            f'{{"code": {code!r}, "function": "add_{case}"}}'.replace("'", '"')
        )
        for case in range(CASES)
        for code in (CODE.format(case, ""), CODE.format(case, " + 1"))
    ]
    return fill(folder, trials, STAGES[pipeline], np.array(answers, dtype=object))


def suite() -> str:
    """Return a suite of functions that add a number each."""
    cases = [
        f'[[cases]]\ncase_id = "add_{case:02}"\nprompt = "Add {case} to x."\n'
        f'category = "{KINDS[case % 5]}"\ndifficulty = "{("easy", "hard")[case % 2]}"\n'
        f'entry_point = "add_{case}"\nchecks = [[[1], {case + 1}], [[-5], {case - 5}]]\n'
        for case in range(CASES)
    ]
    return "\n".join(['name = "made_up"', *cases])


def fill(folder: store.RunFolder, trials: int, stages: tuple[str, ...], answers: Any) -> int:
    """Write the rows of a journal; the later half of the stages' tries is asked again."""
    rng = np.random.default_rng(SEED)
    number = np.arange(trials)
    case = number % CASES
    key: dict[str, Any] = {
        "run_id": RUN_ID,
        "case_id": np.char.mod("add_%02d", case).astype(object),
        "repeat": number // CASES + 1,
    }
    wrong = (rng.random(trials) < 0.3).astype(int)
    value = answers[case * 2 + wrong]
    begun = np.arange(trials) * 20.0
    at, seq, e2e = begun, 0, np.zeros(trials)
    rows: dict[str, list[pd.DataFrame]] = {"attempt": [], "stage": []}
    for position, stage in enumerate(stages):
        tries = 1 + (rng.random(trials) < AGAIN)
        row = np.repeat(number, tries)
        second = np.diff(row, prepend=-1) == 0
        tokens = rng.integers(20, 60, len(row)) + case[row] % 7 * 5
        took = (0.3 + 0.05 * tokens) * rng.lognormal(0, 0.1, len(row))
        took[rng.random(len(row)) < 0.005] += 4
        ended = at[row] + took
        ended[second] += took[np.flatnonzero(second) - 1]
        last = np.cumsum(tries) - 1
        rows["attempt"].append(
            pd.DataFrame(
                {name: part if name == "run_id" else part[row] for name, part in key.items()}
            )
            .assign(stage=stage, attempt=np.where(second, 2, 1), phase="measure", model="made-up")
            .assign(seq=seq + 1 + np.arange(len(row)), sent_s=ended - took, ended_s=ended)
            .assign(last_byte_s=ended, first_byte_s=ended - took + 0.2, queue_s=0.01, cold=0)
            .assign(prompt_tokens=300, output_tokens=tokens, transport_ok=1, abandoned=0, ended=1)
            .assign(valid=1, retry_reason=np.where(second, "does_not_parse", None))
        )
        seq += len(row)
        final = position == len(stages) - 1
        rows["stage"].append(
            pd.DataFrame(key)
            .assign(stage=stage, position=position, ok=1, started_s=at, finished_s=ended[last])
            .assign(latency_s=ended[last] - at, attempts=tries, output_tokens=tokens[last])
            .assign(value_sha256=value if final else None, client_s=0.001)
        )
        at = ended[last]
    e2e = at - begun
    stamps = np.datetime64("2026-01-01T00:00:00.000") + (begun * 1000).astype("timedelta64[ms]")
    told = pd.DataFrame(key).assign(
        category=np.array(KINDS)[case % 5],
        difficulty=np.array(["easy", "hard"])[case % 2],
        started_at=np.char.add(np.datetime_as_string(stamps), "+00:00"),
        e2e_s=e2e, client_s=0.001, attempts=len(stages), completed=1,
    )  # fmt: skip
    insert(folder, {**rows, "trial": [told]})
    return seq


def insert(folder: store.RunFolder, rows: dict[str, list[pd.DataFrame]]) -> None:
    """Put rows into a journal, by table."""
    with closing(sqlite3.connect(folder.journal_path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        for table, frames in rows.items():
            for frame in frames:
                names = ", ".join(frame.columns)
                places = ", ".join("?" * len(frame.columns))
                columns = [frame[name].tolist() for name in frame]
                connection.executemany(
                    f"INSERT INTO {table} ({names}) VALUES ({places})", zip(*columns, strict=True)
                )
        connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'revision'")


if __name__ == "__main__":
    sys.exit(main())
