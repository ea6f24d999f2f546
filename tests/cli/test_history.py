"""`liftlab history` as a user meets it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from liftlab import store
from liftlab.cli.main import main
from liftlab.jobs import opening
from liftlab.settings import load_project


@pytest.fixture
def two_runs(
    tmp_path: Path, write_run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    (tmp_path / "liftlab.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    project = load_project(tmp_path)
    made = [write_run(project.path("runs"), number, model=f"m{number}") for number in range(2)]
    for run_id in made:
        opening.open_run(run_id, project=project)
    return made


def test_runs_are_listed_and_what_is_left_out_is_named(
    two_runs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(22):
        shutil.copytree(Path("data/runs") / two_runs[0], Path("data/runs") / f"copy_{number:02}")
    assert main(["history", "--last", "1"]) == 0
    captured = capsys.readouterr()
    assert two_runs[1] in captured.out
    assert two_runs[0] not in captured.out
    assert "… and 1 older" in captured.out
    assert "timed · lift · modal: 2 runs" in captured.out
    assert "End to end median: 14.5 s in the newest of 2 runs" in captured.out
    assert f"skipped copy_19: its tables are those of run {two_runs[0]}" in captured.err
    assert "copy_20" not in captured.err
    assert "… and 2 more: `liftlab history --json` names all" in captured.err


def test_tables_that_are_missing_are_made_once(
    two_runs: list[str], write_run: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    unopened, damaged, live = (write_run(Path("data/runs"), number) for number in (5, 6, 7))
    Path("data/runs", damaged, "run.sqlite").write_bytes(b"x" * 1000)
    with store.Journal.open(store.RunFolder(Path("data/runs", live))):
        assert main(["history"]) == 0
    captured = capsys.readouterr()
    assert unopened in captured.out
    assert "making the tables of 2 runs" in captured.err
    assert f"skipped {unopened}" not in captured.err
    assert f"skipped {live}: it has no tables yet" in captured.err
    [told] = [line for line in captured.err.splitlines() if f"skipped {damaged}" in line]
    assert "run.sqlite" in told
    shutil.rmtree(Path("data/runs", damaged))
    assert main(["history"]) == 0
    assert main(["history"]) == 0
    assert capsys.readouterr().err.count("making the tables of") == 1  # of the one that was live


def test_as_json(two_runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "--json", "--endpoint", "modal"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [run["run_id"] for run in told["runs"]] == two_runs
    assert told["runs"][0]["success_rate"] is None
    assert told["series"][0]["metrics"][0]["metric"] == "e2e_median_s"
    assert main(["history", "--json", "--suite", "other"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == []


def test_without_runs_it_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "liftlab.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    assert main(["history"]) == 0
    assert "make one with `liftlab run`" in capsys.readouterr().out
