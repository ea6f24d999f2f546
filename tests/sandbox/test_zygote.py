"""A worker by itself, spoken to as the caller speaks to it, and without a filter of calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from liftlab.sandbox import protocol

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")
BOOT = (
    "import sys\nfrom liftlab.sandbox import seccomp, zygote\n"
    "seccomp.filtering = lambda: None\nzygote.main(sys.argv[1], ())\n"
)
Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "all of it" / "scratch"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def start(scratch: Path) -> Iterator[Start]:
    workers: list[subprocess.Popen[bytes]] = []

    def made() -> subprocess.Popen[bytes]:
        worker = subprocess.Popen(
            [sys.executable, "-P", "-c", BOOT, str(scratch)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"},
        )
        workers.append(worker)
        return worker

    yield made
    for worker in workers:
        worker.kill()
        worker.wait()
        for pipe in (worker.stdin, worker.stdout):
            assert pipe is not None
            pipe.close()


def ask(worker: subprocess.Popen[bytes], source: str) -> tuple[protocol.Answer, Any]:
    call = {"function": "f", "args": [], "kwargs": {}}
    told = protocol.pack_told({"require": [], "calls": [call]})
    job = protocol.Job("run", 5.0, 30.0, 256, 64, source.encode(), told)
    assert worker.stdin is not None
    assert worker.stdout is not None
    fd = worker.stdout.fileno()
    worker.stdin.write(protocol.pack_job(job))
    worker.stdin.flush()
    answer = protocol.read_answer(lambda most: os.read(fd, most))
    lines = map(json.loads, answer.result.splitlines())
    return answer, next((line["value"] for line in lines if "value" in line), None)


def runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(process: int) -> list[str]:
    return Path(f"/proc/{process}/task/{process}/children").read_text().split()


def test_where_processes_can_be_started_none_outlives_its_run(start: Start) -> None:
    source = (
        "import subprocess\ndef f(): return [subprocess.Popen(['sleep', '60'], "
        "start_new_session=True).pid for _ in range(3)]"
    )
    worker = start()
    answer, left = ask(worker, source)
    assert (answer.ended_by, answer.status, len(left)) == (None, 0, 3)
    assert ask(worker, "def f(): return 7")[1] == 7
    assert not any(map(runs, left))
    assert children(worker.pid) == []


def test_a_run_leaves_nothing_in_the_folder(start: Start, scratch: Path) -> None:
    source = (
        "import os\ndef f():\n    open('file', 'w').close()\n    os.makedirs('a/b/c')\n"
        "    os.symlink('/', 'link')\n    os.mkdir('shut', 0)\n    return sorted(os.listdir())"
    )
    assert ask(start(), source)[1] == ["a", "file", "link", "shut"]
    assert list(scratch.iterdir()) == []


def test_what_a_lost_worker_left_is_taken_away(start: Start, scratch: Path) -> None:
    (scratch / "left" / "behind").mkdir(parents=True)
    (scratch / "file").touch()
    assert ask(start(), "import os\ndef f(): return os.listdir()")[1] == []
    assert list(scratch.iterdir()) == []


def test_told_to_stop_it_leaves_the_folder_to_its_caller(start: Start, scratch: Path) -> None:
    worker = start()
    assert worker.stdin is not None
    worker.stdin.write(protocol.pack_job(protocol.Job("stop")))
    worker.stdin.flush()
    assert worker.wait(timeout=60) == 0
    assert scratch.is_dir()


def test_without_its_caller_it_tidies_up_and_ends(start: Start, scratch: Path) -> None:
    worker = start()
    assert ask(worker, "def f(): return 1")[1] == 1
    assert worker.stdin is not None
    worker.stdin.close()
    assert worker.wait(timeout=60) == 0
    assert not scratch.parent.exists()
    assert scratch.parents[1].exists()


def test_a_broken_child_says_so(start: Start) -> None:
    worker = start()
    told = protocol.pack_told({"calls": []})  # it does not say what it requires
    assert worker.stdin is not None
    assert worker.stdout is not None
    fd = worker.stdout.fileno()
    worker.stdin.write(protocol.pack_job(protocol.Job("run", 5.0, 30.0, 256, 64, b"", told)))
    worker.stdin.flush()
    answer = protocol.read_answer(lambda most: os.read(fd, most))
    assert answer.status == protocol.EXIT_BROKEN == 83
    assert ask(worker, "def f(): return 1")[1] == 1
