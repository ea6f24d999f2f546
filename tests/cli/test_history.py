"""`liftlab history` as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from liftlab import jobs
from liftlab.cli.main import main
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
        jobs.open_run(run_id, project=project)
    return made


def test_runs_are_listed_and_what_is_left_out_is_named(
    two_runs: list[str], write_run: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    unopened = write_run(Path("data/runs"), 5)
    assert main(["history", "--last", "1"]) == 0
    captured = capsys.readouterr()
    assert two_runs[1] in captured.out
    assert two_runs[0] not in captured.out
    assert "… and 1 older" in captured.out
    assert "timed · lift · modal: 2 runs" in captured.out
    assert "e2e_median_s: 14.5 s in the newest of 2 runs" in captured.out
    assert f"skipped {unopened}: it has no tables yet: `liftlab show {unopened}`" in captured.err


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
