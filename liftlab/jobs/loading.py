"""Plan a load and send it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from liftlab.errors import InputInvalid, UsageError
from liftlab.records import LOAD
from liftlab.runner import control
from liftlab.runner.limits import Rates
from liftlab.runner.plan import CONSTANT, POISSON, Arrivals, at_rate, recorded
from liftlab.runner.progress import Progress
from liftlab.runner.request import RunRequest, sampling_of
from liftlab.settings import EndpointSettings, Project
from liftlab.store.exchange import check_place

if TYPE_CHECKING:
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

    Raises UsageError, InputInvalid, StorageFailed if it makes no sense, a file cannot be used, or
    `out` cannot be written.

    Parameters
    ----------
    requests
        How many; all of them where arrival times are recorded and this is None.
    concurrency
        How many requests may be under way; if None one in closed loop, any number in open loop.
    rate_rps
        Requests a second; makes it an open loop.
    arrival
        `constant` or `poisson` (the default) at a rate, or a file of recorded times.
    max_tokens
        The longest answer. One that is cut off there counts as answered.
    seed
        Of the arrivals, and of the first request's sampling; the project's if None.
    out
        Where the lines go; nowhere if None.
    """
    arrivals = _arrivals(rate_rps, arrival)
    count = requests or (len(arrivals.times_s) if arrivals else 0)
    if not 0 < count <= _MAX_REQUESTS:
        raise UsageError(f"say how many requests to send: -n, from 1 to {_MAX_REQUESTS}")
    if arrivals is not None and arrivals.times_s:
        arrivals.plan(count, 0)  # refuses more than are recorded
    if stream and not endpoint.can_stream:
        raise UsageError(
            f"the {endpoint.protocol} protocol has no streamed replies: leave out --stream"
        )
    if out is not None:
        check_place(out)
    seed = project.settings.run.seed if seed is None else seed
    return RunRequest(
        project=project,
        endpoint=endpoint.model_copy(update={"stream": stream}),
        pipeline=LOAD,
        sampling=replace(
            sampling_of(project, endpoint),
            max_tokens=max_tokens,
            seed=seed,
        ),
        seed=seed,
        prompt=PROMPT if prompt_file is None else _read(prompt_file),
        repeats=count,
        concurrency=concurrency or (None if arrivals else 1),
        arrivals=arrivals,
        out=out,
        rates=_rates(project, endpoint),
    )


def run_load(request: RunRequest) -> RunData:
    """Send a load, and return its run with its tables."""
    with closing(Progress(request.repeats, unit="request")) as progress:
        folder = control.start(request, progress)
    from liftlab.jobs.opening import open_run  # grading and pandas wait until the load is over

    return open_run(folder.run_id, project=request.project)


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


def _rates(project: Project, endpoint: EndpointSettings) -> Rates | None:
    """Return what is charged, where a limit of money counts by it."""
    if project.settings.limits.max_usd is None:
        return None
    from liftlab.jobs.running import rates_of

    return rates_of(project, endpoint)


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
