"""Which failures of the transport are worth another attempt, and how long to wait before it."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_result, stop_after_attempt
from tenacity.stop import stop_base
from tenacity.wait import wait_base, wait_exponential

from liftlab.endpoints.base import Reply
from liftlab.settings import RetrySettings

# A server that is overloaded, starting, or behind a proxy that cannot reach it.
PASSING_STATUS = frozenset({408, 429, 502, 503, 504})
# No request was taken, or its connection broke. A `deadline` after sending is not among
# them: the server may still be at work on it, and bill it.
PASSING_CLASSES = frozenset({"connect", "reset"})

Sleep = Callable[[float], Awaitable[None]]


def is_passing(reply: Reply) -> bool:
    """Whether a reply failed in a way that may be over in a moment."""
    if reply.final:
        return False
    return reply.error_class in PASSING_CLASSES or reply.http_status in PASSING_STATUS


class Backoff(wait_base):
    """Exponential waits with jitter by `seed`, none shorter than the server asks for.

    A longer `Retry-After` is cut to the bound of the settings.
    """

    def __init__(self, settings: RetrySettings, seed: int) -> None:
        self._settings = settings
        self._chance = random.Random(seed)
        self._grown = wait_exponential(
            multiplier=settings.first_wait_s, max=settings.longest_wait_s
        )

    def __call__(self, retry_state: RetryCallState) -> float:
        """Return the seconds to wait after the reply that `retry_state` holds."""
        wait_s = self._grown(retry_state) * (1 - self._settings.jitter * self._chance.random())
        asked_s = last_result(retry_state).reply.retry_after_s or 0.0
        return max(wait_s, min(asked_s, self._settings.retry_after_max_s))


class OutOfTime(stop_base):
    """Stop where the next wait would outlast the seconds that `left_s` says are left."""

    def __init__(self, left_s: Callable[[], float]) -> None:
        self._left_s = left_s

    def __call__(self, retry_state: RetryCallState) -> bool:
        """Whether the time is up."""
        return retry_state.upcoming_sleep >= self._left_s()


def retrying(
    settings: RetrySettings, *, seed: int, sleep: Sleep, left_s: Callable[[], float]
) -> AsyncRetrying:
    """Return what calls again until a reply is not worth repeating, or retries are spent.

    Call it with a coroutine function whose result has a `reply`; it returns the last result.
    """
    return AsyncRetrying(
        sleep=sleep,
        wait=Backoff(settings, seed),
        stop=stop_after_attempt(settings.retries + 1) | OutOfTime(left_s),
        retry=retry_if_result(lambda result: is_passing(result.reply)),
        retry_error_callback=last_result,
    )


def last_result(state: RetryCallState) -> Any:
    """Return what the last call gave."""
    assert state.outcome is not None
    return state.outcome.result()
