"""What was sent is known after a kill, so that it is not sent again."""

from __future__ import annotations

from pathlib import Path

import pytest

from liftlab.errors import RunFolderCorrupt
from liftlab.records import LOAD
from liftlab.runner.sent import FILE_NAME, Sent
from liftlab.store import RunFolder

NUMBERS = range(1, 9, 2)  # the second of two segments of eight requests


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def test_what_was_marked_is_known_to_the_next_session(folder: RunFolder) -> None:
    first = Sent(folder, NUMBERS)
    assert list(first.left()) == [0, 1, 2, 3]
    for place in (0, 2):
        first.mark(place)
    # Not closed: a killed process closes nothing.
    second = Sent(folder, NUMBERS)
    assert list(second.left()) == [1, 3]
    assert second.lost({}, {(LOAD, 2)}) == [5]  # that of request 1 has repeat 2


def test_places_are_taken_as_they_are_asked_for(folder: RunFolder) -> None:
    sent = Sent(folder, range(3))
    taken = []
    for place in sent.left():
        sent.mark(place)
        taken.append(place)
    assert taken == [0, 1, 2]
    assert list(sent.left()) == []


def test_an_attempt_that_the_journal_knows_counts_as_sent(folder: RunFolder) -> None:
    Sent(folder, NUMBERS)
    sent = Sent(folder, NUMBERS)
    assert sent.lost({(LOAD, 4, "request"): 1}, set()) == [3]
    assert list(sent.left()) == [0, 2, 3]


def test_a_file_cut_short_is_filled_and_one_of_another_load_refused(folder: RunFolder) -> None:
    path = folder.path / FILE_NAME
    path.write_bytes(b"\x01")
    assert list(Sent(folder, range(3)).left()) == [1, 2]
    path.write_bytes(bytes(4))
    with pytest.raises(RunFolderCorrupt, match="does not tell of 3 requests"):
        Sent(folder, range(3))


def test_without_the_file_a_load_that_was_begun_does_not_go_on(folder: RunFolder) -> None:
    for _ in range(2):
        with pytest.raises(RunFolderCorrupt, match="is missing"):
            Sent(folder, NUMBERS).lost({(LOAD, 2, "request"): 1}, {(LOAD, 2)})
