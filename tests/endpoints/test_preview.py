"""A request as a line for a shell and as a script, without its secrets."""

from __future__ import annotations

import os
import shlex
from typing import Any

import pytest

from liftlab.endpoints.base import Request, Sampling
from liftlab.endpoints.preview import SentRequest, preview
from liftlab.settings import EndpointSettings


def _sent(variables: dict[str, str], **headers: str) -> SentRequest:
    return SentRequest(
        url="http://127.0.0.1:9/it's?a=1&b=2",
        headers={"content-type": "application/json", **headers},
        body={"prompt": "it's $HOME"},
        variables=variables,
    )


SECRET = _sent({"authorization": "KEY"}, authorization="Bearer $KEY")


def test_a_shell_fills_in_the_secret_and_nothing_else() -> None:
    words = shlex.split(SECRET.as_curl().replace("\\\n", ""))
    assert words[:3] == ["curl", "-sS", "http://127.0.0.1:9/it's?a=1&b=2"]
    assert words[3:7] == [
        "-H",
        "content-type: application/json",
        "-H",
        "authorization: Bearer $KEY",
    ]
    assert words[-2:] == ["--data-binary", '{"prompt": "it\'s $HOME"}']
    assert '-H "authorization: Bearer $KEY"' in SECRET.as_curl()
    assert '\'{"prompt"' in SECRET.as_curl()  # in single quotes, where no shell looks


class Httpx:
    """Keeps what a script posts."""

    status_code, text = 200, "fine"

    def __init__(self) -> None:
        self.posted: dict[str, Any] = {}

    def post(self, url: str, **what: Any) -> Httpx:
        self.posted = {"url": url, **what}
        return self


@pytest.mark.parametrize(
    ("sent", "header"),
    [
        (SECRET, "Bearer hush"),
        (_sent({"authorization": "KEY"}, authorization="$KEY"), "hush"),
        (_sent({}, authorization="plain"), "plain"),
    ],
)
def test_a_script_posts_the_same(
    sent: SentRequest, header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "hush")
    httpx, said = Httpx(), []
    source = sent.as_python()
    assert source.startswith("import os" if sent.variables else "import httpx")
    lines = [line for line in source.splitlines() if not line.startswith("import ")]
    names = {"os": os, "httpx": httpx, "print": lambda *words: said.append(words)}
    exec("\n".join(lines), names)
    assert httpx.posted["url"] == sent.url
    assert httpx.posted["json"] == dict(sent.body)
    assert httpx.posted["headers"]["authorization"] == header
    assert said == [(200, "fine")]


async def test_what_an_adapter_would_send() -> None:
    settings = EndpointSettings(
        protocol="openai",
        base_url="http://127.0.0.1:9/v1",
        token_env="KEY",
        headers_env={"x-team": "TEAM"},
        headers={"x-plain": "a"},
    )
    request = Request(prompt="p", request_id="r", sampling=Sampling())
    sent = await preview(settings, request)
    names = {name.lower(): value for name, value in sent.variables.items()}
    assert names == {"authorization": "KEY", "x-team": "TEAM"}
    shown = {name.lower(): value for name, value in sent.headers.items()}
    assert (shown["authorization"], shown["x-team"], shown["x-plain"]) == (
        "Bearer $KEY",
        "$TEAM",
        "a",
    )
    assert not {"host", "content-length", "user-agent", "traceparent"} & shown.keys()
    assert sent.url == "http://127.0.0.1:9/v1/chat/completions"
    assert sent.body["messages"][-1]["content"] == "p"
