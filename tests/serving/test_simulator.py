"""The simulator in a process of its own: profiles, both protocols, queue, cold start, truth."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from liftlab.errors import FileInvalid, UnknownName, UsageError
from liftlab.serving.simulator import SimulatorServer

FOREVER = """
from liftlab.serving.simulator import SimulatorServer
SimulatorServer("instant").serve_forever(say=lambda line: print(line, flush=True))
"""
PARENT = """
import signal
from liftlab.serving.simulator import SimulatorServer
server = SimulatorServer("instant").start()
print(server.pid, flush=True)
signal.pause()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer("instant") as running:
        yield running


def test_health_warm_up_and_models_tell_what_is_simulated(server: Any, call: Any) -> None:
    status, health = call(server.url + "/health")
    assert (status, health["status"], health["model"]) == (200, "healthy", "instant (simulated)")
    status, warm = call(server.url + "/warmup")
    assert (status, warm["status"], warm["ready_for_requests"]) == (200, "warm", True)
    status, models = call(server.openai_url + "/models")
    assert (status, models["data"][0]["id"]) == (200, "instant (simulated)")


def test_what_it_does_not_know_or_understand_is_refused(server: Any, call: Any) -> None:
    assert call(server.url + "/nowhere")[0] == 404
    status, reply = call(server.url + "/generate", {"prompt": ""})
    assert (status, reply["detail"][:7]) == (422, "prompt:")
    assert call(server.openai_url + "/chat/completions", {"messages": []})[0] == 422


def test_truth_outlives_the_server_where_its_file_is_named(call: Any, tmp_path: Path) -> None:
    log = tmp_path / "truth.jsonl"
    server = SimulatorServer("instant", time_scale=10, log=log)
    with server:
        call(server.url + "/generate", {"prompt": "hi", "max_tokens": 8}, "mine")
    (line,) = [line for line in server.truth() if line["request_id"] == "mine"]
    assert (line["number"], line["tokens"], line["http_status"]) == (1, 8, 200)
    assert line["time_scale"] == 10
    assert line["received_s"] < line["first_byte_s"] <= line["last_byte_s"]
    assert abs(time.time() - line["received_unix_s"]) < 600


def test_killed_parent_leaves_no_simulator(gone: Callable[[int], bool]) -> None:
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert gone(pid)


def test_forever_ends_cleanly_at_ctrl_c() -> None:
    command = [sys.executable, "-c", FOREVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        os.kill(process.pid, signal.SIGINT)
        rest = process.stdout.read()
    assert lines[1].startswith("on http://127.0.0.1:")
    assert rest == "stopped\n"
    assert process.returncode == 0


def test_what_cannot_be_used_is_said_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no profile 'fats'; did you mean 'fast'"):
        SimulatorServer("fats")
    with pytest.raises(UsageError, match="above 0"):
        SimulatorServer("fast", time_scale=0)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="in use"):
        SimulatorServer("fast", port=taken.getsockname()[1])
    with pytest.raises(UsageError, match="the log cannot be written there: Is a directory"):
        SimulatorServer("fast", log=tmp_path)
    file = tmp_path / "own.toml"
    file.write_text('slots = 2\n[[faults]]\nfault = "explode"\n')
    with pytest.raises(FileInvalid, match=r"own\.toml:3: .*no fault 'explode'"):
        SimulatorServer(file)


def test_own_profile_comes_from_its_file(tmp_path: Path, call: Any) -> None:
    file = tmp_path / "own.toml"
    file.write_text('model = "mine"\n[[faults]]\nfault = "status code=429"\nrequests = [2]\n')
    with SimulatorServer(file) as server:
        body = {"prompt": "hi"}
        seen = [call(server.url + "/generate", body)[0] for _ in range(3)]
        assert call(server.url + "/health")[1]["model"] == "mine"
    assert seen == [200, 429, 200]


def test_verb_tells_where_it_listens(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "liftlab", "simulate", "--profile", "fast"]
    command += ["--time-scale", "100", "--log", str(tmp_path / "log.jsonl")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env={**os.environ}
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        os.kill(process.pid, signal.SIGINT)
        process.stdout.read()
    assert lines[0] == "fast, 100 times as fast, is simulated\n"
    assert process.returncode == 0
