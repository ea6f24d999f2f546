"""The endpoint under a run: started if it is one of ours, asked how it is, its log kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from liftlab.endpoints.base import Health
from liftlab.endpoints.connect import connected
from liftlab.errors import EndpointUnreachable
from liftlab.serving.local import LocalServer, serve_local
from liftlab.serving.simulator import SimulatorServer, serve_simulator
from liftlab.settings import EndpointSettings
from liftlab.store import RunFolder
from liftlab.store.files import writing

SERVER_LOG = "server.jsonl"


@contextmanager
def serving(
    endpoint: EndpointSettings, keep_log: Callable[[Path], None] | None = None
) -> Iterator[EndpointSettings]:
    """Start the endpoint's server if it is one of ours; give its settings with its address.

    Parameters
    ----------
    endpoint
        The settings; one of another's server is given back as it is.
    keep_log
        Called with the server's own log of requests before the server ends.
    """
    if endpoint.serve is None:
        yield endpoint
        return
    with _server_of(endpoint) as server:
        address = server.url
        if isinstance(server, LocalServer) and endpoint.serve == "llama.cpp":
            address = server.raw_openai_url
        elif isinstance(server, SimulatorServer) and endpoint.protocol == "openai":
            address = server.openai_url
        try:
            yield endpoint.model_copy(update={"serve": None, "base_url": address})
        finally:
            if keep_log is not None and server.request_log.exists():
                keep_log(server.request_log)


def _server_of(endpoint: EndpointSettings) -> LocalServer | SimulatorServer:
    if endpoint.serve == "simulator":
        return serve_simulator(endpoint.profile, time_scale=endpoint.time_scale)
    return serve_local(slots=endpoint.slots)


def check_health(endpoint: EndpointSettings) -> dict[str, str | None]:
    """Ask the endpoint how it is, and return its model and hardware as it names them.

    It asks in a thread of its own: where Jupyter calls, a loop is running already.

    Raises
    ------
    EndpointUnreachable
        If a URL does not answer or answers that it is unhealthy; says what was tried.
    """

    async def ask() -> list[Health]:
        async with connected(endpoint) as client:
            return await client.health()

    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(asyncio.run, ask()).result()
    bad = [f"{answer.url}: {answer.status}" for answer in answers if not answer.ok]
    if bad:
        raise EndpointUnreachable(
            f"endpoint {endpoint.name!r} is not ready: {'; '.join(bad)}. "
            f"Is it awake? Try: liftlab wake --endpoint {endpoint.name}"
        )
    return {
        "model": next((a.model for a in answers if a.model), None),
        "hardware": next((a.hardware for a in answers if a.hardware), None),
    }


def keep_log_of(log: Path, folders: Sequence[RunFolder]) -> None:
    """Keep the server's own account of the requests beside ours."""
    for folder in folders:
        path = folder.path / SERVER_LOG
        with writing(path), path.open("ab") as kept:
            kept.write(log.read_bytes())
