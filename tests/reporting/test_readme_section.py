"""The README's section is written between its markers, and nothing else is touched."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from liftlab.errors import FileInvalid
from liftlab.reporting.markdown import BEGIN, END, update_readme
from liftlab.settings import load_project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize

BEFORE, AFTER = "\ufeff# Title\n\n  text \n", "\nlast line without an end"


def summary(run: RunData) -> RunSummary:
    return summarize(run, load_project(Path("nowhere"), environ={}))


def readme(folder: Path, text: str) -> Path:
    path = folder / "README.md"
    path.write_bytes(text.encode())
    return path


def test_only_what_is_between_the_markers_changes(tmp_path: Path, week2: RunData) -> None:
    path = readme(tmp_path, f"{BEFORE}{BEGIN}\nold\n{END}{AFTER}")
    path.chmod(0o640)
    assert update_readme(path, summary(week2))
    text = path.read_bytes().decode()
    assert text.startswith(f"{BEFORE}{BEGIN}\n")
    assert text.endswith(f"\n{END}{AFTER}")
    assert "old" not in text
    assert "| Right | 20 % |" in text
    assert "Run `week2_day1`" in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_writing_again_changes_nothing(tmp_path: Path, week2: RunData) -> None:
    path = readme(tmp_path, f"{BEGIN}\n{END}\n")
    assert update_readme(path, summary(week2))
    once = path.read_bytes()
    assert not update_readme(path, summary(week2))
    assert path.read_bytes() == once


def test_line_ends_stay_what_they_are(tmp_path: Path, week2: RunData) -> None:
    path = readme(tmp_path, f"a\r\n{BEGIN}\r\n{END}\r\nb\r\n")
    update_readme(path, summary(week2))
    assert path.read_bytes().count(b"\n") == path.read_bytes().count(b"\r\n")
    assert not update_readme(path, summary(week2))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("nothing", "0 lines"),
        (f"{BEGIN}\n", "0 lines <!-- /"),
        (f"{BEGIN}\n{END}\n{BEGIN}\n{END}\n", "2 lines"),
        (f"{END}\n{BEGIN}\n", "stands before"),
    ],
)
def test_markers_that_do_not_fit_are_refused(
    text: str, wrong: str, tmp_path: Path, week2: RunData
) -> None:
    path = readme(tmp_path, text)
    with pytest.raises(FileInvalid, match=wrong):
        update_readme(path, summary(week2))
    assert path.read_bytes().decode() == text


def test_a_file_that_is_not_there_is_told(tmp_path: Path, week2: RunData) -> None:
    with pytest.raises(FileInvalid, match="no such file"):
        update_readme(tmp_path / "README.md", summary(week2))


def test_a_link_is_followed(tmp_path: Path, week2: RunData) -> None:
    (tmp_path / "docs").mkdir()
    real = readme(tmp_path / "docs", f"{BEGIN}\n{END}\n")
    link = tmp_path / "README.md"
    link.symlink_to(real)
    update_readme(link, summary(week2))
    assert link.is_symlink()
    assert "1 of 5" in real.read_text()
