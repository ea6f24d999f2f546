"""What a server's answers on its health and its warm-up say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from liftlab.endpoints.http import Exchange, facts, health_of, warm_up_of
from liftlab.timing.clock import Stamps


def _exchange(body: Any = None, *, status: int | None = 200, **known: Any) -> Exchange:
    content = (
        body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    )
    known = {"stamps": Stamps(called_ns=0), "url": "http://127.0.0.1:9/health"} | known
    return Exchange(status=status, body=content, **known)


@pytest.mark.parametrize("body", [None, b"ready", b"[1]", b"{"])
def test_what_is_no_object_tells_nothing(body: Any) -> None:
    assert facts(_exchange(body)) == {}
    assert health_of(_exchange(body)).ok
    assert health_of(_exchange(body)).status == "HTTP 200"


@pytest.mark.parametrize(
    ("status", "ok"),
    [("healthy", True), ("OK", True), ("connected", True), ("loading", False), ("down", False)],
)
def test_a_status_means_well_or_not(status: str, ok: bool) -> None:
    found = health_of(_exchange({"status": status, "model": "m", "gpu": "A10G"}))
    assert (found.ok, found.status, found.answered) == (ok, status, True)
    assert (found.model, found.hardware) == ("m", "A10G")
    assert health_of(_exchange({"hardware": "H200"})).hardware == "H200"


@pytest.mark.parametrize(
    ("known", "starting", "answered"),
    [
        ({"status": 503, "error_class": "http_5xx"}, True, True),
        ({"status": 429, "error_class": "http_429"}, False, True),
        ({"status": 500, "error_class": "http_5xx"}, False, True),
        ({"status": None, "error_class": "deadline"}, True, False),
        ({"status": None, "error_class": "connect"}, False, False),
    ],
)
def test_a_server_that_starts_is_not_one_that_is_down(
    known: Any, starting: bool, answered: bool
) -> None:
    found = health_of(_exchange(**known, message="said"))
    assert (found.ok, found.starting, found.answered) == (False, starting, answered)
    assert found.status == "said"


def test_a_warm_up_that_finds_the_model() -> None:
    found = warm_up_of(_exchange({"model": "m", "model_loaded": True}))
    assert (found.ok, found.starting, found.status, found.model) == (True, False, "warm", "m")
    assert warm_up_of(_exchange({"status": "hot"})).status == "hot"


@pytest.mark.parametrize("key", ["model_loaded", "ready_for_requests"])
def test_a_warm_up_that_finds_no_model_goes_on(key: str) -> None:
    found = warm_up_of(_exchange({key: False}))
    assert (found.ok, found.starting) == (False, True)
    assert found.status == "warm, model not loaded"


@pytest.mark.parametrize(
    ("known", "starting"),
    [
        ({"status": 503, "error_class": "http_5xx"}, True),
        ({"status": 429, "error_class": "http_429"}, True),  # busy: ask again
        ({"status": 429, "error_class": "http_429", "final": True}, False),  # no quota is left
        ({"status": 500, "error_class": "http_5xx"}, False),
        ({"status": 404, "error_class": "http_4xx"}, False),
        ({"status": None, "error_class": "connect"}, True),
        ({"status": None, "error_class": "reset"}, True),
        ({"status": None, "error_class": "tls"}, False),
    ],
)
def test_whether_a_warm_up_is_tried_again(known: Any, starting: bool) -> None:
    found = warm_up_of(_exchange(**known))
    assert (found.ok, found.starting) == (False, starting)
    assert found.status == f"HTTP {known['status']}"
