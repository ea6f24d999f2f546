"""A container that comes with a request and goes after an idle window, and what it bills."""

from __future__ import annotations

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
    """What a request uses on average, in billed seconds.

    Requests that overlap share the time in which their container is busy.
    """

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
    """Return the billed seconds a request at one serial slot: the share of time up, over λ.

    Examples
    --------
    >>> hosting = Hosting(idle_window_s=300, cold_start_s=60)
    >>> round(float(billed_per_request(10 / 3600, 15, hosting)) * 10 / 3600, 2)
    0.61
    """
    up = 1 - starts_per_request(rate_rps, service_s, hosting)
    seconds: Floats = up / np.asarray(rate_rps, np.float64)
    return seconds


def closed_form(rate_rps: float, service_s: float, hosting: Hosting) -> Usage:
    """Return what a request uses at one serial slot, without simulation.

    Raises ValueError if there are several slots or containers, or the slot cannot keep up.

    Examples
    --------
    >>> used = closed_form(2 / 3600, 15, Hosting(idle_window_s=300, cold_start_s=60))
    >>> round(1000 * used.billed_s / 3600, 1)
    91.8
    """
    if not hosting.serial:
        raise ValueError("the closed form is for one slot in one container: simulate others")
    if rate_rps * service_s >= 1:
        raise ValueError(f"load {rate_rps * service_s:.2f}: one slot cannot keep up")
    cold = float(starts_per_request(rate_rps, service_s, hosting)) * hosting.cold_start_s
    billed = float(billed_per_request(rate_rps, service_s, hosting))
    return Usage(billed_s=billed, busy_s=service_s, cold_s=cold, idle_s=billed - service_s - cold)
