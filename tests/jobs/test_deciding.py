"""Runs that end once their success rate is decided: when, in which order, and what they say."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from liftlab import store
from liftlab.cli.main import main
from liftlab.errors import RunInterrupted
from liftlab.jobs import deciding, opening, running
from liftlab.runner.plan import StopRule
from liftlab.runner.worker import Early, StopLine
from liftlab.settings import Project, load_project
from liftlab.summary.run import decision_of

ENOUGH = 11  # successes in a row that decide .8 against .6


@pytest.fixture
def project(project_folder: Path, lift_server: Any, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose suite has 20 cases, all of them answered right."""
    cases = "".join(
        f'[[cases]]\ncase_id = "double{n:02}"\nprompt = "Double a number."\nchecks = [[[1], 2]]\n'
        for n in range(20)
    )
    (project_folder / "data" / "suites" / "tiny.toml").write_text(f'name = "tiny"\n{cases}')
    monkeypatch.chdir(project_folder)
    monkeypatch.setenv("LIFTLAB_BASE_URL", lift_server.url)
    return load_project(project_folder)


@pytest.fixture
def told(lift_server: Any, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Hold the server after what decides until the load has been told; it would be faster."""
    event, end = threading.Event(), StopLine.end

    def noted(line: StopLine, status: Early) -> None:
        end(line, status)
        event.set()

    monkeypatch.setattr(StopLine, "end", noted)
    lift_server.before_answer = lambda count: count <= 2 * ENOUGH or event.wait(30)
    return event


def test_a_run_ends_at_a_boundary(
    project: Project, told: threading.Event, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--until-decided"]) == 0
    out, err = capsys.readouterr()
    assert "70 % is reached, decided after 11 trials" in out
    assert "graded during the run" in err
    run = opening.open_run(project=project)
    assert run.run.status == "decided"
    assert run.run.repeats == 1
    assert ENOUGH <= len(run.trials) <= ENOUGH + 2  # what was under way has ended
    assert (run.trials["outcome"] == "pass").all()
    assert run.folder.manifest()["request"]["until"] == {"target": 0.7, "zone": 0.1}
    requests = len(run.attempts)
    assert main(["run", "--resume", run.run.run_id, "--json"]) == 0  # nothing is left to do
    again = json.loads(capsys.readouterr().out)
    assert again["decision"]["verdict"] == "above"
    assert len(opening.open_run(project=project).attempts) == requests


def test_a_run_that_was_broken_off_goes_on_to_the_same_decision(
    project: Project, told: threading.Event, lift_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = running.plan_run(project, until=StopRule())

    def interrupted(self: object, event: dict[str, Any]) -> None:
        if event["event"] == "trial":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(deciding.Deciding, "__call__", interrupted)
        with pytest.raises(RunInterrupted):
            running.run_suite(request)
    (summary,) = store.list_runs(project.path("runs"))
    assert summary.trials is not None
    assert summary.trials < ENOUGH
    run = running.resume_run(project, summary.run_id)
    decision = decision_of(run)
    assert decision is not None
    assert (decision.verdict, decision.decided_after) == ("above", ENOUGH)
    assert run.run.status == "decided"


def test_a_run_without_an_answer_asks_for_more_cases(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [f"--case=double{n:02}" for n in range(3)]
    assert main(["run", "--until-decided", "--zone", "0.05", *cases]) == 7
    out, err = capsys.readouterr()
    assert "not decided whether 70 % is reached" in out
    assert "not decided after 3 prompts: about " in err
    assert "more are needed; add cases to the suite" in err
    assert opening.open_run(project=project).run.status == "complete"


def test_trials_count_in_the_order_of_the_plan(project: Project) -> None:
    request = running.plan_run(project, until=StopRule())
    judged = deciding.Deciding(request, StopRule(), lambda event: None)
    keys = [trial.key for trial in request.trials()]
    judged._outcomes = dict.fromkeys(keys[1:], 1.0)  # the first has not ended
    assert judged._verdict() == "go on"
    judged._outcomes[keys[0]] = 1.0
    assert judged._verdict() == "above"


def test_a_grader_that_fails_ends_the_run_and_is_heard(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no sandbox here")

    monkeypatch.setattr(deciding, "grade_trial", broken)
    with pytest.raises(RuntimeError, match="no sandbox here"):
        running.run_suite(running.plan_run(project, until=StopRule()))
    (summary,) = store.list_runs(project.path("runs"))
    assert summary.status in ("partial", "complete")  # it may have been at its end already


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "0.8"], "--target and --zone say what --until-decided decides"),
        (["--until-decided", "--repeats", "2"], "counts one trial a case: leave out --repeats"),
        (["--until-decided", "--target", "0.95", "--zone", "0.1"], "0.95 ± 0.1 leaves 0 to 1"),
        (["--until-decided", "--target", "1.5"], "1.5 is not in the range"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    project: Project, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["run", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not project.path("runs").exists()
