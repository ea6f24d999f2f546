"""`liftlab init`, and the wheel that carries what it lays down."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from liftlab.cli.main import main
from liftlab.jobs.layout import PARTS, lay_down
from liftlab.settings import load_project
from tests.cli.typed import is_taken, typed

ROOT = Path(__file__).parents[2]


def laid_down(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def tracked() -> set[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *PARTS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a checkout")
    return {line for line in done.stdout.splitlines() if (ROOT / line).is_file()}


def test_a_project_is_laid_down_and_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "mine"]) == 0
    assert "cd mine; liftlab report week2_day1" in capsys.readouterr().out
    assert laid_down(tmp_path / "mine") == tracked() | {".gitignore"}
    monkeypatch.chdir(tmp_path / "mine")
    assert load_project().root == tmp_path / "mine"
    assert main(["show", "week2_day1"]) == 0
    assert main(["init"]) == 2


def test_what_is_hidden_does_not_count_and_stays(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("mine\n")
    lay_down(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    assert (tmp_path / "liftlab.toml").is_file()


@pytest.mark.parametrize("there", ["notes.txt", "data/runs/x"])
def test_a_folder_with_something_in_it_is_refused_in_one_line(
    tmp_path: Path, there: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / there
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    assert main(["init", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert f"not empty, it has {there.split('/', maxsplit=1)[0]}" in said
    assert len(said.splitlines()) == 1
    assert laid_down(tmp_path) == {there}
    assert main(["init", str(path)]) == 2


def test_where_it_cannot_be_written_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("liftlab.jobs.layout.shutil.copyfile", full)
    assert main(["init", str(tmp_path / "new")]) == 1
    assert "No space left" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_wheel_carries_the_project(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    build = "from hatchling.build import build_wheel; import sys; print(build_wheel(sys.argv[1]))"
    command = [sys.executable, "-c", build, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("liftlab-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"liftlab/_project/{name}" for name in tracked()} <= names
    assert "liftlab/reporting/style.css" in names
    assert not [name for name in names if name.startswith(("tests/", "data/", "notebooks/"))]


def test_suites_are_listed_with_what_is_wrong_with_one(
    project_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project_folder)
    suites = project_folder / "data" / "suites"
    (suites / "notes.txt").write_text("no suite")
    (suites / "broken.toml").write_text("[[cases]]\n")
    assert main(["suite", "list"]) == 0
    broken, tiny = capsys.readouterr().out.splitlines()
    assert tiny.split() == ["tiny", "3", "cases"]
    assert broken.startswith("broken ")
    assert "broken.toml" in broken
    assert main(["suite", "list", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["suite"], first["cases"]) == ("broken", None)
    assert second == {"suite": "tiny", "cases": 3}
    for path in suites.iterdir():
        path.unlink()
    assert main(["suite", "list"]) == 0
    assert capsys.readouterr().out == f"no suites in {suites}\n"
    assert main(["suite", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_config_shows_a_setting_or_those_under_a_name(
    project_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project_folder)
    assert main(["config", "run.suite"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith('run.suite  "tiny"  (')
    assert main(["config", "run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {name.partition(".")[0] for name in told} == {"run"}
    assert told["run.suite"]["value"] == "tiny"
    assert told["run.repeats"] == {"value": 2, "from": "default"}
    assert main(["config", "ru"]) == 2  # no beginning of a name
    capsys.readouterr()
    assert main(["config"]) == 0
    assert capsys.readouterr().out.startswith(f"project {project_folder}\n")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("init", {"folder": Path()}),
        ("config", {"key": None, "as_json": False}),
        ("suite new", {"suite": "mine", "examples": (), "no_try": False, "arguments": None}),
        ("suite new --example a --example b --no-try", {"examples": ("a", "b"), "no_try": True}),
        ("suite list --json", {"as_json": True}),
    ],
)
def test_what_is_told(line: str, told: dict[str, Any]) -> None:
    assert typed(line).items() >= told.items()


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        *((f"suite new --difficulty {word}", True) for word in ("easy", "medium", "hard")),
        ("suite new --difficulty odd", False),
        ("suite lint", False),
    ],
)
def test_what_is_taken(line: str, taken: bool) -> None:
    assert is_taken(line) is taken
