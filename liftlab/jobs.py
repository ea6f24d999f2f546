"""The jobs that people ask for, from start to end: run and grade a suite, open a run.

Here the layers meet: what the runner measured is graded, priced and laid down as tables.
The command line and the notebooks both come through here, so they cannot differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from liftlab import importers, store, suite, tomlfile
from liftlab.analysis import cost
from liftlab.endpoints.base import Sampling
from liftlab.errors import InputInvalid, SettingsInvalid, UsageError
from liftlab.grading.grade import GRADER_VERSION
from liftlab.grading.run import grade_run
from liftlab.pipeline.build import build
from liftlab.records import as_row, columns
from liftlab.runner import control
from liftlab.runner.control import RunRequest
from liftlab.runner.plan import Bounds, bounds
from liftlab.runner.progress import Progress
from liftlab.runner.served import check_health
from liftlab.settings import EndpointSettings, Project, load_project
from liftlab.store import RunData, RunFolder
from liftlab.suite import Suite

# The published day was priced by its own formula; beside it stands the list price.
REFERENCE_PRICES = (("week2-published", "week2"), ("modal-a10g", "gpu_seconds"))


def plan_run(
    project: Project,
    *,
    cases: Sequence[str] = (),
    categories: Sequence[str] = (),
    model: str | None = None,
    memory: bool = False,
) -> RunRequest:
    """Resolve every name of a run: suite, endpoint, pipeline, cases.

    Raises
    ------
    UnknownName
        If one does not exist; the message gives the nearest.
    """
    settings = project.settings
    endpoint = settings.endpoint(settings.run.endpoint, settings.run.protocol)
    if model is not None:
        endpoint = endpoint.model_copy(update={"model": model})
    concurrency = settings.run.concurrency or endpoint.slots
    if memory and concurrency > 1:
        raise UsageError("--memory measures one trial at a time: leave out --concurrency")
    return RunRequest(
        project=project,
        suite=suite.select(_suite(project), cases=cases, categories=categories),
        endpoint=endpoint,
        pipeline=build(settings, settings.run.pipeline),
        sampling=Sampling(
            temperature=settings.sampling.temperature,
            top_p=settings.sampling.top_p,
            max_tokens=endpoint.max_tokens or settings.sampling.max_tokens,
            extra=settings.sampling.extra,
        ),
        repeats=settings.run.repeats,
        concurrency=concurrency,
        seed=settings.run.seed,
        memory=memory,
    )


def check(project: Project) -> None:
    """Make sure that a run with these settings could begin, and write nothing.

    Raises
    ------
    UnknownName
        If the suite, the endpoint, the pipeline or one of its stages does not exist.
    EndpointUnreachable
        If the endpoint is down or not well; one that liftlab starts itself is not started.
    """
    request = plan_run(project)
    if request.endpoint.serve is None:
        check_health(request.endpoint)


def run_suite(request: RunRequest | None = None) -> RunData:
    """Run a suite, grade its answers, and return the finished run.

    Parameters
    ----------
    request
        What to run; the project's defaults if None. Progress goes to standard error. After
        Ctrl-C what is committed is kept, and `resume_run` finishes it.
    """
    request = request or plan_run(load_project())
    folder = _followed(request, len(request.trials()), control.start)
    return open_run(folder.run_id, project=request.project)


def resume_run(project: Project, run_id: str) -> RunData:
    """Finish a run that was broken off; what is already committed does not change."""
    folder = store.find(project.path("runs"), run_id)
    request = _request_of(project, folder)
    left = len(request.trials()) - len(store.committed(folder))
    _followed(request, left, lambda asked, listen: control.resume(folder, asked, listen))
    return open_run(folder.run_id, project=project)


def open_run(run_id: str = "latest", *, project: Project | None = None) -> RunData:
    """Return a run with its tables; they are made again where they are missing or stale.

    Parameters
    ----------
    run_id
        A run's name; `latest` is the newest measured run. The names of the reference runs
        (`week2_day1`, `week1`) work on a fresh checkout, too.
    project
        The project; the one around the working directory if None.

    Raises
    ------
    UnknownRun
        If there is no such run; the message gives the nearest names.
    """
    project = project or load_project()
    runs_dir = project.path("runs")
    references = importers.reference_names(project.path("reference"))
    if run_id in references and not (runs_dir / run_id).exists():
        _import_reference(project, run_id)
    folder = store.find(runs_dir, run_id, also=references)
    if not store.tables_current(folder, judged_by=_judged_by(project)):
        rebuild_tables(project, folder)
        store.write_week2(store.read_tables(folder))
    return store.read_tables(folder)


def rebuild_tables(project: Project, folder: RunFolder) -> None:
    """Grade and price a run's attempts again, and write its tables."""
    frames = dict(store.read_journal(folder))
    grades, checks = grade_run(
        frames["trial"],
        frames["stage"],
        folder.artifacts,
        suite_of(folder),
        allow_weak_isolation=project.settings.grading.allow_weak_isolation,
    )
    frames["grade"] = _frame("grade", [as_row(grade) for grade in grades])
    frames["check"] = _frame("check", [as_row(check) for check in checks])
    frames["cost"] = _costs(project, folder, frames)
    own = frames["cost"][frames["cost"]["price_id"] == _own_prices(folder)[0][0]]
    frames["trial"] = store.join_trials(frames["trial"], frames["grade"], own, frames["attempt"])
    store.write_tables(folder, frames, judged_by=_judged_by(project))


def suite_of(folder: RunFolder) -> Suite | None:
    """Return the suite as it was when the run was made, or None where it had none."""
    source, suffix = folder.suite_source()
    if not source:
        return None
    return suite.parse(source, folder.path / f"suite{suffix}", name=folder.manifest().get("suite"))


def bounds_of(request: RunRequest) -> Bounds:
    """Return what a run takes at most: every attempt made, every call at its deadline."""
    price = prices(request.project).get(request.endpoint.price or "")
    stages = [(stage.attempts, request.sampling.max_tokens) for stage in request.pipeline.stages]
    return bounds(
        len(request.trials()),
        stages,
        request.endpoint.deadline_s,
        usd_per_hour=price.usd_per_hour if price else None,
        usd_per_request=(price.usd_per_request or 0.0) if price else 0.0,
    )


def likely_duration(request: RunRequest) -> str:
    """Say how long a run will take, by the newest run on the same endpoint and pipeline."""
    runs_dir = request.project.path("runs")
    for summary in store.list_runs(runs_dir):
        if summary.endpoint == request.endpoint.name and summary.provenance == "measured":
            run = open_run(summary.run_id, project=request.project)
            if run.run.pipeline == request.pipeline.name and run.trials["e2e_s"].notna().any():
                seconds = run.trials["e2e_s"].mean() * len(request.trials()) / request.concurrency
                return f"about {seconds:.0f} s at the speed of {summary.run_id}"
    return "no run on this endpoint yet to tell how long it will be"


def first_case(project: Project) -> str:
    """Return the first case of the project's suite."""
    return _suite(project).cases[0].case_id


def code_of(run: RunData, case_id: str, repeat: int) -> str | None:
    """Return the code that a trial ended with, as it was graded; None if it gave none."""
    grades = run.grades
    mine = grades[(grades["case_id"] == case_id) & (grades["repeat"] == repeat)]
    digest = mine["code_sha256"].iloc[0] if len(mine) else None
    if not isinstance(digest, str):
        return None
    return run.folder.artifacts.get(digest).decode("utf-8", "replace")


def prices(project: Project) -> dict[str, cost.Price]:
    """Return the project's prices by id; none where it has no file of prices."""
    path = project.path("prices")
    if not path.exists():
        return {}
    return cost.load_prices(tomlfile.read(path, SettingsInvalid).data)


def _suite(project: Project) -> Suite:
    return suite.load(project.settings.run.suite, [project.path("suites")])


def _followed(
    request: RunRequest,
    total: int,
    job: Callable[[RunRequest, control.Listener], RunFolder],
) -> RunFolder:
    progress = Progress(total)
    try:
        return job(request, progress)
    finally:
        progress.close()


def _request_of(project: Project, folder: RunFolder) -> RunRequest:
    """Return the request that a run was made from, so that it can go on as it began."""
    manifest = folder.manifest()
    asked, kept = manifest.get("request"), suite_of(folder)
    if asked is None or kept is None:
        raise InputInvalid(f"{folder.run_id} was not measured here: there is nothing to resume")
    return RunRequest(
        project=project,
        suite=suite.select(kept, cases=asked["cases"]),
        endpoint=EndpointSettings.model_validate(asked["endpoint"]),
        pipeline=build(project.settings, asked["pipeline"]),
        sampling=Sampling(**asked["sampling"]),
        repeats=asked["repeats"],
        concurrency=asked["concurrency"],
        seed=asked["seed"],
        memory=asked["memory"],
    )


def _import_reference(project: Project, name: str) -> None:
    suites = project.path("suites")
    known = any((suites / f"{name}{suffix}").exists() for suffix in (".toml", ".jsonl"))
    importers.import_reference(
        project.path("reference") / f"{name}.toml",
        suite.load(name, [suites]) if known else None,
        project.path("runs"),
    )


def _judged_by(project: Project) -> str:
    """Return what tables depend on beside the journal: the grader, its leave, and the prices."""
    weak = ", weakly isolated" if project.settings.grading.allow_weak_isolation else ""
    path = project.path("prices")
    content = path.read_bytes() if path.exists() else b""
    return f"grader {GRADER_VERSION}{weak}, prices {hashlib.sha256(content).hexdigest()[:16]}"


def _own_prices(folder: RunFolder) -> tuple[tuple[str, str], ...]:
    """Return the prices and cost models of a run, its own first."""
    manifest = folder.manifest()
    if "reference" in manifest:
        return REFERENCE_PRICES
    endpoint = manifest["request"]["endpoint"]
    return ((endpoint["price"] or "unknown", endpoint["cost_model"]),)


def _costs(project: Project, folder: RunFolder, frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    known = prices(project)
    priced = [
        cost.attempt_costs(
            frames["attempt"],
            known.get(price_id, cost.Price(price_id=price_id)),
            model,  # type: ignore[arg-type]  # checked by attempt_costs
            frames["stage"],
        )
        for price_id, model in _own_prices(folder)
    ]
    return pd.concat(priced, ignore_index=True)


def _frame(table: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns(table)))
