"""The parent's side of a run: load processes that let it down, and those that begin together."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from liftlab.errors import RunIncomplete, StorageFailed
from liftlab.runner import control, endpoint_lifecycle
from liftlab.runner.control import Together
from liftlab.store import RunFolder

FULL = Path("/dev/full")  # every write to it finds the disk full


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


@pytest.mark.skipif(not FULL.exists(), reason="Linux has a device that is always full")
def test_a_full_disk_under_the_servers_log_is_one_clear_line(folder: RunFolder) -> None:
    log = folder.path / "requests.jsonl"
    log.write_text("{}\n")
    (folder.path / endpoint_lifecycle.SERVER_LOG).symlink_to(FULL)
    with pytest.raises(StorageFailed, match="No space left"):
        endpoint_lifecycle.keep_log_of(log, [folder])


def test_the_servers_log_of_a_resumed_run_goes_on(folder: RunFolder) -> None:
    log = folder.path / "requests.jsonl"
    for text in ("first\n", "second\n"):
        log.write_text(text)
        endpoint_lifecycle.keep_log_of(log, [folder])
    assert (folder.path / endpoint_lifecycle.SERVER_LOG).read_text() == "first\nsecond\n"


def follow(folder: RunFolder, program: str, job: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    with (
        folder.log_path.open("w") as log,
        subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as child,
    ):
        control._follow(child, job, log, events.append)
    control._check_end(child.returncode, folder, "")
    return events


def test_a_load_process_that_ends_at_once_is_told_by_its_exit_code(folder: RunFolder) -> None:
    with pytest.raises(RunIncomplete, match=r"ended with 3; its log is .*run\.log"):
        follow(folder, "raise SystemExit(3)", job="x" * 1_000_000)


def test_events_are_handed_on_and_logged(folder: RunFolder) -> None:
    program = 'print(\'{"event": "probe", "case_id": "add"}\')'
    assert follow(folder, program, job="{}") == [{"event": "probe", "case_id": "add"}]
    assert "client memory: add" in folder.log_path.read_text()


class Pipe(io.StringIO):
    """Keeps what was said."""


@pytest.fixture
def heard() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def together(heard: list[dict[str, Any]]) -> Together:
    return Together(3, heard.append)


def pipes_of(together: Together) -> list[Pipe]:
    pipes = [Pipe() for _ in together.stops]
    for stop, pipe in zip(together.stops, pipes, strict=True):
        stop.leads_to(pipe)
    return pipes


def test_all_begin_at_one_moment_once_each_is_ready_or_gone(together: Together) -> None:
    pipes = pipes_of(together)
    together.listener(0)({"event": "ready"})
    together.listener(0)({"event": "ready"})
    together.ended(1, None)
    assert [pipe.getvalue() for pipe in pipes] == ["", "", ""]
    together.listener(2)({"event": "ready"})
    [word] = {pipe.getvalue() for pipe in pipes}
    assert word.strip().isdecimal()
    together.ended(2, None)
    assert {pipe.getvalue() for pipe in pipes} == {word}  # said once


def test_requests_are_added_up_and_notes_are_told_once(
    together: Together, heard: list[dict[str, Any]]
) -> None:
    for place, (ended, failed) in enumerate([(5, 1), (7, 0)]):
        together.listener(place)({"event": "requests", "ended": ended, "failed": failed})
    together.listener(0)({"event": "requests", "ended": 9, "failed": 1})
    for place in range(3):
        together.listener(place)({"event": "note", "message": "the same"})
        together.listener(place)({"event": "clock", "zero_ns": 1})
    assert [event for event in heard if event["event"] == "requests"] == [
        {"event": "requests", "ended": 5, "failed": 1},
        {"event": "requests", "ended": 12, "failed": 1},
        {"event": "requests", "ended": 16, "failed": 1},
    ]
    assert [event for event in heard if event["event"] != "requests"] == [
        {"event": "note", "message": "the same"}
    ]


def test_all_are_interrupted(together: Together) -> None:
    pipes = pipes_of(together)
    together.interrupt()
    assert {pipe.getvalue() for pipe in pipes} == {"interrupt\n"}


def test_the_begin_is_a_tenth_of_a_second_after_the_last_is_ready(together: Together) -> None:
    pipes = pipes_of(together)
    for place in (0, 1):
        together.listener(place)({"event": "ready"})
    before_ns = time.perf_counter_ns()
    together.listener(2)({"event": "ready"})
    lead_ns = 100_000_000
    assert before_ns + lead_ns <= int(pipes[0].getvalue()) <= time.perf_counter_ns() + lead_ns


@pytest.mark.parametrize(
    ("at_interrupt", "code"),
    [("print('last'); raise SystemExit(7)", 7), ("import time; time.sleep(600)", -9)],
)
def test_a_load_process_is_let_end_and_killed_if_it_will_not(at_interrupt: str, code: int) -> None:
    program = (
        "import signal\n"
        f"def heard(*_): {at_interrupt}\n"
        "signal.signal(signal.SIGINT, heard)\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        told = control._stop(child, 20.0 if code > 0 else 0.01)
        assert (told, child.returncode) == ("last\n" if code > 0 else "", code)


@pytest.mark.parametrize(("code", "words"), [(-9, "killed by signal 9"), (2, "ended with 2")])
def test_a_load_process_that_ended_badly_left_a_run_that_is_not_whole(
    folder: RunFolder, code: int, words: str
) -> None:
    control._check_end(0, folder, "")
    with pytest.raises(RunIncomplete, match=f"{words}.*go on"):
        control._check_end(code, folder, "go on")
