"""What a call of a check sends, and what is kept of its reply."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from liftlab.runner.worker import Stop
from liftlab.sessions import caller as module
from liftlab.sessions.caller import Caller, Setup
from liftlab.sessions.checks import parse
from liftlab.sessions.model import StepModel
from liftlab.sessions.pulse import Pulse, ServerDown
from liftlab.sessions.record import Exchange
from liftlab.settings import EndpointSettings
from liftlab.timing.failures import TransportFailure
from tests.sessions.driver import Kept

FILE = """
[api]
base = "/api"
user_header = "x-user"
users = { known = "Ann B" }
headers = { x-team = "t" }
deadline_s = 7.0
[api.calls.make]
method = "POST"
path = "/things"
body = { name = "{name}", n = "{n}" }
makes = "id"
deadline_s = 3.0
[api.calls.get]
method = "GET"
path = "/things/{id}"
[api.calls.delete]
method = "DELETE"
path = "/things/{id}"
[api.clean_up]
call = "delete"
[[check]]
id = "one"
group = "g"
why = "w"
severity = "major"
step = [{ call = "get", with = { id = "a" } }]
"""
SCOPE = {"name": "thing", "n": 3, "id": "a/b c"}


class Wire:
    """Takes down what is sent, and answers."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, dict[str, str], bytes, float]] = []
        self.answer: Any = (201, b'{"id": "new"}', [(b"Location", b"/x"), (b"X-Odd", b"1")])

    async def observed(
        self, wire: Any, method: str, url: str, headers: Any, body: bytes, deadline_s: float
    ) -> Any:
        self.sent.append((method, url, dict(headers), body, deadline_s))
        if isinstance(self.answer, Exception):
            raise self.answer
        status, content, received = self.answer
        answer = SimpleNamespace(status=status, content=content, headers=received)
        return answer, SimpleNamespace(seconds=0.25), None


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire()
    monkeypatch.setattr(module, "observed", made.observed)
    return made


def setup(base_url: str = "http://127.0.0.1:1/") -> Setup:
    context = SimpleNamespace(run_id="20260101_000000_abcd", ledger=Kept())

    async def silence() -> str | None:
        return None

    checks = parse(FILE.encode(), Path("checks.toml"))
    endpoint = EndpointSettings(name="e", protocol="lift", base_url=base_url)
    return Setup(checks, endpoint, cast(Any, context), Pulse(Stop(), silence))


async def call(
    name: str, shared: Setup | None = None, keeps: bool = True, **step: Any
) -> tuple[Exchange, bytes]:
    caller = Caller(shared or setup(), "one", keeps=keeps)
    try:
        return await caller.call(StepModel.model_validate({"call": name} | step), name, "1", SCOPE)
    finally:
        await caller.close()


@pytest.mark.parametrize(
    ("name", "step", "method", "path", "body"),
    [
        ("get", {}, "GET", "/api/things/a%2Fb%20c", b""),
        ("make", {}, "POST", "/api/things", b'{"name": "thing", "n": 3}'),
        ("make", {"method": "PUT"}, "PUT", "/api/things", b'{"name": "thing", "n": 3}'),
        ("make", {"body": {"a": 1}}, "POST", "/api/things", b'{"a": 1}'),
        ("make", {"body": None}, "POST", "/api/things", b""),
        ("make", {"change": {"n": 4}}, "POST", "/api/things", b'{"name": "thing", "n": 4}'),
        ("make", {"raw": "{name}"}, "POST", "/api/things", b"thing"),
        ("make", {"raw": "\ud800"}, "POST", "/api/things", b"\xed\xa0\x80"),
        ("make", {"hex": "00 ff"}, "POST", "/api/things", b"\x00\xff"),
        ("get", {"change": {"n": 4}}, "GET", "/api/things/a%2Fb%20c", b'{"n": 4}'),
        ("get", {"path": "/é?a=b"}, "GET", "/api/%C3%A9?a=b", b""),
        ("get", {"path": "/x", "query": {"a": [1, 2]}}, "GET", "/api/x?a=1&a=2", b""),
        ("get", {"path": "/x?a", "query": {"b": "{n}"}}, "GET", "/api/x?a&b=3", b""),
    ],
)
async def test_what_is_sent(
    name: str, step: dict[str, Any], method: str, path: str, body: bytes, wire: Wire
) -> None:
    await call(name, **step)
    [sent] = wire.sent
    assert sent[:2] == (method, f"http://127.0.0.1:1{path}")
    assert sent[3] == body
    assert (sent[2].get("content-type") == "application/json") is bool(body)
    assert (sent[2]["x-team"], sent[2]["accept-encoding"]) == ("t", "identity")


@pytest.mark.parametrize(
    ("name", "step", "deadline_s"),
    [("get", {}, 7.0), ("make", {}, 3.0), ("make", {"deadline_s": 2.0}, 2.0)],
)
async def test_the_nearest_deadline_counts(
    name: str, step: dict[str, Any], deadline_s: float, wire: Wire
) -> None:
    await call(name, **step)
    assert wire.sent[0][4] == deadline_s


@pytest.mark.parametrize(
    ("user", "sent", "label"),
    [
        ("known", "Ann B", "known"),
        ({"raw": "{name}\r\nx: é"}, "thing  x: Ã©", "raw"),
        ("u_{name}", None, "u_thing"),
    ],
)
async def test_who_calls_is_said_in_a_header(
    user: Any, sent: str | None, label: str, wire: Wire
) -> None:
    exchange, _ = await call("get", user=user)
    assert exchange.user == label
    told = wire.sent[0][2]["x-user"]
    if sent is None:
        assert told.startswith("liftlab-u_thing-")
        await call("get", user=user)
        assert wire.sent[1][2]["x-user"] == told  # the same in a resumed run
    else:
        assert told == sent


@pytest.mark.parametrize(
    ("base_url", "whole"),
    [
        ("http://h:1", "http://h:1/api"),
        ("http://h:1/", "http://h:1/api"),
        ("http://h:1/api/", "http://h:1/api"),
        ("http://h:1/v1", "http://h:1/v1/api"),
    ],
)
def test_the_base_is_added_where_it_is_not_there(base_url: str, whole: str) -> None:
    assert setup(base_url).base_url == whole


async def test_what_is_kept_of_a_reply(wire: Wire) -> None:
    shared = setup()
    exchange, content = await call("make", shared)
    assert (exchange.status, exchange.elapsed_s, exchange.error_class) == (201, 0.25, None)
    assert exchange.headers == {"location": "/x"}
    assert (exchange.at, exchange.method, exchange.path) == ("1", "POST", "/things")
    assert json.loads(exchange.request)["name"] == "thing"
    kept = cast(Kept, shared.context.ledger)
    assert kept[exchange.reply_sha256 or ""] == content == b'{"id": "new"}'
    [made] = shared.remains.of()
    assert (made.id, made.check, made.call) == ("new", "one", "make")
    unkept, _ = await call("make", shared, keeps=False)
    assert unkept.reply_sha256 is None
    wire.answer = (204, b"", [(b"Location", b"x" * 900)])
    empty, _ = await call("get", shared)
    assert (empty.reply_sha256, len(empty.headers["location"])) == (None, 500)


@pytest.mark.parametrize(("status", "left"), [(204, 0), (299, 0), (300, 1), (404, 1)])
async def test_what_a_check_deleted_is_gone(status: int, left: int, wire: Wire) -> None:
    shared = setup()
    wire.answer = (201, b'{"id": "a/b c"}', [])
    await call("make", shared)
    wire.answer = (status, b"", [])
    await call("delete", shared)
    assert len(shared.remains.of()) == left


async def test_a_request_is_shown_as_far_as_it_is_of_use(wire: Wire) -> None:
    exchange, _ = await call("make", raw="x" * 5000)
    assert len(exchange.request) == 4000


async def test_a_call_without_a_reply_says_why(wire: Wire) -> None:
    shared = setup()
    stamps = SimpleNamespace(seconds=1.5)
    wire.answer = TransportFailure("it was reset", "reset", cast(Any, stamps))
    for _ in range(4):
        exchange, content = await call("make", shared)
        assert (exchange.status, exchange.error_class, content) == (None, "reset", b"")
        assert (exchange.elapsed_s, "reset" in str(exchange.message)) == (1.5, True)
    assert len(shared.remains.of()) == 4
    shared.pulse.give_up("gone")
    with pytest.raises(ServerDown):
        await call("get", shared)
