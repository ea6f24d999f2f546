"""Files that are there in full or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from liftlab.errors import RunFolderCorrupt, StorageFailed
from liftlab.store.files import TEMPORARY, read_regular, refuse_odd, write_atomic, writing


def test_a_file_of_just_the_limit_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_bytes(b"12345")
    assert read_regular(place, 5) == b"12345"
    with pytest.raises(RunFolderCorrupt, match="is larger than"):
        read_regular(place, 4)


@pytest.mark.parametrize("kind", ["pipe", "folder", "nothing"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "file"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    said = "cannot be read: No such file" if kind == "nothing" else "regular file|Is a directory"
    with pytest.raises(RunFolderCorrupt, match=said):
        read_regular(place, 100)


@pytest.mark.parametrize(("size", "fits"), [(8 * 2**30, True), (8 * 2**30 + 1, False)])
def test_a_journal_has_eight_gibibytes_at_most(tmp_path: Path, size: int, fits: bool) -> None:
    found = os.stat_result((stat.S_IFREG | 0o644, 1, 1, 1, 0, 0, size, 0, 0, 0))
    if fits:
        refuse_odd(tmp_path, found)
    else:
        with pytest.raises(RunFolderCorrupt, match="larger than 8,192 MiB"):
            refuse_odd(tmp_path, found)


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What the disk was waited for, in order: whether each was a folder."""
    kinds = []
    real = os.fsync

    def fsync(handle: int) -> None:
        kinds.append(stat.S_ISDIR(os.fstat(handle).st_mode))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    return kinds


def test_a_file_outlasts_a_power_cut_with_its_name(tmp_path: Path, synced: list[bool]) -> None:
    write_atomic(tmp_path / "file", b"new")
    assert synced == [False, True]


def test_a_file_that_can_be_made_again_is_not_waited_for(
    tmp_path: Path, synced: list[bool]
) -> None:
    (tmp_path / "file").write_bytes(b"old")
    write_atomic(tmp_path / "file", b"new", durable=False)
    assert synced == []
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_file_is_as_open_to_a_team_as_any_other(tmp_path: Path) -> None:
    write_atomic(tmp_path / "ours", b"")
    (tmp_path / "other").touch()
    modes = {(tmp_path / name).stat().st_mode for name in ("ours", "other")}
    assert len(modes) == 1


def test_what_cannot_be_moved_into_place_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []

    def refuse(name: str, place: Path) -> None:
        names.append(Path(name).name)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(StorageFailed, match=r"file: cannot be written: No space left .*Buy a disk"):
        write_atomic(tmp_path / "file", b"new", advice="Buy a disk")
    assert [place.name for place in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"
    assert TEMPORARY.fullmatch(names[0])


def test_a_long_name_leaves_room_for_what_is_put_around_it(tmp_path: Path) -> None:
    place = tmp_path / ("x" * 255)
    write_atomic(place, b"1")
    assert place.read_bytes() == b"1"


def test_an_error_without_words_is_told_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match=r"cannot be written: odd\. "), writing(tmp_path):
        raise OSError("odd")
