"""What an exchange of a client of the user's own tells, without its secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from liftlab.endpoints.seen import reply_of, secrets_of
from liftlab.timing.clock import Stamps
from liftlab.timing.observed import Seen

KEY = "abcd-1234"


def _seen(body: Any = b"", status: int | None = 200, **known: Any) -> Seen:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {
        "url": f"http://user:{KEY}@127.0.0.1:9/v1?key={KEY}",
        "sent_headers": [("Authorization", f"Bearer {KEY}")],
        "headers": [],
        "stamps": Stamps(called_ns=0),
        "error_class": None,
        "message": None,
    }
    return Seen(status=status, body=content, **given | known)


CHAT = {
    "model": "m",
    "choices": [{"message": {"content": "x"}, "finish_reason": "length"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 5},
}


def test_a_chat_s_reply() -> None:
    reply = reply_of(_seen(CHAT))
    assert (reply.model, reply.prompt_tokens, reply.output_tokens) == ("m", 3, 5)
    assert (reply.finish_reason, reply.error_class, reply.http_status) == ("length", None, 200)


def test_a_lift_reply() -> None:
    reply = reply_of(_seen({"ir_json": {}, "tokens_used": 7, "model": "m"}))
    assert (reply.model, reply.output_tokens) == ("m", 7)


def test_a_body_that_is_no_object_is_a_reply_all_the_same() -> None:
    reply = reply_of(_seen(b"fine"))
    assert (reply.error_class, reply.raw, reply.output_tokens) == (None, b"fine", None)


@pytest.mark.parametrize(
    ("status", "error_class"), [(429, "http_429"), (404, "http_4xx"), (500, "http_5xx")]
)
def test_a_status_of_failure(status: int, error_class: str) -> None:
    seen = _seen(CHAT, status, headers=[(b"Retry-After", b"3")])
    reply = reply_of(seen)
    assert (reply.error_class, reply.message) == (error_class, f"HTTP {status}")
    assert (reply.retry_after_s, reply.output_tokens) == (3, None)
    assert reply_of(_seen(CHAT, headers=[(b"Retry-After", b"3")])).retry_after_s is None


def test_a_call_that_failed_keeps_its_own_reason() -> None:
    reply = reply_of(_seen(status=None, error_class="reset", message=f"lost {KEY}"))
    assert reply.error_class == "reset"
    assert reply.message == f"lost {'*' * len(KEY)}"


def test_no_secret_is_left_anywhere() -> None:
    body = CHAT | {"model": f"m {KEY}"}
    reply = reply_of(_seen(body, headers=[(b"x-request-id", KEY.encode())]))
    assert KEY not in repr(reply)
    assert KEY.encode() not in reply.raw


@pytest.mark.parametrize(("secret", "struck"), [("1234567", False), ("12345678", True)])
def test_what_is_too_short_is_no_secret(secret: str, struck: bool) -> None:
    redact = secrets_of([("x-api-key", secret), ("accept", "everything")])
    assert (secret not in redact.text(f"say {secret}")) is struck
    assert redact.text("everything") == "everything"
