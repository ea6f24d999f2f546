"""Send the segments of a load from the workers of a cluster, one each, and join their runs."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liftlab.cluster import Cluster
from liftlab.errors import LiftlabError, RunInterrupted, UsageError
from liftlab.jobs.loading import check_cut, cut, run_segment, segment_folder
from liftlab.runner.request import RunRequest
from liftlab.runner.segment import Segment
from liftlab.runner.worker import StopLine

if TYPE_CHECKING:
    from liftlab.store import RunData

LEAD_S = 20.0  # from the word to the first request: each worker starts a process
_POLL_S = 1.0
_MOST_S = 600.0  # to bring a folder here
_sending: dict[str, StopLine] = {}  # by this worker's process


def send(request: RunRequest) -> str | None:
    """Send a segment, on a worker; return why it ended early, if it did.

    Its folder is made before anything is sent, in the worker's own `LIFTLAB_RUNS_DIR` or where the
    project has it: a second call finds it and sends nothing.
    """
    request = _placed(request)
    folder = segment_folder(request)
    stop = _sending.setdefault(folder.run_id, StopLine())
    try:
        run_segment(request, listen=lambda event: None, stop=stop)
    except LiftlabError as error:
        if not folder.path.exists():
            raise LiftlabError(str(error)) from None
        return str(error)
    finally:
        _sending.pop(folder.run_id, None)
    return None


def stop_sending() -> None:
    """Let the loads of this worker end, on a worker."""
    for stop in [*_sending.values()]:
        stop.interrupt()


def packed(request: RunRequest) -> bytes:
    """Return the folder of a segment that was sent here, on a worker."""
    folder, content = segment_folder(_placed(request)).path, io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        archive.add(folder, arcname=folder.name)
    return content.getvalue()


def run_on_cluster(
    request: RunRequest,
    cluster: Cluster,
    say: Callable[[str], None],
    *,
    start_at: float | None = None,
) -> RunData:
    """Send a load from all workers, a segment each, and return their runs as one.

    A worker that is lost is a gap: its segment is given to no other one. All begin at `start_at`,
    in seconds since 1970; a little after now if None. Raises LiftlabError if no worker began.
    """
    from liftlab.jobs.merging import merge_runs

    if request.out is not None:
        raise UsageError("--out has stamps of one machine's clock: leave it out with --cluster")
    workers = cluster.workers()
    check_cut(request, len(workers))
    start_at = time.time() + LEAD_S if start_at is None else start_at
    tasks: dict[Future[Any], tuple[str, RunRequest]] = {}
    for index, worker in enumerate(workers, 1):
        part = cut(request, Segment(index=index, of=len(workers), start_at=start_at))
        tasks[cluster.on(worker, send, part)] = worker, part
    when = datetime.fromtimestamp(start_at, UTC)
    say(f"{len(workers)} segments, one a worker, begin at {when:%H:%M:%S} UTC")
    made: list[str] = []
    faults: list[str] = []
    stopped = False
    while tasks:
        try:
            done = _ended(tasks, cluster)
        except KeyboardInterrupt:
            if stopped:
                raise
            stopped = True
            cluster.everywhere(stop_sending)
            continue
        for future in done:
            worker, part = tasks.pop(future)
            fault = _fetched(future, worker, part, cluster, made)
            if fault and not stopped:
                faults.append(f"segment {part.segment}, worker {worker}: {fault}")
                say(faults[-1])
    if not made:
        raise RunInterrupted("interrupted") if stopped else LiftlabError(faults[0])
    merged = merge_runs(request.project, made)
    if stopped:
        run_id = merged.run.run_id
        raise RunInterrupted(f"interrupted; what there is: liftlab show {run_id}", run_id)
    return merged


def _ended(tasks: dict[Future[Any], tuple[str, RunRequest]], cluster: Cluster) -> set[Future[Any]]:
    """Wait a moment; return the tasks that have ended, and those whose worker is gone."""
    done, running = wait(tasks, timeout=_POLL_S)
    try:
        there = cluster.workers()
    except OSError:  # the scheduler does not answer just now
        return done
    lost = {future for future in running if tasks[future][0] not in there}
    for future in lost:
        future.cancel()
    return done | lost


def _fetched(
    future: Future[Any], worker: str, part: RunRequest, cluster: Cluster, made: list[str]
) -> str | None:
    """Bring a segment's folder here, if it is not; return what went wrong."""
    folder = segment_folder(part)
    try:
        fault: str | None = "is gone, and nobody sends the rest" if future.cancelled() else None
        fault = fault or future.result()
        if not folder.path.exists() and not future.cancelled():
            _unpacked(cluster.on(worker, packed, part).result(_MOST_S), folder.path)
    except LiftlabError as error:
        return str(error)
    except Exception as error:  # the engine's own, of any kind
        fault = f"{type(error).__name__}: {str(error)[:200]}"
    if folder.path.exists():
        made.append(folder.run_id)
    return fault


def _unpacked(content: bytes, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=place.parent, prefix=".segment-") as scratch,
        tarfile.open(fileobj=io.BytesIO(content)) as archive,
    ):
        archive.extractall(scratch, filter="data")
        with suppress(FileExistsError):
            os.rename(Path(scratch) / place.name, place)


def _placed(request: RunRequest) -> RunRequest:
    """Return a request that keeps its run where this machine wants it."""
    project = request.project
    runs = os.environ.get("LIFTLAB_RUNS_DIR") or project.path("runs")
    paths = project.settings.paths.model_copy(update={"runs": Path(runs).absolute()})
    settings = project.settings.model_copy(update={"paths": paths})
    return request.model_copy(update={"project": replace(project, settings=settings)})
