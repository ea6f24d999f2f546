"""Whether the server still answers: asked after a few calls without a reply, and once for all."""

from __future__ import annotations

import pytest

from liftlab.records import ErrorClass
from liftlab.runner.worker import Stop
from liftlab.sessions.pulse import Pulse, ServerDown
from liftlab.timing.clock import Stamps
from liftlab.timing.failures import TransportFailure


class Server:
    """Says why it is silent, as often as it is asked."""

    def __init__(self, why: str | None) -> None:
        self.why, self.asked = why, 0

    async def silence(self) -> str | None:
        self.asked += 1
        return self.why


def failure(error_class: ErrorClass) -> TransportFailure:
    return TransportFailure("no reply", error_class, Stamps(called_ns=0))


def late() -> TransportFailure:
    return failure("deadline")


async def test_a_few_calls_without_a_reply_are_no_outage() -> None:
    server, stop = Server("refused"), Stop()
    pulse = Pulse(stop, server.silence)
    for _ in range(4):
        await pulse.missed(late())
    assert (server.asked, pulse.down, stop.status) == (0, None, None)
    pulse.heard()  # from here on they count anew
    for _ in range(4):
        await pulse.missed(late())
    assert server.asked == 0
    with pytest.raises(ServerDown, match="the server does not answer: refused"):
        await pulse.missed(late())
    assert (server.asked, stop.status) == (1, "partial")


async def test_where_no_connection_comes_about_it_is_asked_at_once() -> None:
    server = Server(None)
    pulse = Pulse(Stop(), server.silence)
    await pulse.missed(failure("connect"))
    assert (server.asked, pulse.down) == (1, None)  # it answers again
    server.why = "refused"
    with pytest.raises(ServerDown):
        await pulse.missed(failure("connect"))


async def test_who_is_down_is_not_asked_again_and_the_first_reason_stays() -> None:
    server, stop = Server("refused"), Stop(status="decided")
    pulse = Pulse(stop, server.silence)
    pulse.check()
    pulse.give_up("the time is up")
    await pulse.look()
    pulse.give_up("another reason")
    assert (server.asked, pulse.down, stop.status) == (0, "the time is up", "decided")
    with pytest.raises(ServerDown, match="the time is up"):
        pulse.check()
