"""Kill runs at random moments, resume each, and look for what was lost or came twice.

A run at concurrency 16 on the simulator is killed with SIGKILL, itself or its load process, while
it starts or while trials end; then it is resumed and killed again. After each kill the journal
is read: SQLite's own check, every trial committed before still there and unchanged, none there
twice, every attempt's number once. In the end its attempts are held against the server's log.

    python benchmarks/kills.py [--kills 200] [--seed 1]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from liftlab import store
from liftlab.jobs import opening, running
from liftlab.serving.simulator import SimulatorServer
from liftlab.settings import load_project
from liftlab.store import RunFolder, lock

CONCURRENCY = 16
PATIENCE_S = 60.0
SETTINGS = """
[run]
suite = "kills"
endpoint = "simulated"
concurrency = {concurrency}
repeats = {repeats}
[endpoints.simulated]
protocol = "lift"
base_url = "{url}"
"""
SUITE = """
name = "kills"
[[cases]]
case_id = "double"
prompt = "Double a number."
checks = [[[1], 2]]
"""

Rows = dict[tuple[str, int], Any]


@dataclass
class Tally:
    """What the kills met, and every fault that was found."""

    kills: int = 0
    starting: int = 0  # killed before a further attempt was made
    loads: int = 0  # where the load process was the victim
    trials: int = 0
    attempts: int = 0
    abandoned: int = 0
    faults: list[str] = field(default_factory=list)


def main() -> int:
    """Print what was found; return 1 if anything was lost, doubled or unreadable."""
    parser = argparse.ArgumentParser(description="kill runs at random moments")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tally = torture(Path(folder), options.kills, options.seed, say=print)
    for fault in tally.faults:
        print(fault)
    print(
        f"{tally.kills} kills at concurrency {CONCURRENCY} ({tally.loads} of the load process, "
        f"{tally.starting} before it had sent anything), {tally.trials} trials, "
        f"{tally.attempts} attempts, {tally.abandoned} abandoned: {len(tally.faults)} faults"
    )
    return 1 if tally.faults else 0


def torture(
    folder: Path,
    kills: int,
    seed: int,
    *,
    repeats: int = 4000,
    say: Callable[[str], object] = lambda line: None,
) -> Tally:
    """Kill and resume runs `kills` times; a run that ends before is followed by another."""
    tally, chance = Tally(), random.Random(seed)
    with SimulatorServer("fast") as server:
        _make_project(folder, server.url, repeats)
        known: Rows = {}
        run: RunFolder | None = None
        while tally.kills < kills:
            ended = _killed(folder, run, chance, tally)
            run = run or _newest(folder)
            if run is not None:
                known = _check(run, known, tally)
            if ended and run is not None:
                _finish(folder, run, server, tally)
                run, known = None, {}
            if tally.kills % 20 == 0:
                say(f"{tally.kills} kills, {len(known)} trials, {len(tally.faults)} faults")
        if run is not None:
            _check(run, known, tally)
            tally.trials += len(known)
            _against_the_server(run, server, tally)
    return tally


def _make_project(folder: Path, url: str, repeats: int) -> None:
    suites = folder / "data" / "suites"
    suites.mkdir(parents=True)
    (suites / "kills.toml").write_text(SUITE)
    settings = SETTINGS.format(concurrency=CONCURRENCY, repeats=repeats, url=url)
    (folder / "liftlab.toml").write_text(settings)


def _killed(folder: Path, run: RunFolder | None, chance: random.Random, tally: Tally) -> bool:
    """Start or resume a run and kill it; say whether it ended by itself before that."""
    before = 0 if run is None else _attempts(run)
    process = multiprocessing.get_context("fork").Process(target=_go_on, args=(folder, run))
    process.start()
    assert process.pid is not None
    if chance.random() < 0.15:  # while it starts
        time.sleep(chance.uniform(0, 2))
    else:
        _wait(
            lambda: (
                process.exitcode is not None or _attempts(_newest(folder)) > before + CONCURRENCY
            )
        )
        time.sleep(chance.uniform(0, 1.5))
    if process.exitcode is not None:
        return True
    load = _load_process_of(process.pid) if chance.random() < 0.5 else None
    os.kill(load or process.pid, signal.SIGKILL)
    process.join()
    found = _newest(folder)
    if found is not None:
        _wait(lambda: not lock.is_held(found.path))
        tally.starting += _attempts(found) == before
    tally.kills += 1
    tally.loads += load is not None
    return False


def _go_on(folder: Path, run: RunFolder | None) -> None:
    """Begin a run or go on with it, as the command does, in this process's child."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    project = load_project(folder, environ={})
    if run is None:
        running.run_suite(running.plan_run(project))
    else:
        running.resume_run(project, run.run_id)


def _check(run: RunFolder, known: Rows, tally: Tally) -> Rows:
    """Read the journal after a kill; return the trials that are now committed."""
    try:
        connection = sqlite3.connect(run.journal_path)
        try:
            (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        finally:
            connection.close()
        frames = store.read_journal(run)
    except Exception as error:  # the store must be readable after any kill
        tally.faults.append(f"kill {tally.kills}: unreadable: {error}")
        return known
    trials, attempts = frames["trial"], frames["attempt"]
    now = {
        (row["case_id"], row["repeat"]): (row["e2e_s"], row["attempts"])
        for row in trials.to_dict("records")
    }
    where = f"kill {tally.kills}"
    if verdict != "ok":
        tally.faults.append(f"{where}: integrity: {verdict}")
    if lost := [key for key, row in known.items() if now.get(key) != row]:
        tally.faults.append(f"{where}: lost or changed: {lost[:5]}")
    if trials.duplicated(["case_id", "repeat"]).any() or attempts["seq"].duplicated().any():
        tally.faults.append(f"{where}: a trial or an attempt is there twice")
    counted = attempts.dropna(subset=["attempt"])
    if counted.duplicated(["case_id", "repeat", "stage", "attempt"]).any():
        tally.faults.append(f"{where}: an attempt's number is there twice")
    return now


def _finish(folder: Path, run: RunFolder, server: SimulatorServer, tally: Tally) -> None:
    """Look over a run that came to its end: every planned trial is there once."""
    opened = opening.open_run(run.run_id, project=load_project(folder, environ={}))
    tally.trials += len(opened.trials)
    planned = load_project(folder, environ={}).settings.run.repeats
    if len(opened.trials) != planned or opened.run.status != "complete":
        tally.faults.append(
            f"{run.run_id}: {len(opened.trials)} of {planned} trials, {opened.run.status}"
        )
    _against_the_server(run, server, tally)


def _against_the_server(run: RunFolder, server: SimulatorServer, tally: Tally) -> None:
    """Hold the attempts of a run against the server's own log of requests."""
    attempts = store.read_journal(run)["attempt"]
    tally.attempts += len(attempts)
    tally.abandoned += int(attempts["abandoned"].sum())
    served = {line["request_id"] for line in server.truth()}
    ours = {line for line in served if line.startswith(run.run_id)}
    answered = set(attempts.loc[attempts["last_byte_s"].notna(), "request_id"])
    if strangers := ours - set(attempts["request_id"]):
        tally.faults.append(f"{run.run_id}: sent without a row: {sorted(strangers)[:5]}")
    if unseen := answered - served:
        tally.faults.append(f"{run.run_id}: answered, but not by the server: {sorted(unseen)[:5]}")


def _newest(folder: Path) -> RunFolder | None:
    runs = (folder / "data" / "runs").glob("[0-9]*")
    newest = max(runs, key=lambda path: path.name, default=None)
    return None if newest is None else RunFolder(newest)


def _attempts(run: RunFolder | None) -> int:
    if run is None:
        return 0
    try:
        connection = sqlite3.connect(f"{run.journal_path.as_uri()}?mode=ro", uri=True)
        try:
            (count,) = connection.execute("SELECT COUNT(*) FROM attempt").fetchone()
        finally:
            connection.close()
    except sqlite3.OperationalError:  # it is just being made
        return 0
    return int(count)


def _load_process_of(parent: int) -> int | None:
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes()
            status = (path / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if b"liftlab.runner.child" in command and int(status[1]) == parent:
            return int(path.name)
    return None


def _wait(true: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > deadline_s:
            raise TimeoutError("a run neither went on nor ended in time")
        time.sleep(0.02)


if __name__ == "__main__":
    raise SystemExit(main())
