"""The jobs that people ask for, from start to end: run and grade a suite, open a run.

Here the layers meet: what the runner measured is graded, priced and laid down as tables.
The command line and the notebooks both come through here, so they cannot differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from liftlab import importers, store, suite
from liftlab.endpoints.base import Sampling
from liftlab.errors import UsageError
from liftlab.grading import run as grading
from liftlab.pipeline.build import build
from liftlab.runner import control
from liftlab.runner.control import RunRequest
from liftlab.settings import Project
from liftlab.store import RunData, RunFolder


def plan_run(
    project: Project,
    *,
    cases: Sequence[str] = (),
    categories: Sequence[str] = (),
    protocol: str | None = None,
    memory: bool = False,
) -> RunRequest:
    """Resolve every name of a run: suite, endpoint, pipeline, cases.

    Raises
    ------
    UnknownName
        If one does not exist; the message gives the nearest.
    """
    settings = project.settings
    endpoint = settings.endpoint(settings.run.endpoint, protocol)
    whole = suite.load(settings.run.suite, [project.path("suites"), Path.cwd()])
    concurrency = settings.run.concurrency or endpoint.slots
    if memory and concurrency > 1:
        raise UsageError("--memory measures one trial at a time: leave out --concurrency")
    return RunRequest(
        project=project,
        suite=suite.select(whole, cases=cases, categories=categories),
        endpoint=endpoint,
        pipeline=build(settings, settings.run.pipeline),
        sampling=Sampling(
            temperature=settings.sampling.temperature,
            top_p=settings.sampling.top_p,
            max_tokens=min(settings.sampling.max_tokens, endpoint.max_tokens or 10**6),
            extra=settings.sampling.extra,
        ),
        repeats=settings.run.repeats,
        concurrency=concurrency,
        seed=settings.run.seed,
        memory=memory,
    )


def run_suite(request: RunRequest) -> RunData:
    """Run a suite, grade its answers, and return the finished run.

    Progress goes to standard error. After Ctrl-C what is committed is kept, and
    `resume_run` finishes it.
    """
    total = len(request.suite.cases) * request.repeats
    folder: list[RunFolder] = []
    return _followed(lambda listen: control.start(request, listen), total, request.project, folder)


def resume_run(project: Project, run_id: str) -> RunData:
    """Finish a run that was broken off; what is already committed does not change."""
    folder = store.find(project.path("runs"), run_id)
    request = _request_of(project, folder)
    done = len(store.committed(folder))
    total = len(request.suite.cases) * request.repeats - done
    return _followed(lambda listen: control.resume(folder, request, listen), total, project, [])


def open_run(run_id: str = "latest", *, project: Project) -> RunData:
    """Return a run with its tables; they are made again where they are missing or stale.

    `latest` is the newest measured run. The names of the reference runs (`week2_day1`,
    `week1`) work on a fresh checkout, too.

    Raises
    ------
    UnknownRun
        If there is no such run; the message gives the nearest names.
    """
    runs_dir = project.path("runs")
    references = importers.reference_names(project.path("reference"))
    if run_id in references and not (runs_dir / run_id).exists():
        _import_reference(project, run_id)
    folder = store.find(runs_dir, run_id, also=references)
    if not store.tables_current(folder):
        rebuild_tables(project, folder)
    return store.read_tables(folder)


def rebuild_tables(project: Project, folder: RunFolder) -> None:
    """Grade and price a run's attempts again, and write its tables."""
    frames = store.read_journal(folder)
    cases = suite_of(folder)
    grades, checks = grading.grade_run(frames, folder.artifacts, cases)
    frames |= {"grade": grades, "check": checks}
    frames["cost"] = _costs(project, folder, frames)
    frames["trial"] = store.join_trials(
        frames["trial"], frames["grade"], frames["cost"], frames["attempt"]
    )
    store.write_tables(folder, frames)


def suite_of(folder: RunFolder) -> Suite | None:
    """Return the suite as it was when the run was made, or None where it had none."""
    source, suffix = folder.suite_source()
    return suite.parse(source, suffix, folder.path / f"suite{suffix}") if source else None


def bounds_of(request: RunRequest) -> Bounds:
    """Return what a run takes at most: every attempt made, every call at its deadline."""
    price = _price(request.project, request.endpoint.price)
    stages = [(stage.attempts, request.sampling.max_tokens) for stage in request.pipeline.stages]
    return bounds(
        len(request.trials()),
        stages,
        request.endpoint.deadline_s,
        usd_per_hour=price.usd_per_hour if price else None,
        usd_per_request=(price.usd_per_request or 0.0) if price else 0.0,
    )


def first_case(project: Project) -> str:
    """Return the first case of the project's suite."""
    folders = [project.path("suites"), Path.cwd()]
    return suite.load(project.settings.run.suite, folders).cases[0].case_id


def code_of(run: RunData, case_id: str, repeat: int) -> str | None:
    """Return the code that a trial ended with, as it was graded; None if it gave none."""
    grades = run.grades
    mine = grades[(grades["case_id"] == case_id) & (grades["repeat"] == repeat)]
    digest = mine["code_sha256"].iloc[0] if len(mine) else None
    if not isinstance(digest, str):
        return None
    return run.folder.artifacts.get(digest).decode("utf-8", "replace")
