"""Whether the server still answers, as all checks of a run see it together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from liftlab.runner.worker import Stop
from liftlab.timing.failures import TransportFailure

_DOUBTFUL = 5  # calls without a reply, one after the other, before the server is asked how it is


class ServerDown(Exception):
    """The server gives no replies any more, or the run's time is up."""


class Pulse:
    """Ends a run early where nothing answers; `silence` says why a plain call has no reply."""

    def __init__(self, stop: Stop, silence: Callable[[], Awaitable[str | None]]) -> None:
        self._stop, self.silence = stop, silence
        self._missed = 0
        self._lock = asyncio.Lock()
        self.down: str | None = None

    def heard(self) -> None:
        """Note a reply, good or bad."""
        self._missed = 0

    async def missed(self, failure: TransportFailure) -> None:
        """Note a call without a reply; raise ServerDown once there are none any more."""
        self._missed += 1
        if self._missed >= _DOUBTFUL or failure.error_class == "connect":
            async with self._lock:
                await self.look()
        self.check()

    async def look(self) -> None:
        """Give up if the server does not answer the plainest call."""
        if self.down is None and (why := await self.silence()):
            self.give_up(f"the server does not answer: {why}")

    def give_up(self, reason: str) -> None:
        """Let no further check begin."""
        self.down = self.down or reason
        self._stop.status = self._stop.status or "partial"

    def check(self) -> None:
        """Raise ServerDown if the server is."""
        if self.down is not None:
            raise ServerDown(self.down)
