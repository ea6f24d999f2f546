"""Every verb, used as people use it by mistake: one clear line, the right exit, no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from liftlab.cli.main import VERBS, main
from liftlab.jobs import opening
from liftlab.settings import load_project
from liftlab.store import RunFolder
from tests.agreement.conftest import SHAPES, made
from tests.conftest import ROOT, SUITE, LiftServer

Out = pytest.CaptureFixture[str]

NO_PROJECT = "liftlab: no liftlab.toml here or above: `liftlab init` makes one\n"
# What each verb needs to get as far as looking for its project.
LEAST = {
    "load": ["local"],
    "label": ["latest", "x"],
    "delete": ["latest", "--yes"],
    "trial": ["latest", "is_even"],
    "reproduce": ["latest", "is_even"],
    "export": ["--format", "csv", "--out", "there"],
    "import": ["x.json"],
    "merge": ["latest"],
    "grade": ["x.jsonl", "--suite", "mvp", "--out", "y.jsonl"],
    "suite": ["list"],
    "baseline": ["show"],
    "lint-report": ["report.md"],
}
NEED_NONE = ("init", "serve", "sessions", "simulate")


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in NEED_NONE])
def test_outside_a_project(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report.md").write_text("")
    assert main([verb, *LEAST.get(verb, [])]) == 2
    assert capsys.readouterr() == ("", NO_PROJECT)
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]


def test_what_names_files_and_addresses_needs_no_project(
    tmp_path: Path, lift_server: LiftServer, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.toml").write_text(SUITE)
    answer = '{"case_id": "double", "code": "def double(x):\\n    return x * 2"}\n'
    (tmp_path / "answers.jsonl").write_text(answer)
    assert main(["health", lift_server.url, "--protocol", "lift"]) == 0
    assert main(["wake", lift_server.url, "--protocol", "lift"]) == 0
    assert main(["suite", "lint", "own.toml"]) in (0, 6)
    capsys.readouterr()
    assert main(["grade", "answers.jsonl", "--suite", "own.toml", "--out", "-"]) == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    assert '"pass"' in said.out
    assert "verdicts in standard output" in said.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.jsonl", "own.toml"]


def test_an_endpoint_is_named_once(capsys: Out) -> None:
    assert main(["health", "local", "--endpoint", "lift"]) == 2
    assert capsys.readouterr().err.startswith("liftlab health: 'local' and --endpoint")


def test_alone_it_prints_its_help(capsys: Out) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("Usage: liftlab")


def test_config_and_suites_by_name(
    project_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.chdir(project_folder)
    assert main(["config", "run.suite"]) == 0
    assert capsys.readouterr().out == 'run.suite  "tiny"  (liftlab.toml)\n'
    assert main(["config", "run.siute"]) == 2
    assert "did you mean 'run.suite'" in capsys.readouterr().err
    (project_folder / "data/suites/broken.toml").write_text("x")
    assert main(["suite", "list"]) == 0
    broken, tiny = capsys.readouterr().out.splitlines()
    assert "broken.toml:1" in broken
    assert tiny.split() == ["tiny", "3", "cases"]


# By verb: a natural mistake, the exit, and what the line has in it.
MISTAKES = {
    "init": (["README.md"], 2, "is a file"),
    "run": (["--case", "is_evn"], 2, "did you mean 'is_even'"),
    "load": (["modla"], 2, "no endpoint 'modla'"),
    "quick": (["is_evn"], 2, "did you mean 'is_even'"),
    "sessions": ([], 2, "name the server"),
    "report": (["lastest"], 6, "no run 'lastest'"),
    "show": (["2025"], 6, "no run '2025'"),
    "runs": (["latest"], 2, "unexpected extra argument"),
    "label": (["latest"], 2, "missing argument 'TEXT'"),
    "delete": ([], 2, "missing argument 'RUN…'"),
    "capacity": ([], 2, "say when an answer is in time"),
    "merge": (["lastest"], 6, "no run 'lastest'"),
    "trial": (["is_even"], 2, "missing argument 'CASE'"),
    "reproduce": (["is_even"], 2, "missing argument 'CASE'"),
    "status": (["--for", "boss"], 2, "'boss' is not one of"),
    "readme-update": (["--file", "nowhere.md"], 6, "no such file"),
    "doctor": (["--dry-run", "--clean"], 2, "leave out --clean"),
    "history": (["--last", "-1"], 2, "-1 is not in the range"),
    "check": (["--baseline", "nowhere.json"], 6, "no such file"),
    "compare": (["week9"], 6, "no run 'week9'"),
    "baseline": (["set", "nonsense"], 6, "no run 'nonsense'"),
    "claims": (["latest", "nowhere.toml"], 6, "no such file"),
    "lint-report": (["nowhere.md"], 6, "no such file"),
    "health": (["modla"], 2, "no endpoint 'modla'"),
    "wake": (["modla"], 2, "no endpoint 'modla'"),
    "serve": (["--port", "x"], 2, "'x' is not a valid integer"),
    "simulate": (["--profile", "fsat"], 2, "fsat"),
    "import": (["nowhere.json"], 6, "nowhere.json"),
    "export": (["--format", "xlsx", "--out", "x"], 2, "'xlsx' is not one of"),
    "grade": (["nowhere.jsonl", "--suite", "tiny", "--out", "x"], 6, "nowhere.jsonl"),
    "suite": (["lint", "mvpp"], 2, "no suite 'mvpp'"),
    "config": (["run.siute"], 2, "did you mean 'run.suite'"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_natural_mistake_is_one_line(
    verb: str,
    project_folder: Path,
    write_run: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Out,
) -> None:
    monkeypatch.chdir(project_folder)
    (project_folder / "README.md").write_text("")
    (project_folder / "data/suites/tiny.toml").write_text(SUITE.replace("double", "is_even"))
    write_run(load_project(project_folder).path("runs"), 1)
    arguments, code, said = MISTAKES[verb]
    assert main([verb, *arguments]) == code
    lines = capsys.readouterr().err.splitlines()
    assert said in lines[-1]
    assert len([line for line in lines if not line.startswith("run 2026")]) == 1


@pytest.mark.parametrize("name", [*(name for name in SHAPES if name != "thousands"), "week2_day1"])
def test_every_kind_of_run_is_read(
    name: str, project_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    if name == "week2_day1":
        monkeypatch.chdir(ROOT)
        monkeypatch.setenv("LIFTLAB_RUNS_DIR", str(project_folder / "runs"))
        case = "is_even"
    else:
        monkeypatch.chdir(project_folder)
        run = made(name)
        monkeypatch.setattr(opening, "open_run", lambda *_, **__: run)
        monkeypatch.setattr("liftlab.jobs.opening.find_run", lambda *_: run.folder)
        monkeypatch.setattr(RunFolder, "suite", lambda _: None)
        monkeypatch.setattr(RunFolder, "manifest", lambda _: {})
        case = "case_000"
    readme = project_folder / "README.md"
    readme.write_text("<!-- liftlab:performance -->\n<!-- /liftlab:performance -->\n")
    for verb, *arguments in (
        ["show", name],
        ["status", name],
        ["readme-update", name, "--file", str(readme)],
        ["trial", name, case],
        ["claims", name],
    ):
        code = main([verb, *arguments])
        errors = [line for line in capsys.readouterr().err.splitlines() if "liftlab: " in line]
        assert (code, len(errors)) in ((0, 0), (2, 1), (6, 1)), (verb, errors)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_crash(
    closed: str, project_folder: Path, write_run: Callable[..., str]
) -> None:
    write_run(load_project(project_folder).path("runs"), 1)
    command = f"exec {sys.executable} -m liftlab runs {closed}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=project_folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("run ") or closed not in ("<&-", "2>&-")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_says_how_to_go_on(
    number: signal.Signals,
    code: int,
    project_folder: Path,
    lift_server: LiftServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Out,
) -> None:
    monkeypatch.chdir(project_folder)
    monkeypatch.setenv("LIFTLAB_BASE_URL", lift_server.url)
    lift_server.before_answer = lambda count: os.kill(os.getpid(), number) if count == 3 else None
    before = signal.signal(number, signal.SIG_DFL)  # under nohup a hang-up is not heard
    try:
        assert main(["run"]) == code
    finally:
        signal.signal(number, before)
    assert "Finish the run with: liftlab run --resume" in capsys.readouterr().err
