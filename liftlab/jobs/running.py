"""Plan a run of a suite or of session checks, run it, resume it, and say what it may take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import fields
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from liftlab import store
from liftlab import suite as suites
from liftlab.analysis.estimate import quantity
from liftlab.analysis.sample_size import trials_per_arm
from liftlab.endpoints.base import Sampling
from liftlab.errors import InputInvalid, RunFolderCorrupt, UsageError
from liftlab.jobs.deciding import Deciding
from liftlab.jobs.layout import source_folder
from liftlab.jobs.loading import streamed
from liftlab.jobs.opening import find_run, open_run
from liftlab.records import CAPACITY, LOAD, SESSIONS
from liftlab.runner import control
from liftlab.runner.endpoint_lifecycle import check_health
from liftlab.runner.limits import Rates
from liftlab.runner.plan import StopRule, WorstCase, worst_case
from liftlab.runner.progress import Progress
from liftlab.runner.request import RunRequest, SessionsAsked, sampling_of
from liftlab.sessions.checks import checks_of, load
from liftlab.settings import EndpointSettings, Project, load_project
from liftlab.store import RunData, RunFolder
from liftlab.store.folder import MANIFEST, MERGED, SEGMENT, resume_verb
from liftlab.suite import Suite
from liftlab.summary.cost import prices
from liftlab.words import one_line

_FREEDOM = 5  # trials beyond one a case, for a spread to be worth a plan
# What a run that goes on takes over of its manifest; all else is as the project says today.
_GOES_ON = (
    *("endpoint", "pipeline", "sampling", "repeats", "concurrency", "seed", "memory", "until"),
    *("warm_up", "sessions", "capacity"),
)
_KINDS = {
    "run": "a run of a suite",
    SESSIONS: "a run of session checks",
    LOAD: "a load",
    CAPACITY: "a capacity run",
}
_COPIES = "temperature 0: retries and repeats will be copies of the first answer"
_GRADED_MEANWHILE = "answers are graded during the run, at the lowest priority; its record says so"
CHECKS = "data/sessions/lift.toml"
_CHECKS_AT_ONCE = 8


def plan_run(
    project: Project,
    *,
    suite: Suite | None = None,
    cases: Sequence[str] = (),
    categories: Sequence[str] = (),
    model: str | None = None,
    memory: bool = False,
    stream: bool = False,
    until: StopRule | None = None,
    warm_up: bool = True,
    quick: bool = False,
) -> RunRequest:
    """Resolve every name of a run: suite (that of the settings if None), endpoint, pipeline, cases.

    One that is to decide (`until`) runs each case once: repeats of a case are not independent.
    Raises UnknownName if a name does not exist; the message gives the nearest. Raises UsageError if
    options contradict each other.
    """
    settings = project.settings
    endpoint = settings.chosen_endpoint(model)
    if stream:
        endpoint = streamed(endpoint, stream)
    concurrency = settings.run.concurrency or endpoint.slots
    if memory and concurrency > 1:
        raise UsageError("--memory measures one trial at a time: leave out --concurrency")
    sampling = sampling_of(project, endpoint)
    request = RunRequest(
        project=project,
        suite=suites.select(suite or _suite(project), cases=cases, categories=categories),
        endpoint=endpoint,
        pipeline=settings.run.pipeline,
        sampling=sampling,
        repeats=1 if until else settings.run.repeats,
        concurrency=concurrency,
        seed=settings.run.seed,
        memory=memory,
        until=until,
        warm_up=warm_up,
        quick=quick,
        rates=rates_of(project, endpoint),
    )
    stages = request.built.stages
    if memory and not stages:
        raise UsageError("--memory measures liftlab's own stages: leave it out")
    copies = (_COPIES,) if sampling.temperature == 0 and stages else ()
    notes = copies + ((_GRADED_MEANWHILE,) if until else ())
    return request.model_copy(update={"notes": notes})


def plan_sessions(
    project: Project,
    *,
    path: Path | None = None,
    user_header: str | None = None,
    only: Sequence[str] = (),
    concurrency: int | None = None,
    restart_hook: str | None = None,
) -> RunRequest:
    """Resolve session checks, of a file or the lift API's, as `plan_run` does a suite."""
    endpoint = project.settings.chosen_endpoint(None)
    if endpoint.base_url is None:
        raise UsageError(f"endpoint {endpoint.name!r} has no base_url: give the server's URL")
    known = [folder / CHECKS for folder in (project.root, source_folder())]
    own = path or next(file for file in known if file.exists())
    file = None if path is None else str(path)
    return RunRequest(
        project=project,
        suite=load(own).only(only, user_header).as_suite(),
        endpoint=endpoint,
        pipeline=SESSIONS,
        sampling=Sampling(),
        repeats=1,
        concurrency=concurrency or _CHECKS_AT_ONCE,
        seed=project.settings.run.seed,
        warm_up=False,
        sessions=SessionsAsked(file=file, user_header=user_header, restart_hook=restart_hook),
    )


def check(project: Project) -> None:
    """Raise what would keep a run with these settings from beginning; start and write nothing."""
    request = plan_run(project)
    if request.endpoint.serve is None:
        check_health(request.endpoint)


def run_suite(request: RunRequest | None = None) -> RunData:
    """Run a suite, the project's own if None, grade its answers, and return the finished run.

    After Ctrl-C what is committed is kept, and `resume_run` finishes it.
    """
    request = request or plan_run(load_project())
    folder = _followed(request, len(request.trials()), partial(control.start, request))
    return open_run(folder.run_id, project=request.project)


def resume_run(project: Project, run_id: str) -> RunData:
    """Finish a run that was broken off; what is already committed does not change."""
    return _finished(project, *broken_off(project, run_id, "run"))


def resume_sessions(project: Project, run_id: str, restart_hook: str | None = None) -> RunData:
    """Finish a run of session checks that was broken off; what is done stays."""
    folder, request = broken_off(project, run_id, SESSIONS)
    asked = SessionsAsked(restart_hook=restart_hook)
    return _finished(project, folder, request.model_copy(update={"sessions": asked}))


def broken_off(project: Project, run_id: str, verb: str) -> tuple[RunFolder, RunRequest]:
    """Return a run that a verb is to finish; raise InputInvalid if another verb made it."""
    folder = find_run(project, run_id)
    _check_whole(folder)
    if (own := resume_verb(folder.manifest())) != verb:
        how = f"liftlab {own} --resume {folder.run_id}"
        raise InputInvalid(f"{folder.run_id} is {_KINDS[own]}; finish it with: {how}")
    return folder, request_of(project, folder)


def _finished(project: Project, folder: RunFolder, request: RunRequest) -> RunData:
    left = len(request.trials()) - len(store.committed(folder))
    _followed(request, left, partial(control.resume, folder, request), so_far=folder)
    return open_run(folder.run_id, project=project)


def worst_case_of(request: RunRequest) -> WorstCase:
    """Return what a run takes at most: every attempt made, every call at its deadline.

    One call after the other; in a capacity run as many at once as its levels say.
    """
    trials = request.trials()
    each = [1 / request.at_once(trial) if request.capacity else 1.0 for trial in trials]
    price = prices(request.project).get(request.endpoint.price or "")
    limited = "max_tokens" not in request.endpoint.left_out()
    most = request.sampling.max_tokens if limited else None
    stages = [(stage.attempts, most) for stage in request.built.stages]
    return worst_case(
        len(trials),
        stages,
        request.endpoint.deadline_s * sum(each) / max(len(trials), 1),
        usd_per_hour=price.usd_per_hour if price else None,
        usd_per_request=(price.usd_per_request or 0.0) if price else 0.0,
    )


def likely_duration(request: RunRequest) -> str:
    """Say how long a run will take, by the newest run on the same endpoint and pipeline."""
    for run in _measured(request.project, request.endpoint.name):
        if run.run.pipeline == request.pipeline and run.trials["e2e_s"].notna().any():
            mean_s = run.trials["e2e_s"].mean()
            seconds = mean_s * len(request.trials()) / (request.concurrency or 1)
            return f"about {seconds:.0f} s at the speed of {run.run.run_id}"
    return "no run on this endpoint yet to tell how long it will be"


def cold_plan(project: Project, endpoint: str, cold_s: float) -> str:
    """Say how many cold and warm trials it takes to see a cold start end to end.

    By the spread between repeats of one case in the newest measured run on this endpoint.
    """
    for run in _measured(project, endpoint):
        sd_s = _repeat_sd(run)
        if sd_s is not None:
            n = trials_per_arm(cold_s, sd_s)
            return (
                f"To see it end to end takes {n:,} cold and {n:,} warm trials: repeats of a "
                f"prompt in {run.run.run_id} differ by {quantity(sd_s, 's')} (SD)."
            )
    return (
        "How many cold and warm trials it takes to see that end to end, "
        "a run on this endpoint with repeats will tell."
    )


def _measured(project: Project, endpoint: str) -> Iterator[RunData]:
    """Open the runs that were measured on an endpoint, newest first."""
    for run in store.list_runs(project.path("runs")):
        if run.endpoint == endpoint and run.provenance == "measured":
            yield open_run(run.run_id, project=project)


def first_case(project: Project) -> str:
    """Return the first case of the project's suite."""
    return _suite(project).cases[0].case_id


def _suite(project: Project) -> Suite:
    return suites.load(project.settings.run.suite, [project.path("suites")])


def _followed(
    request: RunRequest,
    total: int,
    job: Callable[..., RunFolder],
    so_far: RunFolder | None = None,
) -> RunFolder:
    """Show the progress of a job, and end it once it is decided, where that is asked for."""
    with closing(Progress(total, unit="check" if request.sessions else "trial")) as progress:
        if request.until is None:
            return job(progress)
        deciding = Deciding(request, request.until, progress)
        if so_far is not None and deciding.is_decided(so_far):
            return so_far
        with deciding:
            return job(deciding, deciding.stop)


def _check_whole(folder: RunFolder) -> None:
    """Raise InputInvalid for a run that was merged: its segments are what can be resumed."""
    merged = folder.manifest().get(MERGED)
    if merged is not None:
        parts = merged.get("parts", ()) if isinstance(merged, dict) else ()
        names = [str(part.get("run_id")) for part in parts if isinstance(part, dict)]
        raise InputInvalid(
            f"{folder.run_id} was merged from segments: resume those that are not whole, and merge "
            f"again: {one_line(' '.join(['liftlab merge', *names]))}"
        )


def request_of(project: Project, folder: RunFolder) -> RunRequest:
    """Return the request that a run was made from, so that it can go on as it began."""
    manifest = folder.manifest()
    of_sessions, of_load = (manifest.get("suite") == name for name in (SESSIONS, LOAD))
    asked = manifest.get("request")
    kept = checks_of(folder).as_suite() if of_sessions else folder.suite()
    _check_whole(folder)
    if not isinstance(asked, dict) or (kept is None and not of_load):
        raise InputInvalid(f"{folder.run_id} was not measured here: there is nothing to resume")
    told = {name: asked[name] for name in _GOES_ON if name in asked}
    if of_load:
        if asked.get("arrivals") is not None:
            raise InputInvalid(f"{folder.run_id} is an open loop, whose moments are past")
        told["prompt"] = folder.artifacts.get_text(str(manifest.get("pipeline_sha256")))
    suite = kept and suites.select(kept, cases=asked.get("cases", ()))
    part = manifest.get(SEGMENT)
    try:
        request = RunRequest.model_validate(
            {**told, "project": project, "suite": suite, SEGMENT: part}
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, ("request", *first["loc"])))
        raise RunFolderCorrupt(folder.path / MANIFEST, f"{place}: {first['msg']}") from None
    return request.model_copy(update={"rates": rates_of(project, request.endpoint)})


def rates_of(project: Project, endpoint: EndpointSettings) -> Rates | None:
    """Return what an endpoint's attempts are charged, or None where its price is not known.

    Raises UsageError if a limit of money needs it.
    """
    price, by = prices(project).get(endpoint.price or ""), endpoint.cost_model
    if price is None or not price.knows(by):
        if project.settings.limits.max_usd is not None:
            raise UsageError(
                f"a limit of money needs a price: endpoint {endpoint.name!r} has none that "
                f"tells what {by} cost; name one in its `price`, from {project.path('prices')}"
            )
        return None
    charged = {field.name: getattr(price, field.name, None) for field in fields(Rates)}
    return Rates(by=by, **{name: usd for name, usd in charged.items() if usd is not None})


def _repeat_sd(run: RunData) -> float | None:
    """Return the pooled standard deviation between repeats of a case; None where too few."""
    known = run.trials[run.trials["completed"].fillna(False).astype(bool)].dropna(subset=["e2e_s"])
    apart = known["e2e_s"] - known.groupby("case_id")["e2e_s"].transform("mean")
    freedom = len(known) - known["case_id"].nunique()
    return float(np.sqrt((apart**2).sum() / freedom)) if freedom >= _FREEDOM else None
