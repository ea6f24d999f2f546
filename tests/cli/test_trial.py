"""`liftlab trial`: everything of one trial, and nothing that a terminal obeys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from liftlab.cli.main import main
from tests.conftest import ROOT, LiftServer

Out = pytest.CaptureFixture[str]


def test_the_published_day(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Out) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("LIFTLAB_RUNS_DIR", str(tmp_path))
    assert main(["trial", "week2", "is_even"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("week2_day1 · is_even, repeat 1: ")
    assert said.err == "run week2_day1\n"


def test_a_failed_trial(
    project_folder: Path, lift_server: LiftServer, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.chdir(project_folder)
    monkeypatch.setenv("LIFTLAB_BASE_URL", lift_server.url)
    lift_server.body_for = lambda name, count: ["y = 1", "return x.no_such  # \x1b[31m\u202e"]
    assert main(["run", "--case", "double", "--repeats", "1"]) == 0
    capsys.readouterr()
    assert main(["trial", "latest", "double"]) == 0
    out = capsys.readouterr().out
    assert "Double a number." in out
    assert ">   4      return x.no_such" in out
    assert "FAIL  double(1): expected 2, error " in out
    assert "AttributeError on line 4" in out
    assert "NLP → IR       1" in out
    assert all(character.isprintable() or character == "\n" for character in out)
    assert main(["trial", "latest", "double", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["line"] == 4
    assert [part["stage"] for part in told["exchanges"]] == ["nlp_to_ir", "ir_to_code"]
    assert "\x1b[31m" in told["code"]


@pytest.mark.parametrize(("case", "said"), [(["is_evn"], "is_even"), (["is_even", "7"], "repeat")])
def test_a_wrong_name_is_a_line(
    case: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: Out,
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("LIFTLAB_RUNS_DIR", str(tmp_path))
    assert main(["trial", "week2_day1", *case]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
