"""Runs written for other tools: one file or a folder, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from liftlab.errors import StorageFailed, UsageError
from liftlab.jobs import exchanging, opening
from liftlab.settings import load_project
from liftlab.store import RunData


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, write_run: Callable[..., str]) -> RunData:
    project = load_project(tmp_path_factory.mktemp("project"))
    return opening.open_run(write_run(project.path("runs"), 1, cases=3), project=project)


def _names(folder: Path) -> list[str]:
    return sorted(place.name for place in folder.iterdir())


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_folder_has_a_file_a_table(run: RunData, tmp_path: Path, form: Any) -> None:
    files = exchanging.write_export(run, form, tmp_path / "out")
    assert sorted(file.name for file in files) == _names(tmp_path / "out")
    assert {file.suffix for file in files} == {f".{form}"}
    start = {"csv": b"run_id,", "parquet": b"PAR1"}[form]
    assert (tmp_path / "out" / f"trial.{form}").read_bytes().startswith(start)
    assert _names(tmp_path) == ["out"]  # nothing is left of what was under way


@pytest.mark.parametrize("form", ["week2", "jsonl"])
def test_a_file_is_what_the_text_is(run: RunData, tmp_path: Path, form: Any) -> None:
    assert exchanging.write_export(run, form, tmp_path / "out") == [tmp_path / "out"]
    text = (tmp_path / "out").read_text()
    assert text == exchanging.as_text(run, form)
    first = text if form == "week2" else text.splitlines()[0]
    assert json.loads(first)


def test_tables_are_no_one_text(run: RunData) -> None:
    with pytest.raises(UsageError, match="csv is a file a table: give --out a folder"):
        exchanging.as_text(run, "csv")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_is_there_stays_unless_forced(run: RunData, tmp_path: Path, form: Any) -> None:
    out = tmp_path / "out"
    exchanging.write_export(run, form, out)
    kept = out / "trial.csv" if form == "csv" else out
    kept.write_text("mine")
    with pytest.raises(UsageError, match="is there already: --force replaces it"):
        exchanging.write_export(run, form, out)
    assert kept.read_text() == "mine"
    exchanging.write_export(run, form, out, force=True)
    assert kept.read_text() != "mine"


def test_a_folder_with_other_files_is_taken(run: RunData, tmp_path: Path) -> None:
    (tmp_path / "note.txt").touch()
    exchanging.write_export(run, "csv", tmp_path)
    assert {"note.txt", "trial.csv"} <= set(_names(tmp_path))


def test_a_place_of_the_wrong_kind(run: RunData, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file is a file: give --out a folder"):
        exchanging.write_export(run, "csv", tmp_path / "file")
    with pytest.raises(UsageError, match="is a folder: jsonl is one file"):
        exchanging.write_export(run, "jsonl", tmp_path, force=True)
    with pytest.raises(UsageError, match="nowhere is no folder: make it"):
        exchanging.write_export(run, "csv", tmp_path / "nowhere" / "out")
    with pytest.raises(UsageError, match="is no regular file"):
        exchanging.write_export(run, "jsonl", Path("/dev/null"), force=True)


def test_a_full_disk_leaves_nothing(
    run: RunData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def full(path: Path, content: bytes) -> None:
        written.append(path)
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        path.write_bytes(content)

    monkeypatch.setattr(exchanging, "write_atomic", full)
    with pytest.raises(StorageFailed, match=r"out: cannot be written: No space .* another place"):
        exchanging.write_export(run, "csv", tmp_path / "out")
    assert _names(tmp_path) == []


def test_the_first_format_says_what_it_leaves_out(run: RunData) -> None:
    assert exchanging.left_out(run)
