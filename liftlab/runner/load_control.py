"""The parent's side of `liftlab load`: make the run's folder, start the load, write the export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from liftlab.endpoints.base import Sampling
from liftlab.errors import RunIncomplete
from liftlab.records import LOAD
from liftlab.runner.arrivals import Arrivals
from liftlab.runner.limits import Rates
from liftlab.runner.process import Listener, lead
from liftlab.runner.requests import CASE
from liftlab.runner.row import run_row
from liftlab.runner.served import check_answers, keep_log_of, serving
from liftlab.settings import EndpointSettings, Project
from liftlab.store import RunFolder, create
from liftlab.store.lines import write_lines

_KEPT = "A load is not resumed, its moments are past; what there is of it: liftlab show {run_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRequest:
    """A load as the user asked for it; without arrivals it is a closed loop.

    `concurrency` is how many requests may be under way; None, in open loop only, is no limit.
    """

    project: Project
    endpoint: EndpointSettings
    sampling: Sampling
    prompt: str
    count: int
    concurrency: int | None
    arrivals: Arrivals | None = None
    stream: bool = False
    out: Path | None = None
    rates: Rates | None = None  # what a limit of money counts by


def start(request: LoadRequest, listen: Listener) -> RunFolder:
    """Send a load in a fresh run, write its lines, and return its folder.

    Raises EndpointUnreachable if nothing answers there; before anything is written where it can be
    told then. Raises RunIncomplete if it stopped early; what is committed is kept, and its lines
    are written. Raises RunInterrupted after Ctrl-C; likewise.
    """
    made: list[RunFolder] = []
    zero_ns: list[int] = []

    def heed(event: dict[str, Any]) -> None:
        if event["event"] == "clock":
            zero_ns.append(event["zero_ns"])
        else:
            listen(event)

    with serving(request.endpoint, lambda log: keep_log_of(log, made)) as endpoint:
        found = check_answers(endpoint)
        asked = endpoint.model_copy(update={"model": endpoint.model or found["model"]})
        folder = _create_folder(request, found)
        made.append(folder)
        listen({"event": "created", "run_id": folder.run_id, "path": str(folder.path)})
        try:
            job, kept = _job(folder, request, asked), _KEPT.format(run_id=folder.run_id)
            lead("liftlab.runner.load_child", job, folder, heed, kept)
        except RunIncomplete:
            _write_out(request, folder, zero_ns)
            raise
    _write_out(request, folder, zero_ns)
    return folder


def _write_out(request: LoadRequest, folder: RunFolder, zero_ns: list[int]) -> None:
    if request.out is not None and zero_ns:
        write_lines(folder, request.out, zero_ns[0])


def _job(folder: RunFolder, request: LoadRequest, endpoint: EndpointSettings) -> dict[str, Any]:
    return {
        "folder": str(folder.path),
        "endpoint": endpoint.model_dump(mode="json"),
        "prompt": request.prompt,
        "sampling": asdict(request.sampling),
        "stream": request.stream,
        "count": request.count,
        "concurrency": request.concurrency,
        "limits": request.project.settings.limits.model_dump(mode="json"),
        "rates": None if request.rates is None else asdict(request.rates),
        "arrivals": None if request.arrivals is None else asdict(request.arrivals),
    }


def _create_folder(request: LoadRequest, found: Mapping[str, str | None]) -> RunFolder:
    project, arrivals = request.project, request.arrivals
    seed = request.sampling.seed or 0
    digest = sha256(request.prompt.encode("utf-8", "backslashreplace")).hexdigest()
    run = run_row(
        project,
        request.endpoint,
        request.sampling,
        seed=seed,
        suite=LOAD,
        pipeline=LOAD,
        pipeline_sha256=digest,
        model=request.endpoint.model or found["model"],
        hardware=found["hardware"] or request.endpoint.hardware,
        load="closed" if arrivals is None else "open",
        concurrency=request.concurrency,
        rate_rps=None if arrivals is None else arrivals.rate_rps,
        repeats=request.count,
        order_seed=seed,
    )
    manifest = {
        "suite": LOAD,
        "settings": project.resolved(),
        "pipeline_sha256": digest,
        "suite_sha256": None,
        "request": {
            "endpoint": request.endpoint.model_dump(mode="json"),
            "pipeline": LOAD,
            "cases": [CASE],
            "sampling": asdict(request.sampling),
            "repeats": request.count,
            "concurrency": request.concurrency,
            "seed": seed,
            "stream": request.stream,
            "arrival": None if arrivals is None else arrivals.kind,
        },
    }
    return create(project.path("runs"), run, manifest, b"", ".toml")
