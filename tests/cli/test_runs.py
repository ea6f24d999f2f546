"""Runs as people keep them: which is the latest, labels, the list, and what may be deleted."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from liftlab import store
from liftlab.cli.main import main
from liftlab.jobs import opening
from liftlab.settings import load_project
from liftlab.store import RunFolder, lock
from tests.cli.typed import edges, is_taken, typed
from tests.conftest import LiftServer

Out = pytest.CaptureFixture[str]
Write = Callable[..., str]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "liftlab.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return load_project(tmp_path).path("runs")


def mark(folder: RunFolder, **facts: object) -> None:
    folder.write_manifest(folder.manifest() | facts)


def test_quick_and_load_are_never_the_latest(runs: Path, write_run: Write, capsys: Out) -> None:
    first = write_run(runs, 1)
    mark(RunFolder(runs / write_run(runs, 2)), quick=True)
    write_run(runs, 3, suite="load", pipeline="load")
    write_run(runs, 4, provenance="imported")
    assert store.latest(runs) == first
    assert main(["status"]) == 0
    said = capsys.readouterr()
    assert said.err == f"run {first}, the newest of a suite\n"
    assert main(["status", first]) == 0
    assert capsys.readouterr() == (said.out, "")


def test_quick_marks_its_run(
    project_folder: Path, lift_server: LiftServer, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.chdir(project_folder)
    monkeypatch.setenv("LIFTLAB_BASE_URL", lift_server.url)
    assert main(["quick", "double"]) == 0
    assert main(["show"]) == 6
    assert "no run of a suite yet: make one with `liftlab run`" in capsys.readouterr().err


def test_the_beginning_of_an_id_will_do(runs: Path, write_run: Write, capsys: Out) -> None:
    first, second = write_run(runs, 1), write_run(runs, 2)
    assert main(["show", first[:11]]) == 0
    assert capsys.readouterr().out.startswith(first)
    assert main(["show", first[:8]]) == 6
    assert capsys.readouterr().err == (
        f"liftlab: run '{first[:8]}' could be any of 2: {first}, {second}\n"
    )


def test_the_list_has_the_numbers_of_the_summary(runs: Path, write_run: Write, capsys: Out) -> None:
    first, second = write_run(runs, 1), write_run(runs, 2)
    (runs / "20250101_000000_gone").mkdir(parents=True)
    (runs / "20250101_000000_gone" / "manifest.json").write_text("{}")
    project = load_project(runs.parents[1])
    opening.open_run(first, project=project)
    assert main(["label", first[:11], " before <b>the</b> fix "]) == 0
    capsys.readouterr()
    assert main(["runs"]) == 0
    head, newest, oldest, broken = capsys.readouterr().out.splitlines()
    assert head.split() == [
        "run",
        "suite",
        "endpoint",
        "status",
        "trials",
        "success",
        "median",
        "label",
    ]
    assert newest.split() == [second, "timed", "modal", "complete", "6"]
    assert oldest.split()[4:7] == ["6", "14.5", "s"]
    assert oldest.endswith("before <b>the</b> fix")
    assert "unreadable" in broken
    assert main(["runs", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["label"] for row in rows] == ["", "before <b>the</b> fix", ""]
    assert "run.sqlite" in rows[2]["problem"]


def test_a_label_is_a_line(runs: Path, write_run: Write, capsys: Out) -> None:
    name = write_run(runs, 1)
    folder = RunFolder(runs / name)
    for text in ("two\nlines", "\x1b[31mred", "x" * 81):
        assert main(["label", name, text]) == 2
    assert folder.label() == ""
    (folder.path / "label.txt").write_bytes(b"\x1b[31mof\nanybody's " + b"x" * 200)
    assert folder.label().isprintable()
    assert len(folder.label()) <= 80
    assert main(["label", name, ""]) == 0
    assert not (folder.path / "label.txt").exists()
    capsys.readouterr()


def test_delete_asks_and_takes_the_pages_along(
    runs: Path, write_run: Write, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = write_run(runs, 1), write_run(runs, 2)
    pages = load_project(runs.parents[1]).path("reports") / first
    pages.mkdir(parents=True)
    (pages.parent / "latest").symlink_to(first)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(["delete", first]) == 2
    assert "answer y, or give --yes" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert main(["delete", first]) == 0
    assert capsys.readouterr().out == "nothing was removed\n"
    assert (runs / first).is_dir()
    assert main(["delete", first, first[:11], "--yes"]) == 0
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert str(runs / first) in said
    assert str(pages) in said
    assert [path.name for path in runs.iterdir() if path.is_dir()] == [second]
    assert list(pages.parent.iterdir()) == []


def test_a_name_that_moves_is_not_deleted_unasked(
    runs: Path, write_run: Write, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = write_run(runs, 1)
    assert main(["delete", "latest", "--yes"]) == 2
    assert "name the run by its id, or leave out --yes" in capsys.readouterr().err
    assert (runs / name).exists()
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main(["delete", "latest"]) == 0
    assert not (runs / name).exists()


def test_what_is_written_or_a_baseline_is_not_deleted(
    runs: Path, write_run: Write, capsys: Out
) -> None:
    first, second = write_run(runs, 1), write_run(runs, 2)
    writer = lock.RunLock(runs / first)
    assert main(["delete", second, first, "--yes"]) == 2
    writer.release()
    assert main(["baseline", "set", second]) == 0
    assert main(["delete", second]) == 2
    assert "is the baseline" in capsys.readouterr().err
    assert (runs / first).is_dir()
    assert main(["delete", second, "--yes"]) == 0
    assert not (runs / second).exists()


@pytest.mark.parametrize(("facts", "cases"), [({"status": "partial"}, 6), ({}, 4)])
def test_a_readme_gets_whole_runs_only(
    facts: dict[str, str], cases: int, runs: Path, write_run: Write, capsys: Out
) -> None:
    name = write_run(runs, 1, cases=cases, **facts)
    readme = runs.parents[1] / "README.md"
    readme.write_text("<!-- liftlab:performance -->\n<!-- /liftlab:performance -->\n")
    assert main(["readme-update", name]) == 6
    assert "--anyway" in capsys.readouterr().err
    assert main(["readme-update", name, "--anyway"]) == 0
    assert name in readme.read_text()


@pytest.mark.parametrize("place", ["manifest.json", "run.sqlite", "tables/trial.parquet", "x"])
def test_what_cannot_be_read_to_its_end_is_refused(
    place: str, runs: Path, write_run: Write, capsys: Out
) -> None:
    name = write_run(runs, 1)
    assert main(["show", name]) == 0
    path = runs / name / place
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    capsys.readouterr()
    assert main(["show", name]) == 6
    assert "is no regular file" in capsys.readouterr().err
    assert main(["runs"]) == 0
    path.unlink()
    with path.open("wb") as file:
        file.truncate(9 * 2**30)
    assert main(["show", name]) == 6
    assert "is larger than" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("delete a b", {"runs": ("a", "b"), "yes": False}),
        ("delete a --yes", {"yes": True}),
        ("history", {"suite": None, "endpoint": None, "last": 20, "as_json": False}),
        ("doctor", {"run": "latest", "dry_run": False, "clean": False, "as_json": False}),
        ("doctor x --dry-run", {"run": "x", "dry_run": True, "clean": False}),
        ("doctor --clean", {"dry_run": False, "clean": True}),
    ],
)
def test_what_is_told(line: str, told: dict[str, Any]) -> None:
    assert typed(line).items() >= told.items()


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        *edges("history --last", 0),
        ("delete --yes", False),
        ("label x", False),
    ],
)
def test_what_is_taken(line: str, taken: bool) -> None:
    assert is_taken(line) is taken
