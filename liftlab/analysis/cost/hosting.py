"""A container that comes with a request and goes after an idle window, and what it bills."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from liftlab.analysis.columns import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting:
    """How containers come and go.

    A container goes when it had nothing to do for the idle window; it is billed until then, and
    from the beginning of its cold start.
    """

    idle_window_s: float
    cold_start_s: float = 0.0
    slots: int = 1  # requests that one container serves at once
    containers: int = 1  # at most
    kept_warm: int = 0  # so many of them never go

    @property
    def serial(self) -> bool:
        """Whether the closed form holds: one request at a time in one container that may go."""
        return self.slots == self.containers == 1 and self.kept_warm == 0

    def load(self, rate_rps: float, service_s: float) -> float:
        """Return the share of all slots that are busy; from 1 on the queue only grows."""
        return rate_rps * service_s / (self.slots * self.containers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Billed seconds a request; those that overlap share the time in which a container is busy."""

    billed_s: float  # all container time: busy_s + cold_s + idle_s
    busy_s: float
    cold_s: float
    idle_s: float
    kept_s: float = 0.0  # how much of billed_s is of containers kept warm


def starts_per_request(rate_rps: ArrayLike, service_s: ArrayLike, hosting: Hosting) -> Floats:
    """Return how many starts a request causes at one serial slot.

    Poisson arrivals at rate λ, any service time with mean S, λS < 1: each cycle begins with a
    start of length L, during which 1 + λL requests gather; it ends when an idle window W passes
    without an arrival, which happens after a busy period with the chance exp(-λW). So there are
    (1 - λS) / (exp(λW) + λL) starts a request.
    """
    rate, service = np.asarray(rate_rps, np.float64), np.asarray(service_s, np.float64)
    grown = np.exp(np.minimum(rate * hosting.idle_window_s, 700.0))
    free = np.maximum(0.0, 1 - rate * service)
    starts: Floats = free / (grown + rate * hosting.cold_start_s)
    return starts


def billed_per_request(rate_rps: ArrayLike, service_s: ArrayLike, hosting: Hosting) -> Floats:
    """Return the billed seconds a request at one serial slot: the share of time up, over λ."""
    up = 1 - starts_per_request(rate_rps, service_s, hosting)
    seconds: Floats = up / np.asarray(rate_rps, np.float64)
    return seconds


def closed_form(rate_rps: float, service_s: float, hosting: Hosting) -> Usage:
    """Return what a request uses at one serial slot, without simulation.

    Raises ValueError if there are several slots or containers, or the slot cannot keep up.
    """
    if not hosting.serial:
        raise ValueError("the closed form is for one slot in one container: simulate others")
    if rate_rps * service_s >= 1:
        raise ValueError(f"load {rate_rps * service_s:.2f}: one slot cannot keep up")
    cold = float(starts_per_request(rate_rps, service_s, hosting)) * hosting.cold_start_s
    billed = float(billed_per_request(rate_rps, service_s, hosting))
    return Usage(billed_s=billed, busy_s=service_s, cold_s=cold, idle_s=billed - service_s - cold)


class _Container:
    """One container, and when each of its slots will be free."""

    def __init__(self, started: float, ready: float, slots: int, *, warm: bool = False) -> None:
        self.started, self.ready, self.warm = started, ready, warm
        self.free = [ready] * slots
        self.ends = self.busy_until = ready  # when the last of what it was given is done
        self.busy = 0.0

    def opening(self, now: float) -> bool:
        """Whether it still starts, with a slot that nobody has taken."""
        return self.ready > now and self.free[0] == self.ready

    def serve(self, now: float, seconds: float) -> None:
        """Take a request into the slot that is free first."""
        begin = max(now, self.free[0])
        end = begin + seconds
        heapq.heapreplace(self.free, end)
        self.ends = max(self.ends, end)
        self.busy += max(0.0, end - max(begin, self.busy_until))
        self.busy_until = max(self.busy_until, end)


def simulate(arrivals_s: ArrayLike, service_s: ArrayLike, hosting: Hosting) -> Usage:
    """Serve requests in the order of arrival, and return what one uses on average.

    A request goes to the oldest container with a free slot. If there is none, another container is
    started, up to the most there may be and unless one that starts has a slot left; the request
    takes the slot that will be free first. Raises ValueError if there are no requests, not as many
    times as requests, or times that fall.
    """
    arrivals, service = np.asarray(arrivals_s, np.float64), np.asarray(service_s, np.float64)
    if len(arrivals) == 0 or len(arrivals) != len(service):
        raise ValueError(f"{len(arrivals)} arrivals and {len(service)} service times")
    if not (np.diff(arrivals) >= 0).all() or not (service >= 0).all():
        raise ValueError("arrivals rise, and service takes no less than 0 s")
    first, window, gone = float(arrivals[0]), hosting.idle_window_s, list[_Container]()
    up = [_Container(first, first, hosting.slots, warm=True) for _ in range(hosting.kept_warm)]
    for now, seconds in zip(arrivals.tolist(), service.tolist(), strict=True):
        for container in [c for c in up if not c.warm and c.ends + window <= now]:
            gone.append(container)
            up.remove(container)
        _choose(up, now, hosting).serve(now, seconds)
    last, n, all_of_them = max(c.ends for c in up), len(arrivals), [*gone, *up]
    kept = sum(last - c.started for c in all_of_them if c.warm)
    billed = sum((last if c.warm else c.ends + window) - c.started for c in all_of_them)
    busy = sum(c.busy for c in all_of_them)
    cold = sum(c.ready - c.started for c in all_of_them)
    return Usage(
        billed_s=billed / n,
        busy_s=busy / n,
        cold_s=cold / n,
        idle_s=(billed - busy - cold) / n,
        kept_s=kept / n,
    )


def _choose(up: list[_Container], now: float, hosting: Hosting) -> _Container:
    for container in up:
        if container.free[0] <= now:
            return container
    if len(up) < hosting.containers and not any(c.opening(now) for c in up):
        up.append(_Container(now, now + hosting.cold_start_s, hosting.slots))
    return min(up, key=lambda container: container.free[0])
