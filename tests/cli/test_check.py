"""`liftlab check` and `baseline`: in a shell step, through the installed command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from liftlab import store
from liftlab.cli.main import main
from liftlab.jobs import opening
from liftlab.jobs.baselines import pin_baseline
from liftlab.records import Run, Stage, Trial
from liftlab.settings import load_project
from tests.cli.typed import is_taken, typed

ROOT = Path(__file__).parents[2]
DATA = ROOT / "data"
COMMAND = Path(sys.executable).with_name("liftlab")
TARGET = '[targets.{name}]\nmetric = "{metric}"\nlimit = {limit}\n'
MET = TARGET.format(name="many", metric="prompts_tested", limit=5)
MISSED = TARGET.format(name="right", metric="success_rate", limit=0.8)
GOODPUT = TARGET.format(name="goodput", metric="goodput_right_per_s", limit=5)
OPEN = TARGET.format(name="fast", metric="e2e_median_s", limit=15.0)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the published day, opened once."""
    folder = tmp_path_factory.mktemp("published")
    for part in ("suites", "reference"):
        shutil.copytree(DATA / part, folder / "data" / part)
    shutil.copy(DATA / "prices.toml", folder / "data")
    (folder / "liftlab.toml").write_text(MET)
    opening.open_run("week2_day1", project=load_project(folder))
    return folder


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory, write_run: Callable[..., str]) -> Path:
    """Eight runs alike within 2 %, a slow one after them, and the first one as the baseline."""
    folder = tmp_path_factory.mktemp("timed")
    target = TARGET.format(name="fast", metric="e2e_median_s", limit=100.0)
    (folder / "liftlab.toml").write_text(target)
    project = load_project(folder)
    for number, level in enumerate([1.0, 1.01, 0.99, 1.02, 1.0, 0.98, 1.01, 1.0]):
        opening.open_run(write_run(project.path("runs"), number, level), project=project)
    pin_baseline(project, run_id(0), project.path("baseline"))
    opening.open_run(write_run(project.path("runs"), 8, 1.5), project=project)
    return folder


def run_id(number: int) -> str:
    return f"20260101_{number:02}0000_test"


def check(folder: Path, *arguments: str) -> int:
    """Run the command in this process."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        return main(["check", *arguments])
    finally:
        os.chdir(before)


@pytest.mark.parametrize(
    ("targets", "arguments", "code", "said"),
    [
        (MET, "week2_day1", 0, "week2_day1 passes; everything is decided."),
        (MISSED, "week2_day1", 3, "week2_day1 fails: right."),
        (OPEN, "week2_day1", 7, "week2_day1 is undecided: fast."),
        (MET, "week2_dya1", 6, "no run 'week2_dya1'; did you mean 'week2_day1'"),
        (MET, "week2_day1 --nonsense", 2, "no such option"),
    ],
)
def test_a_shell_step_sees_each_exit(
    published: Path, targets: str, arguments: str, code: int, said: str
) -> None:
    assert COMMAND.is_file(), "liftlab is not installed beside this Python"
    (published / "liftlab.toml").write_text(targets)
    done = subprocess.run(
        ["sh", "-e", "-c", f"liftlab check {arguments}\necho the next step"],
        cwd=published,
        env={**os.environ, "PATH": f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
    assert ("the next step" in done.stdout) == (code == 0)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("targets", "arguments", "code", "said"),
    [
        (MISSED + OPEN, ["--undecided", "pass"], 3, "week2_day1 fails: right."),
        (OPEN, ["--undecided", "fail"], 7, "week2_day1 is undecided: fast."),
        (OPEN, ["--undecided", "pass"], 0, "week2_day1 passes; undecided: fast."),
        (OPEN + "required = false\n", [], 0, "passes; everything is decided"),
        (MET, ["--baseline", "none.json"], 6, "none.json: no such file"),
        (MET, ["--undecided", "maybe"], 2, "'maybe' is not one of"),
        (TARGET.format(name="x", metric="speed", limit=1), [], 6, "no metric 'speed'"),
        (MET, ["--junit", "no/such/folder.xml"], 1, "directory. Give --junit another place"),
    ],
)
def test_options_and_faults(
    published: Path,
    targets: str,
    arguments: list[str],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (published / "liftlab.toml").write_text(targets)
    assert check(published, "week2_day1", *arguments) == code
    captured = capsys.readouterr()
    assert said in captured.out + captured.err
    if code in (0, 3, 7):  # numbers are printed when it passes, too
        assert "this run only" in captured.out
        assert "n = 5" in captured.out


@pytest.mark.parametrize("arguments", [[], ["--undecided", "pass"]])
def test_a_run_without_any_answer_is_exit_4(
    tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "liftlab.toml").write_text(OPEN + "required = false\n")
    project = load_project(tmp_path)
    run = Run(run_id="20260101_000000_test", suite="s", status="complete", pipeline="lift")
    asked = {"request": {"endpoint": {"price": None, "cost_model": "gpu_seconds"}}}
    folder = store.create(project.path("runs"), run, asked, b"", ".toml")
    key = {"run_id": run.run_id, "case_id": "a", "repeat": 1}
    stage = Stage(**key, stage="code", position=0, ok=False, latency_s=0.04, error_class="connect")
    with store.Journal.open(folder) as journal:
        journal.trial_ended(Trial(**key, e2e_s=0.04), [stage]).result()
    assert check(tmp_path, run.run_id, "--json", *arguments) == 4
    told = json.loads(capsys.readouterr().out)
    assert (told["decision"], told["exit_code"]) == ("not measurable", 4)
    assert check(tmp_path, run.run_id, *arguments) == 4
    assert "no request was answered, so nothing can be judged" in capsys.readouterr().out


def test_a_regression_is_exit_3_and_a_run_like_the_others_passes(
    timed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(timed, run_id(8), "--json") == 3
    told = json.loads(capsys.readouterr().out)
    assert told["baseline"] == run_id(0)
    assert told["failed"] == ["e2e_median_s", "nlp_to_ir_median_s", "ir_to_code_median_s"]
    assert told["targets"][0]["basis"] == "this run only"
    assert check(timed, run_id(7), "--json") == 0
    (first, *_) = json.loads(capsys.readouterr().out)["regressions"]
    assert first["verdict"] == "no regression found"
    assert 0 < first["detectable"] < 0.1
    assert first["runs"] == 7


def test_a_second_slow_run_fails_as_the_first_did(
    timed: Path, tmp_path: Path, write_run: Callable[..., str]
) -> None:
    shutil.copytree(timed, tmp_path, dirs_exist_ok=True)
    for number in (9, 10, 11):
        write_run(tmp_path / "data" / "runs", number, 1.5)
        assert check(tmp_path) == 3


def test_a_checkout_without_runs_is_judged_by_the_file_alone(
    timed: Path, tmp_path: Path, write_run: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(timed / "liftlab.toml", tmp_path)
    shutil.copy(timed / "baseline.json", tmp_path)
    write_run(tmp_path / "data" / "runs", 20, 1.5)
    assert check(tmp_path) == 3
    write_run(tmp_path / "data" / "runs", 21, 1.0)
    assert check(tmp_path) == 0
    baseline = json.loads((tmp_path / "baseline.json").read_text())
    (tmp_path / "baseline.json").write_text(json.dumps(baseline | {"spread": {}}))
    assert check(tmp_path) == 7
    assert "the spread of 5 comparable runs" in capsys.readouterr().out


def test_other_conditions_are_not_comparable(
    timed: Path, tmp_path: Path, write_run: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(timed, tmp_path, dirs_exist_ok=True)
    write_run(tmp_path / "data" / "runs", 30, 1.5, concurrency=4)
    assert check(tmp_path, "--json") == 7
    found = json.loads(capsys.readouterr().out)["regressions"]
    assert {each["reason"] for each in found} == {"not comparable: concurrency 1 → 4"}


def test_the_false_alarm_rate_of_ones_own_history(
    timed: Path, published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(timed, run_id(0), "--aa") == 0
    said = capsys.readouterr().out
    assert "of 36 pairs of comparable runs failed" in said
    assert "by chance 5 % are expected" in said
    assert check(published, "week2_day1", "--aa", "--json") == 0
    assert json.loads(capsys.readouterr().out)["rate"] is None


def test_junit_and_the_job_summary(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (published / "liftlab.toml").write_text(
        MET + MISSED + OPEN + 'title = "fast|<b> \\u0007 & `x`"\n'
    )
    summary, junit = tmp_path / "summary.md", tmp_path / "check.xml"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert check(published, "week2_day1", "--junit", str(junit)) == 3
    suite = ET.parse(junit).getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "2", "0")
    named = {case.get("name"): case.find("failure") for case in suite.iter("testcase")}
    assert set(named) == {"many", "right", "fast|<b> \N{REPLACEMENT CHARACTER} & `x`"}
    assert named["many"] is None
    assert named["right"] is not None
    assert named["right"].get("type") == "not met"
    text = summary.read_text()
    assert text.startswith("before\n### week2")
    assert "fast\\|\\<b\\> \N{REPLACEMENT CHARACTER} \\& \\`x\\`" in text
    assert "\x07" not in text
    assert check(published, "week2_day1", "--junit", str(junit), "--undecided", "pass") == 3
    suite = ET.parse(junit).getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("failures"), suite.get("skipped")) == ("1", "1")


def test_a_comment_for_a_pull_request_names_what_is_open(published: Path, tmp_path: Path) -> None:
    (published / "liftlab.toml").write_text(
        MET + MISSED + OPEN + 'title = "fast|<b> \\u200b @team"\n'
    )
    comment = tmp_path / "comment.md"
    assert check(published, "week2_day1", "--comment", str(comment)) == 3
    first, title, *_ = (text := comment.read_text()).splitlines()
    assert (first, title) == ("<!-- liftlab check -->", "### week2_day1 fails: right.")
    assert "| fast\\|\\<b\\> \N{REPLACEMENT CHARACTER} \\@team | ≤ 15 s | undecided |" in text
    assert "| many |" not in text
    assert "1 of 3 targets met" in text


@pytest.mark.parametrize(("known", "wrote"), [("", "--silent repos/o/r"), ("17\n18\n", "PATCH")])
def test_the_action_posts_one_comment_and_keeps_the_exit_code(
    known: str, wrote: str, tmp_path: Path
) -> None:
    programs = {
        "liftlab": 'while [ "$1" != --comment ]; do shift; done; echo said >"$2"; exit 3',
        "gh": f"""[ "$2" = --paginate ] && printf '{known}'; echo "$*" >>"$LOG" """,
    }
    for name, script in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    log = tmp_path / "log"
    asked = {"RUN": "latest", "UNDECIDED": "fail", "PULL": "5", "GITHUB_REPOSITORY": "o/r"}
    done = subprocess.run(
        ["bash", ROOT / ".github" / "actions" / "check-comment" / "post.sh"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "LOG": str(log), **asked},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 3
    listed, posted = log.read_text().splitlines()
    assert listed.startswith("api --paginate repos/o/r/issues/5/comments")
    assert wrote in posted


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[]", "it has no schema_version"),
        ('{"schema_version": 9}', "this liftlab reads up to 1"),
        ('{"schema_version": 1, "run_id": "r", "run": {}}', "metrics: Field required"),
    ],
)
def test_a_baseline_that_is_none_is_told_in_one_line(
    timed: Path, tmp_path: Path, content: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text(content)
    assert check(timed, run_id(0), "--baseline", str(broken)) == 6
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1


def test_a_baseline_is_shown_and_is_a_complete_run(
    timed: Path,
    tmp_path: Path,
    write_run: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(timed)
    assert main(["baseline", "show"]) == 0
    said = capsys.readouterr().out
    assert f"{run_id(0)}  timed · lift · modal · m1" in said
    assert "End to end median: 14.5 s; 7 comparable runs differ by" in said
    shutil.copy(timed / "liftlab.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["baseline", "show"]) == 6
    write_run(tmp_path / "data" / "runs", 1, status="interrupted")
    assert main(["baseline", "set", run_id(1)]) == 6
    assert "finish it with `liftlab run --resume" in capsys.readouterr().err
    assert not (tmp_path / "baseline.json").exists()


@pytest.mark.parametrize(("arguments", "code"), [([], 7), (["--undecided", "pass"], 0)])
def test_what_no_target_is_for_was_not_judged(
    published: Path, arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (published / "liftlab.toml").write_text(GOODPUT)
    assert check(published, "week2_day1", *arguments) == code
    said = "no target in [targets] is for such a run: nothing was judged."
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("check", {"run": "latest", "undecided": "fail", "aa": False, "as_json": False}),
        ("check x --aa --undecided pass", {"run": "x", "undecided": "pass", "aa": True}),
        ("baseline set", {"run": "latest", "file": None}),
        ("compare", {"first": "", "second": "", "more": (), "as_json": False}),
        ("compare a b c d", {"first": "a", "second": "b", "more": ("c", "d")}),
        ("claims", {"run": "latest", "file": None, "as_json": False}),
        ("lint-report x.md", {"run": None, "shape": "text", "gate": False, "as_json": False}),
        ("lint-report x.md --gate --format sarif", {"shape": "sarif", "gate": True}),
    ],
)
def test_what_is_told(line: str, told: dict[str, Any]) -> None:
    assert typed(line).items() >= told.items()


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("check --undecided skip", False),
        ("lint-report", False),
        ("lint-report x.md --format xml", False),
    ],
)
def test_what_is_taken(line: str, taken: bool) -> None:
    assert is_taken(line) is taken
