"""Code of the project is imported by what sends requests, announced first, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from liftlab.cli.main import main
from liftlab.jobs import opening
from liftlab.settings import load_project

CALL = '[pipelines.mine]\ncall = "my_pipeline:generate"\n'
TELLS = """
import pathlib
with pathlib.Path(__file__).with_name("imported").open("a") as file:
    file.write("once\\n")

def generate(prompt):
    print("a line for the log")
    if "first" in prompt:
        raise ValueError("no lists")
    return "def double(x):\\n    return x * 2\\n"
"""


class Said(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str


Liftlab = Callable[..., Said]


@pytest.fixture
def folder(project_folder: Path, lift_server: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings = project_folder / "liftlab.toml"
    settings.write_text(f'{settings.read_text()}pipeline = "mine"\nrepeats = 1\n{CALL}')
    (project_folder / "my_pipeline.py").write_text(TELLS)
    monkeypatch.chdir(project_folder)
    monkeypatch.setenv("LIFTLAB_BASE_URL", lift_server.url)
    return project_folder


@pytest.fixture
def liftlab(capsys: pytest.CaptureFixture[str]) -> Liftlab:
    def command(*arguments: str) -> Said:
        capsys.readouterr()
        code = main(list(arguments))
        return Said(code, *capsys.readouterr())

    return command


def test_a_run_says_first_what_it_imports_and_an_exception_is_one_trial(
    folder: Path, liftlab: Liftlab
) -> None:
    result = liftlab("run")
    assert result.code == 0, result
    assert result.err.splitlines()[0] == (
        "note: imports code of this project: my_pipeline:generate"
    )
    assert (folder / "imported").read_text() == "once\n"
    run = opening.open_run("latest", project=load_project())
    assert dict(zip(run.trials["case_id"], run.trials["outcome"], strict=True)) == {
        "double": "pass",
        "shout": "fail",
        "first": "error",
    }
    assert run.trials["client_s"].eq(0).all()
    assert run.run.temperature is None
    assert run.run.max_tokens is None
    told = "1 of 2: your pipeline raised an exception: ValueError: no lists (my_pipeline.py:9)"
    assert told in result.out
    assert "a line for the log" in run.folder.log_path.read_text()


def test_no_other_verb_imports_it(folder: Path, liftlab: Liftlab) -> None:
    liftlab("quick", "double")
    (folder / "imported").unlink()
    answers = folder / "answers.jsonl"
    answers.write_text('{"case_id": "double", "code": "def double(x):\\n    return 2 * x\\n"}\n')
    for verb in (
        ("run", "--dry-run"),
        ("config",),
        ("doctor", "20"),
        ("show", "20"),
        ("check", "20"),
        ("status", "20"),
        ("history",),
        ("grade", str(answers), "--suite", "tiny", "--out", "graded.jsonl"),
    ):
        result = liftlab(*verb)
        assert result.code in (0, 3, 7), (verb, result)
    assert not (folder / "imported").exists()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (None, "pipelines.mine.call: there is no module 'my_pipeline'"),
        ("def generate(:", "my_pipeline.py:1: not valid Python"),
        ("import no_such_thing", "No module named 'no_such_thing' (my_pipeline.py:1)"),
        ("x = 1", "has no attribute 'generate'"),
        ("generate = 3", "my_pipeline:generate is no function"),
    ],
)
def test_code_that_cannot_be_used_ends_the_run_in_one_line(
    folder: Path, liftlab: Liftlab, code: str | None, said: str
) -> None:
    (folder / "my_pipeline.py").unlink()
    if code is not None:
        (folder / "my_pipeline.py").write_text(code)
    result = liftlab("run")
    assert result.code == 6, result
    assert said in result.err.splitlines()[-1]


def test_a_pipeline_is_stages_or_a_call(folder: Path, liftlab: Liftlab) -> None:
    settings = folder / "liftlab.toml"
    settings.write_text(settings.read_text() + 'stages = ["code"]\n')
    result = liftlab("config")
    assert result.code == 6
    assert "pipelines.mine: needs stages, or call" in result.err
