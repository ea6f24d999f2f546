"""Calls of clients of the user's own are told of, and made again over a stale connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import httpx
import pytest

from liftlab.records import STALE
from liftlab.timing import observed as module
from liftlab.timing.clock import Stamps
from liftlab.timing.failures import TransportFailure
from liftlab.timing.observed import ObservedTransport, Seen, observed, observer
from liftlab.timing.transport import Answer

Step = Callable[[], Awaitable[Answer]]
ANSWER = Answer(status=201, headers=[(b"a", b"b")], content=b"whole")
STAMPS = Stamps(called_ns=1)


class Wire:
    """Does as a script says, a step an exchange, and keeps what was sent."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.sent: list[Sequence[tuple[str, str]]] = []

    async def exchange(
        self, method: str, url: str, headers: Any, body: bytes, recorder: Any
    ) -> Answer:
        self.sent.append(list(headers))
        return await self.steps.pop(0)()


class Trial:
    """Watches, as a trial does."""

    def __init__(self) -> None:
        self.begun: list[str | None] = []
        self.seen: list[Seen] = []
        self.request_id = "r-1"

    async def __call__(self, body: bytes, headers: object, reason: str | None) -> Trial:
        self.begun.append(reason)
        return self

    def ended(self, seen: Seen) -> None:
        self.seen.append(seen)


@pytest.fixture
def trial() -> Iterator[Trial]:
    watching = Trial()
    before = observer.set(watching)
    yield watching
    observer.reset(before)


async def answers() -> Answer:
    return ANSWER


def fails(kind: Any) -> Step:
    async def step() -> Answer:
        raise TransportFailure(f"it was {kind}", kind, STAMPS)

    return step


async def ask(wire: Wire, headers: Any = (), **more: Any) -> tuple[Answer, Stamps, Any]:
    return await observed(wire, "POST", "http://h/", headers, b"asked", **more)  # type: ignore[arg-type]


async def test_a_call_is_told_with_all_that_came(trial: Trial) -> None:
    wire = Wire(answers)
    answer, _, call = await ask(wire, [("a", "1")])
    assert (answer, call, trial.begun) == (ANSWER, trial, [None])
    assert wire.sent == [[("a", "1"), ("x-request-id", "r-1")]]
    [seen] = trial.seen
    assert (seen.status, seen.headers, seen.body) == (201, ANSWER.headers, b"whole")
    assert (seen.error_class, seen.message, seen.url) == (None, None, "http://h/")
    assert seen.sent_headers == wire.sent[0]


async def test_an_id_that_a_client_sends_stays() -> None:
    wire = Wire(answers)
    trial = Trial()
    before = observer.set(trial)
    await ask(wire, [("X-Request-Id", "own")])
    observer.reset(before)
    assert wire.sent == [[("X-Request-Id", "own")]]


async def test_outside_of_a_trial_nothing_is_added_or_told() -> None:
    wire = Wire(answers)
    answer, _, call = await ask(wire, [("a", "1")])
    assert (answer, call, wire.sent) == (ANSWER, None, [[("a", "1")]])
    for kind in ("reset", "deadline"):
        with pytest.raises(TransportFailure):
            await ask(Wire(fails(kind)))


@pytest.mark.parametrize(
    ("steps", "begun", "ends_well"),
    [
        ([fails(STALE), answers], [None, STALE], True),
        ([fails(STALE), fails(STALE)], [None, STALE], False),
        ([fails(STALE), fails("reset")], [None, STALE], False),
        ([fails("reset")], [None], False),
        ([fails("connect")], [None], False),
    ],
)
async def test_a_stale_connection_is_tried_once_more(
    trial: Trial, steps: list[Step], begun: list[str | None], ends_well: bool
) -> None:
    wire = Wire(*steps)
    if ends_well:
        assert (await ask(wire))[0] is ANSWER
    else:
        with pytest.raises(TransportFailure) as caught:
            await ask(wire)
        assert (trial.seen[-1].error_class, trial.seen[-1].status) == (
            caught.value.error_class,
            None,
        )
        assert trial.seen[-1].message == str(caught.value)
    assert (trial.begun, len(trial.seen), wire.steps) == (begun, len(begun), [])
    assert len(wire.sent) == len(begun)


async def test_a_call_that_is_given_up_is_told(trial: Trial) -> None:
    async def given_up() -> Answer:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await ask(Wire(given_up))
    [seen] = trial.seen
    assert (seen.error_class, seen.status) == ("cancelled", None)
    assert seen.stamps.ended_ns is not None


async def test_a_deadline_is_one_and_other_timeouts_are_not(trial: Trial) -> None:
    async def for_ever() -> Answer:
        await asyncio.Event().wait()
        return ANSWER

    async def own() -> Answer:
        raise TimeoutError

    with pytest.raises(TransportFailure) as caught:
        await ask(Wire(for_ever), deadline_s=0.001)
    assert caught.value.error_class == "deadline"
    assert caught.value.stamps.ended_ns is not None
    with pytest.raises(TimeoutError):
        await ask(Wire(own), deadline_s=60.0)
    assert [seen.error_class for seen in trial.seen] == ["deadline", "cancelled"]
    assert (await ask(Wire(answers), deadline_s=None))[0] is ANSWER


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("dns", httpx.ConnectError),
        ("connect", httpx.ConnectError),
        ("tls", httpx.ConnectError),
        ("deadline", httpx.ReadTimeout),
        ("reset", httpx.ReadError),
        ("truncated", httpx.RemoteProtocolError),
    ],
)
async def test_a_client_gets_the_errors_that_it_knows(
    monkeypatch: pytest.MonkeyPatch, kind: str, raised: type[Exception]
) -> None:
    monkeypatch.setattr(ObservedTransport, "_wire", lambda self, request: Wire(fails(kind)))
    async with httpx.AsyncClient(transport=ObservedTransport()) as client:
        with pytest.raises(raised) as caught:
            await client.get("http://h/")
    assert type(caught.value) is raised
    assert caught.value.liftlab_error_class == kind  # type: ignore[attr-defined]


async def test_the_limits_of_a_client_are_those_of_its_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[dict[str, Any]] = []

    class Stamped(Wire):
        def __init__(self, **limits: Any) -> None:
            super().__init__(*[answers] * 9)
            made.append(limits)

        async def aclose(self) -> None:
            made.append({})

    monkeypatch.setattr(module, "StampedTransport", Stamped)
    transport = ObservedTransport()
    limits = [httpx.Timeout(5.0), httpx.Timeout(5.0), httpx.Timeout(7.0, connect=3.0), None]
    for timeout in limits:
        request = httpx.Request("GET", "http://h/")
        if timeout is not None:
            request.extensions["timeout"] = timeout.as_dict()
        response = await transport.handle_async_request(request)
        assert (response.status_code, response.content) == (201, b"whole")
        assert request.headers["accept-encoding"] == "identity"
    found = [
        (told["connect_s"], told["first_byte_s"], told["between_reads_s"], told["use_proxy"])
        for told in made
    ]
    assert found == [(5.0, 5.0, 5.0, True), (3.0, 7.0, 7.0, True), (60.0, None, None, True)]
    await transport.aclose()
    assert made[3:] == [{}] * 3
