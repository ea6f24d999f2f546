"""A failed trial is found with its last request, sent again, and shrunk within a bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from liftlab.errors import InputInvalid, UsageError
from liftlab.jobs import running
from liftlab.jobs.reproducing import Asking, Failure, failure_of
from liftlab.settings import Project, load_project
from liftlab.store import RunData
from tests.conftest import LiftServer


@pytest.fixture
def project(project_folder: Path, lift_server: LiftServer) -> Project:
    """A project whose suite has a case that always fails, `shout`, and two that never do."""
    return load_project(project_folder, environ={"LIFTLAB_BASE_URL": lift_server.url})


@pytest.fixture
def run(project: Project) -> RunData:
    return running.run_suite(running.plan_run(project))


@pytest.fixture
def failure(project: Project, run: RunData) -> Failure:
    return failure_of(project, run, "shout", None)


def mends(server: LiftServer) -> None:
    server.body_for = lambda name, count: ["return text.upper()"] if name == "shout" else None


def test_a_failure_has_its_last_request(
    project: Project, failure: Failure, run: RunData, lift_server: LiftServer
) -> None:
    assert failure.trial.repeat == 1
    assert (failure.failure_class, failure.stage.name) == ("missing_return", "ir_to_code")
    mine = run.attempts.query("case_id == 'shout' and repeat == 1")
    assert failure.request.request_id == mine["request_id"].iloc[-1]
    assert failure.request.sampling.seed == mine["seed"].iloc[-1]
    assert failure.request.request_id in lift_server.log
    assert failure.values["nlp_to_ir"]["signature"]["name"] == "shout"
    assert failure.usd is None
    assert failure.endpoint.model == "scripted"
    run.folder.write_manifest({**run.folder.manifest(), "request": None})  # measured elsewhere
    with pytest.raises(InputInvalid):
        failure_of(project, run, "shout", None)


def test_it_is_the_first_that_failed_or_the_one_that_is_named(
    project: Project, lift_server: LiftServer
) -> None:
    lift_server.body_for = lambda name, count: (
        ["return text.upper()"] if name == "shout" and count <= 6 else None
    )
    mixed = running.run_suite(running.plan_run(project))
    outcomes = mixed.trials.query("case_id == 'shout'").set_index("repeat")["outcome"]
    assert outcomes.to_dict() == {1: "pass", 2: "fail"}
    assert failure_of(project, mixed, "shout", None).trial.repeat == 2
    assert failure_of(project, mixed, "shout", 2).trial.repeat == 2
    for case, repeat in (("shout", 1), ("double", None), ("double", 2)):
        with pytest.raises(UsageError):
            failure_of(project, mixed, case, repeat)


def test_a_request_that_failed_is_told_by_its_class(
    project: Project, lift_server: LiftServer
) -> None:
    lift_server.refuses_with = {"error": "no"}
    failed = running.run_suite(running.plan_run(project, cases=["double"]))
    found = failure_of(project, failed, "double", None)
    assert (found.failure_class, found.stage.name) == ("http_4xx", "nlp_to_ir")
    with Asking(found) as asking:
        rate, lost = asking.again(2)
        assert (rate.value, rate.n, lost) == (1.0, 2, 0)  # what is to come back counts
        lift_server.refuses_with = None
        assert asking.again(2)[0].value == 0.0


def test_what_a_request_costs_is_that_of_its_stage(project: Project) -> None:
    (project.root / "data").mkdir(exist_ok=True)
    project.path("prices").write_text("[p]\nusd_per_request = 0.25\nusd_per_hour = 0.0\n")
    priced = load_project(
        project.root,
        environ={"LIFTLAB_BASE_URL": str(project.settings.chosen_endpoint(None).base_url)},
        overrides={"endpoints.lift.price": "p"},
    )
    found = running.run_suite(running.plan_run(priced, cases=["shout"]))
    assert failure_of(priced, found, "shout", None).usd == pytest.approx(0.25)


def test_it_is_asked_again_with_other_seeds_and_ids(
    failure: Failure, lift_server: LiftServer
) -> None:
    before = len(lift_server.log)
    with Asking(failure) as asking:
        rate, lost = asking.again(3)
        assert (rate.value, rate.n, lost, asking.requests) == (1.0, 3, 0, 3)
        ids = lift_server.log[before:]
        first = failure.request.request_id
        assert ids == [f"{first}-again-{number}" for number in (1, 2, 3)]
        mends(lift_server)
        assert asking.ask(failure.prompt, failure.values) == ("", False)
        rate, lost = asking.again(2)
        assert (rate.value, rate.n, lost, asking.requests) == (0.0, 2, 0, 6)


def test_a_request_without_an_answer_tells_nothing_of_the_failure(
    failure: Failure, lift_server: LiftServer
) -> None:
    begun = len(lift_server.log)

    def hang_up(count: int) -> None:
        if count - begun == 2:
            raise ConnectionAbortedError

    lift_server.before_answer = hang_up
    with Asking(failure) as asking:
        rate, lost = asking.again(4)
    assert (rate.value, rate.n, lost) == (1.0, 3, 1)


def test_shrinking_keeps_to_its_bound(failure: Failure, lift_server: LiftServer) -> None:
    with Asking(failure) as asking:
        for most in (1, 2):
            before = len(lift_server.log)
            found = asking.minimize(most)
            assert (found.requests, found.whole) == (most, False)
            assert len(lift_server.log) == before + most
            assert (found.after == found.before) is (most == 1)
            assert 0 < found.after <= found.before
            assert "signature" in found.text
        mends(lift_server)  # what does not come back is not shrunk
        found = asking.minimize(60)
        assert (found.requests, found.whole) == (1, True)
        assert found.after == found.before > 1
