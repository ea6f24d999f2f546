"""Answers judged by the workers of any executor."""

from __future__ import annotations

import os
import pickle
import re
import signal
import sys
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from liftlab.cluster import Cluster, connected
from liftlab.errors import EndpointUnreachable, LiftlabError, VerdictsUnproven
from liftlab.grading import answer, pool, remote
from liftlab.grading.sample_files import Sample
from liftlab.grading.samples import grade_samples, grade_shard
from liftlab.grading.verdict_files import VERSIONS, Shard
from liftlab.sandbox import Sandbox
from liftlab.settings import GradingSettings
from tests.grading.test_shards import CODES, SAMPLES, SUITE, alone, no_sandbox, samples, timeless

__all__ = ["alone", "samples"]  # fixtures


class Twice(Executor):
    """Pickles all that travels, and runs each unit twice, as an engine may; keeps the second."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self._threads = ThreadPoolExecutor(3)

    def submit(self, function: Any, /, *args: Any, **more: Any) -> Future[Any]:
        self.sent.append(pickle.dumps((function, args, more)))

        def run() -> Any:
            what, arguments, named = pickle.loads(self.sent[-1])
            what(*arguments, **named)
            return pickle.loads(pickle.dumps(what(*arguments, **named)))

        return self._threads.submit(run)


class Failing(Executor):
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def submit(self, function: Any, /, *args: Any, **more: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(self.error)
        return future


def on(executor: Executor) -> Cluster:
    return Cluster(executor, lambda: 1, list, executor.submit, lambda call: None)


@pytest.fixture(autouse=True)
def _close_pools() -> Any:
    yield
    remote._close()


def unit(**more: Any) -> remote.Unit:
    sample = Sample(case_id="double", code=CODES[2].encode())
    settings = GradingSettings()
    [made] = remote._units(iter([sample]), SUITE, settings)
    return replace(made, **more)


def test_units_that_run_twice_double_and_lose_nothing(
    samples: Path, alone: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_ANSWERS", 4)
    monkeypatch.setenv("LIFT_TOKEN", "sk-nobody-may-read-this")
    executor, seen = Twice(), []
    summary = grade_samples(
        samples,
        SUITE,
        tmp_path / "out",
        cluster=on(executor),
        progress=lambda *told: seen.append(told),
    )
    assert timeless(tmp_path / "out") == alone
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (summary.total, summary.joined, summary.proven) == (len(SAMPLES), 0, True)
    assert len(executor.sent) == 7
    assert seen[0] == (0, 2 * len(CODES))
    assert seen[-1] == (2 * len(CODES), 2 * len(CODES))
    assert not any(b"sk-nobody" in sent for sent in executor.sent)


def test_what_shares_know_is_not_sent(
    samples: Path, alone: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grade_shard(samples, SUITE, tmp_path / "out", Shard(1, 1))
    monkeypatch.setattr(pool, "sandbox_for", no_sandbox)
    cluster = on(Failing(AssertionError("sent")))
    grade_samples(samples, SUITE, tmp_path / "out", cluster=cluster)
    assert timeless(tmp_path / "out") == alone


@pytest.mark.skipif(sys.platform != "linux", reason="which processes there are")
def test_two_workers_killed_lose_and_double_nothing(
    samples: Path, alone: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is missing")
    monkeypatch.setattr(remote, "_ANSWERS", 2)
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        if done >= total * (1 + len(killed)) // 3 and len(killed) < 2:
            [file] = tmp_path.glob("*.cluster.shard")
            at_work = map(int, re.findall(r"process (\d+)", file.read_text()))
            process = next(number for number in at_work if number not in killed)
            os.kill(process, signal.SIGKILL)
            killed.append(process)

    with connected("local:2", print) as cluster:
        grade_samples(samples, SUITE, tmp_path / "out", cluster=cluster, progress=kill)
    assert len(killed) == 2
    assert timeless(tmp_path / "out") == alone


def test_a_cluster_that_loses_all_workers_is_not_waited_for(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Idle(Executor):
        def submit(self, function: Any, /, *args: Any, **more: Any) -> Future[Any]:
            return Future()

    monkeypatch.setattr(remote, "_POLL_S", 0.001)
    monkeypatch.setattr(remote, "_PATIENCE_S", 0.0)
    idle = Idle()
    cluster = Cluster(idle, lambda: 0, list, idle.submit, lambda call: None)
    with pytest.raises(EndpointUnreachable, match="has no worker; verdicts so far are kept"):
        grade_samples(samples, SUITE, tmp_path / "out", cluster=cluster)


def test_a_cluster_that_fails_keeps_what_came(
    samples: Path, alone: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_ANSWERS", 4)

    class Dying(Twice):
        def submit(self, function: Any, /, *args: Any, **more: Any) -> Future[Any]:
            if len(self.sent) == 3:
                return Failing(OSError("connection lost")).submit(function)
            return super().submit(function, *args, **more)

    with pytest.raises(LiftlabError, match="gave up on some answers: connection lost"):
        grade_samples(samples, SUITE, tmp_path / "out", cluster=on(Dying()))
    again = Twice()
    grade_samples(samples, SUITE, tmp_path / "out", cluster=on(again))
    assert len(again.sent) == 4
    assert timeless(tmp_path / "out") == alone


@pytest.mark.parametrize("name", list(VERSIONS))
def test_a_worker_of_other_versions_refuses_by_name(name: str) -> None:
    with pytest.raises(LiftlabError, match=rf"worker .*process {os.getpid()} has .*0\.0\.9.*asks"):
        remote.judge(unit(versions=VERSIONS | {name: "0.0.9"}))


def test_a_worker_that_cannot_isolate_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def weak(*_: object) -> Sandbox:
        box = Sandbox()
        box.isolation = "limits-only"
        return box

    monkeypatch.setattr(pool, "sandbox_for", weak)
    with pytest.raises(LiftlabError, match=r"worker .*'limits-only' only"):
        remote.judge(unit())
    told = remote.judge(unit(settings=GradingSettings(allow_weak_isolation=True)))
    assert b'"isolation": "limits-only"' in told.verdicts[0][1]


def test_a_worker_that_misjudges_a_known_answer_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "is_same", lambda expected, actual: True)
    with pytest.raises(VerdictsUnproven, match=r"worker .*judged otherwise"):
        remote.judge(unit())


def test_a_worker_keeps_its_sandboxes_for_one_suite_at_a_time() -> None:
    by = [remote.judge(unit(key=key)).by for key in ("one", "one", "two", "one")]
    assert by[0] == by[1]
    assert len(set(by)) == 3
    assert len(remote._idle) == 1


def test_units_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = [b"x" * size for size in (5, 5, 5, 90, 5, 200)]
    monkeypatch.setattr(remote, "_BYTES", 100)
    monkeypatch.setattr(remote, "_ANSWERS", 3)
    answers = (Sample(case_id="double", code=code) for code in codes)
    units = [*remote._units(answers, SUITE, GradingSettings())]
    sizes = [[len(code) for _, _, code in made.answers] for made in units]
    assert sizes == [[5, 5, 5], [90, 5, 200]]
    assert [*units[0].cases] == ["double"]
