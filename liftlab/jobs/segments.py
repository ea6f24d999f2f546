"""Send a plan in segments: here in several processes, or one of them wherever a launcher asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liftlab.errors import InputInvalid, RunInterrupted, UsageError
from liftlab.records import LOAD
from liftlab.runner import control
from liftlab.runner.progress import Progress
from liftlab.runner.request import RunRequest
from liftlab.runner.segment import Segment
from liftlab.runner.worker import StopLine
from liftlab.settings import Project
from liftlab.store import RunFolder, committed
from liftlab.store.exchange import write_lines
from liftlab.store.files import sync, writing
from liftlab.words import counted

if TYPE_CHECKING:
    from liftlab.store import RunData


def cut(request: RunRequest, segment: Segment) -> RunRequest:
    """Return a request for one segment of a plan.

    Raises UsageError if the plan cannot be cut like that.
    """
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
    """Send one segment of a plan, and return its folder.

    A segment that was begun before is not sent again, whoever calls, and however often: its
    folder, whose name only the plan and its moment make, is given back as it is. So a task engine
    may run this twice.

    Raises InputInvalid if another machine has begun it. Raises StorageFailed if another process is
    just beginning it.

    Parameters
    ----------
    request
        As `cut` returns it.
    claims
        A folder that all machines share, where they do not share that of the runs.
    listen
        Told what happens; shown as progress if None.
    stop
        For whoever may end it before its plan is done.
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


def _claim(path: Path) -> None:
    """Take a segment for this machine, so that it outlasts a power cut.

    Raises InputInvalid if it is taken.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            raise InputInvalid(
                f"{path}: this segment was begun before; it is not sent again"
            ) from None
        sync(path.parent)
