"""A clock that ticks, and the server of the endpoints' tests."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from liftlab.timing.transport import StampedTransport
from tests.endpoints.conftest import certificate, loopback

__all__ = ["certificate", "loopback", "ticking"]


def ticking(step_ns: int = 1_000_000) -> Callable[[], int]:
    """Return a clock that goes on by a step each time it is read."""
    ticks = count(0, step_ns)
    return lambda: next(ticks)


@pytest.fixture(params=["wire", "around"])
async def transport(request, monkeypatch):
    if request.param == "around":
        monkeypatch.setattr("liftlab.timing.transport.why_around", lambda: "as told")
    made = StampedTransport()
    yield made
    await made.aclose()


async def closes_when_asked_again(call):
    """Answer the first request of a connection; close at the second without a byte."""
    used = getattr(call.writer, "used", False)
    call.writer.used = True
    if used:
        call.reset()
    else:
        await call.reply({"ok": True})
