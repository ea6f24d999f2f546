"""The file of what remains is read whole, or its fault is told with its line."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.errors import RunFolderCorrupt
from liftlab.sessions.remains import ENDED_S, FILE_NAME, Remains, remaining


def test_a_line_that_a_kill_cut_off_is_left_out(tmp_path: Path) -> None:
    remains = Remains(tmp_path)
    kept = remains.begun("one", "create", (("x-user", "a"), ("x-user", "b")), 1)
    remains.gone(remains.begun("two", "create", (), 1))
    remains.named(kept, "\ud800\n<b>")
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(b'{"number": 9, "che')
    [made] = remaining(tmp_path)
    assert (made.number, made.id, made.user) == (1, "\ud800\n<b>", kept.user)
    assert Remains(tmp_path).begun("three", "create", (), 1).number == 3


@given(st.binary(max_size=200) | st.sampled_from([b'{"user": [1], "until": 0}', b"[]", b"1e999"]))
def test_a_foreign_file_is_refused_in_one_line(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / FILE_NAME).write_bytes(content + b"\n")
        if not content.strip():
            return
        with pytest.raises(RunFolderCorrupt, match=FILE_NAME):
            remaining(Path(folder))


def test_what_remains_is_known_until_it_is_gone(tmp_path: Path) -> None:
    remains = Remains(tmp_path)
    first = remains.begun("one", "create", (("x-user", "ann"), ("x-team", "b")), 30)
    second = remains.begun("two", "create", (), 30, "id-2")
    assert (first.number, second.number, second.id) == (1, 2, "id-2")
    assert remains.of("one") == [first]
    assert remains.of() == [first, second]
    remains.named(first, "id-1")
    remains.stays(second, "x" * 400)
    assert [(made.id, len(made.why)) for made in remaining(tmp_path)] == [
        ("id-1", len(first.why)),
        ("id-2", 300),
    ]
    assert "user ann and b" in first.line
    assert "user none" in second.line
    remains.gone(first)
    assert [made.number for made in remaining(tmp_path)] == [2]
    remains.close()
    assert (tmp_path / FILE_NAME).exists()
    remains.gone(second)
    remains.close()
    assert not (tmp_path / FILE_NAME).exists()
    remains.close()  # there is nothing to remove


def test_a_call_ends_a_moment_after_its_deadline_or_its_connection() -> None:
    remains, before = Remains(), time.time()
    made = remains.begun("one", "create", (), 30)
    assert before + 30 + ENDED_S <= made.until <= time.time() + 30 + ENDED_S
    remains.ended(made)
    [ended] = remains.of()
    assert before + ENDED_S <= ended.until <= time.time() + ENDED_S


def test_what_did_not_change_is_not_written_again(tmp_path: Path) -> None:
    remains = Remains(tmp_path)
    made = remains.begun("one", "create", (), 1)
    for _ in range(3):
        remains.named(made, "a")
    assert len((tmp_path / FILE_NAME).read_bytes().splitlines()) == 2


def test_without_a_folder_it_is_kept_in_memory() -> None:
    remains = Remains()
    made = remains.begun("one", "create", (), 1)
    assert remains.of() == [made]
    remains.close()
    assert remains.of() == [made]


@pytest.mark.parametrize("field", ["number", "check", "call", "why", "id", "until", "user", "more"])
def test_a_field_of_another_kind_is_named_by_its_line(field: str, tmp_path: Path) -> None:
    remains = Remains(tmp_path)
    remains.begun("one", "create", (), 1, "id-1")
    path = tmp_path / FILE_NAME
    told = json.loads(path.read_bytes()) | {field: {"odd": 1}}
    path.write_bytes(path.read_bytes() + json.dumps(told).encode() + b"\n")
    with pytest.raises(RunFolderCorrupt) as caught:
        remaining(tmp_path)
    assert caught.value.line == 2
