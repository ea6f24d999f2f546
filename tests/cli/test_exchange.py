"""`liftlab import` and `export` as a user meets them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from liftlab.cli.main import main
from tests.cli.typed import is_taken, typed

ROOT = Path(__file__).parents[2]
FILES = ROOT / "tests" / "importers" / "files"


@pytest.fixture
def inside(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project_folder)
    shutil.copy(ROOT / "data" / "suites" / "week2_day1.toml", project_folder / "data" / "suites")
    shutil.copy(ROOT / "data" / "prices.toml", project_folder / "data")
    return project_folder


def only_run(folder: Path) -> str:
    (run,) = (folder / "data" / "runs").iterdir()
    return run.name


def test_one_file_shows_what_it_published_beside_its_rows(
    inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(FILES / "early.json")]) == 0
    out = capsys.readouterr().out
    assert f"5 results → {only_run(inside)}, 5 to grade" in out
    assert "3 of 16 published figures are the same when recomputed" in out
    assert "3 of those counted as right are wrong" in out
    assert main(["show", only_run(inside)]) == 0
    assert "3 of 16 published figures are the same when recomputed" in capsys.readouterr().out


def test_bad_files_are_named_and_the_rest_go_in(
    inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(FILES / "nontrivial.json", inside / "good.json")
    (inside / "bad.json").write_text('{"results": [')
    assert main(["import", "good.json", "bad.json", "none.json"]) == 6
    out, err = capsys.readouterr()
    assert "bad.json:1: breaks off here" in err
    assert "none.json: no such file" in err
    assert "3 files: 1 imported, 2 bad" in out
    assert "Traceback" not in err
    assert main(["import", "good.json"]) == 0
    assert "unchanged, it is in" in capsys.readouterr().out


def test_import_for_scripts(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "--no-regrade", "--json", str(FILES)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told) == 6
    assert {each["status"] for each in told} == {"imported"}


def test_export_writes_once_and_says_what_is_left_out(
    inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["import", "--no-regrade", str(FILES / "early.json")])
    run = only_run(inside)
    assert main(["export", run, "--format", "week2", "--out", "old.json"]) == 0
    out, err = capsys.readouterr()
    assert "old.json" in out
    assert "left out: the file is copied as it was imported" in err
    assert main(["export", run, "--format", "week2", "--out", "old.json"]) == 2
    assert "old.json is there already: --force replaces it" in capsys.readouterr().err
    assert main(["export", run, "--format", "week2", "--out", "old.json", "--force"]) == 0
    assert (inside / "old.json").read_bytes() == (FILES / "early.json").read_bytes()


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_folder_of_tables(inside: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["import", "--no-regrade", str(FILES / "early.json")])
    run = only_run(inside)
    assert main(["export", run, "--format", form, "--out", "tables"]) == 0
    assert len(list((inside / "tables").iterdir())) == 7
    read = pd.read_csv if form == "csv" else pd.read_parquet
    assert len(read(inside / "tables" / f"trial.{form}")) == 5
    assert main(["export", run, "--format", form, "--out", "tables"]) == 2
    assert "--force replaces it" in capsys.readouterr().err
    (inside / "tables" / "mine.txt").write_text("kept")
    assert main(["export", run, "--format", form, "--out", "tables", "--force"]) == 0
    assert (inside / "tables" / "mine.txt").exists()
    assert main(["export", run, "--format", form, "--out", "-"]) == 2
    assert "give --out a folder" in capsys.readouterr().err


def test_json_lines_to_standard_output_and_back(
    inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["import", str(FILES / "early.json")])
    run = only_run(inside)
    capsys.readouterr()
    assert main(["export", run, "--format", "jsonl", "--out", "-"]) == 0
    text = capsys.readouterr().out
    (inside / "run.jsonl").write_text(text)
    shutil.rmtree(inside / "data" / "runs")
    assert main(["import", "run.jsonl"]) == 0
    assert only_run(inside) == run
    capsys.readouterr()
    main(["export", run, "--format", "jsonl", "--out", "-"])
    assert capsys.readouterr().out == text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["import"], 2, "missing argument 'FILE…'"),
        (["export", "nonsense", "--format", "csv", "--out", "x"], 6, "no run 'nonsense'"),
        (["export", "nonsense", "--format", "xml", "--out", "x"], 2, "'xml' is not one of"),
        (["export", "nonsense", "--format", "csv"], 2, "missing option '--out'"),
    ],
)
def test_wrong_arguments(
    inside: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    assert main(arguments) == code
    assert message in capsys.readouterr().err


def test_a_place_that_cannot_be_written(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["import", "--no-regrade", str(FILES / "early.json")])
    run = only_run(inside)
    for form in ("week2", "csv"):
        assert main(["export", run, "--format", form, "--out", "x" * 300]) == 1
        err = capsys.readouterr().err
        assert "xx: cannot be written: File name too long; free some space, or give --out" in err
        assert "LIFTLAB_RUNS_DIR" not in err
        assert main(["export", run, "--format", form, "--out", "no/such/folder/x"]) == 2
        assert "no/such/folder is no folder: make it" in capsys.readouterr().err
    assert main(["export", run, "--format", "week2", "--out", "/dev/null", "--force"]) == 2
    assert "/dev/null is no regular file" in capsys.readouterr().err
    assert main(["export", run, "--format", "jsonl", "--out", "data"]) == 2
    assert "data is a folder" in capsys.readouterr().err
    (inside / "taken").write_text("")
    assert main(["export", run, "--format", "csv", "--out", "taken"]) == 2
    assert "taken is a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("import a b", {"files": ("a", "b"), "regrade": True, "as_json": False}),
        ("import a --no-regrade", {"regrade": False}),
        ("export --format csv --out x", {"run": "latest", "form": "csv", "force": False}),
        ("export x --format jsonl --out x --force", {"run": "x", "force": True}),
    ],
)
def test_what_is_told(line: str, told: dict[str, Any]) -> None:
    assert typed(line).items() >= told.items()


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("import", False),
        ("export --out x", False),
        ("export --format csv", False),
        ("export --format xml --out x", False),
        ("export --format week2 --out -", True),
    ],
)
def test_what_is_taken(line: str, taken: bool) -> None:
    assert is_taken(line) is taken
