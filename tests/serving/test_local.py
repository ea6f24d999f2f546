"""The embedded endpoint on the real model."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from liftlab.errors import ServerFailed
from liftlab.serving.local import LocalServer

pytestmark = pytest.mark.model

SCHEMA = {
    "type": "object",
    "properties": {"colour": {"type": "string"}, "sure": {"type": "boolean"}},
    "required": ["colour", "sure"],
    "additionalProperties": False,
}
PROMPT = (
    'Thing: grass\nAnswer:{"colour":"green","sure":true}\n\n'
    'Thing: blood\nAnswer:{"colour":"red","sure":true}\n\nThing: sky\nAnswer:'
)
CHAT = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 6, "seed": 1}
PARENT = """
import signal
from liftlab.serving.local import LocalServer
server = LocalServer().start()
print(server.pid, flush=True)
signal.pause()
"""
FOREVER = """
from liftlab.serving.local import LocalServer
LocalServer().serve_forever(say=lambda line: print(line, flush=True))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


def test_health_tells_what_is_served(server: LocalServer, call: Any) -> None:
    status, reply = call(server.url + "/health")
    assert (status, reply["status"]) == (200, "healthy")
    assert reply["model"] == server.model_path.stem
    assert reply["backend"].startswith("llama.cpp")


def test_warmup_draws_a_token(server: LocalServer, call: Any) -> None:
    status, reply = call(server.url + "/warmup")
    assert (status, reply["status"], reply["ready_for_requests"]) == (200, "warm", True)


def test_answer_keeps_to_the_schema(server: LocalServer, call: Any) -> None:
    body = {"prompt": PROMPT, "schema": SCHEMA, "max_tokens": 64, "seed": 1}
    status, reply = call(server.url + "/generate", body)
    assert (status, reply["finish_reason"]) == (200, "stop")
    assert set(reply["ir_json"]) == {"colour", "sure"}
    assert 0 < reply["tokens_used"] <= 64
    assert reply["prompt_tokens"] > 0


def test_same_seed_same_answer_and_the_prompt_is_cached(server: LocalServer, call: Any) -> None:
    body = {"prompt": PROMPT, "schema": SCHEMA, "max_tokens": 64, "seed": 7}
    replies = [call(server.url + "/generate", body)[1] for _ in range(2)]
    assert replies[0]["ir_json"] == replies[1]["ir_json"]
    assert replies[1]["cached_tokens"] > replies[1]["prompt_tokens"] / 2


def test_cut_answer_is_length(server: LocalServer, call: Any) -> None:
    body = {"prompt": PROMPT, "schema": SCHEMA, "max_tokens": 3}
    status, reply = call(server.url + "/generate", body)
    assert (status, reply["ir_json"], reply["finish_reason"]) == (200, None, "length")
    assert reply["raw_output"].startswith("{")


def test_prompt_over_the_context_is_a_reported_error(server: LocalServer, call: Any) -> None:
    status, reply = call(server.url + "/generate", {"prompt": "word " * 6000, "schema": SCHEMA})
    assert (status, reply["finish_reason"]) == (200, "error")
    assert "context" in reply["error"]


def test_client_that_leaves_frees_its_slot(server: LocalServer, call: Any) -> None:
    address = urlsplit(server.url)
    body = json.dumps({"prompt": "Once upon a time", "max_tokens": 3500, "seed": 1}).encode()
    lines = ["POST /generate HTTP/1.1", "host: localhost", "x-request-id: gone"]
    head = "\r\n".join([*lines, f"content-length: {len(body)}"])
    with socket.create_connection((address.hostname, address.port), timeout=20) as client:
        client.sendall(head.encode() + b"\r\n\r\n" + body)
        # Answered while the long one is in the slot: the server has both on its hands now.
        assert call(server.url + "/health")[0] == 200
    assert call(server.url + "/warmup")[0] == 200  # else it waits beyond its patience
    logged = map(json.loads, server.request_log.read_text().splitlines())
    assert [line["http_status"] for line in logged if line["request_id"] == "gone"] == [None]


@pytest.mark.parametrize("base", ["openai_url", "raw_openai_url"])
def test_chat_completion(server: LocalServer, call: Any, base: str) -> None:
    status, reply = call(getattr(server, base) + "/chat/completions", CHAT, base)
    assert status == 200
    assert reply["choices"][0]["message"]["content"]
    assert reply["model"] == server.model_path.stem


def test_chat_stream(server: LocalServer) -> None:
    request = urllib.request.Request(
        server.openai_url + "/chat/completions",
        json.dumps({**CHAT, "stream": True}).encode(),
        {"content-type": "application/json", "x-request-id": "stream"},
    )
    with urllib.request.urlopen(request, timeout=20) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        events = reply.read().decode().split("\n\n")
    assert events[-2] == "data: [DONE]"
    assert len(events) > 4


def test_models_are_listed_without_a_path(server: LocalServer, call: Any) -> None:
    status, reply = call(server.openai_url + "/models")
    assert status == 200
    assert reply["data"][0]["id"] == server.model_path.stem
    assert str(server.model_path.parent) not in json.dumps(reply)


def test_file_that_is_no_model_fails_with_the_last_lines(tmp_path: Path) -> None:
    path = tmp_path / "bad.gguf"
    path.write_text("not a model")
    server = LocalServer(model=path)
    with pytest.raises(ServerFailed, match="before it was ready") as caught:
        server.start()
    assert "invalid magic" in str(caught.value)
    # The engine writes from threads of its own: its last line may come after ours.
    assert f"llama.cpp cannot serve {path}" in str(caught.value)
    assert server.pid is None


def test_killed_parent_leaves_no_server(gone: Any) -> None:
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
        assert gone(pid)


def test_serve_forever_ends_cleanly_on_ctrl_c(call: Any) -> None:
    command = [sys.executable, "-c", FOREVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        url = next(word for word in first.split() if word.startswith("http"))
        assert call(url + "/health")[0] == 200
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert rest.endswith("stopped\n")
    with pytest.raises(OSError, match="refused"):
        call(url + "/health")
