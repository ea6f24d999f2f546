"""Limits are counted as trials end: time, requests, money by each rule, endpoint errors."""

from __future__ import annotations

from typing import Any

import pytest

from liftlab.records import Attempt, Stage
from liftlab.runner.limits import Rates, Spending
from liftlab.settings import LimitSettings


def done(
    attempts: int = 1, error_class: str | None = None, *, no_answer: bool = False, **tokens: int
) -> tuple[tuple[Attempt, ...], tuple[Stage], bool]:
    key: dict[str, Any] = {"run_id": "r", "case_id": "c", "repeat": 1}
    stage = Stage(
        **key,
        stage="s",
        position=0,
        ok=error_class is None,
        latency_s=36.0,
        error_class=error_class,
    )
    rows = tuple(Attempt(run_id="r", seq=seq, **tokens) for seq in range(attempts))
    return rows, (stage,), no_answer


class Clock:
    now_s = 100.0


def spending(limits: dict[str, Any], rates: Rates | None = None) -> tuple[Spending, Clock]:
    clock = Clock()
    return Spending(LimitSettings(**limits), rates, lambda: clock.now_s), clock


def test_without_limits_nothing_ends() -> None:
    spent, clock = spending({})
    for _ in range(100):
        spent.add(*done(9, "http_5xx"))
    clock.now_s += 1e6
    assert spent.reached() is None


def test_time_counts_from_the_first_trial() -> None:
    spent, clock = spending({"max_seconds": 60})
    clock.now_s += 59
    assert spent.reached() is None
    clock.now_s += 1
    assert spent.reached() == "60 s are spent, of 60"


def test_requests_are_attempts() -> None:
    spent, _ = spending({"max_requests": 5})
    spent.add(*done(2))
    spent.add(*done(2))
    assert spent.reached() is None
    spent.add(*done(3))
    assert spent.reached() == "7 requests are made, of 5"


@pytest.mark.parametrize(
    ("rates", "after_s", "usd"),
    [
        (Rates(usd_per_hour=3.6, usd_per_request=0.5), 100.0, 2 * 0.5 + 0.1),
        (
            Rates(by="tokens", usd_per_million_prompt_tokens=10, usd_per_million_output_tokens=30),
            100.0,
            2 * (1000 * 10 + 500 * 30) / 1e6,
        ),
        (Rates(by="latency", usd_per_hour=3.6, usd_per_request=0.5), 100.0, 0.036 + 0.5),
    ],
)
def test_money_is_counted_by_its_rule(rates: Rates, after_s: float, usd: float) -> None:
    for limit, reached in ((usd * 1.001, False), (usd * 0.999, True)):
        spent, clock = spending({"max_usd": limit}, rates)
        clock.now_s += after_s
        spent.add(*done(2, prompt_tokens=1000, output_tokens=500))
        assert (spent.reached() is not None) == reached


def test_a_few_errors_may_be_chance() -> None:
    spent, _ = spending({"max_error_rate": 0.2})
    for _ in range(4):
        spent.add(*done(error_class="connect"))
    assert spent.reached() is None
    spent.add(*done(error_class="reset"))
    assert spent.reached() == "5 of 5 requests failed at the endpoint (100 %, at most 20 %)"
    for _ in range(20):
        spent.add(*done())
    assert spent.reached() is None


@pytest.mark.parametrize("reason", ["invalid_json", "schema_mismatch", "length", "does_not_parse"])
def test_what_the_model_got_wrong_is_no_endpoint_error(reason: str) -> None:
    spent, _ = spending({"max_error_rate": 0.0})
    for _ in range(50):
        spent.add(*done(error_class=reason))
    assert spent.reached() is None


def test_a_reply_without_an_answer_is_an_endpoint_error() -> None:
    spent, _ = spending({"max_error_rate": 0.2})
    for _ in range(5):
        spent.add(*done(error_class="invalid_json", no_answer=True))
    assert spent.reached() == "5 of 5 requests failed at the endpoint (100 %, at most 20 %)"


def test_cached_and_reasoning_tokens_are_charged_at_their_own_rates() -> None:
    rates = Rates(
        by="tokens",
        usd_per_million_prompt_tokens=2.0,
        usd_per_million_output_tokens=10.0,
        usd_per_million_cached_tokens=0.0,
        usd_per_million_reasoning_tokens=0.0,
    )
    spent, _ = spending({"max_usd": 1.0}, rates)
    tokens = {"prompt_tokens": 10**6, "cached_tokens": 9 * 10**5, "output_tokens": 10**5}
    spent.add(*done(**tokens, reasoning_tokens=9 * 10**4))
    assert spent.reached() is None  # 0.2 + 0.1 USD
    spent.add(*done(**{**tokens, "cached_tokens": 0}))
    assert spent.reached() is not None


def test_a_segment_takes_it_that_the_others_spend_alike() -> None:
    clock = Clock()
    limits = LimitSettings(max_requests=40)
    spent = Spending(limits, None, lambda: clock.now_s, segments=4)
    for _ in range(9):
        spent.add(*done())
    assert spent.reached() is None
    spent.add(*done())
    assert spent.reached() is not None
    rates = Rates(by="tokens", usd_per_request=1.0)
    paid = Spending(LimitSettings(max_usd=8), rates, lambda: clock.now_s, segments=4)
    paid.add(*done(2))
    assert paid.reached() is not None


def test_what_is_charged_is_what_was_told() -> None:
    for by in ("gpu_seconds", "tokens", "latency"):
        spent, clock = spending({"max_usd": 1e-9}, Rates(by=by))
        clock.now_s += 1e6
        spent.add(*done(9, prompt_tokens=10**9, output_tokens=10**9))
        assert spent.reached() is None


@pytest.mark.parametrize(
    ("tokens", "usd"),
    [
        ({"prompt_tokens": 10**6}, 2.0),
        ({"output_tokens": 10**6}, 16.0),
        ({"prompt_tokens": 10**6, "cached_tokens": 10**6 // 2}, 1.5),
        ({"prompt_tokens": 10**6, "cached_tokens": 10**9}, 1.0),  # no more than were sent
        ({"output_tokens": 10**6, "reasoning_tokens": 10**6 // 2}, 12.0),
        ({"output_tokens": 10**6, "reasoning_tokens": 10**9}, 8.0),
        ({}, 0.0),
    ],
)
def test_each_kind_of_token_has_its_rate(tokens: dict[str, int], usd: float) -> None:
    rates = Rates(
        by="tokens",
        usd_per_million_prompt_tokens=2.0,
        usd_per_million_output_tokens=16.0,
        usd_per_million_cached_tokens=1.0,
        usd_per_million_reasoning_tokens=8.0,
    )
    # Binary fractions: a limit that is just reached counts.
    for limit, reached in ((2 * usd or 1e-9, usd > 0), (2 * usd + 2**-20, False)):
        spent, _ = spending({"max_usd": limit}, rates)
        spent.add(*done(2, **tokens))
        assert (spent.reached() is not None) is reached


def test_a_limit_is_reached_once_it_is_met_and_a_share_once_it_is_passed() -> None:
    spent, _ = spending({"max_requests": 4, "max_error_rate": 0.5})
    for error_class in ("connect", None, None):
        spent.add(*done(error_class=error_class))
    assert spent.reached() is None
    spent.add(*done())
    assert spent.reached() is not None
    shares, _ = spending({"max_error_rate": 0.5})
    for _ in range(5):
        shares.add(*done())
        shares.add(*done(error_class="connect"))
    assert shares.reached() is None  # half of them, and half may
    shares.add(*done(error_class="connect"))
    assert shares.reached() is not None
