"""`liftlab suite new`: by flags, and by asking."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from liftlab import suite
from liftlab.cli.main import main
from tests.conftest import LiftServer

FLAGS = ["--prompt", "Return the sum of a and b.", "--name", "add_two", "--arguments", "a, b"]
EXAMPLES = [part for n in range(4) for part in ("--example", f"{n}, 2 -> {n + 2}")]


@pytest.fixture
def mine(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project_folder)
    return project_folder / "data" / "suites" / "mine.toml"


def answered(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_flags_say_it_all(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["--category", "sums", "--difficulty", "easy", "--no-try"]
    assert main(["suite", "new", *FLAGS, *EXAMPLES, *told]) == 0
    [case] = suite.load(mine).cases
    assert (case.case_id, case.signature) == ("add_two", "add_two(a, b)")
    assert (case.category, case.difficulty, len(case.checks)) == ("sums", "easy", 4)
    assert "add_two is case 1" in capsys.readouterr().err
    before = mine.read_bytes()
    assert main(["suite", "new", *FLAGS, *EXAMPLES, "--no-try"]) == 6
    assert "'add_two' is taken" in capsys.readouterr().err
    assert mine.read_bytes() == before


def test_what_is_not_told_is_asked(
    mine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answered("Print it.\nshow\nx\nwhat?\n1 -> 1\n1, 2 -> 1\n\n", monkeypatch)
    assert main(["suite", "new", "--no-try"]) == 0
    [case] = suite.load(mine).cases
    assert (case.prompt, case.signature, len(case.checks)) == ("Print it.", "show(x)", 2)
    told = capsys.readouterr().err
    assert "not an example: 'what?'" in told
    assert "more than the 1 arguments" in told
    assert "does not say to return" in told


def test_where_nobody_answers_the_flags_are_named(
    mine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answered("", monkeypatch)
    assert main(["suite", "new"]) == 2
    assert "give --prompt, --name, --arguments and --example" in capsys.readouterr().err
    assert main(["suite", "new", "../mine", *FLAGS, *EXAMPLES]) == 2
    assert not mine.exists()


def test_a_file_may_be_named(mine: Path) -> None:
    path = mine.with_name("other.jsonl")
    for name in ("f", "g"):
        told = ["--prompt", "Return 1.", "--name", name, "--arguments", "", "--example", "-> 1"]
        assert main(["suite", "new", str(path), *told, "--no-try"]) == 0
    assert [case.signature for case in suite.load(path)] == ["f()", "g()"]


def test_a_new_case_is_run_once(
    mine: Path, lift_server: LiftServer, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ["--prompt", "Double a number, and return it.", "--name", "double", "--arguments", "x"]
    examples = [part for n in range(4) for part in ("--example", f"{n} -> {2 * n}")]
    address = ["--endpoint", lift_server.url, "--protocol", "lift"]
    assert main(["suite", "new", *told, *examples, *address]) == 0
    assert "double, repeat 1: right" in capsys.readouterr().out
