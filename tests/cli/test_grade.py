"""`liftlab grade` from the command line."""

from __future__ import annotations

import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from liftlab.cli.grade import Progress
from liftlab.cli.main import main
from liftlab.grading.samples import Summary
from tests.cli.typed import edges, is_taken, typed

CASE = {"case_id": "double", "prompt": "Double.", "checks": [[[2], 4]]}
RIGHT = {"case_id": "double", "code": "def f(x): return 2 * x"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("suite.jsonl").write_text(json.dumps(CASE))
    lines = [RIGHT, {**RIGHT, "code": "def f(x): return x"}]
    Path("samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


GRADE = ["grade", "samples.jsonl", "--suite", "suite.jsonl", "--out", "results.jsonl"]


def test_it_says_what_came_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(GRADE) == 0
    told = capsys.readouterr()
    assert "2 samples against suite: 1 pass, 1 fail, 0 error, 0 ungraded" in told.out
    assert "pass@1: 50 %" in told.out
    assert "results.jsonl" in told.out
    assert "2/2 graded" in told.err
    assert "\r" not in told.err
    assert len((folder / "results.jsonl").read_text().splitlines()) == 2


def test_it_speaks_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*GRADE, "--json", "--workers", "2"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["samples"], facts["outcomes"]["pass"], facts["pass_at_1"]) == (2, 1, 0.5)


def test_it_counts_what_answers_lack(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Path("samples.jsonl").open("a") as file:
        file.write(json.dumps({**RIGHT, "code": "import nonesuch\n"}) + "\n")
    assert main(GRADE) == 0
    said = "1 answer imports a package that the sandbox lacks: nonesuch (1)."
    assert said in capsys.readouterr().out
    assert main([*GRADE, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["not_installed"], facts["needs_python"]) == ({"nonesuch": 1}, {})


def test_a_bad_line_is_one_line_and_exit_6(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("samples.jsonl").open("a") as file:
        file.write('{"case_id": "triple", "code": ""}\n')
    assert main(GRADE) == 6
    told = capsys.readouterr().err
    assert told.startswith("liftlab: samples.jsonl:3: case_id: no case 'triple'")
    assert told.count("\n") == 1
    assert not (folder / "results.jsonl").exists()


def test_shares_are_joined(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*GRADE, "--shard", "1/2", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert main([*GRADE, "--shard", "2/2"]) == 0
    said = capsys.readouterr().out
    assert "1 different answer of share 2/2 against suite" in said
    assert "2-of-2.shard; the same command without --shard joins them" in said
    assert "pass@1" not in said
    assert first["pass_at_1"] is None
    assert main([*GRADE, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["samples"], facts["joined"], facts["outcomes"]["pass"]) == (2, 2, 1)
    assert main(GRADE) == 0
    assert "2 verdicts joined from shards" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--shard", "3/2"], "--shard '3/2': give I/N"),
        (["--shard", "1/2", "--cluster", "local:2"], "leave out --shard and --workers"),
        (["--workers", "2", "--cluster", "local:2"], "leave out --shard and --workers"),
        (["--shard", "1/2", "--out", "-"], "give a file's name"),
        (["--cluster", "local:none"], "--cluster 'local:none': give tcp://HOST:PORT"),
    ],
)
def test_where_grading_cannot_go(
    options: list[str], fault: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*GRADE, *options]) == 2
    told = capsys.readouterr().err
    assert fault in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("source", ["samples.jsonl", "suite.jsonl"])
def test_what_is_read_is_never_replaced(
    source: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Path(source).read_text()
    assert main([*GRADE[:-1], f"./{source}"]) == 2
    assert "choose another" in capsys.readouterr().err
    assert Path(source).read_text() == before


@pytest.mark.parametrize(
    ("out", "fault"),
    [
        (".", "--out . is a folder or a device: give a file's name"),
        ("", "is a folder or a device"),
        ("/dev/null", "--out /dev/null is a folder or a device"),
        ("no/such/out.jsonl", "make it first"),
        ("x" * 300, "File name too long"),
    ],
)
def test_what_cannot_take_verdicts_is_told_before_anything_is_graded(
    out: str, fault: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*GRADE[:-1], out]) == 2
    told = capsys.readouterr().err
    assert fault in told
    assert told.count("\n") == 1
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_link_is_followed(folder: Path) -> None:
    Path("results.jsonl").symlink_to("elsewhere.jsonl")
    assert main(GRADE) == 0
    assert Path("results.jsonl").is_symlink()
    assert len(Path("elsewhere.jsonl").read_text().splitlines()) == 2


def test_a_pipe_is_no_file_of_samples(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("pipe")
    assert main(["grade", "pipe", *GRADE[2:]]) == 6
    assert "save what comes from there" in capsys.readouterr().err


def test_progress_is_lines_with_what_is_left_and_says_that_it_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    for done in range(10, 101):
        progress(done, 100)
    progress.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 18
    assert lines[0].startswith("15/100 graded, ")
    assert lines[0].endswith(" left")
    assert "10 of 100 were graded before: going on from there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("strange", "shown"),
    [("", 0), ("a", 1), ("a b c", 3), ("a b c d", 3)],
)
def test_files_that_are_not_joined_are_named_up_to_three(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    strange: str,
    shown: int,
) -> None:
    names = tuple(f"{name}.jsonl" for name in strange.split())
    found = Summary(strange=names, told=(2, 2), joined=len(names))
    found.outcomes["pass"] = 3
    found.by_case = {"a": (1, 2), "b": (1, 1)}
    monkeypatch.setattr("liftlab.grading.samples.grade_samples", lambda *_, **__: found)
    assert main(GRADE) == 0
    out = capsys.readouterr().out
    assert [name in out for name in names] == [place < shown for place in range(len(names))]
    assert ("not joined" in out) is bool(names)
    assert ("…" in out) is (len(names) > shown)
    assert (f"{len(names)} verdict" in out) is bool(names)
    assert "pass@1: 75 %" in out  # a half of one case's, and all of the other's
    assert main([*GRADE, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["samples"], told["joined"], told["cases"]) == (3, len(names), 2)
    assert (told["pass_at_1"], told["shard"]) == (0.75, None)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_progress_is_a_bar() -> None:
    stream = Terminal()
    progress = Progress(stream)
    for done in (3, 5, 9):
        progress(done, 9)
    progress.close()
    assert (progress.done, progress.total) == (9, 9)
    assert "9/9" in stream.getvalue()
    assert "graded" not in stream.getvalue()


@pytest.mark.parametrize(("total", "lines"), [(1, 1), (7, 7), (20, 20), (41, 21), (400, 20)])
def test_progress_has_a_line_for_about_every_twentieth(total: int, lines: int) -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    for done in range(total + 1):
        progress(done, total)
    told = stream.getvalue().splitlines()
    assert len(told) == lines
    assert told[-1].startswith(f"{total}/{total} graded, ")
    assert told[-1].endswith("00:00 left")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("grade x --suite a --out y", {"suite": "a", "workers": 1, "shard": None, "cluster": None}),
        ("grade x --suite a --out y", {"allow_weak_isolation": False, "as_json": False}),
        ("grade x --suite a --suite b --out y", {"suite": "a + b"}),
        ("grade x --suite a --out y --allow-weak-isolation", {"allow_weak_isolation": True}),
        ("grade x --suite a --out y --shard 2/4", {"shard": (2, 4)}),
    ],
)
def test_what_is_told(line: str, told: dict[str, Any]) -> None:
    assert typed(line).items() >= told.items()


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        *edges("grade x --suite a --out y --workers", 1, 64),
        ("grade x --suite a", False),
        ("grade x --out y", False),
        ("grade --suite a --out y", False),
        ("grade x --suite a --out -", True),
    ],
)
def test_what_is_taken(line: str, taken: bool) -> None:
    assert is_taken(line) is taken
