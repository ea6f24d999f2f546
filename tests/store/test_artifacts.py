"""Artifacts come back as they were kept, or not at all."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liftlab.errors import RunFolderCorrupt, StorageFailed
from liftlab.store import Artifacts
from liftlab.store.artifacts import MAX_BYTES


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=2000))
def test_bytes_come_back_under_their_digest(artifacts: Artifacts, content: bytes) -> None:
    digest = artifacts.put(content)
    assert digest == sha256(content).hexdigest()
    assert artifacts.put(content) == digest
    assert artifacts.get(digest) == content


def test_the_same_content_is_kept_once(artifacts: Artifacts) -> None:
    assert artifacts.put(b"x") == artifacts.put(b"x")
    assert len([path for path in artifacts.path.rglob("*") if path.is_file()]) == 1


def test_text_that_is_no_utf8_is_kept_as_far_as_it_goes(artifacts: Artifacts) -> None:
    assert artifacts.get_text(artifacts.put_text("naïve \ud800")) == "naïve \\ud800"
    assert artifacts.get_text(artifacts.put(b"\xff")) == "\ufffd"


def test_what_was_altered_is_refused(artifacts: Artifacts) -> None:
    digest = artifacts.put(b"kept")
    (artifacts.path / digest[:2] / digest).write_bytes(b"altered")
    with pytest.raises(RunFolderCorrupt, match="digest differs"):
        artifacts.get(digest)


@pytest.mark.parametrize("digest", ["../../manifest.json", "", "a" * 63, "A" * 64, "a" * 64 + "\n"])
def test_a_digest_never_names_another_path(artifacts: Artifacts, digest: str) -> None:
    with pytest.raises(RunFolderCorrupt, match="not an artifact's digest"):
        artifacts.get(digest)


def test_a_missing_one_is_told(artifacts: Artifacts) -> None:
    with pytest.raises(RunFolderCorrupt, match="No such file"):
        artifacts.get("a" * 64)


def test_too_large_is_refused(artifacts: Artifacts) -> None:
    with pytest.raises(StorageFailed, match="at most"):
        artifacts.put(b"x" * (MAX_BYTES + 1))
    assert not artifacts.path.exists()


def test_a_full_disk_leaves_nothing_half_written(
    artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StorageFailed, match="No space left on device"):
        artifacts.put(b"x")
    assert not [path for path in artifacts.path.rglob("*") if path.is_file()]


def test_what_is_small_is_read_once_and_what_is_large_each_time(artifacts: Artifacts) -> None:
    small, large = artifacts.put(b"x" * 64 * 1024), artifacts.put(b"x" * (64 * 1024 + 1))
    for digest in (small, large):
        assert artifacts.get(digest)
        artifacts.path_of(digest).unlink()
    assert len(artifacts.get(small)) == 64 * 1024
    with pytest.raises(RunFolderCorrupt):
        artifacts.get(large)


@pytest.mark.parametrize(("others", "known"), [(255, True), (256, False)])
def test_few_are_kept_in_mind(others: int, known: bool, artifacts: Artifacts) -> None:
    first = artifacts.put(b"first")
    artifacts.get(first)
    for number in range(others):
        artifacts.get(artifacts.put(f"{number}".encode()))
    artifacts.path_of(first).unlink()
    if known:
        assert artifacts.get(first) == b"first"
    else:
        with pytest.raises(RunFolderCorrupt):
            artifacts.get(first)


def test_the_largest_artifact(artifacts: Artifacts) -> None:
    assert MAX_BYTES == 16 * 1024**2
    digest = artifacts.put(bytes(MAX_BYTES))
    assert artifacts.path_of(digest).parent.name == digest[:2]
    assert len(artifacts.get(digest)) == MAX_BYTES
