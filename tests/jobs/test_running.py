"""Whole runs against a scripted endpoint: measured, graded, broken off and resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liftlab import store
from liftlab.analysis.sample_size import trials_per_arm
from liftlab.errors import EndpointUnreachable, InputInvalid, UnknownName, UnknownRun, UsageError
from liftlab.jobs import opening, running
from liftlab.records import Trial
from liftlab.runner.plan import StopRule
from liftlab.settings import Project, load_project

KEYS = ["case_id", "repeat"]


@pytest.fixture
def project(project_folder: Path, lift_server: Any) -> Project:
    environ = {"LIFTLAB_BASE_URL": lift_server.url}
    return load_project(project_folder, environ=environ)


def command(project: Project, url: str, *arguments: str, **more: Any) -> subprocess.Popen[str]:
    """Start the command as a user would, in the project's folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "liftlab", *arguments],
        cwd=project.root,
        env={**os.environ, "LIFTLAB_BASE_URL": url, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def test_a_run_is_measured_graded_and_laid_down(project: Project, lift_server: Any) -> None:
    run = running.run_suite(running.plan_run(project))
    assert run.run.status == "complete"
    assert run.run.model == "scripted"
    outcomes = run.trials.set_index(KEYS)["outcome"]
    assert len(outcomes) == 6
    assert (outcomes["double"] == "pass").all()
    assert (outcomes["shout"] == "fail").all()
    classes = run.trials.set_index("case_id")["failure_class"]
    assert set(classes["shout"]) == {"missing_return"}
    measured = run.attempts[run.attempts["phase"] == "measure"]
    assert sorted(measured["request_id"]) == sorted(lift_server.log)
    assert len(measured) == 12
    assert (run.trials["parsed"]).all()
    assert run.run.client_peak_mb is not None
    assert run.run.client_peak_mb > 0


def test_times_of_a_trial_hang_together(project: Project) -> None:
    run = running.run_suite(running.plan_run(project, cases=["double"]))
    by_trial = run.stages.groupby(KEYS)
    for key, trial in run.trials.set_index(KEYS).iterrows():
        stages = by_trial.get_group(key)
        assert trial["e2e_s"] >= stages["latency_s"].sum()
        assert stages["latency_s"].gt(0).all()
    measured = run.attempts[run.attempts["phase"] == "measure"]
    assert (measured["called_s"] <= measured["sent_s"]).all()
    assert (measured["sent_s"] <= measured["first_byte_s"]).all()
    assert (measured["first_byte_s"] <= measured["last_byte_s"]).all()


def test_a_body_that_does_not_parse_is_asked_for_again(project: Project, lift_server: Any) -> None:
    broken = iter([["if x:", "return 1"], ["if x:", "return 1"]])
    lift_server.body_for = lambda name, count: next(broken, None)
    run = running.run_suite(running.plan_run(project, cases=["double"]))
    bodies = run.attempts[(run.attempts["stage"] == "ir_to_code") & (run.attempts["repeat"] == 1)]
    assert bodies["attempt"].tolist() == [1, 2, 3]
    assert bodies["retry_reason"].tolist()[1:] == ["does_not_parse", "does_not_parse"]
    assert bodies["valid"].tolist() == [False, False, True]
    assert bodies["seed"].nunique() == 3


def test_what_never_parses_is_a_failure_with_its_class(project: Project, lift_server: Any) -> None:
    lift_server.body_for = lambda name, count: ["if x:", "return 1"]
    run = running.run_suite(running.plan_run(project, cases=["double"]))
    assert set(run.trials["failure_class"]) == {"indentation_error"}
    assert not run.trials["parsed"].any()
    assert not run.trials["completed"].any()


@pytest.mark.parametrize(
    ("page", "outcome", "failure_class"),
    [
        ("<html>a gateway's page</html>", "error", "endpoint_error"),
        ({"status": "warming up"}, "error", "endpoint_error"),
        ({"ir_json": {"intent": 3}}, "fail", "invalid_ir"),
    ],
)
def test_a_page_in_place_of_an_answer_is_the_endpoints_a_wrong_answer_the_models(
    project: Project, lift_server: Any, page: Any, outcome: str, failure_class: str
) -> None:
    lift_server.page_for = lambda asked: page if "Double" in asked["prompt"] else None
    run = running.run_suite(running.plan_run(project))
    found = run.trials.set_index("case_id")[["outcome", "failure_class"]].loc["double"]
    assert set(map(tuple, found.to_numpy())) == {(outcome, failure_class)}
    (facets,) = set(run.grades.set_index("case_id")["facets"].loc["double"])
    assert json.loads(facets)["stage"] == "nlp_to_ir"
    assert json.loads(facets)["message"]


def test_a_full_ir_is_taken_from_a_server_that_has_more_to_say(
    project: Project, lift_server: Any
) -> None:
    ir = {
        "intent": {"summary": "Double", "rationale": None, "holes": []},
        "signature": {"name": "double", "parameters": [{"name": "x", "description": ""}]},
        "effects": [],
        "assertions": [],
        "metadata": {"origin": "server"},
    }
    page = {"text": f"<think>hm</think>{json.dumps(ir)}", "tokens_used": 9, "finish_reason": "stop"}
    lift_server.page_for = lambda asked: page if "intent" in asked["schema"]["properties"] else None
    run = running.run_suite(running.plan_run(project, cases=["double"]))
    assert set(run.trials["outcome"]) == {"pass"}
    assert run.attempts.dropna(subset="stage")["attempt"].eq(1).all()
    (facets,) = set(run.grades["facets"])
    assert json.loads(facets)["reply"] == {"nlp_to_ir": ["thinking", "extra_keys"]}
    constrained = run.attempts.dropna(subset="stage").groupby("stage")["constrained"].first()
    assert constrained.to_dict() == {"nlp_to_ir": False, "ir_to_code": True}


def test_memory_by_stage_comes_from_a_pass_of_its_own(project: Project) -> None:
    run = running.run_suite(running.plan_run(project, cases=["double"], memory=True))
    assert run.stages["client_peak_mb"].gt(0).all()
    assert (run.attempts["phase"] == "probe").sum() == 2
    assert len(run.trials) == 2


def test_an_unhealthy_endpoint_writes_nothing(project: Project, lift_server: Any) -> None:
    lift_server.healthy = False
    with pytest.raises(EndpointUnreachable, match="health"):
        running.run_suite(running.plan_run(project))
    assert not project.path("runs").exists()


@pytest.mark.parametrize("victim", ["run", "load process"])
def test_killed_in_mid_run_and_resumed_every_trial_is_there_once(
    project: Project, lift_server: Any, victim: str
) -> None:
    def kill(count: int) -> None:
        if count == 7:
            wait_for_rows(project, count + 2)  # the two calls of the warm-up have rows, too
            pid = process.pid if victim == "run" else load_process_of(process.pid)
            os.kill(pid, signal.SIGKILL)
            # An answer on a busy machine could come before the load process hears of it.
            (summary,) = store.list_runs(project.path("runs"))
            wait_until_unlocked(store.find(project.path("runs"), summary.run_id))

    lift_server.before_answer = kill
    process = command(project, lift_server.url, "run")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (-signal.SIGKILL if victim == "run" else 5), errors
    (summary,) = store.list_runs(project.path("runs"))
    folder = store.find(project.path("runs"), summary.run_id)
    before = store.read_journal(folder)["trial"]
    assert 0 < len(before) < 6
    lift_server.before_answer = lambda count: None
    wait_until_unlocked(folder)
    run = running.resume_run(project, summary.run_id)
    assert len(run.trials) == 6
    assert not run.trials.duplicated(KEYS).any()
    again = run.trials.merge(before[[*KEYS, "e2e_s"]], on=KEYS, suffixes=("", "_before"))
    assert (again["e2e_s"] == again["e2e_s_before"]).all()
    broken_off = run.attempts["abandoned"] | (run.attempts["error_class"] == "cancelled")
    assert broken_off.sum() >= 1
    assert run.attempts["seq"].is_unique
    numbered = run.attempts.dropna(subset=["attempt"])
    assert not numbered.duplicated([*KEYS, "stage", "attempt"]).any()
    assert run.run.status == "complete"


def test_ctrl_c_keeps_what_is_committed_and_says_how_to_go_on(
    project: Project, lift_server: Any
) -> None:
    def interrupt(count: int) -> None:
        if count == 7:
            process.send_signal(signal.SIGINT)

    lift_server.before_answer = interrupt
    process = command(project, lift_server.url, "run")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    (summary,) = store.list_runs(project.path("runs"))
    assert f"liftlab run --resume {summary.run_id}" in errors
    assert "Traceback" not in errors
    assert summary.status == "interrupted"
    lift_server.before_answer = lambda count: None
    assert len(running.resume_run(project, summary.run_id).trials) == 6


def test_a_token_is_in_nothing_that_a_run_writes(
    project: Project,
    lift_server: Any,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    canary = "canary-2f6b9d51c8"
    monkeypatch.setenv("LIFT_TOKEN", canary)
    lift_server.echoes = True
    lift_server.body_for = lambda name, count: [f"return '{canary}'"]
    run = running.run_suite(running.plan_run(project, cases=["double"]))
    assert "model of Bearer ***" in str(run.run.model)
    lift_server.refuses_with = {"detail": f"no such key: {canary}"}
    running.run_suite(running.plan_run(project, cases=["double"]))
    files = [path for path in project.root.rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        assert canary.encode() not in path.read_bytes(), path
    assert canary not in "".join(capfd.readouterr())


def test_a_run_does_not_go_on_with_other_prompts(project: Project, lift_server: Any) -> None:
    run = running.run_suite(running.plan_run(project, cases=["double"]))
    manifest = run.folder.manifest()
    run.folder.write_manifest({**manifest, "pipeline_sha256": "other"})
    with pytest.raises(InputInvalid, match="prompts or schemas changed"):
        running.resume_run(project, run.run.run_id)


def test_unknown_names_bring_the_nearest(project: Project) -> None:
    with pytest.raises(UnknownName, match="did you mean 'double'"):
        running.plan_run(project, cases=["dubble"])
    with pytest.raises(UnknownRun):
        opening.open_run("nonsense", project=project)


def timed(project: Project, write_run: Any, seconds: Any) -> str:
    """Write a run of three cases, repeated, whose times are told; return its id."""
    run_id = write_run(project.path("runs"), 1, cases=0, endpoint="lift", repeats=len(seconds[0]))
    with store.Journal.open(store.find(project.path("runs"), run_id)) as journal:
        for case, row in enumerate(seconds):
            for repeat, e2e_s in enumerate(row, start=1):
                key = {"run_id": run_id, "case_id": f"case_{case}", "repeat": repeat}
                trial = Trial(**key, e2e_s=e2e_s, attempts=1, completed=e2e_s is not None)
                journal.trial_ended(trial, ()).result()
    return str(run_id)


def test_the_newest_run_tells_how_long_another_will_take(project: Project, write_run: Any) -> None:
    request = running.plan_run(project)  # three cases, twice
    assert "no run" in running.likely_duration(request)
    write_run(project.path("runs"), 0, 9.0, endpoint="elsewhere")
    write_run(project.path("runs"), 9, 9.0, endpoint="lift", pipeline="direct")
    assert "no run" in running.likely_duration(request)
    run_id = timed(project, write_run, [[2.0, 4.0], [6.0, 8.0]])
    many = request.model_copy(update={"concurrency": 3})
    at_once = request.model_copy(update={"concurrency": None})
    for asked, seconds in ((request, 30), (many, 10), (at_once, 30)):
        assert f"about {seconds} s at the speed of {run_id}" in running.likely_duration(asked)


@pytest.mark.parametrize(
    ("seconds", "sd_s"),
    [
        ([[1.0, 2.0, 3.0], [5.0, 6.0, 7.0], [9.0, 9.0]], np.sqrt(4 / 5)),  # 5 = 8 - 3: enough
        ([[1.0, 2.0, 3.0], [5.0, 6.0, 7.0], [9.0]], None),
        ([[1.0, 2.0, 3.0], [5.0, 6.0, 7.0], [9.0, None]], None),
    ],
)
def test_repeats_tell_how_many_cold_starts_to_see(
    project: Project, write_run: Any, seconds: Any, sd_s: float | None
) -> None:
    timed(project, write_run, seconds)
    told = running.cold_plan(project, "lift", 2.0)
    if sd_s is None:
        assert told == running.cold_plan(project, "elsewhere", 2.0)
    else:
        assert f"takes {trials_per_arm(2.0, sd_s)} cold" in told


def test_what_a_run_takes_at_most(project: Project) -> None:
    request = running.plan_run(project, cases=["double", "shout"])
    limits, stages = running.worst_case_of(request), request.built.stages
    attempts = sum(stage.attempts for stage in stages)
    assert (limits.trials, limits.calls_min) == (4, 4 * len(stages))
    assert limits.calls_max == 4 * attempts
    assert limits.output_tokens_max == 4 * attempts * request.sampling.max_tokens
    assert limits.seconds_max == limits.calls_max * request.endpoint.deadline_s
    assert limits.usd_max is None


def test_what_a_run_costs_at_most(project: Project) -> None:
    project.path("prices").write_text("[p]\nusd_per_hour = 3.6\nusd_per_request = 0.5\n")
    endpoint = {"price": "p", "deadline_s": 10.0}
    request = running.plan_run(project)
    request = request.model_copy(update={"endpoint": request.endpoint.model_copy(update=endpoint)})
    limits = running.worst_case_of(request)
    assert limits.usd_max == pytest.approx(limits.calls_max * (10.0 * 3.6 / 3600 + 0.5))


def test_options_that_contradict_each_other(project: Project) -> None:
    several = load_project(project.root, overrides={"run.concurrency": 2})
    with pytest.raises(UsageError):
        running.plan_run(several, memory=True)
    assert running.plan_run(several).concurrency == 2
    assert running.plan_run(project, memory=True).memory
    with pytest.raises(UsageError):
        running.plan_run(project, stream=True)


def test_what_a_plan_is_where_nobody_says_more(project: Project) -> None:
    request = running.plan_run(project)
    assert request.warm_up
    assert (request.memory, request.quick, request.until) == (False, False, None)
    assert (request.repeats, request.concurrency) == (2, 1)
    until = StopRule(target=0.5, zone=0.1)
    assert running.plan_run(project, until=until).repeats == 1
    cold = load_project(project.root, overrides={"sampling.temperature": 0.0})
    notes = [running.plan_run(cold).notes, running.plan_run(cold, until=until).notes]
    assert [len(request.notes), *map(len, notes)] == [0, 1, 2]
    assert running.first_case(project) == "double"


def test_checks_of_sessions_are_planned(project: Project) -> None:
    request = running.plan_sessions(project)
    assert (request.repeats, request.concurrency, request.warm_up) == (1, 8, False)
    assert request.pipeline == "sessions"
    assert request.sessions is not None
    assert request.sessions.file is None
    assert running.plan_sessions(project, concurrency=3).concurrency == 3
    [only] = running.plan_sessions(project, only=[request.suite.cases[0].case_id]).suite.cases
    assert only == request.suite.cases[0]


def test_a_verb_finishes_its_own_runs_only(project: Project, write_run: Any) -> None:
    run_id = write_run(project.path("runs"), 1)
    with pytest.raises(InputInvalid, match="liftlab run --resume"):
        running.broken_off(project, run_id, "load")
    folder = store.find(project.path("runs"), run_id)
    folder.write_manifest({**folder.manifest(), "merged": {"parts": [{"run_id": "a"}]}})
    with pytest.raises(InputInvalid, match="liftlab merge a"):
        running.broken_off(project, run_id, "run")


def load_process_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return next(
        int(child)
        for child in children
        if "liftlab.runner.child" in Path(f"/proc/{child}/cmdline").read_text()
    )


def wait_for_rows(project: Project, count: int) -> None:
    """Wait until the writer thread has committed the attempts that are on the wire."""
    (folder,) = project.path("runs").iterdir()
    deadline = time.monotonic() + 20
    while len(store.read_journal(store.RunFolder(folder))["attempt"]) < count:
        assert time.monotonic() < deadline


def wait_until_unlocked(folder: store.RunFolder) -> None:
    """Wait for the load process to notice that its parent is gone, and to end."""
    import fcntl

    lock = next(folder.path.glob("*lock*"), None)
    if lock is not None:
        with lock.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
