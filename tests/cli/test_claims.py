"""`liftlab claims`: each claim with its ruling, on the published day and on a run of one's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from liftlab.cli.main import main

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that has the published days and nothing else."""
    (tmp_path / "liftlab.toml").write_text('[run]\nsuite = "week2_day1"\n')
    (tmp_path / "data").mkdir()
    for part in ("suites", "reference"):
        shutil.copytree(DATA / part, tmp_path / "data" / part)
    shutil.copy(DATA / "prices.toml", tmp_path / "data" / "prices.toml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_claims_are_printed_with_their_rulings(
    published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", "week2_day1"]) == 0
    captured = capsys.readouterr()
    assert "C05  “NLP to IR: very consistent, < 5 % variance”: contradicted" in captured.out
    assert "     say  0 of 3 answers" in captured.out
    assert "19 rulings: " in captured.out
    assert captured.err == ""


def test_claims_as_json_and_from_a_file_of_ones_own(
    published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = '[[claim]]\nid = "A"\nstatement = "x"\nmetric = "latency"\nvalue = 15.0\n'
    Path("mine.toml").write_text(text)
    assert main(["claims", "week2_day1", "mine.toml", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["id"] == "A"
    assert found["ruling"] == "supported"


def test_claims_about_another_run_say_so(
    published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", "week1"]) == 0
    assert "about run week2_day1; here the rows of week1 rule" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["week2_day1", "none.toml"], ["nonsense"]])
def test_what_is_not_there_is_an_input_error(
    published: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", *arguments]) == 6


def test_a_report_is_linted_with_its_lines(
    published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("report.md").write_text(
        "# Day\n\n- **End-to-End**: 14.9s median\n- New E2E estimate: 20.9 s\n"
    )
    assert main(["lint-report", "report.md", "--run", "week2_day1"]) == 0
    out = capsys.readouterr().out
    assert "report.md:3: median  “End-to-End: 14.9s median”: contradicted" in out
    assert "report.md:4: forecast  “New E2E estimate: 20.9 s”: not tied" in out
    assert "2 claims, 1 not tied; 1 ruling: 1 contradicted" in out
    assert main(["lint-report", "report.md", "--run", "week2_day1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["line"] for each in found] == [3, 4]
    assert main(["lint-report", "none.md", "--run", "week2_day1"]) == 6
