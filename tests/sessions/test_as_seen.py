"""A server with every oddity of the real one: what works is not reported, what fails is.

Where what was seen of it leaves room, this server takes it: a draft may be null, replies may have
more keys than are documented, users have about 60 calls a minute.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx
import pytest
from aiohttp import web

from liftlab.sandbox import Sandbox
from tests.sessions import ir
from tests.sessions.bodies import Refused
from tests.sessions.driver import failures, lift_checks, restart_hook, run_checks
from tests.sessions.reference import Reference
from tests.sessions.serving import serve
from tests.sessions.wire import BASE, Session

CALLS_A_MINUTE = 60


class AsSeen(Reference):
    """The real server as it was seen."""

    def user(self, request: web.Request) -> str:
        name = super().user(request)
        if self.asked[name] > CALLS_A_MINUTE:
            raise Refused(429, "rate limit exceeded")
        return name

    def shown(self, session: Session) -> dict[str, Any]:
        shown = super().shown(session)
        shown |= {"metadata": {**shown["metadata"], "origin": "api"}, "provenance": None}
        if session.source == "prompt" and session.version == 1:
            shown["current_draft"] = None
        return shown

    async def list(self, request: web.Request) -> web.Response:
        self.sessions = dict(reversed(self.sessions.items()))
        return await super().list(request)


class Crashing(AsSeen):
    """An error that nobody caught is plain text, and costs the connection."""

    def draft(self, given: ir.IR) -> ir.IR:
        try:
            return super().draft(given)
        except Refused as refused:
            raise RuntimeError("uncaught") from refused


@pytest.mark.parametrize("concurrency", [1, 32])
@pytest.mark.parametrize(("kind", "found"), [(AsSeen, {}), (Crashing, {"create-bad-ir": "minor"})])
async def test_what_fails_is_found_and_nothing_else(
    kind: type[Reference], found: dict[str, str], concurrency: int
) -> None:
    with Sandbox() as sandbox, serve(think_s=0.01, kind=kind) as server:
        verdicts = await run_checks(
            server.url,
            lift_checks(),
            sandbox,
            concurrency=concurrency,
            restart_hook=restart_hook(server.url),
        )
        assert server.sessions == {}
    assert {name: finding.severity for name, finding in failures(verdicts)} == found
    assert Counter(one.outcome for one in verdicts.values())["pass"] == len(verdicts) - len(found)


def test_generate_refuses_in_the_order_seen() -> None:
    whole = {
        "intent": {"summary": "Return the given text in upper case"},
        "signature": {
            "name": "shout",
            "parameters": [{"name": "text", "type_hint": "str"}],
            "returns": "str",
        },
    }
    bad = {"target_language": "cobol", "assertion_mode": "explode"}
    with serve(kind=AsSeen) as server, httpx.Client(base_url=server.url) as client:
        client.headers["x-demo-user"] = "ann"
        made = client.post(BASE, json={"ir": whole, "source": "mine"}).json()
        place = f"{BASE}/{made['session_id']}"
        said = [client.post(f"{BASE}/nobody/generate", json=bad)]
        said += [client.post(f"{place}/generate", json=bad)]
        client.post(f"{place}/finalize")
        said += [client.post(f"{place}/generate", json=bad)]
        said += [client.post(f"{place}/generate", json=bad | {"target_language": "python"})]
        said += [client.delete(place)]
    assert made["source"] != "mine"
    assert [one.status_code for one in said] == [404, 400, 400, 400, 200]
    for reply, words in zip(said, ("not found", "finalized", "language", "mode"), strict=False):
        assert words in reply.json()["detail"]
    assert said[-1].json() == {"status": "deleted", "session_id": made["session_id"]}
