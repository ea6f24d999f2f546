"""`liftlab show` says what every page says, by the project's own targets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from liftlab.cli.main import main
from liftlab.jobs import opening
from liftlab.reporting.text import findings
from liftlab.settings import load_project
from liftlab.summary import summarize
from tests.cli.typed import edges, is_taken, typed

TARGET = '\n[targets.fast]\nmetric = "e2e_median_s"\nlimit = {}\n'


@pytest.fixture
def made(
    tmp_path: Path, write_run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, str]:
    (tmp_path / "liftlab.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path, write_run(load_project(tmp_path).path("runs"), 1)


@pytest.mark.parametrize(("limit", "said"), [(1, "1 s is not met"), (60, "60 s is met")])
def test_it_is_judged_by_the_projects_targets(
    limit: int, said: str, made: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, run_id = made
    (folder / "liftlab.toml").write_text(TARGET.format(limit))
    assert main(["show", run_id]) == 0
    assert f"the target of {said}" in capsys.readouterr().out


def test_it_says_what_the_pages_say(
    made: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, run_id = made
    project = load_project(folder)
    summary = summarize(opening.open_run(run_id, project=project), project)
    assert main(["show", run_id, "--json"]) == 0
    said = [f"{findings.title(summary)}.", *findings.sentences(summary)]
    assert json.loads(capsys.readouterr().out)["summary"] == said
    assert main(["show", run_id]) == 0
    out = capsys.readouterr().out
    assert all(sentence in out for sentence in said)


def test_a_sped_up_run_has_its_times_at_real_length(
    made: tuple[Path, str], write_run: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, run_id = made
    fast = write_run(load_project(folder).path("runs"), 2, 0.01, time_scale=100.0)
    told = []
    for name in (run_id, fast):
        assert main(["show", name, "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out)["summary"])
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("show", {"run": "latest", "as_json": False}),
        ("trial x a", {"case": "a", "repeat": 1, "as_json": False}),
        ("reproduce x a", {"repeat": None, "again": None, "minimize": False, "max_requests": 60}),
        ("reproduce x a 2 --minimize", {"repeat": 2, "minimize": True}),
    ],
)
def test_what_is_told(line: str, told: dict[str, Any]) -> None:
    assert typed(line).items() >= told.items()


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        *edges("reproduce x a --again", 1, 1000),
        *edges("reproduce x a --max-requests", 2, 10_000),
        ("trial x a 0", False),
        ("reproduce x a 0", False),
        ("reproduce x a 1", True),
        ("trial x", False),
    ],
)
def test_what_is_taken(line: str, taken: bool) -> None:
    assert is_taken(line) is taken
