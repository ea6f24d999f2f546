"""The parent's side of a run: make its folder, start the load process, follow it, stop it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial

from liftlab.endpoints.base import Sampling
from liftlab.errors import InputInvalid
from liftlab.pipeline.build import Pipeline
from liftlab.runner.halt import HaltLine
from liftlab.runner.limits import Rates
from liftlab.runner.plan import PlannedTrial, Until, repeat_major
from liftlab.runner.process import Listener, lead
from liftlab.runner.row import run_row, sampling_of
from liftlab.runner.served import check_health, keep_log_of, serving
from liftlab.settings import EndpointSettings, Project
from liftlab.store import RunFolder, create
from liftlab.suite import Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A run as the user asked for it, with every name resolved."""

    project: Project
    suite: Suite
    endpoint: EndpointSettings
    pipeline: Pipeline
    sampling: Sampling
    repeats: int
    concurrency: int
    seed: int
    memory: bool = False
    until: Until | None = None
    warm_up: bool = True
    quick: bool = False  # a look at one case, which is never the latest run
    rates: Rates | None = None  # what a limit of money counts by
    notes: tuple[str, ...] = ()  # said before it begins

    def elsewhere(self) -> dict[str, tuple[EndpointSettings, Sampling]]:
        """Return, by stage, the endpoint and sampling of those that have any of their own."""
        settings = self.project.settings
        asked = {}
        for stage in self.pipeline.stages:
            table = settings.stages.get(stage.name)
            if table is None:
                continue
            endpoint = settings.endpoint_of_stage(stage.name, self.endpoint)
            sampling = self.sampling
            if table.endpoint is not None:
                sampling = sampling_of(self.project, endpoint)
            told = {name: getattr(table, name) for name in ("temperature", "top_p", "max_tokens")}
            sampling = replace(sampling, **{k: v for k, v in told.items() if v is not None})
            if (endpoint, sampling) != (self.endpoint, self.sampling):
                asked[stage.name] = (endpoint, sampling)
        return asked

    @property
    def probes(self) -> bool:
        """Whether a request is sent before the first trial, to learn what the endpoint takes."""
        asks = bool(self.pipeline.stages)  # a pipeline of the user's own asks in its own way
        return asks and self.warm_up and self.endpoint.protocol == "openai"

    def trials(self) -> list[PlannedTrial]:
        """Return the planned trials in the order in which they are sent."""
        planned = [
            PlannedTrial(
                case_id=case.case_id,
                repeat=repeat,
                prompt=case.prompt,
                category=case.category,
                difficulty=case.difficulty,
                function=case.entry_point,
                signature=case.missing_signature,
                is_program=case.is_program,
            )
            for case in self.suite.cases
            for repeat in range(1, self.repeats + 1)
        ]
        return repeat_major(planned, self.seed)


def start(request: RunRequest, listen: Listener, halt: HaltLine | None = None) -> RunFolder:
    """Run a suite in a fresh folder, and return the folder once every trial is committed.

    Raises EndpointUnreachable before anything is written, if the endpoint is not ready. Raises
    RunIncomplete if it stopped early; what is committed can be resumed. Raises RunInterrupted after
    Ctrl-C, once the load process has stopped cleanly.

    Parameters
    ----------
    request
        What to run.
    listen
        Is called with each event of the load process.
    halt
        For whoever may end the run before its plan is done.
    """
    _announce(request, listen)
    made: list[RunFolder] = []
    with ExitStack() as stack:
        endpoint = stack.enter_context(
            serving(request.endpoint, partial(keep_log_of, folders=made))
        )
        found = check_health(endpoint, partial(_note, listen))
        elsewhere = _served(request, endpoint, stack, made, listen)
        folder = _create_folder(request, found)
        made.append(folder)
        listen({"event": "created", "run_id": folder.run_id, "path": str(folder.path)})
        named = endpoint.model_copy(update={"model": endpoint.model or found["model"]})
        _load(folder, request, named, elsewhere, listen, halt)
    return folder


def resume(
    folder: RunFolder, request: RunRequest, listen: Listener, halt: HaltLine | None = None
) -> RunFolder:
    """Finish a run that was broken off; nothing already committed changes.

    Raises InputInvalid if prompts, schemas or the suite have changed since: their results would not
    compare.
    """
    _announce(request, listen)
    manifest = folder.manifest()
    for what, then, now in (
        ("the pipeline's prompts or schemas", manifest["pipeline_sha256"], request.pipeline.sha256),
        ("the suite", manifest["suite_sha256"], request.suite.sha256),
    ):
        if then != now:
            raise InputInvalid(
                f"{folder.run_id}: {what} changed since this run began; start a new run instead"
            )
    with ExitStack() as stack:
        keep_log = partial(keep_log_of, folders=[folder])
        endpoint = stack.enter_context(serving(request.endpoint, keep_log))
        check_health(endpoint, partial(_note, listen))
        elsewhere = _served(request, endpoint, stack, [folder], listen)
        listen({"event": "resumed", "run_id": folder.run_id})
        _load(folder, request, endpoint, elsewhere, listen, halt)
    return folder


def _announce(request: RunRequest, listen: Listener) -> None:
    """Say first what code of the project will run, then what else a person should know."""
    for line in filter(None, (request.pipeline.announcement(), *request.notes)):
        _note(listen, line)


def _note(listen: Listener, line: str) -> None:
    listen({"event": "note", "message": line})


def _create_folder(request: RunRequest, found: dict[str, str | None]) -> RunFolder:
    project = request.project
    run = run_row(
        project,
        request.endpoint,
        request.sampling,
        seed=request.seed,
        suite=request.suite.name,
        suite_sha256=request.suite.sha256,
        pipeline=request.pipeline.name,
        pipeline_sha256=request.pipeline.sha256,
        model=found["model"] or request.endpoint.model,
        hardware=found["hardware"] or request.endpoint.hardware,
        load="closed",
        concurrency=request.concurrency,
        repeats=request.repeats,
        order_seed=request.seed,
    )
    if not request.pipeline.stages:  # how its answers are drawn is not ours to know
        run = replace(run, temperature=None, top_p=None, max_tokens=None, sampling_extra=None)
    manifest = {
        "suite": request.suite.name,
        "settings": project.resolved(),
        "pipeline_sha256": request.pipeline.sha256,
        "suite_sha256": request.suite.sha256,
        "request": {
            "endpoint": request.endpoint.model_dump(mode="json"),
            "pipeline": request.pipeline.name,
            "cases": [case.case_id for case in request.suite.cases],
            "sampling": asdict(request.sampling),
            "repeats": request.repeats,
            "concurrency": request.concurrency,
            "seed": request.seed,
            "memory": request.memory,
            "until": request.until and asdict(request.until),
            "warm_up": request.warm_up,
        },
    }
    mark = {"quick": True} if request.quick else {}
    return create(
        project.path("runs"), run, manifest | mark, request.suite.source, request.suite.suffix
    )


def _served(
    request: RunRequest,
    main: EndpointSettings,
    stack: ExitStack,
    folders: Sequence[RunFolder],
    listen: Listener,
) -> dict[str, tuple[EndpointSettings, Sampling]]:
    """Return what stages have of their own, each endpoint served, healthy and with its model."""
    running = {request.endpoint.name: main}
    served = {}
    for stage, (endpoint, sampling) in request.elsewhere().items():
        if endpoint.name not in running:
            started = stack.enter_context(serving(endpoint, partial(keep_log_of, folders=folders)))
            model = started.model or check_health(started, partial(_note, listen))["model"]
            running[endpoint.name] = started.model_copy(update={"model": model})
        there = running[endpoint.name]
        model = endpoint.model or there.model
        served[stage] = (there.model_copy(update={"model": model}), sampling)
    return served


def _load(
    folder: RunFolder,
    request: RunRequest,
    endpoint: EndpointSettings,
    elsewhere: Mapping[str, tuple[EndpointSettings, Sampling]],
    listen: Listener,
    halt: HaltLine | None,
) -> None:
    """Start the load process and follow it to its end."""
    job = {
        "folder": str(folder.path),
        "root": str(request.project.root),
        "settings": request.project.resolved(),
        "endpoint": endpoint.model_dump(mode="json"),
        "elsewhere": {
            stage: (asked.model_dump(mode="json"), asdict(sampling))
            for stage, (asked, sampling) in elsewhere.items()
        },
        "pipeline": request.pipeline.name,
        "sampling": asdict(request.sampling),
        "seed": request.seed,
        "concurrency": request.concurrency,
        "trials": [trial.as_json() for trial in request.trials()],
        "memory": request.memory,
        "warm_up": request.warm_up,
        "limits": request.project.settings.limits.model_dump(mode="json"),
        "rates": request.rates and asdict(request.rates),
    }
    lead("liftlab.runner.child", job, folder, listen, how_to_go_on(folder), halt)


def how_to_go_on(folder: RunFolder) -> str:
    """Return the sentence that says how a run is finished."""
    return f"Finish the run with: liftlab run --resume {folder.run_id}"
