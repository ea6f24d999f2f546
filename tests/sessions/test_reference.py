"""The reference server does what the real one was seen to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.sessions.serving import serve
from tests.sessions.wire import BASE

OPEN = {
    "intent": {"summary": "Log the sum"},
    "signature": {
        "name": "add",
        "parameters": [{"name": "a", "type_hint": ""}, {"name": "b", "type_hint": "int"}],
    },
}
TEXTS = {
    "a_type": "int",
    "return_type": "int",
    "detailed_intent": "the sum of a and b",
    "input_constraints": "a > 0",
    "side_effects": "none",
}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with serve() as server, httpx.Client(base_url=server.url) as client:
        client.headers["x-demo-user"] = "ann"
        yield client


def made(client: httpx.Client, **body: Any) -> dict[str, Any]:
    return client.post(BASE, json=body or {"ir": OPEN}).json()


def finished(client: httpx.Client) -> str:
    place = f"{BASE}/{made(client)['session_id']}"
    for hole, text in TEXTS.items():
        client.post(f"{place}/holes/{hole}/resolve", json={"resolution_text": text})
    return place


def test_holes_open_by_themselves_and_close(client: httpx.Client) -> None:
    session = made(client)
    place = f"{BASE}/{session['session_id']}"
    assert sorted(session["ambiguities"]) == sorted(TEXTS)
    rows = client.get(f"{place}/assists").json()["assists"]
    assert [row["hole_id"] for row in rows] == session["ambiguities"]
    assert client.post(f"{place}/finalize").status_code == 400


def test_code_follows_the_finished_ir(client: httpx.Client) -> None:
    place = finished(client)
    assert client.post(f"{place}/generate", json={}).status_code == 400
    for _ in range(2):
        assert client.post(f"{place}/finalize").json()["irs"][0]["signature"]["returns"] == "int"
    reply = client.post(f"{place}/generate", json={"inject_assertions": False}).json()
    space: dict[str, Any] = {}
    exec(reply["source_code"], space)
    assert space["add"](2, 3) == 5
    assert place.removeprefix(f"{BASE}/") not in client.get(BASE).text


def test_timestamps_and_redirects_are_as_seen(client: httpx.Client) -> None:
    assert made(client)["created_at"].endswith("+00:00Z")
    reply = client.get(f"{BASE}/")
    assert (reply.status_code, reply.headers["location"]) == (307, str(client.base_url.join(BASE)))


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "", {"headers": {"x-demo-user": ""}}, 401),
        ("GET", "/nobody", {}, 404),
        ("DELETE", "/nobody", {}, 404),
        ("POST", "/nobody/finalize", {}, 404),
        ("POST", "/nobody/generate", {"json": {}}, 404),
        ("POST", "/nobody/generate", {}, 422),
        ("POST", "", {"json": {}}, 400),
        ("POST", "", {"json": {"prompt": 3}}, 422),
        ("POST", "", {"json": {"ir": {"intent": {}}}}, 400),
        ("POST", "", {"content": b"{"}, 422),
        ("POST", "", {"content": b"\xff\xfe{"}, 400),
        ("POST", "", {"content": b'{"prompt": "x", "metadata": {"a": NaN}}'}, 422),
        ("POST", "", {"content": b'{"prompt": "x", "metadata": ' + b"[" * 9999 + b"]" * 9999}, 400),
        ("PUT", "", {}, 405),
    ],
)
def test_refusals(client: httpx.Client, method: str, path: str, sent: Any, status: int) -> None:
    reply = client.request(method, BASE + path, **sent)
    assert (reply.status_code, list(reply.json())) == (status, ["detail"])
    assert isinstance(reply.json()["detail"], list) == (status == 422)


def test_hostile_texts_come_back_as_they_were(client: httpx.Client) -> None:
    metadata = {"a": "\0 ü \u202e \ud800", "deep": [[[]]]}
    body = json.dumps({"ir": OPEN, "metadata": metadata})
    session = client.post(BASE, content=body).json()
    assert client.get(f"{BASE}/{session['session_id']}").json()["metadata"] == metadata


def test_a_crash_is_plain_text_and_closes_the_connection_unannounced() -> None:
    with serve("unknown_crashes") as server, httpx.Client(base_url=server.url) as client:
        reply = client.get(f"{BASE}/nobody", headers={"x-demo-user": "ann"})
        assert (reply.status_code, reply.text) == (500, "Internal Server Error")
        assert "connection" not in reply.headers
