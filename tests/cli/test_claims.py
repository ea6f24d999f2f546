"""`liftlab claims`: each claim with its ruling, on the published day and on a run of one's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from liftlab.cli.main import main
from liftlab.records import LOAD
from liftlab.store.listing import RunSummary

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
    assert "     why  None of these 3 prompts was answered right" in captured.out
    assert "17 claims: 7 contradicted, " in captured.out
    assert captured.err == ""


def test_claims_as_json_and_from_a_file_of_ones_own(
    published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = '[[claim]]\nid = "A"\nstatement = "x"\nmetric = "e2e_median_s"\nvalue = 15.0\n'
    Path("mine.toml").write_text(text)
    assert main(["claims", "week2_day1", "mine.toml", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["id"] == "A"
    assert found["ruling"] == "supported"


def test_claims_about_another_run_say_so(
    published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", "week1"]) == 0
    assert "about run week2_day1; they are ruled by run week1" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["week2_day1", "none.toml"], ["nonsense"]])
def test_what_is_not_there_is_an_input_error(
    published: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", *arguments]) == 6


REPORT = "# Day\n\n- **End-to-End**: 20 s median\n- New E2E estimate: 20.9 s\n- Mean E2E: 19.6 s\n"
LINT = ["lint-report", "report.md", "--run", "week2_day1"]


@pytest.fixture
def report(published: Path) -> Path:
    path = published / "report.md"
    path.write_text(REPORT)
    return path


def test_a_report_is_linted_with_its_lines(
    report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(LINT) == 0
    out = capsys.readouterr().out
    assert out.startswith("report.md, ruled by run week2_day1 (5 requests)\n")
    assert "report.md:3:  20 s in “End-to-End: 20 s median”: contradicted" in out
    assert "report.md:4: not read (" in out
    assert "2 claims: 1 contradicted, 1 supported; 1 figure not read" in out
    assert main(["lint-report", "none.md", "--run", "week2_day1"]) == 6


@pytest.mark.parametrize("option", [["--json"], ["--format", "json"]])
def test_a_report_is_linted_for_scripts(
    report: Path, option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*LINT, *option]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["line"], row["ruling"]) for row in rows] == [
        (3, "contradicted"), (4, None), (5, "supported"),
    ]  # fmt: skip
    assert [bool(row["not_read"]) for row in rows] == [False, True, False]
    assert rows[0]["metric"] == "e2e_median_s"


def test_a_report_is_linted_as_sarif(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*LINT, "--format", "sarif"]) == 0
    log = json.loads(capsys.readouterr().out)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("contradicted", "error")
    assert result["ruleId"] in {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "report.md"}, "region": {"startLine": 3}}
    assert "14.96 s" in result["message"]["text"]


@pytest.mark.parametrize(
    ("text", "code"), [(REPORT, 3), ("The mean E2E was 19.6 s.\n", 0), ("All went well.\n", 7)]
)
def test_the_gate_fails_what_is_contradicted_and_what_is_not_read(
    report: Path, text: str, code: int
) -> None:
    report.write_text(text)
    assert main([*LINT, "--gate"]) == code
    assert main(LINT) == 0


def _row(run_id: str, suite: str, trials: int | None = 5, by: str = "measured") -> RunSummary:
    return RunSummary(run_id=run_id, suite=suite, trials=trials, provenance=by)


@pytest.mark.parametrize(
    "runs",
    [
        [
            _row("a_load", LOAD),
            _row("ours", "simple", 9, "reference"),
            _row("week2_day1", "simple"),
        ],
        [_row("empty", LOAD, 0), _row("broken", LOAD, None), _row("week2_day1", LOAD)],
    ],
    ids=["of a suite", "none of a suite"],
)
def test_the_default_run_is_the_newest_of_a_suite_or_else_with_trials(
    runs: list[RunSummary],
    report: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for place in ("liftlab.store", "liftlab.store.listing"):
        monkeypatch.setattr(f"{place}.list_runs", lambda _: runs)
    assert main(["lint-report", "report.md"]) == 0
    assert "ruled by run week2_day1" in capsys.readouterr().out
