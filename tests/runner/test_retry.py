"""Back-off grows, jitters by seed, keeps to its bounds, and does as the server asks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity import AsyncRetrying, RetryCallState

from liftlab.endpoints.base import Reply
from liftlab.runner.retry import Backoff, OutOfTime, is_passing, retrying
from liftlab.settings import RetrySettings
from liftlab.timing.clock import Stamps


def reply(**fields: Any) -> Reply:
    return Reply(stamps=Stamps(called_ns=0), **fields)


def wait(backoff: Backoff, number: int, answer: Reply) -> float:
    state = RetryCallState(AsyncRetrying(), None, (), {})
    state.attempt_number = number
    state.set_result(SimpleNamespace(reply=answer))
    return backoff(state)


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_passing_statuses(status: int) -> None:
    assert is_passing(reply(http_status=status))


@pytest.mark.parametrize(
    "failure",
    [
        {"http_status": 500, "error_class": "http_5xx"},
        {"http_status": 404, "error_class": "http_4xx"},
        {"error_class": "deadline"},
        {"error_class": "truncated"},
        {"http_status": 200, "error_class": "invalid_json"},
        {"http_status": 200},
    ],
)
def test_what_another_attempt_would_not_mend(failure: dict[str, Any]) -> None:
    assert not is_passing(reply(**failure))


@given(
    number=st.integers(1, 40),
    jitter=st.floats(0, 1),
    seed=st.integers(0, 99),
    asked=st.none() | st.floats(0, 86_400),
)
def test_waits_keep_to_their_bounds(
    number: int, jitter: float, seed: int, asked: float | None
) -> None:
    settings = RetrySettings(first_wait_s=0.5, longest_wait_s=8, jitter=jitter)
    answer = reply(http_status=429, retry_after_s=asked)
    waited = wait(Backoff(settings, seed), number, answer)
    whole = min(0.5 * 2 ** (number - 1), 8)
    told = min(asked or 0.0, settings.retry_after_max_s)
    assert max(told, whole * (1 - jitter)) <= waited <= max(told, whole)
    assert wait(Backoff(settings, seed), number, answer) == waited


def test_another_seed_jitters_otherwise() -> None:
    waits = {wait(Backoff(RetrySettings(), seed), 1, reply(http_status=503)) for seed in range(20)}
    assert len(waits) == 20


@pytest.mark.parametrize("retries", [0, 2])
async def test_calls_are_limited_and_the_last_result_is_returned(retries: int) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    made: list[Any] = []

    async def attempt() -> Any:
        made.append(SimpleNamespace(reply=reply(http_status=503), number=len(made)))
        return made[-1]

    settings = RetrySettings(retries=retries, jitter=0)
    again = retrying(settings, seed=1, sleep=sleep, left_s=lambda: 60.0)
    assert (await again(attempt)).number == retries
    assert slept == [0.5, 1.0][:retries]


@pytest.mark.parametrize("failure", [{"error_class": "connect"}, {"error_class": "reset"}])
def test_a_lost_connection_is_worth_another_attempt_unless_it_is_final(
    failure: dict[str, Any],
) -> None:
    assert is_passing(reply(**failure))
    assert not is_passing(reply(**failure, final=True))


def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(RetrySettings(first_wait_s=0.5, longest_wait_s=3, jitter=0), 1)
    waits = [wait(backoff, number, reply(http_status=503)) for number in (1, 2, 3, 4, 5)]
    assert waits == [0.5, 1, 2, 3, 3]


def test_a_wait_as_long_as_what_is_left_does_not_begin() -> None:
    state = RetryCallState(AsyncRetrying(), None, (), {})
    state.upcoming_sleep = 2.0
    assert [OutOfTime(lambda: left)(state) for left in (1.9, 2.0, 2.1)] == [True, True, False]  # noqa: B023
