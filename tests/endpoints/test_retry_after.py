"""How long a refusal asks to wait, in the words of each server; and when waiting is no use."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from liftlab.endpoints.http import HttpClient, bare_reply, warm_up_of
from liftlab.endpoints.retry_after import is_used_up, retry_after_s
from liftlab.runner.retry import is_passing
from liftlab.timing.transport import StampedTransport


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("3", 3.0),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("9" * 400, 86_400.0),
        ("-5", None),
        ("²", None),
        ("nan", None),
    ],
)
def test_retry_after_in_all_its_forms(header, expected):
    assert retry_after_s({"retry-after": header}, now=datetime(2026, 1, 1, tzinfo=UTC)) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after-ms": "1500", "x-ratelimit-reset-requests": "1s"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "2026-01-01T00:01:00Z"}, 60.0),
        ({"x-ratelimit-reset-requests": "20ms"}, 0.02),
        ({"x-ratelimit-reset-requests": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}, 1.0),
        (
            {
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-requests": "7",
                "x-ratelimit-reset-tokens": "6m0s",
                "x-ratelimit-remaining-tokens": "0",
            },
            360.0,
        ),
        ({"x-ratelimit-reset": "1767225630"}, 30.0),
        ({"x-ratelimit-reset": "1767225630000"}, 30.0),
        ({"ratelimit-reset": "45"}, 45.0),
        ({"anthropic-ratelimit-tokens-reset": "2026-01-01T00:00:10Z"}, 10.0),
        ({"x-ratelimit-reset-tokens": "soon"}, None),
        ({"retry-after": "0.5d"}, 43_200.0),
        ({"retry-after": "2h"}, 7200.0),
        ({"retry-after": "2m"}, 120.0),
        ({"retry-after": "2s"}, 2.0),
        ({"retry-after": "2ms"}, 0.002),
        ({"retry-after": " 2 s"}, None),
        ({"retry-after": " 2 "}, 2.0),
        ({"retry-after": "86399.5"}, 86_399.5),
        ({"retry-after": "1767225630"}, 86_400.0),  # a span, wherever limits are not meant
        ({"x-ratelimit-reset": "999999999"}, 86_400.0),  # the longest span, and the next
        ({"x-ratelimit-reset": "1000000000"}, 0.0),  # is a moment, long past
        ({"x-ratelimit-reset": "999999999999"}, 86_400.0),
        ({"x-ratelimit-reset": "1000000000000"}, 0.0),
        ({"x-ratelimit-reset-requests": "9s", "x-ratelimit-remaining-requests": " 0 "}, 9.0),
        (
            {
                "anthropic-ratelimit-requests-reset": "9s",
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-tokens-reset": "3s",
                "anthropic-ratelimit-tokens-remaining": "0",
            },
            9.0,
        ),
    ],
)
def test_a_limit_says_when_it_is_renewed(headers, expected):
    assert retry_after_s(headers, now=datetime(2026, 1, 1, tzinfo=UTC)) == expected


@pytest.mark.parametrize("code", ["insufficient_quota", "billing_hard_limit_reached"])
async def test_a_quota_that_is_used_up_is_final(loopback, code):
    async def script(call):
        error = {"error": {"message": "You exceeded your current quota", "code": code}}
        await call.reply(error, "429 Too Many Requests", retry_after="1")

    server = await loopback(script)
    client = HttpClient(transport=StampedTransport())
    exchange = await client.post(server.url, {}, request_id="r", deadline_s=5)
    assert (exchange.error_class, exchange.final) == ("http_429", True)
    assert not is_passing(bare_reply(exchange))
    assert not warm_up_of(exchange).starting
    await client.close()


@pytest.mark.parametrize(
    ("status", "said", "used_up"),
    [
        (429, '{"error": {"code": "insufficient_quota"}}', True),
        (402, "", True),
        (403, "Your credit balance is too low", True),
        (429, '{"error": {"message": "Rate limit reached, try again in 2 s"}}', False),
        (503, "insufficient_quota", False),
        (400, "Your credit balance is too low", True),
        (401, "insufficient_quota", False),
        (403, "forbidden", False),
    ],
)
def test_a_quota_is_told_from_a_rate(status: int, said: str, used_up: bool) -> None:
    assert is_used_up(status, said) is used_up
