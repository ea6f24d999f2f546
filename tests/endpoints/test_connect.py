from __future__ import annotations

import json

import httpx
import pytest

from liftlab.endpoints.base import Request, Sampling
from liftlab.endpoints.connect import connect
from liftlab.errors import UsageError
from liftlab.settings import EndpointSettings


def settings(**fields):
    return EndpointSettings(**{"name": "e", **fields})


async def test_a_lift_base_url_is_shorthand_for_three():
    seen = []

    def answer(request):
        seen.append((request.method, str(request.url)))
        return httpx.Response(200, json={"text": "x"})

    transport = httpx.MockTransport(answer)
    lift = connect(settings(base_url="http://h.test/v2/", health_url="http://k.test/"), transport)
    await lift.generate(Request(prompt="p", request_id="r", sampling=Sampling()))
    await lift.health()
    await lift.warm("r", 5.0)
    assert seen == [
        ("POST", "http://h.test/v2/generate"),
        ("GET", "http://k.test/"),
        ("GET", "http://h.test/v2/warmup"),
    ]


async def test_secrets_come_from_the_environment_and_go_to_the_wire():
    seen = []

    def answer(request):
        seen.append(request.headers)
        return httpx.Response(200, json={"data": [{"id": "m"}], "choices": [{"message": {}}]})

    configured = settings(
        protocol="openai",
        base_url="http://h.test/v1",
        model="m",
        token_env="T",
        headers_env={"X-Key": "K"},
    )
    environ = {"T": "sec-1\n", "K": "sec-2"}
    openai = connect(configured, httpx.MockTransport(answer), environ=environ)
    await openai.health()
    assert seen[0]["authorization"] == "Bearer sec-1"
    assert seen[0]["x-key"] == "sec-2"
    assert "sec-" not in repr(openai) + json.dumps(configured.model_dump(mode="json"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"base_url": "h.test"}, "base_url must begin with http"),
        ({"base_url": "ftp://h.test"}, "base_url must begin with http"),
        ({"base_url": "http://"}, "base_url"),
        ({"base_url": "http://h:port/"}, "base_url is not a URL"),
        ({"generate_url": "http://u:secret@h.test/"}, "generate_url holds a user or password"),
        ({"base_url": "http://h.test/?key=secret"}, "base_url cannot have a query"),
        ({"base_url": "http://h.test", "token_env": "NOT_SET"}, "variable NOT_SET"),
        ({"base_url": "http://h.test", "headers_env": {"x": "NOT_SET"}}, "variable NOT_SET"),
        ({"base_url": "http://h.test", "token_env": "BAD"}, "BAD holds characters"),
        ({"base_url": "http://h.test", "ca_file": "no-such.pem"}, "no-such.pem"),
    ],
)
def test_a_mistake_is_one_clear_line(fields, said):
    with pytest.raises(UsageError) as caught:
        connect(settings(**fields), environ={"BAD": "secret\nx"})
    message = str(caught.value)
    assert said in message
    assert "\n" not in message
    assert "secret" not in message


def test_a_ca_file_without_certificates_is_told(tmp_path):
    empty = tmp_path / "ca.pem"
    empty.write_text("nothing")
    with pytest.raises(UsageError, match="ca_file"):
        connect(settings(base_url="https://h.test", ca_file=empty))


def test_an_optional_token_may_be_missing():
    connect(settings(base_url="http://h.test", token_env="T", token_required=False), environ={})
