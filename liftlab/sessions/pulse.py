"""Whether the server still answers, as all checks of a run see it together."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from liftlab.runner.worker import Stop
from liftlab.timing.failures import TransportFailure

_HOPELESS = 20  # calls of one kind without a reply, one after the other
_DOUBTFUL = 5  # calls without a reply, one after the other, before the server is asked how it is


class ServerDown(Exception):
    """The server gives no replies any more, or the run's time is up."""


class Pulse:
    """Ends a run early where nothing answers.

    `answers`: makes the plainest call there is, and says whether it had any reply.
    """

    def __init__(self, stop: Stop, answers: Callable[[], Awaitable[bool]]) -> None:
        self._stop, self.answers = stop, answers
        self._missed = 0
        self._hung: Counter[str] = Counter()
        self._lock = asyncio.Lock()
        self.down: str | None = None

    def heard(self, call: str) -> None:
        """Note a reply, good or bad."""
        self._missed = self._hung[call] = 0

    async def missed(self, call: str, failure: TransportFailure) -> None:
        """Note a call without a reply; after several of them, find out whether there will be any.

        Raises ServerDown once there are none.
        """
        self._missed += 1
        self._hung[call] += 1
        if self._missed < _DOUBTFUL and failure.error_class != "connect":
            return
        async with self._lock:
            if self.down is None and self._missed and not await self.answers():
                self.give_up(f"the server does not answer: {failure}")
        self.check()

    def give_up(self, reason: str) -> None:
        """Let no further check begin."""
        self.down = self.down or reason
        self._stop.status = self._stop.status or "partial"

    def check(self) -> None:
        """Raise ServerDown if the server is."""
        if self.down is not None:
            raise ServerDown(self.down)

    def is_hopeless(self, call: str) -> bool:
        """Say whether a call has had no reply so often that to wait for the next is in vain."""
        return self._hung[call] >= _HOPELESS
