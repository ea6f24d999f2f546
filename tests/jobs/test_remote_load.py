"""A load from the workers of a cluster, a segment each."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from liftlab.cli.main import main
from liftlab.cluster import Cluster
from liftlab.errors import LiftlabError, UsageError
from liftlab.jobs import loading, remote_load
from liftlab.runner.request import RunRequest
from liftlab.serving.simulator import SimulatorServer
from liftlab.settings import load_project

WORKERS = ["tcp://a:1", "tcp://b:1"]


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer("instant") as running:
        yield running


@pytest.fixture
def request_(
    tmp_path: Path, server: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> RunRequest:
    (tmp_path / "liftlab.toml").write_text("")
    overrides = {"run.endpoint": server.url, "run.protocol": "lift"}
    project = load_project(tmp_path, environ={}, overrides=overrides)
    monkeypatch.setattr(remote_load, "LEAD_S", 3.0)
    monkeypatch.setattr(remote_load, "_POLL_S", 0.01)
    endpoint = project.settings.chosen_endpoint(None)
    return loading.plan_load(project, endpoint, requests=21, concurrency=3, seed=1)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def cluster(
    on: Callable[..., Future[Any]], workers: Callable[[], list[str]] = lambda: WORKERS
) -> Cluster:
    return Cluster(ThreadPoolExecutor(1), lambda: 1, workers, on, lambda call: None)


def test_a_load_from_a_cluster_as_a_user_types_it(
    request_: RunRequest,
    server: SimulatorServer,
    threads: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[str | None] = []

    @contextmanager
    def connection(address: str | None) -> Iterator[Cluster]:
        asked.append(address)
        yield cluster(lambda worker, call, *given: threads.submit(call, *given))

    monkeypatch.chdir(request_.project.root)
    monkeypatch.setattr("liftlab.cli.load.connection", connection)
    plan = ["load", server.url, "--protocol", "lift", "-c", "3", "-n", "21"]
    assert main([*plan, "--cluster", "tls://a:1"]) == 0
    told = capsys.readouterr()
    assert asked == ["tls://a:1"]
    assert "21 requests, 21 answered well" in told.out
    assert "2 segments, one a worker, begin at" in told.err
    assert main([*plan, "--cluster", "tls://a:1", "--processes", "2"]) == 2
    assert "leave out --segment and --processes" in capsys.readouterr().err


def test_tasks_that_run_twice_elsewhere_send_each_request_once(
    request_: RunRequest,
    server: SimulatorServer,
    threads: ThreadPoolExecutor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIFTLAB_RUNS_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("LIFT_TOKEN", "sk-nobody-may-read-this")
    travelled: list[bytes] = []

    def twice(worker: str, call: Any, given: RunRequest) -> Future[Any]:
        sent = pickle.dumps((call, given))
        travelled.append(sent)

        def run() -> Any:
            function, request = pickle.loads(sent)
            function(request)
            return function(request)

        return threads.submit(run)

    said: list[str] = []
    run = remote_load.run_on_cluster(request_, cluster(twice), said.append)
    assert (run.run.status, run.run.repeats) == ("complete", 21)
    measured = run.attempts[run.attempts["phase"] == "measure"]
    assert sorted(measured["repeat"]) == list(range(1, 22))
    asked = [line["request_id"] for line in server.truth()]
    of_this = [name for name in asked if name.startswith(run.run.run_id)]
    assert len(set(of_this)) == len(of_this) == 21 + 3  # a lane's connection is opened by one
    assert len(list((tmp_path / "elsewhere").iterdir())) == 2
    assert not any(b"sk-nobody" in what for what in travelled)
    assert len(said) == 1


def test_the_segment_of_a_lost_worker_is_a_gap(
    request_: RunRequest, threads: ThreadPoolExecutor
) -> None:
    there = [WORKERS]

    def on(worker: str, call: Any, given: RunRequest) -> Future[Any]:
        if worker == WORKERS[0]:
            return threads.submit(call, given)
        there[:] = [WORKERS[:1]]
        return Future()

    said: list[str] = []
    run = remote_load.run_on_cluster(request_, cluster(on, lambda: there[0]), said.append)
    assert run.run.status == "interrupted"
    assert sorted(run.trials["repeat"]) == list(range(1, 22, 2))
    assert "segment 2/2, worker tcp://b:1: is gone, and nobody sends the rest" in said


def test_where_no_worker_begins_the_first_reason_is_told(request_: RunRequest) -> None:
    def on(worker: str, call: Any, given: RunRequest) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(ModuleNotFoundError("No module named 'liftlab'"))
        return future

    with pytest.raises(LiftlabError, match=r"segment ./2, worker tcp.*No module named 'liftlab'"):
        remote_load.run_on_cluster(request_, cluster(on), lambda line: None)


def test_a_moment_that_is_past_sends_nothing(
    request_: RunRequest, threads: ThreadPoolExecutor
) -> None:
    made = cluster(lambda worker, call, given: threads.submit(call, given))
    with pytest.raises(LiftlabError, match="--start-at is past"):
        remote_load.run_on_cluster(request_, made, lambda line: None, start_at=1e9)


def test_what_a_cluster_cannot_send(request_: RunRequest, tmp_path: Path) -> None:
    made = cluster(lambda *_: Future())
    with pytest.raises(UsageError, match="--out"):
        remote_load.run_on_cluster(request_.model_copy(update={"out": tmp_path / "x"}), made, print)
    alone = request_.model_copy(update={"concurrency": 1})
    with pytest.raises(UsageError, match="2 requests at once"):
        remote_load.run_on_cluster(alone, made, print)
