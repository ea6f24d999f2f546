"""Loads in segments: sent once however often asked for, killed, resumed and merged."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from liftlab import store
from liftlab.cli.main import main
from liftlab.errors import InputInvalid, UsageError
from liftlab.jobs import loading, merging, opening
from liftlab.records import Attempt
from liftlab.runner import control
from liftlab.runner.request import RunRequest
from liftlab.runner.rows import Sent
from liftlab.runner.segment import Segment
from liftlab.serving.simulator import SimulatorServer
from liftlab.settings import Project, load_project
from liftlab.store import RunFolder
from liftlab.summary import summarize


def silent(_: dict[str, Any]) -> None:
    """Show no progress."""


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer("instant") as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, server: SimulatorServer, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "liftlab.toml").write_text("")
    overrides = {"run.endpoint": server.url, "run.protocol": "lift"}
    return load_project(tmp_path, environ={}, overrides=overrides)


def plan(project: Project, requests: int = 20, **more: Any) -> RunRequest:
    endpoint = project.settings.chosen_endpoint(None)
    return loading.plan_load(
        project, endpoint, requests=requests, **{"concurrency": 2, "seed": 1, **more}
    )


def part(request: RunRequest, index: int, of: int = 2, start_at: float = 1e9) -> RunRequest:
    return loading.cut(request, Segment(index=index, of=of, start_at=start_at))


def sent(request: RunRequest) -> RunFolder:
    """Send a segment whose moment is past, as one does that was resumed before it began."""
    return control.start(request, silent)


def requests_at(server: SimulatorServer, run_id: str) -> list[str]:
    return [line["request_id"] for line in server.truth() if line["request_id"].startswith(run_id)]


def test_a_segment_asked_for_twice_is_sent_once(project: Project, server: SimulatorServer) -> None:
    request = part(plan(project), 1)
    folder = sent(request)
    before = requests_at(server, folder.run_id)
    assert len(before) == 11  # a lane of its own warmed up, and ten of twenty
    assert main(["doctor", folder.run_id]) == 0
    assert loading.run_segment(request, listen=silent).path == folder.path
    assert requests_at(server, folder.run_id) == before


def test_a_segment_that_another_machine_has_begun_is_refused_before_anything_is_sent(
    project: Project, server: SimulatorServer, tmp_path: Path
) -> None:
    soon = time.time() + 3600
    request = part(plan(project), 1, start_at=soon)
    claims = tmp_path / "claims"
    claims.mkdir()
    name = loading.segment_folder(request).run_id
    (claims / f"{name}.claim").write_text("elsewhere\n")
    with pytest.raises(InputInvalid, match="begun before"):
        loading.run_segment(request, claims=claims, listen=silent)
    assert not loading.segment_folder(request).path.exists()
    assert not requests_at(server, name)


def test_a_segment_whose_moment_is_past_is_refused(project: Project) -> None:
    request = part(plan(project), 1)
    with pytest.raises(UsageError, match="--start-at is past"):
        loading.run_segment(request, listen=silent)
    assert not loading.segment_folder(request).path.exists()


def test_an_open_segment_that_is_late_leaves_out_what_was_due(project: Project) -> None:
    """Nothing is caught up with: the moment of a lost request has passed."""
    request = plan(project, rate_rps=10.0, concurrency=None)
    folder = sent(part(request, 1, start_at=time.time() - 1e4))
    assert not len(store.read_journal(folder)["trial"])
    assert "10 requests were due before this was ready" in folder.log_path.read_text()
    assert folder.manifest()["segment"]["start_offset_s"] > 9e3
    run = opening.open_run(folder.run_id, project=project)
    load = summarize(run, project).load
    assert load is not None
    assert (load.n, load.missing, run.run.status) == (0, 10, "partial")
    assert main(["doctor", folder.run_id]) == 0


def test_processes_make_one_run_of_each_request_once(
    project: Project, server: SimulatorServer, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    run = loading.run_processes(plan(project, 31, concurrency=3, out=out), 2)
    assert (run.run.status, run.run.repeats, run.run.concurrency) == ("complete", 31, 3)
    measured = run.attempts[run.attempts["phase"] == "measure"]
    for rows in (run.trials, run.stages, measured):
        assert sorted(rows["repeat"]) == list(range(1, 32))
    assert run.attempts["seq"].is_unique
    assert dict(zip(measured["repeat"], measured["seed"], strict=True)) == {
        number + 1: 1 + number for number in range(31)
    }
    truth = {line["request_id"]: line for line in server.truth()}
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert {line["request_id"] for line in lines} == set(measured["request_id"])
    for line in lines:
        assert line["sent_ns"] <= truth[line["request_id"]]["received_s"] * 1e9
        assert truth[line["request_id"]]["last_byte_s"] * 1e9 <= line["last_byte_ns"]
    merged = run.folder.manifest()["merged"]
    assert [(p["index"], p["rows"], p["planned"]) for p in merged["parts"]] == [
        (1, 16, 16),
        (2, 15, 15),
    ]
    assert all(p["loop_lag_p99_s"] is not None for p in merged["parts"])
    assert run.run.loop_lag_p99_s == max(p["loop_lag_p99_s"] for p in merged["parts"])


def load_process_of(folder: RunFolder) -> int:
    """Return the load process that holds a run's journal."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if b"liftlab.runner.child" not in (path / "cmdline").read_bytes():
                continue
            files = [os.readlink(link) for link in (path / "fd").iterdir()]
        except OSError:
            continue
        if str(folder.journal_path) in files:
            return int(path.name)
    raise LookupError(folder.run_id)


def trials_in(folder: RunFolder) -> int:
    if not folder.journal_path.exists():
        return 0
    with closing(sqlite3.connect(f"{folder.journal_path.as_uri()}?mode=ro", uri=True)) as journal:
        (count,) = journal.execute("SELECT COUNT(*) FROM trial").fetchone()
    return int(count)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the process in /proc")
def test_after_a_kill_and_a_resume_each_request_is_there_once_and_was_sent_once(
    project: Project, server: SimulatorServer, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "liftlab", "load", server.url, "--protocol", "lift"]
    command += ["-c", "6", "-n", "4000", "--processes", "2", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        first, second = (RunFolder(Path(running.stderr.readline().split()[-1])) for _ in range(2))
        while trials_in(second) < 100:
            assert running.poll() is None
        os.kill(load_process_of(second), signal.SIGKILL)
        out, _ = running.communicate()
    assert running.returncode == 5
    shown = json.loads(out)
    assert shown["run"]["status"] == "interrupted"
    assert shown["load"]["missing"] > 0
    killed_with = trials_in(second)
    assert 100 <= killed_with < 2000

    loading.resume_load(project, second.run_id)
    run = merging.merge_runs(project, [first.run_id, second.run_id])
    assert run.run.status == "complete"
    assert sorted(run.trials["repeat"]) == list(range(1, 4001))
    measured = run.attempts[run.attempts["phase"] == "measure"]
    assert sorted(measured["repeat"]) == list(range(1, 4001))
    lost = measured[measured["abandoned"]]
    assert set(lost["error_class"]) <= {"cancelled"}
    for folder in (first, second):
        warm_up = int((run.attempts["phase"] != "measure").sum())
        served = set(requests_at(server, folder.run_id))
        known = set(run.attempts["request_id"].dropna())
        assert len(served - known) <= len(lost)  # sent, and their rows died with the process
        assert len(served) <= 2000 + warm_up
    # Times of both sessions are on one axis: the second does not overlay the first.
    own = measured["request_id"].str.startswith(second.run_id, na=False)
    resumed = measured[own]
    order = resumed.sort_values("seq")["sent_s"].dropna()
    assert order.iloc[killed_with + 50] > order.iloc[:killed_with].max()
    load = summarize(run, project).load
    assert load is not None
    assert (load.n, load.ok, load.missing) == (4000, 4000 - len(lost), 0)


def test_what_was_under_way_is_one_row_and_is_not_sent_again(
    project: Project, server: SimulatorServer
) -> None:
    """The first was interrupted and has a row, the second died with its process."""
    request = plan(project, 6, concurrency=1)
    row = request.row({"model": None, "hardware": None})
    folder = store.create(project.path("runs"), row, request.manifest(), b"", ".toml")
    folder.artifacts.put_text(request.prompt or "")
    sent_before = Sent(folder, request.numbers)
    sent_before.mark(0)
    sent_before.mark(1)
    key: dict[str, Any] = {"run_id": row.run_id, "case_id": "load", "repeat": 1}
    interrupted = Attempt(**key, seq=1, stage="request", attempt=1, error_class="cancelled")
    with store.Journal.open(folder) as journal:
        journal.requests_ended([interrupted], [], []).result()
    run = loading.resume_load(project, folder.run_id)
    measured = run.attempts[run.attempts["phase"] == "measure"]
    assert sorted(measured["repeat"]) == sorted(run.trials["repeat"]) == [1, 2, 3, 4, 5, 6]
    assert (run.run.status, int(run.trials["completed"].sum())) == ("complete", 4)
    assert measured["abandoned"].tolist() == [False, True, False, False, False, False]
    assert len(requests_at(server, folder.run_id)) == 5  # four, and one of the warm-up
    assert main(["doctor", folder.run_id]) == 0


def test_an_open_loop_is_not_resumed(project: Project) -> None:
    folder = sent(part(plan(project, rate_rps=500.0), 1))
    with pytest.raises(InputInvalid, match="whose moments are past"):
        loading.resume_load(project, folder.run_id)


def test_a_limit_holds_for_all_segments_together(project: Project) -> None:
    limits = project.settings.limits.model_copy(update={"max_requests": 20})
    settings = project.settings.model_copy(update={"limits": limits})
    run = loading.run_processes(plan(replace(project, settings=settings), 2000), 2)
    assert run.run.status == "partial"
    assert len(run.trials) == pytest.approx(20, abs=4)
