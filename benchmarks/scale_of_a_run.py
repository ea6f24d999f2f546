"""How long a large run takes to become tables and pages, and in how much memory.

    python benchmarks/scale_of_a_run.py [--trials 100000] [--pipeline direct|lift] [--keep DIR]
    python benchmarks/scale_of_a_run.py --read --trials 8700000

Writes the journal of a made-up run: 50 prompts, 100 distinct answers, one or two attempts a stage,
every span known. Then opens it (grading, tables), asks each part of its summary, and writes its
report, each in a process of its own. Prints wall and processor seconds, the peak memory of all
processes together and the size of the pages. At 100,000 attempts wanted: tables in 10 s, report in
20 s, under 1 GB; at a million 60 s and 2 GB; no page above 1 MB, 3 MB in all. With `--read` its
tables are written as they are, and the history, `show` and the status page read them: ten million
attempts in under 2 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from liftlab import store, summary
from liftlab.grading.grade import GRADER_VERSION
from liftlab.jobs import opening
from liftlab.jobs.opening import judged_by
from liftlab.records import SCHEMA_VERSION, TABLES, Run
from liftlab.settings import load_project
from liftlab.store import tables as written
from liftlab.store.frames import arrow_schema, table_columns

ROOT = Path(__file__).parents[1]
Rows = dict[str, pd.DataFrame]
Keep = Callable[[Rows], object]
RIGHT: set[str] = set()  # digests of right answers
AT_ONCE = 1_000_000  # trials that are made together
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
    parser.add_argument("--read", action="store_true", help="only read: history, show, status page")
    options = parser.parse_args()
    if options.parts:
        return parts(options.keep)
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    place = tempfile.TemporaryDirectory() if options.keep is None else nullcontext(options.keep)
    with place as folder:
        project = Path(folder)
        began = time.perf_counter()
        attempts = write_run(project, options.trials, options.pipeline, direct=options.read)
        print(f"{options.trials:,} trials, {attempts:,} attempts, {options.pipeline}: ", end="")
        what = "tables" if options.read else "journal"
        print(f"{what} written in {time.perf_counter() - began:.1f} s", flush=True)
        python = [sys.executable]
        if options.read:
            return int(max(peak for _, peak in read(project)) > 2000)
        opened = f"from liftlab.jobs import opening; opening.open_run({RUN_ID!r})"
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


STATUS_PAGE = f"""
from liftlab.jobs import opening
from liftlab.reporting.report import status_page
from liftlab.settings import load_project
run = opening.open_run({RUN_ID!r})
print(f"{{len(status_page(load_project(), run)) / 1e6:.2f}} MB")
"""


def read(project: Path) -> list[tuple[float, float]]:
    """Measure the history, what `show` prints, and the status page, of tables that are there."""
    liftlab = [sys.executable, "-m", "liftlab"]
    return [
        measured("history", [*liftlab, "history"], project),
        measured("show", [*liftlab, "show", RUN_ID], project),
        measured("status page", [sys.executable, "-c", STATUS_PAGE], project),
    ]


def parts(folder: Path) -> int:
    """Ask for each part of the run's summary, in the order in which the pages do."""
    project = load_project(folder)
    with step("tables read"):
        run = opening.open_run(RUN_ID, project=project)
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
        time.sleep(0.3)  # to look takes as long as a page does


def pages(project: Path) -> list[Path]:
    """Return the files of the report."""
    return [path for path in (project / "reports" / RUN_ID).iterdir() if path.is_file()]


def write_run(project: Path, trials: int, pipeline: str, *, direct: bool = False) -> int:
    """Write a project with one run; return how many attempts it has.

    `direct`: its tables instead of its journal.
    """
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
    RIGHT.update(answers[::2])
    where = tables(folder, project) if direct else journal(folder)
    with where as keep:
        return fill(trials, STAGES[pipeline], np.array(answers, dtype=object), keep)


def suite() -> str:
    """Return a suite of functions that add a number each."""
    cases = [
        f'[[cases]]\ncase_id = "add_{case:02}"\nprompt = "Add {case} to x."\n'
        f'category = "{KINDS[case % 5]}"\ndifficulty = "{("easy", "hard")[case % 2]}"\n'
        f'entry_point = "add_{case}"\nchecks = [[[1], {case + 1}], [[-5], {case - 5}]]\n'
        for case in range(CASES)
    ]
    return "\n".join(['name = "made_up"', *cases])


def fill(trials: int, stages: tuple[str, ...], answers: Any, keep: Keep) -> int:
    """Write the rows of a run, part by part; return how many attempts it has."""
    rng, seq = np.random.default_rng(SEED), 0
    for first in range(0, trials, AT_ONCE):
        number = np.arange(first, min(trials, first + AT_ONCE))
        rows, seq = made(number, seq, stages, answers, rng)
        keep(rows)
    return seq


def made(
    number: Any, seq: int, stages: tuple[str, ...], answers: Any, rng: np.random.Generator
) -> tuple[dict[str, pd.DataFrame], int]:
    """Return rows of some trials by table, and the last number of an attempt.

    Some of the stages' tries are asked again.
    """
    case, trials = number % CASES, len(number)
    key: dict[str, Any] = {
        "run_id": RUN_ID,
        "case_id": np.char.mod("add_%02d", case).astype(object),
        "repeat": number // CASES + 1,
    }
    wrong = (rng.random(trials) < 0.3).astype(int)
    value = answers[case * 2 + wrong]
    begun = number * 20.0
    at, place = begun, np.arange(trials)
    parts: dict[str, list[pd.DataFrame]] = {"attempt": [], "stage": []}
    for position, stage in enumerate(stages):
        tries = 1 + (rng.random(trials) < AGAIN)
        row = np.repeat(place, tries)
        second = np.diff(row, prepend=-1) == 0
        tokens = rng.integers(20, 60, len(row)) + case[row] % 7 * 5
        took = (0.3 + 0.05 * tokens) * rng.lognormal(0, 0.1, len(row))
        took[rng.random(len(row)) < 0.005] += 4
        ended = at[row] + took
        ended[second] += took[np.flatnonzero(second) - 1]
        last = np.cumsum(tries) - 1
        parts["attempt"].append(
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
        parts["stage"].append(
            pd.DataFrame(key)
            .assign(stage=stage, position=position, ok=1, started_s=at, finished_s=ended[last])
            .assign(latency_s=ended[last] - at, attempts=tries, output_tokens=tokens[last])
            .assign(value_sha256=value if final else None, client_s=0.001)
        )
        at = ended[last]
    stamps = np.datetime64("2026-01-01T00:00:00.000") + (begun * 1000).astype("timedelta64[ms]")
    told = pd.DataFrame(key).assign(
        category=np.array(KINDS)[case % 5],
        difficulty=np.array(["easy", "hard"])[case % 2],
        started_at=np.char.add(np.datetime_as_string(stamps), "+00:00"),
        e2e_s=at - begun, client_s=0.001, attempts=len(stages), completed=1,
    )  # fmt: skip
    parts["trial"] = [told]
    return {table: pd.concat(frames, ignore_index=True) for table, frames in parts.items()}, seq


@contextmanager
def journal(folder: store.RunFolder) -> Iterator[Keep]:
    """Put rows into a run's journal."""
    with closing(sqlite3.connect(folder.journal_path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")

        def keep(rows: Rows) -> None:
            for table, frame in rows.items():
                names = ", ".join(frame.columns)
                places = ", ".join("?" * len(frame.columns))
                columns = [frame[name].tolist() for name in frame]
                connection.executemany(
                    f"INSERT INTO {table} ({names}) VALUES ({places})", zip(*columns, strict=True)
                )

        yield keep
        connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'revision'")


@contextmanager
def tables(folder: store.RunFolder, project: Path) -> Iterator[Keep]:
    """Write rows as tables that were graded and priced: to do that takes all of them at once."""
    noted = {
        "schema_version": SCHEMA_VERSION,
        "state": written._state(folder),
        "judged_by": judged_by(load_project(project)),
    }
    store.write_tables(folder, {"run": store.read_journal(folder)["run"]})
    with ExitStack() as stack:
        files = {}
        for table in TABLES:
            own = {"liftlab": json.dumps({**noted, "table": table})}
            kinds = arrow_schema(table_columns(table)).with_metadata(own)
            if table != "run":
                path = written.table_path(folder, table)
                files[table] = pq.ParquetWriter(path, kinds, write_page_checksum=True)
                stack.enter_context(files[table])
            else:
                path = written.table_path(folder, table)
                pq.write_table(pq.read_table(path).replace_schema_metadata(own), path)

        def keep(rows: Rows) -> None:
            for table, frame in graded(rows).items():
                kinds = files[table].schema
                missing = {name: None for name in kinds.names if name not in frame}
                whole = frame.assign(**missing)[kinds.names]
                files[table].write_table(pa.Table.from_pandas(whole, kinds, preserve_index=False))

        yield keep


def graded(rows: Rows) -> Rows:
    """Return rows with the verdicts and costs that opening their run would give."""
    attempts, stages, trials = (rows[table] for table in ("attempt", "stage", "trial"))
    booleans = {"transport_ok": bool, "abandoned": bool, "valid": bool, "cold": bool}
    attempts = attempts.drop(columns="ended").astype(booleans)
    usd = (attempts["last_byte_s"] - attempts["sent_s"]) * 1.1 / 3600
    cost = attempts[["run_id", "seq"]].assign(
        price_id="modal-a10g", cost_model="gpu_seconds", usd=usd
    )
    code = stages["value_sha256"].dropna().to_numpy()
    right = np.isin(code, [*RIGHT])
    verdict = {
        "outcome": np.where(right, "pass", "fail"),
        "failure_class": np.where(right, None, "wrong_answer"),
        "parsed": True,
        "checks_passed": np.where(right, 2, 0),
        "checks_total": 2,
        "isolation": "full",
    }
    number = attempts.groupby(["case_id", "repeat"], sort=False).ngroup()
    spent = usd.groupby(number).sum().to_numpy()
    trial = trials.astype({"completed": bool}).assign(**verdict, cost_usd=spent)
    grade = trials[["run_id", "case_id", "repeat"]].assign(
        **verdict, grader_version=GRADER_VERSION, code_sha256=code
    )
    return {
        "attempt": attempts,
        "stage": stages.astype({"ok": bool}),
        "trial": trial,
        "grade": grade,
        "cost": cost,
    }


if __name__ == "__main__":
    sys.exit(main())
