"""What an endpoint's table may say, and what it says when it is silent."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from liftlab.errors import UsageError
from liftlab.settings.endpoint import (
    EndpointSettings,
    RetrySettings,
    endpoint_from_url,
    holds_secret,
)

URL = {"base_url": "http://127.0.0.1:1"}
JSON = {
    "protocol": "json",
    "request": {"text": "$prompt"},
    "generate_url": "http://127.0.0.1:1/answer",
}


def test_a_silent_table_waits_and_asks_again_as_documented() -> None:
    endpoint = EndpointSettings(**URL)
    assert endpoint.retry.model_dump() == {
        "retries": 5,
        "first_wait_s": 0.5,
        "longest_wait_s": 30,
        "jitter": 0.5,
        "retry_after_max_s": 120,
    }
    waits = (endpoint.deadline_s, endpoint.connect_s, endpoint.warm_s, endpoint.idle_s)
    assert waits == (300, 10, 600, 120)
    assert endpoint.first_byte_s is endpoint.between_reads_s is endpoint.trial_deadline_s is None
    assert (endpoint.slots, endpoint.time_scale) == (1, 1)


def test_a_silent_table_keeps_connections_and_wants_its_token() -> None:
    endpoint = EndpointSettings(**URL)
    assert endpoint.keep_alive
    assert endpoint.token_required
    assert not any((endpoint.stream, endpoint.nonce, endpoint.use_proxy))
    assert endpoint.left_out() == frozenset()


@pytest.mark.parametrize(
    ("field", "allowed", "refused"),
    [
        ("slots", [1, 256], [0, 257]),
        ("time_scale", [0.001, 1e6], [0, float("inf")]),
        ("cold_start_s", [0], [-0.1, float("inf")]),
        ("max_containers", [1, 10_000], [0, 10_001]),
        ("temperature", [0, 5, "omit", None], [-0.1, 5.1, "none"]),
        ("top_p", [0.01, 1, "omit"], [0, 1.01]),
        ("max_tokens", [1, "omit"], [0]),
        ("seed", ["omit"], [1]),
        ("max_tokens_field", ["n"], [""]),
        ("health_url", [False, "http://127.0.0.1:1/health"], [True]),
        *((name, [0.001], [0]) for name in ("deadline_s", "connect_s", "warm_s", "idle_s")),
        *((name, [0.001], [0]) for name in ("first_byte_s", "between_reads_s", "trial_deadline_s")),
    ],
)
def test_values_at_their_ends(field: str, allowed: list[Any], refused: list[Any]) -> None:
    for value in allowed:
        assert getattr(EndpointSettings(**URL, **{field: value}), field) == value
    for value in refused:
        with pytest.raises(ValidationError, match=field):
            EndpointSettings(**URL, **{field: value})


@pytest.mark.parametrize(
    ("field", "least", "most"),
    [
        ("retries", 0, 100),
        ("first_wait_s", 0, 3600),
        ("longest_wait_s", 0, 3600),
        ("jitter", 0, 1),
        ("retry_after_max_s", 0, 3600),
    ],
)
def test_retries_at_their_ends(field: str, least: float, most: float) -> None:
    for value in (least, most):
        assert getattr(RetrySettings(**{field: value}), field) == value
    for value in (least - 1, most + 1):
        with pytest.raises(ValidationError, match=field):
            RetrySettings(**{field: value})


@pytest.mark.parametrize("place", ["base_url", "generate_url"])
def test_one_address_is_enough(place: str) -> None:
    assert EndpointSettings(**{place: "http://127.0.0.1:1"})


def test_what_liftlab_serves_needs_no_address() -> None:
    assert EndpointSettings(serve="simulator").base_url is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"request": {"text": "$prompt"}}, "go together"),
        ({"protocol": "json"}, "go together"),
        ({"protocol": "json", "request": {"text": "$prompt"}}, "needs generate_url"),
        ({**JSON, "stream": True}, "json protocol has no streamed"),
    ],
)
def test_a_template_is_for_the_json_protocol_alone(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        EndpointSettings(**URL, **fields)
    assert EndpointSettings(**JSON).request == JSON["request"]


def test_only_openai_and_adapters_stream() -> None:
    assert EndpointSettings(**URL, protocol="openai", stream=True).can_stream
    assert not EndpointSettings(**URL).can_stream
    assert not EndpointSettings(**JSON).can_stream


@pytest.mark.parametrize(
    "header",
    [
        {"x y": "1"},
        {"Host": "here"},
        {"content-length": "1"},
        {"x-note": "é"},
        {"x-note": "a\nb"},
        {"x-note": "\x7f"},
    ],
)
def test_a_header_that_http_cannot_carry_is_refused(header: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="header"):
        EndpointSettings(**URL, headers=header)


def test_a_plain_header_is_kept_as_it_is() -> None:
    headers = {"X-Team!": "lift off~"}
    assert EndpointSettings(**URL, headers=headers).headers == headers


@pytest.mark.parametrize("field", ["headers", "query"])
@pytest.mark.parametrize("name", ["x-api-key", "sig", "Authorization", "my_PASSWORD"])
def test_no_key_in_a_header_or_an_address(field: str, name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} looks like a key"):
        EndpointSettings(**URL, **{field: {name: "1"}})


@pytest.mark.parametrize("name", ["keyboard", "monkey", "accept", "design", "x-keys"])
def test_a_word_that_only_contains_key_is_no_secret(name: str) -> None:
    assert not holds_secret(name)


def test_what_is_left_out_comes_back_by_the_same_names() -> None:
    every = {"temperature", "top_p", "max_tokens", "seed", "stream_options", "response_format"}
    endpoint = EndpointSettings(**URL).without(every)
    assert endpoint.left_out() == every
    plain = EndpointSettings(**URL).without(["json_schema", "seed"])
    assert plain.left_out() == {"json_schema", "seed"}
    # No format at all is less than one without a schema.
    assert plain.without(["response_format"]).left_out() == {"response_format", "seed"}
    both = EndpointSettings(**URL).without(["response_format", "json_schema"])
    assert both.response_format == "omit"


def test_a_url_is_the_base_of_its_addresses() -> None:
    made = endpoint_from_url("http://127.0.0.1:1/v1/?tenant=7", "openai")
    assert made.base_url == "http://127.0.0.1:1/v1/?tenant=7"
    assert made.name == "http://127.0.0.1:1/v1/"
    assert made.generate_url is None
    assert endpoint_from_url("http://127.0.0.1:1/v1/", "openai").base_url == "http://127.0.0.1:1/v1"


def test_an_openai_url_may_be_the_whole_address() -> None:
    whole = "http://127.0.0.1:1/v1/chat/completions"
    made = endpoint_from_url(whole, "openai")
    assert (made.generate_url, made.base_url) == (whole, "http://127.0.0.1:1/v1")
    asked = endpoint_from_url(f"{whole}?api-version=2", "openai")
    assert (asked.generate_url, asked.base_url) == (f"{whole}?api-version=2", None)
    # Another protocol knows no such ending.
    lift = endpoint_from_url(whole, "lift")
    assert (lift.generate_url, lift.base_url) == (None, whole)


def test_a_url_needs_a_protocol_and_says_what_is_wrong_with_it() -> None:
    with pytest.raises(UsageError, match="name its protocol"):
        endpoint_from_url("http://127.0.0.1:1", None)
    with pytest.raises(UsageError, match=r"^http://127\.0\.0\.1:1: must be one of lift, openai"):
        endpoint_from_url("http://127.0.0.1:1?x=1", "smoke")
