"""A JSON service as its table describes it, and adapters of installed packages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from liftlab.endpoints.base import Reply, Request, Sampling
from liftlab.endpoints.connect import connect
from liftlab.endpoints.service import JsonEndpoint
from liftlab.errors import UsageError
from liftlab.settings import EndpointSettings
from liftlab.timing.clock import Stamps

TABLE: dict[str, Any] = {
    "name": "s",
    "protocol": "json",
    "generate_url": "http://127.0.0.1:9/make",
    "request": {"q": ["$prompt"], "schema": "$schema", "model": "$model"},
    "reply_path": "out.0",
    "error_path": "error.why",
    "tokens_path": "n",
}


def endpoint(**changes: Any) -> JsonEndpoint:
    made = connect(EndpointSettings.model_validate(TABLE | changes))
    assert isinstance(made, JsonEndpoint)
    return made


def request(**changes: Any) -> Request:
    return Request(prompt="p", request_id="r", sampling=Sampling(), **changes)


def read(body: Any, **changes: Any) -> Reply:
    reply = Reply(stamps=Stamps(called_ns=0), raw=json.dumps(body).encode(), transport_ok=True)
    return endpoint().read(reply, request(**changes))


def test_a_request_is_the_template_filled_in() -> None:
    assert endpoint().payload(request(system="s")) == {"q": ["s\n\np"]}
    apart = endpoint(request={"q": "$prompt", "s": "say: $system"}, model="m")
    assert apart.payload(request(system="s")) == {"q": "p", "s": "say: s"}


def test_a_reply_is_read_by_its_paths() -> None:
    assert read({"out": ["x"], "n": 3}).value == "x"
    assert read({"out": ["x"], "n": 3}).output_tokens == 3
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    assert read({"out": ['{"a": 1}']}, schema=schema).value == {"a": 1}
    assert read({"out": [{"a": 1}]}, schema=schema).value == {"a": 1}


@pytest.mark.parametrize(
    ("body", "error_class", "said"),
    [
        ({"error": {"why": "busy"}}, "reported_error", "the server says: busy"),
        ({"out": []}, "schema_mismatch", "reply_path out.0: no 0 in out, which is a list of 0"),
        ({"a": 1, "b": 2}, "schema_mismatch", "no out in the reply, which has a, b"),
        ({"out": "x"}, "schema_mismatch", "no 0 in out, which is a str"),
        ({"out": [None]}, "schema_mismatch", "null at out.0"),
        ([], "schema_mismatch", "no out in the reply, which is a list of 0"),
        ({"out": [3]}, "invalid_json", "text was asked for, not int"),
    ],
)
def test_a_reply_without_an_answer_says_why(body: Any, error_class: str, said: str) -> None:
    reply = read(body)
    assert reply.error_class == error_class
    assert said in (reply.message or "")


@pytest.mark.parametrize(
    "changes", [{"request": None}, {"generate_url": None}, {"protocol": "lift"}, {"stream": True}]
)
def test_a_table_that_cannot_be_is_refused(changes: Any) -> None:
    with pytest.raises(ValidationError):
        EndpointSettings.model_validate(TABLE | {"base_url": "http://127.0.0.1:9"} | changes)


def test_an_installed_adapter_speaks_its_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "others-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[liftlab.endpoints]\nother = others:adapt\nbroken = others:no\n"
    )
    (tmp_path / "others.py").write_text("def adapt(s, client):\n    return (s.name,)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    table = {"name": "x", "base_url": "http://127.0.0.1:9"}
    other = EndpointSettings.model_validate(table | {"protocol": "other"})
    made: Any = connect(other)
    assert made[0] == "x"
    with pytest.raises(UsageError, match="protocol broken"):
        connect(EndpointSettings.model_validate(table | {"protocol": "broken"}))
