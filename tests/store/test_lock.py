"""One writer a run, as the kernel knows it, and what others are told of it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from pathlib import Path

import pytest

from liftlab.errors import StorageFailed
from liftlab.store import lock
from liftlab.store.lock import FILE_NAME, RunLock, is_held, owner


def test_a_lock_is_held_until_it_is_released(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    held = RunLock(tmp_path)
    assert is_held(tmp_path)
    held.release()
    assert not is_held(tmp_path)
    assert (tmp_path / FILE_NAME).exists()


def test_a_second_writer_is_refused_after_it_tried_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(lock.time, "sleep", pauses.append)
    held = RunLock(tmp_path)
    with pytest.raises(StorageFailed, match=rf"process {os.getpid()} \(since .*wait for it"):
        RunLock(tmp_path)
    assert len(pauses) == 4  # five tries
    assert 0.05 < sum(pauses) < 1
    held.release()


def test_who_only_looks_does_not_keep_a_writer_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / FILE_NAME).touch()
    looking = os.open(tmp_path / FILE_NAME, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr(lock.time, "sleep", lambda seconds: os.close(looking))
    RunLock(tmp_path).release()


def test_a_file_system_without_locks_is_said_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*args: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(lock.fcntl, "flock", none)
    with pytest.raises(StorageFailed, match=r"no locks .*set LIFTLAB_RUNS_DIR to a local disk"):
        RunLock(tmp_path)
    (tmp_path / FILE_NAME).touch()
    assert not is_held(tmp_path)


def test_the_last_owner_is_named_as_its_file_tells(tmp_path: Path) -> None:
    place = tmp_path / FILE_NAME
    assert owner(tmp_path) == "another process"
    place.write_text(json.dumps({"pid": 12, "since": "2026-01-01T00:00:00+00:00"}))
    assert owner(tmp_path) == "process 12 (since 2026-01-01T00:00:00+00:00)"
    place.write_text(json.dumps({"pid": 12, "since": "x" * 100}))
    assert owner(tmp_path) == f"process 12 (since {'x' * 40})"
    for said in ("", "[]", "{}", '{"pid": "x", "since": 1}', '{"pid": 12, "since": "' + "x" * 600):
        place.write_text(said)
        assert owner(tmp_path) == "another process"
    RunLock(tmp_path).release()  # a longer text of an earlier owner is gone
    assert owner(tmp_path).startswith(f"process {os.getpid()} ")
