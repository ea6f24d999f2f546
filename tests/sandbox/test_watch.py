"""What is seen of a child from outside, and which limit ends it: here of plain shells."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from liftlab.sandbox import watch as module
from liftlab.sandbox.protocol import Answer, Job
from liftlab.sandbox.watch import Watch

PATIENT = Job("run", cpu_s=60.0, wall_s=60.0, output_kb=1)
SLEEPS = "exec sleep 60"
BLOCK = 4096


@pytest.fixture
def caller() -> Iterator[tuple[int, int]]:
    """The two ends of the pipe by which jobs come."""
    ends = list(os.pipe())
    yield ends[0], ends[1]
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue  # the test closed it


@pytest.fixture(params=["handle", "no handle"])
def handles(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that tells the end of a process, and one that does not."""
    if request.param == "no handle":
        monkeypatch.delattr(os, "pidfd_open", raising=False)


def seen(script: str, scratch: Path, caller: tuple[int, int], job: Job = PATIENT) -> Answer:
    """Watch a shell whose descriptor 3 is the result's pipe and 4 the output's."""
    watch = Watch(job, str(scratch), caller[0])
    actions = [
        (os.POSIX_SPAWN_DUP2, watch.result_end, 13),
        (os.POSIX_SPAWN_DUP2, watch.output_end, 14),
        (os.POSIX_SPAWN_DUP2, 13, 3),
        (os.POSIX_SPAWN_DUP2, 14, 4),
        (os.POSIX_SPAWN_CLOSE, 13),
        (os.POSIX_SPAWN_CLOSE, 14),
    ]
    command = ["/bin/sh", "-c", script]
    return watch.until_end(
        os.posix_spawn(command[0], command, {}, file_actions=actions, setsid=True)
    )


@pytest.mark.usefixtures("handles")
@pytest.mark.parametrize(
    ("script", "status", "result"),
    [
        ("exit 0", 0, b""),
        ("printf abc >&3; exit 83", 83, b"abc"),
        ("printf abc >&3; kill -TERM $$", -signal.SIGTERM, b"abc"),
        # It may close both pipes and go on.
        ("exec 3>&- 4>&-; sleep 0.05; exit 7", 7, b""),
    ],
)
def test_a_child_that_ends_by_itself(
    script: str, status: int, result: bytes, tmp_path: Path, caller: tuple[int, int]
) -> None:
    answer = seen(script, tmp_path, caller)
    assert (answer.ended_by, answer.status, answer.result) == (None, status, result)
    assert 0 < answer.cpu_s < 60
    assert 0 < answer.wall_s < 60


@pytest.mark.usefixtures("handles")
@pytest.mark.parametrize("then", ["", "; exec sleep 60"])
@pytest.mark.parametrize(("written", "ended_by"), [(1024, None), (1025, "output")])
def test_output_to_the_limit_and_beyond(
    written: int, ended_by: str | None, then: str, tmp_path: Path, caller: tuple[int, int]
) -> None:
    if ended_by is None and then:
        then = "; sleep 0.05"  # looked at while it runs, and not ended
    answer = seen(f"head -c {written} /dev/zero >&4{then}", tmp_path, caller)
    assert answer.ended_by == ended_by
    assert answer.status == (-signal.SIGKILL if then == "; exec sleep 60" else 0)
    assert answer.result == b""


@pytest.mark.parametrize("then", ["", "; exec sleep 60"])
@pytest.mark.parametrize(("written", "ended_by"), [(9, None), (10, "result"), (30, "result")])
def test_a_result_is_kept_as_far_as_its_limit(
    written: int,
    ended_by: str | None,
    then: str,
    tmp_path: Path,
    caller: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RESULT_BYTES", 10)
    answer = seen(f"head -c {written} /dev/zero >&3{then if ended_by else ''}", tmp_path, caller)
    assert (answer.ended_by, answer.result) == (ended_by, bytes(min(written, 10)))


def test_a_long_result_is_read_while_it_is_written(tmp_path: Path, caller: tuple[int, int]) -> None:
    answer = seen("head -c 1000000 /dev/zero >&3", tmp_path, caller)  # more than pipes hold
    assert (answer.ended_by, answer.status, answer.result) == (None, 0, bytes(1_000_000))


def test_the_most_that_is_kept_of_a_run() -> None:
    assert module.RESULT_BYTES == 4 * 1024**2
    assert module.SCRATCH_BYTES == 32 * 1024**2


@pytest.mark.usefixtures("handles")
@pytest.mark.parametrize(
    ("script", "job", "ended_by"),
    [
        (SLEEPS, PATIENT._replace(wall_s=0.1), "wall"),
        ("while :; do :; done", PATIENT._replace(cpu_s=0.1), "cpu"),
        # What was ended for one reason stays ended for that.
        ("head -c 5000 /dev/zero >&4; exec sleep 60", PATIENT._replace(wall_s=20.0), "output"),
    ],
)
def test_a_clock_ends_a_child(
    script: str, job: Job, ended_by: str, tmp_path: Path, caller: tuple[int, int]
) -> None:
    answer = seen(script, tmp_path, caller, job)
    assert (answer.ended_by, answer.status) == (ended_by, -signal.SIGKILL)
    assert answer.wall_s >= (0.1 if ended_by != "output" else 0)
    assert answer.cpu_s >= (0.1 if ended_by == "cpu" else 0)


def test_what_a_child_started_ends_with_it(tmp_path: Path, caller: tuple[int, int]) -> None:
    job = PATIENT._replace(wall_s=0.2)
    answer = seen("sleep 60 & echo $! >&3; wait", tmp_path, caller, job)
    assert answer.ended_by == "wall"
    with suppress(ProcessLookupError):  # gone already
        left = os.pidfd_open(int(answer.result))
        try:
            assert select.select([left], [], [], 30) == ([left], [], [])
        finally:
            os.close(left)


@pytest.mark.parametrize(
    ("told", "held_up"),
    [(b"5 60000000000 1", True), (b"5 0 1", False), (b"5", False), (b"", False), (b"a b", False)],
)
def test_a_wait_for_a_processor_is_not_the_child_s(
    told: bytes,
    held_up: bool,
    tmp_path: Path,
    caller: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def kernel(path: str, mode: str) -> Any:
        asked.append(path)
        return BytesIO(told)

    monkeypatch.setattr(module, "open", kernel, raising=False)
    answer = seen(SLEEPS, tmp_path, caller, PATIENT._replace(wall_s=0.05))
    assert answer.ended_by == "wall"
    assert (len(asked) > 1) == held_up  # asked again and again, or believed once
    assert {path.rpartition("/")[2] for path in asked} == {"schedstat"}
    if held_up:
        assert answer.wall_s >= 0.5  # ten times as long, and no longer


def test_a_caller_that_is_gone_ends_the_child(tmp_path: Path, caller: tuple[int, int]) -> None:
    os.close(caller[1])
    answer = seen(SLEEPS, tmp_path, caller)
    assert (answer.ended_by, answer.status) == ("caller", -signal.SIGKILL)


@pytest.mark.parametrize(
    ("script", "cpu_s", "ended_by"),
    [
        ("kill -KILL $$", 1e-6, "cpu"),
        ("kill -XCPU $$", 1e-6, "cpu"),
        ("kill -KILL $$", 60.0, None),
        ("kill -TERM $$", 1e-6, None),
    ],
)
def test_the_hard_limit_of_processor_time_is_told_by_the_signal(
    script: str,
    cpu_s: float,
    ended_by: str | None,
    tmp_path: Path,
    caller: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")  # where no clock of the child's can be read
    assert seen(script, tmp_path, caller, PATIENT._replace(cpu_s=cpu_s)).ended_by == ended_by


def deep(scratch: Path, levels: int) -> None:
    (scratch / "/".join("d" * levels)).mkdir(parents=True)


def blocks(scratch: Path, count: int) -> None:
    """Take so much room: one entry's, and the rest in the file itself."""
    file = scratch / "file"
    file.write_bytes(b"x" * BLOCK * (count - 1))
    assert file.stat().st_blocks * 512 == BLOCK * (count - 1)


@pytest.mark.parametrize(
    ("fill", "size", "ended_by"),
    [
        (blocks, 3, "wall"),
        (blocks, 4, "disk"),
        (deep, 3, "wall"),
        (deep, 4, "disk"),  # what is empty costs, too
    ],
)
def test_disk_use_to_the_limit_and_beyond(
    fill: Any,
    size: int,
    ended_by: str,
    tmp_path: Path,
    caller: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SCRATCH_BYTES", 3 * BLOCK)
    fill(tmp_path, size)
    wall_s = 60.0 if ended_by == "disk" else 0.2
    assert seen(SLEEPS, tmp_path, caller, PATIENT._replace(wall_s=wall_s)).ended_by == ended_by


@pytest.mark.parametrize(("levels", "ended_by"), [(64, "wall"), (65, "disk")])
def test_folders_nest_only_so_deep(
    levels: int, ended_by: str, tmp_path: Path, caller: tuple[int, int]
) -> None:
    deep(tmp_path, levels)
    wall_s = 60.0 if ended_by == "disk" else 0.2
    assert seen(SLEEPS, tmp_path, caller, PATIENT._replace(wall_s=wall_s)).ended_by == ended_by


def test_a_link_out_of_the_folder_counts_as_a_link(
    tmp_path: Path, caller: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SCRATCH_BYTES", 4 * BLOCK)
    scratch, outside = tmp_path / "scratch", tmp_path / "outside"
    scratch.mkdir()
    deep(outside, 9)
    (scratch / "to a folder").symlink_to(outside)
    (tmp_path / "large").write_bytes(b"x" * 9 * BLOCK)
    (scratch / "to a file").symlink_to(tmp_path / "large")
    answer = seen(SLEEPS, scratch, caller, PATIENT._replace(wall_s=0.2))
    assert answer.ended_by == "wall"
