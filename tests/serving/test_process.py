from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from liftlab.errors import ServerFailed
from liftlab.serving.process import ServerProcess

TOY = """
import http.server, os, signal, sys, threading
from liftlab.serving import process

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[2]) if len(sys.argv) > 2 else 200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass

def listen():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return {"url": f"http://127.0.0.1:{server.server_port}"}

mode = sys.argv[1]
print("line one\\nthe last line", file=sys.stderr, flush=True)
if mode == "ends":
    sys.exit(3)
if mode == "babbles":
    print("hello", flush=True)
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "loading":
    with process.tied_to_parent_thread():
        with open(os.environ["TOY_FIFO"], "w") as fifo:
            fifo.write(str(os.getpid()))
        signal.pause()
if mode != "silent":
    process.watch_parent()
    process.announce(listen())
while True:
    signal.pause()
"""
PARENT = """
import signal, subprocess, sys
from liftlab.serving.process import ServerProcess
server = ServerProcess("liftlab_toy", [sys.argv[1]]).start()
holder = subprocess.Popen(["sleep", "600"], pass_fds=[server._process.stdin.fileno()])
print(server.pid, holder.pid, server.folder, flush=True)
signal.pause()
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ServerProcess]:
    (tmp_path / "liftlab_toy.py").write_text(TOY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # a parent killed early leaves its folder

    def make(*options: str, **settings: Any) -> ServerProcess:
        return ServerProcess("liftlab_toy", options, name="toy", **settings)

    return make


@pytest.fixture
def parent(toy: object) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(mode: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PARENT, mode]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_server_is_ready_inside_and_gone_after(
    toy: Any, call: Any, gone: Callable[[int], bool]
) -> None:
    with toy("good") as server:
        assert server.alive()
        assert server.url.startswith("http://127.0.0.1:")
        assert call(server.url + "/health") == (200, {})
        assert server.log_tail(1) == "the last line"
        pid, folder = server.pid, server.folder
    assert gone(pid)
    assert not folder.exists()
    assert server.pid is None
    server.stop()


def test_server_is_gone_after_an_error_in_the_block(toy: Any, gone: Any) -> None:
    pids = []

    def fail() -> None:
        with toy("good") as server:
            pids.append(server.pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert gone(pids[0])


def test_stubborn_server_is_killed(toy: Any, gone: Any) -> None:
    with toy("stubborn", stop_within_s=0.2) as server:
        pid = server.pid
    assert gone(pid)


@pytest.mark.parametrize(
    ("options", "limit_s", "expected"),
    [
        (("ends",), 20, "the toy ended with exit code 3 before it was ready"),
        (("babbles",), 20, r"wrote b'hello\\n.*' where its address belongs"),
        (("silent",), 1, "the toy was not ready within 1 s"),
        (("sick", "503"), 1, r"was not healthy within 1 s \(HTTP 503\)"),
    ],
)
def test_failed_start_says_why_and_leaves_nothing(
    toy: Any, options: tuple[str, ...], limit_s: float, expected: str
) -> None:
    server = toy(*options, ready_within_s=limit_s)
    with pytest.raises(ServerFailed, match=expected) as caught:
        server.start()
    assert server.pid is None
    if limit_s > 1:  # else it may not have come as far as writing
        assert str(caught.value).endswith("line one\nthe last line")


def test_start_twice_is_refused(toy: Any) -> None:
    with toy("good") as server, pytest.raises(ServerFailed, match="running already"):
        server.start()


def test_address_before_the_start_says_what_to_do(toy: Any) -> None:
    with pytest.raises(ServerFailed, match="start it first"):
        _ = toy("good").url


def test_wait_tells_of_a_server_that_ended(toy: Any) -> None:
    with toy("good") as server:
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(ServerFailed, match="ended with exit code -9"):
            server.wait()


def test_killed_parent_leaves_no_server_even_if_a_sibling_holds_the_pipe(
    parent: Any, gone: Any
) -> None:
    process = parent("good")
    server, holder, folder = process.stdout.readline().split()
    try:
        assert Path(folder).exists()
        process.kill()
        assert gone(int(server))
        assert not Path(folder).exists()
    finally:
        os.kill(int(holder), signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent")
def test_parent_killed_during_the_loading_leaves_no_server(
    parent: Any, gone: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    monkeypatch.setenv("TOY_FIFO", str(fifo))
    process = parent("loading")
    server = int(fifo.read_text())
    process.kill()
    assert gone(server)
