"""The container that a model runs in: asleep, loading, warm, or paused."""

from __future__ import annotations

import time

from liftlab.serving.simulation.profile import Chance, Cold, Stall


class Container:
    """Whether the model is loaded: it loads when asked for, and goes when nobody asks."""

    def __init__(self, cold: Cold, time_scale: float, seed: int) -> None:
        self._cold = cold
        self._time_scale = time_scale
        self._chance = Chance("cold", seed)
        self._ready_s: float | None = None
        self._active = 0
        self._idle_since_s = 0.0
        self._storms = 0

    def ask(self, now_s: float) -> float:
        """Return when the model is ready for a request that comes now; begin to load if needed."""
        idle_s = self._cold.idle_s
        if self._ready_s is not None and idle_s is not None and not self._active:
            since_s = max(self._ready_s, self._idle_since_s)
            if (now_s - since_s) * self._time_scale > idle_s:
                self._ready_s = None
        if self._ready_s is None:
            spread = self._chance.around_one(self._cold.load_spread)
            self._ready_s = now_s + self._cold.load_s * spread / self._time_scale
        return self._ready_s

    def storm(self) -> int | None:
        """Return the next status of a wake-up storm, or None if requests are held instead."""
        if not self._cold.storm:
            return None
        self._storms += 1
        return self._cold.storm[(self._storms - 1) % len(self._cold.storm)]

    def __enter__(self) -> None:
        self._active += 1

    def __exit__(self, *_: object) -> None:
        self._active -= 1
        self._idle_since_s = time.perf_counter()


class Pauses:
    """The server's regular pauses, as a collector of garbage or a neighbour makes them."""

    def __init__(self, stall: Stall, time_scale: float) -> None:
        self._every_s = stall.every_s / time_scale
        self._length_s = stall.length_s / time_scale
        self._zero_s: float | None = None

    def resumes_s(self, now_s: float) -> float:
        """Return when the server goes on: `now_s` itself outside of a pause."""
        if not self._length_s:
            return now_s
        if self._zero_s is None:
            self._zero_s = now_s
        left_s = self._every_s - (now_s - self._zero_s) % self._every_s
        return now_s + left_s if left_s <= self._length_s else now_s
