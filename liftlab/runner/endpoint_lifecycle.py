"""The endpoint under a run: started if it is one of ours, asked how it is, its log kept."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from liftlab.endpoints.base import Health
from liftlab.endpoints.connect import connected, secrets_sent
from liftlab.errors import EndpointUnreachable, StorageFailed
from liftlab.settings import EndpointSettings
from liftlab.store import RunFolder
from liftlab.store.files import writing
from liftlab.words import one_line

if TYPE_CHECKING:  # a server of somebody else's needs none of it
    from liftlab.serving.local import LocalServer
    from liftlab.serving.simulator import SimulatorServer

SERVER_LOG = "server.jsonl"


@contextmanager
def serving(
    endpoint: EndpointSettings, keep_log: Callable[[Path], None] | None = None
) -> Iterator[EndpointSettings]:
    """Start the endpoint's server if it is one of ours; give its settings with its address.

    `keep_log` gets the server's own log of requests before the server ends.
    """
    if endpoint.serve is None:
        if told := secrets_sent(endpoint):
            sys.stderr.write(f"{one_line(told)}\n")
        yield endpoint
        return
    with _server_of(endpoint) as server:

        def keep() -> None:
            if keep_log is not None and server.request_log.exists():
                keep_log(server.request_log)

        try:
            address = _address(server, endpoint)
            yield endpoint.model_copy(update={"serve": None, "base_url": address})
        except BaseException:
            with suppress(StorageFailed):  # what went wrong first is what a person has to hear
                keep()
            raise
        keep()


def _server_of(endpoint: EndpointSettings) -> LocalServer | SimulatorServer:
    if endpoint.serve == "simulator":
        from liftlab.serving.simulator import SimulatorServer

        return SimulatorServer(endpoint.profile, time_scale=endpoint.time_scale)
    from liftlab.serving.local import LocalServer

    return LocalServer(slots=endpoint.slots)


def _address(server: LocalServer | SimulatorServer, endpoint: EndpointSettings) -> str:
    from liftlab.serving.local import LocalServer

    if isinstance(server, LocalServer):
        return server.raw_openai_url if endpoint.serve == "llama.cpp" else server.url
    return server.openai_url if endpoint.protocol == "openai" else server.url


def check_health(
    endpoint: EndpointSettings, note: Callable[[str], None] = lambda line: None
) -> dict[str, str | None]:
    """Ask the endpoint how it is, and return its model and hardware as it names them.

    One that may only be asleep passes, as the warm-up will tell; `note` gets a line of what is
    odd. Raises EndpointUnreachable if a URL does not answer or answers that it is unhealthy.
    """
    answers = ask_health(endpoint)
    bad = [f"{a.url}: {a.status}" for a in answers if not (a.ok or a.starting)]
    for answer in answers:
        if answer.note or answer.starting:
            note(f"{answer.url}: {answer.status}")
    if bad:
        raise EndpointUnreachable(
            f"endpoint {endpoint.name!r} is not ready: {'; '.join(bad)}. "
            f"Is it awake? Try: liftlab wake --endpoint {endpoint.name}"
        )
    return _names(answers)


def check_answers(endpoint: EndpointSettings) -> dict[str, str | None]:
    """Ask the endpoint how it is, and take any HTTP answer: load needs no health URL.

    Raises EndpointUnreachable if nothing answers there at all.
    """
    answers = ask_health(endpoint)
    if answers and not any(answer.answered for answer in answers):
        raise EndpointUnreachable(
            f"endpoint {endpoint.name!r} does not answer: {answers[0].url}: {answers[0].status}"
        )
    return _names(answers)


def ask_health(endpoint: EndpointSettings) -> list[Health]:
    """Ask every URL how it is, in a thread of its own: where Jupyter calls, a loop runs."""

    async def ask() -> list[Health]:
        async with connected(endpoint) as client:
            return await client.health()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, ask()).result()


def _names(answers: Sequence[Health]) -> dict[str, str | None]:
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
