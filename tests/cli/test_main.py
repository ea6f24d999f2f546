"""The command as a user meets it: one clear line for bad input, an exit code for scripts."""

from __future__ import annotations

import errno
import json
import os
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from liftlab.cli import endpoint
from liftlab.cli.main import VERBS, cli, main
from liftlab.runner import warmup


@pytest.fixture
def inside(project_folder: Path, lift_server: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project_folder)
    monkeypatch.setenv("LIFTLAB_BASE_URL", lift_server.url)
    return project_folder


def said(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out, _ = said(capsys)
    assert all(f"  {verb} " in out for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_of_its_own(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    assert "Usage: liftlab" in said(capsys)[0]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["rnu"], 2, "no verb 'rnu'; did you mean 'run'"),
        (["run", "--nonsense"], 2, "liftlab run: no such option '--nonsense'"),
        (["grade"], 2, "liftlab grade: missing argument 'SAMPLES'. See: liftlab grade --help"),
        (["show", "a", "b"], 2, "liftlab show: got unexpected extra argument (b)"),
        (["export", "a", "--format"], 2, "option '--format' requires an argument"),
        (["run", "--endpoint", "lfit"], 2, "no endpoint 'lfit'; did you mean 'lift'?"),
        (["run", "--endpoint", "http://127.0.0.1:9"], 2, "name its protocol: --protocol"),
        (["run", "--pipeline", "drect"], 2, "no pipeline 'drect'; did you mean 'direct'?"),
        (["run", "--suite", "tyni"], 2, "no suite 'tyni'; did you mean 'tiny'?"),
        (["run", "--case", "dubble"], 2, "no case 'dubble'; did you mean 'double'?"),
        (["run", "--repeats", "0"], 2, "0 is not in the range"),
        (["run", "--memory", "--concurrency", "2"], 2, "--memory measures one trial at a time"),
        (["run", "--resume", "nonsense"], 6, "no run 'nonsense'"),
        (["show", "nonsense"], 6, "no run 'nonsense'"),
        (["report", "nonsense"], 6, "no run 'nonsense'"),
        (
            ["run", "--endpoint", "http://127.0.0.1:9", "--protocol", "lift"],
            4,
            "127.0.0.1:9/health",
        ),
        (["health", "--endpoint", "http://127.0.0.1:9", "--protocol", "lift"], 4, "not every URL"),
    ],
)
def test_bad_input_is_one_line_and_an_exit_code(
    inside: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    assert main(arguments) == code
    _, err = said(capsys)
    assert message in err
    assert err.count("\n") == 1
    assert not (inside / "data" / "runs").exists()


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        ("[run]\nsuite = tiny\n", "liftlab.toml:2: "),
        ("[run]\nrepeats = 0\n", "liftlab.toml:2: run.repeats: "),
        ('[run]\n\n[endpoints.x]\nprotocl = "lift"\n', "liftlab.toml:4: endpoints.x.protocl: "),
        ('[endpoints.x]\nprotocol = "lift"\n', "liftlab.toml:1: endpoints.x: "),
    ],
)
def test_broken_settings_are_told_with_their_line(
    inside: Path, capsys: pytest.CaptureFixture[str], broken: str, place: str
) -> None:
    (inside / "liftlab.toml").write_text(broken)
    assert main(["runs"]) == 6
    assert place in said(capsys)[1]


def test_a_broken_variable_is_told_by_its_name(
    inside: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIFTLAB_REPEATS", "many")
    assert main(["runs"]) == 2
    assert "LIFTLAB_REPEATS: run.repeats" in said(capsys)[1]


def test_a_broken_suite_is_told_with_its_line(
    inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (inside / "data" / "suites" / "tiny.toml").write_text('[[cases]]\ncase_id = "a"\n')
    assert main(["run"]) == 6
    assert "tiny.toml:1" in said(capsys)[1]


def test_config_says_where_each_value_came_from(
    inside: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIFTLAB_REPEATS", "5")
    assert main(["config", "--json"]) == 0
    found = json.loads(said(capsys)[0])
    assert found["run.repeats"] == {"value": 5, "from": "LIFTLAB_REPEATS"}
    assert found["run.suite"] == {"value": "tiny", "from": "liftlab.toml"}
    assert found["run.pipeline"]["from"] == "default"
    assert found["endpoints.lift.base_url"]["from"] == "LIFTLAB_BASE_URL"


def test_a_dry_run_sends_nothing(
    inside: Path, lift_server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--dry-run", "--temperature", "0"]) == 0
    out, err = said(capsys)
    assert "6 trials of tiny through lift on lift" in out
    assert "calls           12 to 36" in out
    assert "copies of the first answer" in err
    assert lift_server.log == []


def test_quick_prints_attempts_code_and_checks(
    inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["quick", "shout"]) == 0
    out, _ = said(capsys)
    assert "NLP → IR" in out
    assert "IR → Code" in out
    assert "text.upper()" in out
    assert "wrong, missing returns" in out
    assert main(["runs"]) == 0
    name = said(capsys)[0].splitlines()[1].split()[0]
    assert main(["show", name, "--json"]) == 0
    shown = json.loads(said(capsys)[0])
    assert shown["trials"][0]["failure_class"] == "missing_return"
    assert main(["status", name]) == 0
    assert said(capsys)[0].startswith("# ")
    assert main(["status", name, "--for", "leadership"]) == 0
    assert "1 prompt was asked once" in said(capsys)[0]
    assert main(["status", name, "--for", "daily"]) == 0
    assert "You write" in said(capsys)[0]
    Path("README.md").write_text("<!-- liftlab:performance -->\n<!-- /liftlab:performance -->\n")
    assert main(["readme-update", name, "--anyway"]) == 0
    assert "now holds run" in said(capsys)[1]
    assert main(["readme-update", name, "--anyway", "--file", "nowhere.md"]) == 6
    assert "no such file" in said(capsys)[1]


def test_health_and_wake(
    inside: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "liftlab.runner.cold_start.LEAST_COLD_S", 60.0
    )  # a slow machine is no cold start
    assert main(["health", "--json"]) == 0
    assert json.loads(said(capsys)[0])[0]["ok"]
    assert main(["wake"]) == 0
    out, err = said(capsys)
    assert re.match(r"warm after \d\S* m?s and one call", out)
    assert "it was awake already" in out
    assert "warm" in err  # progress


def test_wake_waits_until_the_model_is_loaded(
    inside: Path, lift_server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lift_server.healthy = False
    assert main(["wake"]) == 4
    out, err = said(capsys)
    assert "loading, model not loaded" in out
    assert "--until-warm" in err
    assert main(["wake", "--until-warm", "--timeout", "0.3"]) == 4
    out, err = said(capsys)
    assert "asking again" in err
    assert "not warm within 0.3 s" in err
    lift_server.healthy = True
    assert main(["wake", "--until-warm", "--json"]) == 0
    told = json.loads(said(capsys)[0])
    assert (told["ok"], told["calls"], told["cold_s"]) == (True, 1, 0.0)


def test_wake_tells_that_it_waits_while_a_call_is_held(
    inside: Path, lift_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = threading.Event()
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        if "no answer yet, waiting" in line:
            told.set()

    monkeypatch.setattr(endpoint, "say", say)
    monkeypatch.setattr(warmup, "TELL_EVERY_S", 0.01)
    lift_server.before_status = lambda: told.wait(10)
    assert main(["wake"]) == 0
    assert told.is_set()
    assert any(line.endswith(" s  warm") for line in lines)


def test_an_endpoint_that_fails_every_trial_is_exit_4(
    inside: Path, lift_server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def hang_up(count: int) -> None:
        raise ConnectionAbortedError

    lift_server.before_answer = hang_up
    assert main(["run", "--repeats", "1"]) == 4
    out, err = said(capsys)
    assert "no request was answered: connection lost: " in err
    assert "The set-up is the likely cause" in err.splitlines()[-1]
    assert out.count("error connection lost") == 3


def test_an_endpoint_that_refuses_every_trial_is_quoted(
    inside: Path, lift_server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lift_server.refuses_with = {"detail": "max_tokens is too large"}
    assert main(["run", "--repeats", "1", "--case", "double"]) == 4
    _, err = said(capsys)
    assert "no request was answered: refused: HTTP 400: max_tokens is too large" in err


def test_a_disk_that_is_full_leaves_other_runs_alone(
    inside: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["run", "--repeats", "1"]) == 0
    before = sorted((inside / "data" / "runs").iterdir())
    (inside / "blocked").write_text("a file where a folder is wanted")
    monkeypatch.setenv("LIFTLAB_RUNS_DIR", str(inside / "blocked" / "runs"))
    said(capsys)
    assert main(["run", "--repeats", "1"]) == 1
    _, err = said(capsys)
    assert "Traceback" not in err
    assert "blocked" in err
    assert sorted((inside / "data" / "runs").iterdir()) == before


def test_a_limit_ends_a_run_early_and_resume_goes_on(
    inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--repeats", "2", "--max-requests", "3"]) == 5
    out, err = said(capsys)
    assert "4 requests are made, of 3" in err
    assert "a limit ended it after 2 trials" in err
    run_id = out.split()[0]
    assert main(["run", "--resume", run_id]) == 0
    capsys.readouterr()
    assert main(["show", run_id, "--json"]) == 0
    shown = json.loads(said(capsys)[0])
    assert shown["run"]["status"] == "complete"
    assert len(shown["trials"]) == 6
    assert shown["run"]["timing_uncertainty_s"] > 0


def test_too_many_endpoint_errors_end_a_run(
    inside: Path, lift_server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def hang_up(count: int) -> None:
        raise ConnectionAbortedError

    lift_server.before_answer = hang_up
    assert main(["run", "--repeats", "4", "--max-error-rate", "0.5"]) == 5
    _, err = said(capsys)
    assert "5 of 5 requests failed at the endpoint" in err


def test_a_limit_of_money_needs_a_price(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--max-usd", "1"]) == 2
    assert "a limit of money needs a price" in said(capsys)[1]


def test_verdicts_of_a_broken_grader_are_told_everywhere(
    inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("liftlab.grading.answer.is_same", lambda expected, actual: True)
        assert main(["run", "--repeats", "1"]) == 1
    for verb in ("show", "check", "status", "readme-update", "compare"):
        said(capsys)
        assert main([verb, *(["latest", "latest"] if verb == "compare" else [])]) == 1, verb
        assert "The verdicts are unproven" in "".join(said(capsys))
    assert main(["doctor", "latest"]) == 0
    said(capsys)
    assert main(["show"]) == 0
    assert "unproven" not in "".join(said(capsys))


@pytest.mark.parametrize(
    ("raised", "code", "lines"),
    [
        (KeyboardInterrupt(), 130, 1),
        (OSError(errno.ENOSPC, "full"), 1, 1),
        (OSError(errno.EIO, "broken"), 1, 1),
        (OSError(errno.EDQUOT, "over"), 1, 1),
        (BrokenPipeError(errno.EPIPE, "gone"), 0, 0),  # `head` has seen enough
    ],
)
def test_output_that_nobody_takes_is_no_crash(
    raised: BaseException,
    code: int,
    lines: int,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fails(**_: object) -> None:
        raise raised

    kept = os.dup(1)
    monkeypatch.setattr(cli, "main", fails)
    try:
        assert main(["runs"]) == code
    finally:
        os.dup2(kept, 1)
        os.close(kept)
    assert capfd.readouterr().err.count("\n") == lines


@pytest.mark.parametrize(
    "raised",
    [OSError(errno.ENOSPC, "full", "a file"), OSError(errno.EACCES, "no"), OSError("odd")],
)
def test_a_fault_that_nobody_foresaw_is_not_hidden(
    raised: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**_: object) -> None:
        raise raised

    monkeypatch.setattr(cli, "main", fails)
    with pytest.raises(OSError, match=r"full|no|odd"):
        main(["runs"])


@pytest.mark.parametrize(
    ("environ", "colour"),
    [({}, None), ({"FORCE_COLOR": "1"}, True), ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False)],
)
def test_the_environment_may_ask_for_colours_or_forbid_them(
    environ: dict[str, str], colour: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Any] = {}
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cli, "main", lambda **more: told.update(more))
    assert main(["runs"]) == 0
    assert told["color"] is colour
    assert told["standalone_mode"] is False
