"""Capacity runs: which visits are made, what they find, and how they stop and go on."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from liftlab import store
from liftlab.cli.main import main
from liftlab.errors import InputInvalid, UsageError
from liftlab.jobs import capacity, opening, running
from liftlab.records import CAPACITY
from liftlab.reporting.report import _of_kind
from liftlab.reporting.sections import section_of
from liftlab.runner.endpoint_lifecycle import SERVER_LOG
from liftlab.runner.plan import PlannedTrial
from liftlab.serving.simulation.truth import read_truth
from liftlab.settings import Project, load_project
from liftlab.store.listing import latest
from liftlab.summary import summarize
from liftlab.summary.capacity import capacity_of
from tests.capacity_world import World, measure
from tests.conftest import ROOT, SUITE

SLO = "e2e_p95_s <= 60"
TOML = """
[run]
suite = "tiny"
endpoint = "sim"
pipeline = "direct"
[endpoints.sim]
protocol = "openai"
serve = "simulator"
profile = "{profile}"
[pipelines.direct]
stages = ["code"]
[targets.capacity]
metric = "goodput_right_per_s"
limit = 0.001
"""
PROFILE = """
slots = 2
[service]
base_s = 0.02
[answers.crowd]
above = 2
missing_return = 1.0
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    suites = tmp_path / "data" / "suites"
    suites.mkdir(parents=True)
    (suites / "tiny.toml").write_text(SUITE)
    (tmp_path / "sim.toml").write_text(PROFILE)
    (tmp_path / "liftlab.toml").write_text(TOML.format(profile=tmp_path / "sim.toml"))
    monkeypatch.chdir(tmp_path)
    return load_project(tmp_path, environ={})


@pytest.mark.parametrize("drop", [0.4, 0.0])
def test_a_known_knee_and_a_planted_drop_are_found(drop: float) -> None:
    """A smaller version of `benchmarks/capacity.py`."""
    found, _ = measure(World(slots=6, above=6, drop=drop, cases=60), 3, visits=1)
    assert found.knee.value == pytest.approx(6, rel=0.1)
    assert bool(found.worse) == (drop > 0)
    assert all(level.at_once > 6 for level in found.worse)


def test_a_level_is_visited_until_it_is_decided() -> None:
    # 84 prompts decide a P95 that is far from its limit; 20 never give it an upper one.
    decided, made = measure(World(slots=8, above=8, drop=0.0, cases=84), 1, levels=(1, 2, 4))
    assert {level.slo.verdict for level in decided.levels} == {"met"}
    assert set(made.values()) == {1}
    assert {visit for visit, _ in made} == {1}
    _, made = measure(World(slots=8, above=8, drop=0.0), 1, levels=(1, 2, 4))
    assert Counter(level for _, level in made) == {1: 3, 2: 3, 4: 3}


def test_answers_that_come_late_do_not_count() -> None:
    found, _ = measure(
        World(slots=2, above=99, drop=0.0, limit_s=4.0), 1, levels=(1, 2, 16), visits=1
    )
    last = found.levels[-1]  # sixteen wait for two slots: eight seconds
    assert last.within < 0.1 * last.timed.n
    assert last.slo.verdict == "not met"
    assert found.best is not None
    assert found.best.at_once < 16


@pytest.mark.parametrize(
    ("slo", "levels"),
    [
        ("success_rate >= 0.7", (1, 2, 4)),
        ("e2e_mean_s <= 3", (1, 2, 4)),
        ("e2e_p95_s <= 0", (1, 2, 4)),
        ("e2e_p95_s >= 15", (1, 2, 4)),
        (SLO, (1, 2)),
        (SLO, (2, 2, 4)),
        (SLO, (0, 1, 2)),
        (SLO, (1, 2, 4_000)),
    ],
)
def test_what_makes_no_sense_is_refused(
    project: Project, slo: str, levels: tuple[int, ...]
) -> None:
    with pytest.raises(UsageError, match=r"--slo|--levels"):
        capacity.plan_capacity(project, slo, levels=levels)


@pytest.mark.parametrize(
    ("slo", "metric", "limit_s"),
    [
        ("e2e_p95_s <= 60", "e2e_p95_s", 60.0),
        (" e2e_median_s<=0.5 s ", "e2e_median_s", 0.5),
        ("e2e_p99_s <= 15s", "e2e_p99_s", 15.0),
    ],
)
def test_what_is_planned_where_nobody_says(
    project: Project, slo: str, metric: str, limit_s: float
) -> None:
    request = capacity.plan_capacity(project, slo)
    plan = request.capacity
    assert plan is not None
    assert (plan.levels, plan.visits, plan.cases) == ((1, 2, 4, 8, 16), 3, 3)
    assert (plan.metric, plan.limit_s) == (metric, limit_s)
    assert (request.concurrency, request.repeats) == (16, 1)
    least = capacity.plan_capacity(project, slo, levels=(1_000, 2, 1, 2), visits=1)
    assert least.capacity is not None
    assert least.capacity.levels == (1, 2, 1_000)


def test_the_worst_case_counts_every_visit(project: Project) -> None:
    request = capacity.at_most(capacity.plan_capacity(project, SLO, levels=(1, 2, 4), visits=2))
    limits = running.worst_case_of(request)
    # 3 cases: 3, 6 and 11 times a visit; two visits, and four levels more.
    assert limits.trials == 2 * 3 * (3 + 6 + 11) + 4 * 3 * 11
    each = request.endpoint.deadline_s * 3
    at_once = 2 * (3 + 6 / 2 + 11 / 4) + 4 * 11 / 4
    assert limits.seconds_max == pytest.approx(each * at_once * limits.calls_max / limits.trials)


def test_a_whole_run(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """It stops at a limit, goes on, and then is what it would have been."""
    run = ["capacity", "--slo", SLO, "--levels", "1,2,6", "--visits", "1"]
    assert main([*run, "--dry-run"]) == 0
    assert "cost" in capsys.readouterr().out
    assert store.list_runs(project.path("runs")) == []
    assert main([*run, "--max-requests", "20"]) == 5
    told = capsys.readouterr()
    assert told.err.index("calls") < told.err.index("run 2")  # the bound comes first
    [listed] = store.list_runs(project.path("runs"))
    before = store.committed(store.find(project.path("runs"), listed.run_id))
    assert 20 <= len(before) < 60
    assert latest(project.path("runs")) is None  # it is no run of a suite

    with pytest.raises(InputInvalid, match="liftlab capacity --resume"):
        running.resume_run(project, listed.run_id)
    assert main(["capacity", "--resume", "capacity", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = opening.open_run("capacity", project=project)
    assert found.run.status == "complete"
    assert before < store.committed(found.folder)
    assert not found.trials.duplicated(["case_id", "repeat"]).any()
    held_against_the_server(project)
    assert {level["at_once"] for level in told["levels"]} >= {1, 2, 6}
    assert {level["visits"] for level in told["levels"]} == {1}
    assert [target["metric"] for target in told["targets"]] == ["goodput_right_per_s"]
    assert main(["capacity", "--resume", "capacity"]) == 0  # nothing is left to do
    assert len(opening.open_run("capacity", project=project).trials) == len(found.trials)
    assert main(["check", "capacity"]) == 0
    capsys.readouterr()
    assert main(["show", "capacity"]) == 0
    assert "answers: cannot tell" in capsys.readouterr().out
    assert main(["status", "capacity"]) == 0
    assert "Answers were not seen to get worse" in capsys.readouterr().out
    pages = (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")
    assert [page.stem for page in _of_kind(found, sorted(pages))] == ["80_capacity"]
    page = str(section_of(summarize(found, project).capacity).html())
    assert page.count("<svg") == 2
    assert "cannot tell" in page  # three prompts never decide


def held_against_the_server(project: Project) -> None:
    """Every answer is wrong, if and only if it was asked for in a crowd."""
    run = opening.open_run("capacity", project=project)
    assert run.run.load == CAPACITY
    truth = {row["request_id"]: row for row in read_truth(run.folder.path / SERVER_LOG)}
    outcomes = run.trials.set_index(["case_id", "repeat"])["outcome"]
    asked = run.attempts[run.attempts["phase"] == "measure"]
    plan = summarize(run, project).capacity
    assert plan is not None
    for _, row in asked.iterrows():
        under_way = truth[row["request_id"]]["under_way"]
        assert under_way <= plan.plan.place(row["repeat"])[1]
        wanted = "fail" if under_way > 2 else "pass"
        assert outcomes[row["case_id"], row["repeat"]] == wanted
    found = capacity_of(run)
    assert found is not None
    assert found.levels[0].within == found.levels[0].timed.n  # alone, all are right


def test_trials_of_other_runs_go_as_before(project: Project) -> None:
    request = running.plan_run(project)
    trial = PlannedTrial(case_id="double", repeat=1, prompt="")
    assert request.at_once(trial) == request.concurrency
    assert len(request.trials()) == 3 * request.repeats
