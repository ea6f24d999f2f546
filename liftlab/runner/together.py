"""The load processes of one plan on one machine: they begin together and are followed as one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from liftlab.runner.worker import StopLine

Listener = Callable[[dict[str, Any]], None]
_LEAD_NS = 100_000_000  # from the word to the begin: each then waits for it
_EACH_HAS = ("ready", "clock", "created")


class Together:
    """Lets load processes begin together once each is ready or has ended, and adds up their events.

    `stops` has a line to each.
    """

    def __init__(self, count: int, listen: Listener) -> None:
        self.stops = [StopLine() for _ in range(count)]
        self._listen = listen
        self._guard = threading.Lock()
        self._waits = [True] * count
        self._ended, self._failed = [0] * count, [0] * count
        self._told: set[str] = set()

    def listener(self, place: int) -> Listener:
        """Return what hears the events of one process."""

        def hear(event: dict[str, Any]) -> None:
            with self._guard:
                self._hear(place, event)

        return hear

    def ended(self, place: int, _: object) -> None:
        """Wait no longer for a process that has ended."""
        with self._guard:
            self._is_ready(place)

    def interrupt(self) -> None:
        """Interrupt all of them."""
        for stop in self.stops:
            stop.interrupt()

    def _hear(self, place: int, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "ready":
            self._is_ready(place)
        elif kind == "requests":
            self._ended[place], self._failed[place] = event["ended"], event["failed"]
            self._listen(event | {"ended": sum(self._ended), "failed": sum(self._failed)})
        elif kind not in _EACH_HAS and str(event) not in self._told:  # once, whoever says it
            self._told.add(str(event))
            self._listen(event)

    def _is_ready(self, place: int) -> None:
        if not self._waits[place]:
            return
        self._waits[place] = False
        if not any(self._waits):
            moment_ns = time.perf_counter_ns() + _LEAD_NS
            for stop in self.stops:
                stop.go(moment_ns)
