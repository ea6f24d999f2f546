"""A request on its way to the manifest, to the load process, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from liftlab.endpoints.base import Sampling
from liftlab.errors import RunFolderCorrupt
from liftlab.jobs import loading, running
from liftlab.jobs.running import request_of
from liftlab.runner.plan import StopRule
from liftlab.runner.request import Job, RunRequest
from liftlab.settings import Project, load_project
from liftlab.store import RunFolder, create

OWN_STAGE = (
    '[stages.ir_to_code]\nendpoint = "other"\n'
    '[stages.mine]\nprompt = "$request"\nschema = {type = "object"}\n'
)
OTHER = '[endpoints.other]\nbase_url = "http://127.0.0.1:9"\nmax_tokens = 7\nidle_s = inf\n'


def project_in(folder: Path) -> Project:
    with (folder / "liftlab.toml").open("a") as file:
        file.write(f"\n{OWN_STAGE}{OTHER}")
    return load_project(folder, environ={})


def test_the_load_process_gets_what_was_asked(project_folder: Path) -> None:
    request = running.plan_run(project_in(project_folder), until=StopRule(target=0.8, zone=0.05))
    trials = tuple(request.trials())
    job = Job(folder=project_folder, request=request, elsewhere=request.elsewhere(), trials=trials)
    read = Job.from_line(job.to_line())
    assert (read.folder, read.elsewhere, read.trials) == (job.folder, job.elsewhere, trials)
    assert read.request.built.sha256 == request.built.sha256
    in_parent_only = {"suite": None, "notes": (), "built": None}
    asked = request.model_copy(update=in_parent_only)
    assert read.request.model_copy(update=in_parent_only) == asked


def test_a_planned_trial_has_its_case_s_labels(project_folder: Path) -> None:
    suite = project_folder / "data" / "suites" / "tiny.toml"
    hard = 'category = "arithmetic"\ndifficulty = "hard"'
    suite.write_text(suite.read_text().replace('category = "arithmetic"', hard))
    planned = running.plan_run(load_project(project_folder, environ={})).trials()
    labels = {trial.case_id: (trial.category, trial.difficulty) for trial in planned}
    assert labels["double"] == ("arithmetic", "hard")
    assert labels["shout"] == ("strings", None)


@pytest.mark.parametrize(
    ("of_stage", "of_endpoint", "expected"), [(None, 0, 0.0), (0, 0.7, 0.0), (None, None, 0.3)]
)
def test_a_temperature_of_zero_is_asked_for_wherever_it_is_set(
    project_folder: Path, of_stage: float | None, of_endpoint: float | None, expected: float
) -> None:
    def line(value: float | None) -> str:
        return "" if value is None else f"temperature = {value}\n"

    stage = f'[stages.ir_to_code]\nendpoint = "other"\n{line(of_stage)}'
    with (project_folder / "liftlab.toml").open("a") as file:
        file.write(f"\n{stage}{OTHER}{line(of_endpoint)}")
    request = running.plan_run(load_project(project_folder, environ={}))
    _, sampling = request.elsewhere()["ir_to_code"]
    assert sampling.temperature == expected


def test_a_load_goes_there_with_its_times_and_keeps_them_out_of_the_manifest(
    project_folder: Path, tmp_path: Path
) -> None:
    times = tmp_path / "times"
    times.write_text("0\n0.1\n0.30000000000000004\n")
    project = load_project(project_folder, environ={})
    endpoint = project.settings.chosen_endpoint(None)
    request = loading.plan_load(project, endpoint, arrival=str(times), out=tmp_path / "out.jsonl")
    job = Job(folder=tmp_path, request=request, elsewhere={}, trials=())
    read = Job.from_line(job.to_line()).request
    assert (read.prompt, read.arrivals) == (request.prompt, request.arrivals)
    kept = request.manifest()["request"]
    assert kept["cases"] == ["load"]
    assert kept["arrivals"] == {"kind": "recorded", "rate_rps": request.arrivals.rate_rps}  # type: ignore[union-attr]
    assert not {"prompt", "project", "out", "rates"} & set(kept)


@pytest.mark.parametrize("missing", [(), ("until", "warm_up")])
def test_a_manifest_of_an_earlier_version_is_read(
    project_folder: Path, missing: tuple[str, ...]
) -> None:
    project = load_project(project_folder, environ={})
    planned = running.plan_run(project)
    asked: dict[str, Any] = {
        "endpoint": planned.endpoint.model_dump(mode="json"),
        "pipeline": "lift",
        "cases": planned.cases[:1],
        "sampling": {
            "temperature": 0.5,
            "top_p": 0.9,
            "max_tokens": 9,
            "seed": None,
            "extra": {"min_p": 0.1},
        },
        "repeats": 3,
        "concurrency": 2,
        "seed": 7,
        "memory": False,
        "until": None,
        "warm_up": True,
    }
    for key in missing:
        del asked[key]
    folder = folder_with(planned, asked)
    read = request_of(project, folder)
    assert read.sampling == Sampling(temperature=0.5, top_p=0.9, max_tokens=9, extra={"min_p": 0.1})
    assert [trial.case_id for trial in read.trials()] == planned.cases[:1] * 3
    assert (read.endpoint, read.concurrency, read.warm_up) == (planned.endpoint, 2, True)


def test_a_manifest_that_says_what_no_run_asks_for_is_named(project_folder: Path) -> None:
    planned = running.plan_run(load_project(project_folder, environ={}))
    asked = planned.manifest()["request"]
    read = request_of(planned.project, folder_with(planned, asked | {"prompt": "Hi", "out": "x"}))
    assert (read.prompt, read.out) == (None, None)
    with pytest.raises(RunFolderCorrupt, match=r"manifest\.json: request\.repeats: "):
        request_of(planned.project, folder_with(planned, asked | {"repeats": "many"}))


def folder_with(planned: RunRequest, asked: dict[str, Any]) -> RunFolder:
    assert planned.suite is not None
    run = planned.row({"model": None, "hardware": None})
    manifest = planned.manifest() | {"request": asked}
    suite = planned.suite
    return create(planned.project.path("runs"), run, manifest, suite.source, suite.suffix)
