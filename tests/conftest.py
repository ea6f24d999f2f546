"""What tests of several layers share: a project in an empty folder, and a scripted endpoint."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings

from liftlab import store
from liftlab.records import Run, Stage, Trial

ROOT = Path(__file__).parents[1]

# The same examples in every run, however busy the machine is.
settings.register_profile(
    "liftlab", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("liftlab")


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    """Hear Ctrl-C: a shell's background jobs ignore it, and what they start does, too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


SUITE = """
name = "tiny"

[[cases]]
case_id = "double"
prompt = "Double a number."
category = "arithmetic"
checks = [[[1], 2], [[0], 0], [[-3], -6]]

[[cases]]
case_id = "shout"
prompt = "Turn a text to upper case."
category = "strings"
checks = [[["ab"], "AB"], [[""], ""]]

[[cases]]
case_id = "first"
prompt = "Return the first item of a list."
category = "lists"
checks = [[[[1, 2]], 1], [[["x"]], "x"]]
"""

ANSWERS = {
    "Double": ("double", "x", ["return x * 2"]),
    "upper case": ("shout", "text", ["text.upper()"]),
    "first item": ("first", "items", ["return items[0]"]),
}


class LiftServer(ThreadingHTTPServer):
    """Speaks the lift protocol; answers from a table, and keeps a log of request ids."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that were killed in mid-request: tests kill them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.log: list[str] = []
        self.healthy = True
        self.before_answer: Callable[[int], None] = lambda count: None
        self.echoes = False  # says in every way it has which token it was given
        self.refuses_with: dict[str, Any] | None = None
        self.page_for: Callable[[dict[str, Any]], Any] = lambda asked: None  # in place of an answer
        self.before_status: Callable[[], object] = lambda: None
        self.body_for: Callable[[str, int], list[str] | None] = lambda name, count: None

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LiftServer

    def do_GET(self) -> None:
        status = "healthy" if self.path == "/health" else "warm"
        if not self.server.healthy:
            status = "loading"
        self.server.before_status()
        self._answer(
            {
                "status": status,
                "model": "scripted",
                "gpu": "none",
                "model_loaded": True,
                "ready_for_requests": self.server.healthy,
                "backend": "test",
            }
        )

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if asked["max_tokens"] == 1:  # a warm-up's, which no test counts
            self._answer({"ir_json": {}, "finish_reason": "length"})
            return
        self.server.log.append(self.headers["x-request-id"])
        count = len(self.server.log)
        self.server.before_answer(count)
        if self.server.refuses_with is not None:
            self._answer(self.server.refuses_with, 400)
            return
        self._answer(
            self.server.page_for(asked)
            or {
                "ir_json": self._value(asked, count),
                "tokens_used": 7,
                "generation_time_ms": 1.0,
                "finish_reason": "stop",
            }
        )

    def _value(self, asked: dict[str, Any], count: int) -> dict[str, Any]:
        last = asked["prompt"].rstrip().split("\n\n")[-1]
        if "intent" in asked["schema"]["properties"]:
            known = next(text for text in ANSWERS if text in last)
            name, parameter, _ = ANSWERS[known]
            return {
                "intent": {"summary": known},
                "signature": {
                    "name": name,
                    "parameters": [{"name": parameter, "type_hint": "object"}],
                    "returns": "object",
                },
            }
        if "entities" in asked["schema"]["properties"]:
            return {"entities": ["number"]}
        name, _, body = next(answer for answer in ANSWERS.values() if f"def {answer[0]}(" in last)
        return {"body": self.server.body_for(name, count) or body}

    def _answer(self, body: dict[str, Any], status: int = 200) -> None:
        token = self.headers.get("authorization", "") if self.server.echoes else ""
        if token:
            body |= {"model": f"model of {token}", "finish_reason": token}
        content = json.dumps(body).encode()
        self.send_response(status)
        if token:
            self.send_header("x-request-id", token)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        return None


class OddServer(ThreadingHTTPServer):
    """Speaks OpenAI's chat completions, with one oddity a path.

    Asked at `url(name)` it answers what `says[name]` makes of the request: an object as JSON,
    bytes as they are, by status 200; or a status with one of them.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _OddHandler)
        self.says: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self.asked: list[dict[str, Any]] = []

    def url(self, name: str) -> str:
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}/{name}/v1"


class _OddHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: OddServer

    def do_GET(self) -> None:
        models = self.path.endswith("/models")
        if models:
            self._answer({"data": [{"id": "m"}]}, 200)
        else:
            self._answer({"detail": "Not Found"}, 404)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(asked)
        said = self.server.says[self.path.split("/")[1]](asked)
        status, body = said if isinstance(said, tuple) else (200, said)
        self._answer(body, status)

    def _answer(self, body: Any, status: int) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        return None


@pytest.fixture
def odd_server() -> Iterator[OddServer]:
    """An OpenAI-compatible server on loopback that a test makes as odd as it likes."""
    with _serving(OddServer()) as server:
        yield server


@pytest.fixture
def lift_server() -> Iterator[LiftServer]:
    """A lift endpoint on loopback whose answers are known: `shout` never returns its value."""
    with _serving(LiftServer()) as server:
        yield server


Server = TypeVar("Server", bound=ThreadingHTTPServer)


@contextmanager
def _serving(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def project_folder(tmp_path: Path) -> Path:
    """A project with the suite `tiny`, and nothing else that differs from the defaults."""
    run = '[run]\nsuite = "tiny"\nendpoint = "lift"\n'
    retry = "[endpoints.lift.retry]\nfirst_wait_s = 0\n"  # a test does not wait
    (tmp_path / "liftlab.toml").write_text(retry + run)
    suites = tmp_path / "data" / "suites"
    suites.mkdir(parents=True)
    (suites / "tiny.toml").write_text(SUITE)
    return tmp_path


def timed_run(
    runs_dir: Path, number: int, level: float = 1.0, cases: int = 6, **columns: Any
) -> str:
    """Write a complete run of cases without checks, timed around `level`; return its id."""
    begun = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    run = Run(
        **{
            "run_id": f"{begun:%Y%m%d_%H%M%S}_test",
            "suite": "timed",
            "pipeline": "lift",
            "endpoint": "modal",
            "model": "m1",
            "concurrency": 1,
            "repeats": 1,
            "started_at": begun.isoformat(),
            "status": "complete",
        }
        | columns
    )
    asked = {"request": {"endpoint": {"price": None, "cost_model": "gpu_seconds"}}}
    folder = store.create(runs_dir, run, asked, b"", ".toml")
    with store.Journal.open(folder) as journal:
        for index in range(cases):
            key = {"run_id": run.run_id, "case_id": f"case_{index}", "repeat": 1}
            seconds = [level * (10 + index / 10), level * (4 + index / 10)]
            stages = [
                Stage(**key, stage=name, position=place, ok=True, latency_s=took, attempts=1)
                for place, (name, took) in enumerate(
                    zip(("nlp_to_ir", "ir_to_code"), seconds, strict=True)
                )
            ]
            trial = Trial(**key, e2e_s=sum(seconds), attempts=2, completed=True)
            journal.trial_ended(trial, stages).result()
    return run.run_id


@pytest.fixture(scope="session")
def write_run() -> Callable[..., str]:
    """Write timed runs; `open_run` makes their tables."""
    return timed_run
