"""A project is laid down in an empty folder, whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from liftlab.errors import UsageError
from liftlab.jobs import layout
from liftlab.jobs.layout import PARTS, definitions, lay_down, source_folder


def test_a_project_that_works_is_laid_down(tmp_path: Path) -> None:
    target = lay_down(tmp_path / "new" / "project")
    assert all((target / part).exists() for part in PARTS)
    assert (target / ".gitignore").read_text().splitlines()[1:] == ["data/runs/", "reports/"]
    assert not list(target.glob(".new-*"))
    assert not list(target.rglob("__pycache__"))


def test_hidden_files_do_not_count(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".gitignore").write_text("mine\n")
    lay_down(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


@pytest.mark.parametrize("name", ["notes.txt", "liftlab.toml"])
def test_a_folder_with_something_in_it_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match=f"not empty, it has {name}"):
        lay_down(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_in_a_repository_only_what_stands_in_the_way_counts(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "README.md").write_text("mine")
    lay_down(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"
    other = tmp_path / "other"
    (other / ".git").mkdir(parents=True)
    (other / "data").mkdir()
    with pytest.raises(UsageError, match="it has data"):
        lay_down(other)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(UsageError, match="is a file, not a folder"):
        lay_down(tmp_path / "a")


@pytest.mark.parametrize("there", [True, False])
def test_what_fails_on_the_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    def full(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    target = tmp_path / "new"
    if there:
        target.mkdir()
    monkeypatch.setattr(layout.shutil, "copytree", full)
    with pytest.raises(KeyboardInterrupt):
        lay_down(target)
    assert target.exists() == there
    assert not there or not list(target.iterdir())
    assert shutil.rmtree is layout.shutil.rmtree


def test_the_definitions_are_where_the_parts_are() -> None:
    assert definitions().startswith("#")
    assert (source_folder() / "liftlab.toml").exists()
