"""The parent's side of a run where the disk or the load process lets it down."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from liftlab.errors import RunIncomplete, StorageFailed
from liftlab.runner import control, endpoint_lifecycle
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
