"""Which files are meant by names, folders and patterns."""

from __future__ import annotations

from pathlib import Path

import pytest

from liftlab.importers.files import find


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.json", "a.jsonl", "c.NDJSON", ".hidden.json", "deep/d.json", ".git/e.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "own.json").write_text("{}")
    return tmp_path


def _found(folder: Path, *names: str) -> tuple[list[str], list[str]]:
    files, missing = find([f"{folder}/{name}" for name in names], folder / "runs")
    return [str(file.relative_to(folder)) for file in files], [str(fault) for fault in missing]


def test_a_folder_is_searched_but_for_what_is_hidden_and_the_project_s_runs(folder: Path) -> None:
    assert _found(folder, "") == (["a.jsonl", "b.json", "c.NDJSON", "deep/d.json"], [])


def test_files_come_in_the_order_named_and_once(folder: Path) -> None:
    assert _found(folder, "deep/d.json", "*.json", "b.json")[0] == ["deep/d.json", "b.json"]
    assert _found(folder, "**/d.json")[0] == ["deep/d.json"]
    assert _found(folder, ".hidden.json")[0] == [".hidden.json"]  # it was named


def test_a_name_that_looks_like_a_pattern_may_be_a_file(folder: Path) -> None:
    (folder / "x[1].json").write_text("{}")
    assert _found(folder, "x[1].json")[0] == ["x[1].json"]


def test_what_is_not_there_is_told(folder: Path) -> None:
    (folder / "empty").mkdir()
    files, missing = _found(folder, "*.csv", "empty")
    assert files == []
    assert ["no file matches" in missing[0], "no result files in this folder" in missing[1]] == [
        True,
        True,
    ]
    assert _found(folder, "gone.json")[0] == ["gone.json"]  # reading it says so


@pytest.mark.parametrize(
    ("content", "taken"),
    [
        (b'{"a": 1}', True),
        (b'\xef\xbb\xbf \n{"a": 1}', True),
        (b"[1]", False),
        (b"", False),
        (b" " * 4096 + b"{", False),
        (b" " * 4095 + b"{", True),
    ],
)
def test_a_file_of_another_ending_is_taken_if_it_begins_like_json(
    folder: Path, content: bytes, taken: bool
) -> None:
    (folder / "deep" / "results").write_bytes(content)
    assert ("deep/results" in _found(folder, "deep")[0]) is taken
