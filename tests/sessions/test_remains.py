"""The file of what remains is read whole, or its fault is told with its line."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.errors import RunFolderCorrupt
from liftlab.sessions.remains import FILE_NAME, Remains, remaining


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
