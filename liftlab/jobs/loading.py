"""Plan a load and send it: whole, cut into processes, or one segment wherever a launcher asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liftlab.errors import InputInvalid, RunInterrupted, UsageError
from liftlab.records import LOAD
from liftlab.runner import control
from liftlab.runner.plan import CONSTANT, POISSON, Arrivals, at_rate, recorded
from liftlab.runner.progress import Progress
from liftlab.runner.request import RunRequest, sampling_of
from liftlab.runner.segment import Segment
from liftlab.runner.worker import StopLine
from liftlab.settings import EndpointSettings, Project
from liftlab.store import RunFolder, committed
from liftlab.store.exchange import check_place, write_lines
from liftlab.store.files import sync, writing
from liftlab.words import counted

if TYPE_CHECKING:  # grading and pandas wait until the load is over
    from liftlab.store import RunData

PROMPT = "Write one sentence about the sea."
_MAX_REQUESTS = 10_000_000
_MAX_PROMPT_BYTES = 4_000_000


def plan_load(
    project: Project,
    endpoint: EndpointSettings,
    *,
    requests: int | None = None,
    concurrency: int | None = None,
    rate_rps: float | None = None,
    arrival: str | None = None,
    stream: bool = False,
    prompt_file: Path | None = None,
    max_tokens: int = 64,
    seed: int | None = None,
    out: Path | None = None,
) -> RunRequest:
    """Check a load before anything is sent.

    A rate or an `arrival` file of recorded times makes an open loop: it
    has no limit of `concurrency` but the one that is given, and a file's number of requests.
    Raises UsageError, InputInvalid, StorageFailed if it makes no sense, a file cannot be used, or
    `out`, where a line a request goes, cannot be written.
    """
    arrivals = _arrivals(rate_rps, arrival)
    count = requests or (len(arrivals.times_s) if arrivals else 0)
    if not 0 < count <= _MAX_REQUESTS:
        raise UsageError(f"say how many requests to send: -n, from 1 to {_MAX_REQUESTS}")
    if arrivals is not None and arrivals.times_s:
        arrivals.plan(count, 0)  # refuses more than are recorded
    endpoint = streamed(endpoint, stream)
    if out is not None:
        check_place(out)
    seed = project.settings.run.seed if seed is None else seed
    rates = None
    if project.settings.limits.max_usd is not None:
        from liftlab.jobs.running import rates_of

        rates = rates_of(project, endpoint)
    return RunRequest(
        project=project,
        endpoint=endpoint,
        pipeline=LOAD,
        sampling=replace(sampling_of(project, endpoint), max_tokens=max_tokens, seed=seed),
        seed=seed,
        prompt=PROMPT if prompt_file is None else _read(prompt_file),
        repeats=count,
        concurrency=concurrency or (None if arrivals else 1),
        arrivals=arrivals,
        out=out,
        rates=rates,
    )


def streamed(endpoint: EndpointSettings, stream: bool) -> EndpointSettings:
    """Return the endpoint with its replies streamed or not, if its protocol can do that."""
    if stream and not endpoint.can_stream:
        raise UsageError(
            f"the {endpoint.protocol} protocol has no streamed replies: leave out --stream"
        )
    return endpoint.model_copy(update={"stream": stream})


def run_load(request: RunRequest) -> RunData:
    """Send a load, and return its run with its tables."""
    with closing(Progress(request.repeats, unit="request")) as progress:
        folder = control.start(request, progress)
    from liftlab.jobs.opening import open_run

    return open_run(folder.run_id, project=request.project)


def resume_load(project: Project, run_id: str) -> RunData:
    """Finish a load in closed loop that was broken off; what was sent is not sent again.

    Raises InputInvalid for an open loop, whose moments are past.
    """
    from liftlab.jobs.opening import open_run
    from liftlab.jobs.running import broken_off

    folder, request = broken_off(project, run_id, LOAD)
    left = len(request.numbers) - len(committed(folder))
    with closing(Progress(max(1, left), unit="request")) as progress:
        control.resume(folder, request, progress)
    return open_run(folder.run_id, project=project)


def run_processes(request: RunRequest, count: int) -> RunData:
    """Send a load from several processes of this machine, and return their runs as one."""
    from liftlab.jobs.merging import merge_runs

    check_cut(request, count)
    start: dict[str, Any] = {"start_at": time.time(), "zero_ns": time.perf_counter_ns()}
    parts = [Segment(index=index, of=count, **start) for index in range(1, count + 1)]
    made: list[RunFolder] = []
    stopped = None
    try:
        with closing(Progress(request.repeats, unit="request")) as progress:
            control.start_segments(request, parts, progress, made)
    except RunInterrupted as error:
        stopped = error
    merged = merge_runs(request.project, [folder.run_id for folder in made])
    if request.out is not None:
        write_lines(merged.folder, request.out, start["zero_ns"])
    if stopped is not None:
        run_id = merged.run.run_id
        raise RunInterrupted(f"{stopped}; what there is: liftlab show {run_id}", run_id)
    return merged


def cut(request: RunRequest, segment: Segment) -> RunRequest:
    """Return a request for one segment of a plan; raise UsageError if that cannot be cut so."""
    check_cut(request, segment.of)
    if request.until is not None:
        raise UsageError("--until-decided looks at all trials: leave out --segment")
    if request.endpoint.serve is not None:
        raise UsageError(
            f"liftlab starts endpoint {request.endpoint.name!r} itself, for one run alone: start "
            "it first (liftlab serve, liftlab simulate) and give --segment its URL"
        )
    return request.model_copy(update={"segment": segment})


def check_cut(request: RunRequest, of: int) -> None:
    """Raise UsageError unless each of `of` segments has something to send, and a lane for it."""
    whole = request.repeats if request.prompt is not None else len(request.trials())
    if whole < of:
        raise UsageError(f"{counted(whole, 'request')} cannot be cut into {of:,} segments")
    if request.concurrency is not None and request.concurrency < of:
        raise UsageError(
            f"{of:,} segments need {of:,} requests at once or more: give --concurrency"
        )


def segment_folder(request: RunRequest) -> RunFolder:
    """Return where a segment is or will be; the folder is there once it has begun."""
    assert request.segment is not None
    name = request.segment.run_id(request.plan_sha256)
    return RunFolder(request.project.path("runs") / name)


def run_segment(
    request: RunRequest,
    *,
    claims: Path | None = None,
    listen: Callable[[dict[str, Any]], None] | None = None,
    stop: StopLine | None = None,
) -> RunFolder:
    """Send one segment of a plan, as `cut` returns it, and return its folder.

    A segment that was begun before is not sent again, whoever calls, and however often: its
    folder, whose name only the plan and its moment make, is given back as it is. So a task engine
    may run this twice. `claims` is a folder that all machines share, where they do not share that
    of the runs. What happens is shown as progress where nobody `listen`s.

    Raises InputInvalid if another machine has begun it. Raises StorageFailed if another process is
    just beginning it.
    """
    assert request.segment is not None
    folder = segment_folder(request)
    if folder.path.exists():
        return folder
    if request.segment.start_at < time.time():
        raise UsageError(f"segment {request.segment}: --start-at is past: give a later time")
    claim = None if claims is None else partial(_claim, claims / f"{folder.run_id}.claim")
    if listen is not None:
        return control.start(request, listen, stop, claim)
    is_load = request.prompt is not None
    total, unit = (request.numbers, "request") if is_load else (request.trials(), "trial")
    with closing(Progress(len(total), unit=unit)) as progress:
        return control.start(request, progress, stop, claim)


def _claim(path: Path) -> None:
    """Take a segment for this machine, so that it outlasts a power cut."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            raise InputInvalid(
                f"{path}: this segment was begun before; it is not sent again"
            ) from None
        sync(path.parent)


def _arrivals(rate_rps: float | None, arrival: str | None) -> Arrivals | None:
    if rate_rps is not None:
        return at_rate(rate_rps, arrival or POISSON)
    if arrival is None:
        return None
    path = Path(arrival)
    if path.exists():
        return recorded(path)
    if arrival in (CONSTANT, POISSON):
        raise UsageError(f"--arrival {arrival} needs a rate: --rate R, in requests a second")
    raise InputInvalid(f"--arrival is poisson, constant or a file; there is no file {arrival}")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_PROMPT_BYTES + 1)
        if len(text) > _MAX_PROMPT_BYTES:
            raise InputInvalid(f"{path}: a prompt may have {_MAX_PROMPT_BYTES} bytes")
        if not text.strip():
            raise InputInvalid(f"{path}: the prompt is empty")
        return text.decode()
    except OSError as error:
        raise InputInvalid(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputInvalid(f"{path}: not UTF-8 text") from None
