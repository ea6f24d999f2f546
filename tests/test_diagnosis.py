"""From end to end: a run against the simulator, its records, and the planted cause of each slow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from liftlab.analysis.slow_steps import SlowStep, slow_steps
from liftlab.jobs import running
from liftlab.runner.endpoint_lifecycle import SERVER_LOG
from liftlab.serving.simulation.truth import read_truth
from liftlab.settings import load_project

SETTINGS = """
[run]
suite = "doubles"
endpoint = "sim"
concurrency = 1
repeats = 1
[endpoints.sim]
protocol = "lift"
serve = "simulator"
profile = "{profile}"
time_scale = 40
"""
# Generations alternate between the two stages; what is planted is an IR's or a body's in turn.
PROFILE = """
seed = 5
[service]
base_s = 0.4
token_s = 0.04
token_spread = 0.1
[tokens]
ir = [40, 60]
body = [40, 60]
[[faults]]
fault = "stall-in-body s=12"
requests = [8]
[[faults]]
fault = "status code=503"
requests = [13]
[[faults]]
fault = "off-schema"
requests = [20]
[[faults]]
fault = "stall-before-head s=12"
requests = [24]
"""
PLANTED = {
    "stall-in-body s=12": "stall",
    "status code=503": "back_off",
    "off-schema": "retry",
    # The server says that it did not work meanwhile: for its records that is a queue.
    "stall-before-head s=12": "queue",
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[tuple[str, str], str]]:
    """A run of 14 cases, and the fault that befell a case's stage, by the server's log."""
    folder = tmp_path_factory.mktemp("project")
    suites: Path = folder / "data" / "suites"
    suites.mkdir(parents=True)
    cases = "".join(
        f'[[cases]]\ncase_id = "double{n:02}"\nprompt = "Double a number."\nchecks = [[[1], 2]]\n'
        for n in range(14)
    )
    (suites / "doubles.toml").write_text(f'name = "doubles"\n{cases}')
    (folder / "planted.toml").write_text(PROFILE)
    (folder / "liftlab.toml").write_text(SETTINGS.format(profile=folder / "planted.toml"))
    run = running.run_suite(running.plan_run(load_project(folder, environ={})))
    by_id = run.attempts.set_index("request_id")
    faults = {
        tuple(by_id.loc[truth["request_id"], ["case_id", "stage"]]): truth["fault"]
        for truth in read_truth(run.folder.path / SERVER_LOG)
        if truth["fault"]
    }
    return run, faults


def slow(run: Any, without: tuple[str, ...] = ()) -> dict[tuple[str, str], SlowStep]:
    found = slow_steps(run.trials, run.stages, run.attempts.drop(columns=list(without)))
    return {(step.case_id, step.stage): step for step in found}


def test_each_planted_cause_is_the_one_that_is_found(measured: Any) -> None:
    run, faults = measured
    found = slow(run)
    assert sorted(faults.values()) == sorted(PLANTED)
    for place, fault in faults.items():
        assert found[place].main_cause == PLANTED[fault], found[place]


def test_a_stall_without_a_trace_is_unexplained(measured: Any) -> None:
    run, faults = measured
    found = slow(run, without=("max_gap_s", "server_s", "queue_s"))
    stalls = [place for place, fault in faults.items() if fault.startswith("stall")]
    assert len(stalls) == 2
    assert {found[place].main_cause for place in stalls} == {"unexplained"}
