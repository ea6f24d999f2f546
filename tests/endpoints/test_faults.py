"""Both adapters against every scripted fault: the right class, in time, nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from liftlab.endpoints.base import Endpoint, Reply, Request, Sampling
from liftlab.endpoints.http import HttpClient
from liftlab.endpoints.lift import LiftEndpoint
from liftlab.endpoints.openai import OpenAIEndpoint
from liftlab.serving.simulation.faults import KINDS
from liftlab.serving.simulation.profile import Profile
from liftlab.serving.simulation.service import Simulator
from liftlab.serving.simulation.wire import listening
from liftlab.timing.transport import StampedTransport

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["name", "count"],
    "additionalProperties": False,
}
VALUE = {"name": "text", "count": 1}
PATIENCE_S = 20.0  # a test that needs as long hangs
STALL_S = 0.1  # the deadline of requests that are stalled for an hour
WAYS = ("lift", "openai", "openai streamed")

# What each fault is to the lift adapter, to the other one, and to the other one streaming.
EXPECTED: dict[str, tuple[str | None, str | None, str | None]] = {
    "status code=400": ("http_4xx",) * 3,
    "status code=401": ("http_4xx",) * 3,
    "status code=404": ("http_4xx",) * 3,
    "status code=408": ("http_4xx",) * 3,
    "status code=429 retry_after=7": ("http_429",) * 3,
    "status code=500": ("http_5xx",) * 3,
    "status code=502": ("http_5xx",) * 3,
    "status code=503 retry_after=3": ("http_5xx",) * 3,
    "status code=504": ("http_5xx",) * 3,
    "status code=301": ("protocol",) * 3,
    "reset-before-head": ("reset",) * 3,
    "close-before-head": ("reset",) * 3,
    "reset-in-head": ("reset",) * 3,
    "close-in-head": ("reset",) * 3,
    "reset-after-head": ("reset",) * 3,
    "close-after-head": ("truncated",) * 3,
    "reset-in-body": ("reset",) * 3,
    "close-in-body": ("truncated",) * 3,
    "silence": ("deadline",) * 3,
    "stall-before-head": ("deadline",) * 3,
    "stall-after-head": ("deadline",) * 3,
    "stall-in-body": ("deadline",) * 3,
    "drip s=3600": ("deadline",) * 3,
    "drip s=0.05": (None,) * 3,
    "not-http": ("protocol",) * 3,
    "bad-status-line": ("protocol",) * 3,
    "huge-head": ("protocol",) * 3,
    "hop": (None,) * 3,
    "hop times=3": (None,) * 3,
    "hop times=30": ("protocol",) * 3,
    "hop s=3600": ("deadline",) * 3,
    "hop-elsewhere": ("protocol",) * 3,
    "hop-nowhere": ("protocol",) * 3,
    "length-too-long": ("truncated",) * 3,
    "length-too-short": ("protocol",) * 3,
    "length-garbage": ("protocol",) * 3,
    "chunk-garbage": ("protocol",) * 3,
    "two-lengths": ("protocol",) * 3,
    "interim": (None,) * 3,
    "interim s=0.02": (None,) * 3,
    "interim s=3600": ("deadline",) * 3,
    "unasked": (None,) * 3,
    "close-behind": (None,) * 3,
    "compressed": ("protocol",) * 3,
    "too-large": ("too_large",) * 3,
    "json-garbage": ("invalid_json",) * 3,
    "json-cut": ("invalid_json",) * 3,
    "json-nan": ("invalid_json",) * 3,
    "json-deep": ("invalid_json",) * 3,
    "json-array": ("invalid_json",) * 3,
    "not-utf8": ("invalid_json",) * 3,
    "empty": ("invalid_json",) * 3,
    "html": ("invalid_json",) * 3,
    "error-200": ("reported_error",) * 3,
    "no-answer": ("invalid_json",) * 3,
    "off-schema": ("schema_mismatch",) * 3,
    "length": ("length",) * 3,
    "sse-cut": (None, None, "truncated"),
    "sse-no-end": (None, None, "truncated"),
    "sse-garbage": (None, None, "invalid_json"),
    "sse-error": (None, None, "reported_error"),
    "sse-error-event": (None, None, "reported_error"),
    "sse-empty": (None, None, "invalid_json"),
}
STALLS = ("silence", "stall", "drip s=3600", "hop s=3600", "interim s=3600")


def endpoint(way: str, url: str, **transport: Any) -> Endpoint:
    client = HttpClient(transport=StampedTransport(max_body_bytes=100_000, **transport))
    if way == "lift":
        return LiftEndpoint(client=client, generate_url=f"{url}/generate")
    return OpenAIEndpoint(client=client, base_url=f"{url}/v1", model="m")


def request(way: str, deadline_s: float) -> Request:
    return Request(
        prompt="fill it in",
        request_id="r-1",
        sampling=Sampling(seed=1),
        schema=SCHEMA,
        deadline_s=deadline_s,
        stream=way.endswith("streamed"),
    )


async def attempt(
    way: str,
    deadline_s: float = PATIENCE_S,
    transport: dict[str, float] | None = None,
    **profile: Any,
) -> Reply:
    """Make one attempt at a simulator of that profile; afterwards nothing may be left."""
    before = asyncio.all_tasks()
    simulator = Simulator(Profile.model_validate(profile))
    async with asyncio.timeout(PATIENCE_S), listening(simulator.handle) as listener:
        client = endpoint(way, listener.url, **(transport or {}))
        reply = await client.generate(request(way, deadline_s))
        await client.close()
        await eventually(lambda: not listener.connections)
        await eventually(lambda: asyncio.all_tasks() == before)
    return reply


async def eventually(true: Callable[[], bool]) -> None:
    """Wait for what closing brings; a connection or task that stays makes the test time out."""
    while not true():  # noqa: ASYNC110 - sockets and tasks of others send no event
        await asyncio.sleep(0.001)


def test_every_kind_of_fault_is_tried() -> None:
    assert {words.split()[0] for words in EXPECTED} == set(KINDS)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("words", EXPECTED)
async def test_fault_has_its_class(words: str, way: str) -> None:
    deadline_s = STALL_S if words.startswith(STALLS) else PATIENCE_S
    reply = await attempt(way, deadline_s, faults=[{"fault": words, "share": 1}])
    expected = EXPECTED[words][WAYS.index(way)]
    assert reply.error_class == expected, reply.message
    assert reply.value == (VALUE if expected is None else None)
    if expected is None:
        assert reply.message is None
        assert reply.stamps.last_byte_ns is not None
    else:
        assert reply.message
        assert len(reply.message) < 400


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("words", "wait_s"),
    [("status code=429 retry_after=7", 7.0), ("status code=503", None)],
)
async def test_wait_that_is_asked_for_is_told(way: str, words: str, wait_s: float | None) -> None:
    reply = await attempt(way, faults=[{"fault": words, "share": 1}])
    assert reply.retry_after_s == wait_s


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("status", "expected"), [(503, "http_5xx"), (408, "http_4xx")])
async def test_wake_up_storm_is_what_it_answers(way: str, status: int, expected: str) -> None:
    cold = {"load_s": 3600, "storm": [status]}
    assert (await attempt(way, cold=cold)).error_class == expected


@pytest.mark.parametrize("way", WAYS)
async def test_container_that_loads_too_long_is_a_deadline(way: str) -> None:
    reply = await attempt(way, STALL_S, cold={"load_s": 3600})
    assert reply.error_class == "deadline"


@pytest.mark.parametrize("way", WAYS)
async def test_nobody_listening_is_a_failed_connection(way: str, free_port: int) -> None:
    client = endpoint(way, f"http://127.0.0.1:{free_port}")
    reply = await client.generate(request(way, PATIENCE_S))
    await client.close()
    assert (reply.error_class, reply.stamps.sent_ns) == ("connect", None)


@pytest.mark.parametrize("way", WAYS)
async def test_fault_spoils_no_later_request(way: str) -> None:
    """The connection is used again where it may be, and not where it may not."""
    rules = [{"fault": "length-too-short", "requests": [1]}]
    rules += [{"fault": "close-in-body", "requests": [2]}, {"fault": "json-cut", "requests": [3]}]
    simulator = Simulator(Profile.model_validate({"faults": rules}))
    async with asyncio.timeout(PATIENCE_S), listening(simulator.handle) as listener:
        client = endpoint(way, listener.url)
        replies = [await client.generate(request(way, PATIENCE_S)) for _ in range(5)]
        await client.close()
    assert [reply.error_class for reply in replies[3:]] == [None, None]
    assert replies[4].stamps.connection_reused


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("words", "limits", "said"),
    [
        ("silence", {"first_byte_s": STALL_S}, "no byte of a reply within 0.1 s of sending"),
        ("stall-before-head", {"first_byte_s": STALL_S}, "no byte of a reply within 0.1 s"),
        ("stall-after-head", {"first_byte_s": STALL_S}, "no byte of a reply within 0.1 s"),
        ("stall-in-body", {"between_reads_s": STALL_S}, "nothing more of the reply within 0.1 s"),
        ("drip s=3600", {"first_byte_s": STALL_S, "between_reads_s": STALL_S}, "within 0.1 s"),
        ("drip s=0.02", {"first_byte_s": PATIENCE_S, "between_reads_s": PATIENCE_S}, None),
        ("hop s=3600", {"first_byte_s": STALL_S}, "no byte of a reply within 0.1 s"),
    ],
)
async def test_each_phase_has_a_time_out_of_its_own(
    way: str, words: str, limits: dict[str, float], said: str | None
) -> None:
    rules = [{"fault": words, "share": 1}]
    reply = await attempt(way, transport=limits, faults=rules)
    assert reply.error_class == (None if said is None else "deadline")
    assert said is None or said in str(reply.message)
