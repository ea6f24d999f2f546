"""Servers of chat completions as people have them: each refuses, hides and reports its own way.

Each is known by the first part of its path: `http://127.0.0.1:PORT/gpt-5/v1`.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]
Refusal = tuple[int, Body]
USAGE = {"prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29}
CODE = "def double(x):\n    return x * 2\n"


def gpt_5(body: Body) -> Refusal | None:
    for name, words in (
        ("max_tokens", "is not supported with this model. Use 'max_completion_tokens' instead."),
        ("temperature", "does not support 0.3 with this model. Only the default (1) value is."),
        ("top_p", "is not supported with this model."),
    ):
        if name in body and not (name == "temperature" and body[name] == 1):
            said = f"Unsupported parameter: '{name}' {words}"
            return 400, {"error": {"message": said, "param": name, "code": "unsupported_parameter"}}
    return None


def strict(body: Body) -> Refusal | None:
    """As FastAPI has it, with the whole request in what it says."""
    detail = {"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra", "input": body}
    return (422, {"detail": [detail]}) if "seed" in body else None


def no_stream_options(body: Body) -> Refusal | None:
    said = "[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'Extra inputs'}]"
    refused = {"object": "error", "message": said, "code": 400}
    return (400, refused) if "stream_options" in body else None


def no_format(body: Body) -> Refusal | None:
    said = "This model does not support response_format json_schema"
    return (400, {"error": {"message": said}}) if "response_format" in body else None


def claude(body: Body) -> Refusal | None:
    said = "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
    return (400, {"error": {"message": said}}) if {"temperature", "top_p"} <= set(body) else None


def quota(_: Body) -> Refusal | None:
    said = "You exceeded your current quota, please check your plan and billing details."
    return 429, {"error": {"message": said, "code": "insufficient_quota"}}


def unknown_model(_: Body) -> Refusal | None:
    return 404, {"error": {"message": "The model `m` does not exist", "code": "model_not_found"}}


def bad_key(_: Body) -> Refusal | None:
    return 401, {"error": {"message": "Incorrect API key provided"}}


def insatiable(body: Body) -> Refusal | None:
    """Refuses each name of the limit of tokens, and gives the other."""
    names = ("max_tokens", "max_completion_tokens")
    this, other = names if names[0] in body else reversed(names)
    return 422, {"detail": f"unknown field {this}, use {other}"}


REFUSE: dict[str, Callable[[Body], Refusal | None]] = {
    "gpt-5": gpt_5,
    "openai": gpt_5,
    "strict": strict,
    "no-stream-options": no_stream_options,
    "no-format": no_format,
    "claude": claude,
    "quota": quota,
    "unknown-model": unknown_model,
    "bad-key": bad_key,
    "insatiable": insatiable,
}
MODELS = {"no-models": 404, "closed-models": 401, "no-get": 405}
REPORTS: dict[str, Body] = {
    "deepseek": {"usage": {**USAGE, "prompt_cache_hit_tokens": 16, "prompt_cache_miss_tokens": 4}},
    "openrouter": {
        "usage": {**USAGE, "cost": 0.00014, "completion_tokens_details": {"reasoning_tokens": 4}}
    },
    "groq": {"x_groq": {"id": "req_1", "usage": USAGE}},
}


class Hosts(ThreadingHTTPServer):
    """Answers as each host would, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[Body] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.seen: Counter[str] = Counter()
        self.asleep_for = 2  # requests

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}/v1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hosts

    def do_GET(self) -> None:
        self._note()
        name, path = self._name, self.path.partition("?")[0]
        if self._asleep():
            self._answer(503, {"error": "no container is up yet"})
        elif path.endswith("/models"):
            status = MODELS.get(name, 200)
            listed = {"object": "list", "data": [{"id": "m"}]}
            self._answer(status, listed if status == 200 else {"error": {"message": "no"}})
        elif path == "/health/readiness":
            self._answer(200, {"status": "connected", "litellm_version": "1.80"})
        elif path == "/health":
            self._answer(200, {"status": "ok"})
        else:
            self._answer(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        self._note()
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.bodies.append(body)
        azure = self.path.startswith("/openai/deployments/gpt/chat/completions?api-version=")
        if self._asleep():
            self._answer(503, {"error": "no container is up yet"})
        elif self._name == "azure" and not (azure and self.headers["api-key"]):
            self._answer(404, {"error": {"code": "404", "message": "Resource not found"}})
        elif refusal := REFUSE.get(self._name, lambda _: None)(body):
            self._answer(*refusal)
        elif body.get("stream"):
            self._stream(body)
        else:
            self._answer(200, self._completion({"message": {"content": CODE}}, self._reported()))

    @property
    def _name(self) -> str:
        return "azure" if "/deployments/" in self.path else self.path.split("/")[1]

    def _asleep(self) -> bool:
        self.server.seen[self._name] += 1
        return self._name == "asleep" and self.server.seen["asleep"] <= self.server.asleep_for

    def _reported(self) -> Body:
        return REPORTS.get(self._name, {"usage": USAGE})

    def _completion(self, choice: Body, more: Body) -> Body:
        choices = [{"index": 0, "finish_reason": "stop", **choice}]
        return {"id": "c-1", "model": "m-2026", "choices": choices, **more}

    def _stream(self, body: Body) -> None:
        parts: list[Body] = [
            self._completion({"delta": {"content": CODE}, "finish_reason": None}, {}),
            self._completion({"delta": {}}, self._reported() if self._name == "groq" else {}),
        ]
        if body.get("stream_options") and self._name != "groq":
            parts.append({"choices": [], **self._reported()})
        lines = [f"data: {json.dumps(part)}\n\n" for part in parts] + ["data: [DONE]\n\n"]
        self._send(200, "text/event-stream", "".join(lines).encode())

    def _answer(self, status: int, body: Body) -> None:
        self._send(status, "application/json", json.dumps(body).encode())

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _note(self) -> None:
        self.server.paths.append(self.path)
        self.server.headers.append({k.lower(): v for k, v in self.headers.items()})

    def log_message(self, *args: object) -> None:
        return None


@contextmanager
def hosts_running() -> Iterator[Hosts]:
    """Run all hosts on one port of loopback."""
    server = Hosts()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
