"""A pipeline of the user's own: its calls, stages and exceptions are records as any trial's are."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

import liftlab
from liftlab.pipeline.own import OwnCode, OwnFunction
from liftlab.runner.attempt import Context
from liftlab.runner.own_trial import run_own_trial
from liftlab.runner.trial import TrialDone
from liftlab.runner.trials import run_closed
from liftlab.timing.clock import Clock
from tests.runner.test_trial import PLANNED, Ledger, Scripted, context

CODE = "def add(a, b):\n    return a + b\n"
HERE = Path(__file__).parent


class Server(ThreadingHTTPServer):
    """Answers any request with a completion, and logs when each came and was answered."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.log: dict[str, tuple[float, float]] = {}
        self.status = 200
        self.answers = threading.Event()
        self.answers.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        began_s = time.perf_counter()
        self.rfile.read(int(self.headers["content-length"]))
        self.server.answers.wait()
        said = {"choices": [{"message": {"content": CODE}}], "model": "m"}
        told = {"usage": {"prompt_tokens": 5, "completion_tokens": 9}}
        content = json.dumps(said | told | {"key": self.headers["authorization"]}).encode()
        self.server.log[self.headers["x-request-id"]] = (began_s, time.perf_counter())
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        return None


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.answers.set()
    running.shutdown()
    running.server_close()
    thread.join()


def own(call: Callable[..., Any]) -> OwnFunction:
    return OwnFunction(call, OwnCode("pipelines.mine.call", "here:call", HERE), "mine")


def shared(ledger: Ledger, **changes: Any) -> Context:
    return context(Scripted(), ledger, clock=Clock(), **changes)


def tried(call: Callable[..., Any], ledger: Ledger | None = None, **changes: Any) -> TrialDone:
    return asyncio.run(run_own_trial(shared(ledger or Ledger(), **changes), own(call), PLANNED))


def answer_of(reply: httpx.Response) -> str:
    content: str = reply.json()["choices"][0]["message"]["content"]
    return content


def twice(url: str, kind: str) -> Callable[..., Any]:
    """Return a pipeline that asks twice."""
    client = httpx.Client(transport=liftlab.transport())

    def generate(prompt: str) -> str:
        client.post(url, json={"prompt": prompt})
        return answer_of(client.post(url, json={"prompt": prompt}))

    async def generate_async(prompt: str) -> str:
        async with httpx.AsyncClient(transport=liftlab.transport()) as client:
            await client.post(url, json={"prompt": prompt})
            return answer_of(await client.post(url, json={"prompt": prompt}))

    class Whole:
        async def __call__(self, prompt: str) -> str:
            return await generate_async(prompt)

    return {"sync": generate, "async": generate_async, "class": Whole()}[kind]


@pytest.mark.parametrize("kind", ["sync", "async", "class"])
def test_each_call_is_an_attempt_that_holds_what_the_server_logged(
    server: Server, kind: str
) -> None:
    done = tried(twice(server.url, kind), ledger := Ledger())
    (stage,) = done.stages
    assert (stage.stage, stage.attempts, stage.client_s, done.row.client_s) == ("mine", 2, 0, 0)
    assert [row.attempt for row in done.attempts] == [1, 2]
    assert [row.request_id for row in done.attempts] == list(server.log)
    spans = [row.last_byte_s - row.sent_s for row in done.attempts]  # type: ignore[operator]
    truth = [answered - came for came, answered in server.log.values()]
    assert all(span >= true for span, true in zip(spans, truth, strict=True))
    assert done.row.e2e_s == stage.latency_s >= sum(spans)  # type: ignore[operator]
    assert (stage.output_tokens, done.attempts[0].prompt_tokens) == (18, 5)
    assert ledger.ended == list(done.attempts)
    assert done.code is not None
    assert done.code.source == CODE


def test_without_the_transport_a_trial_is_one_stage_of_its_whole_time(server: Server) -> None:
    def generate(prompt: str) -> liftlab.Answer:
        httpx.post(server.url, json={"prompt": prompt}, headers={"x-request-id": "theirs"})
        return liftlab.Answer(CODE, ir={"intent": 1}, function="add", tokens=7)

    done = tried(generate, ledger := Ledger())
    (stage,), (attempt,) = done.stages, done.attempts
    came, answered = server.log["theirs"]
    assert stage.latency_s == done.row.e2e_s == attempt.ended_s - attempt.sent_s  # type: ignore[operator]
    assert stage.latency_s >= answered - came
    assert (stage.attempts, attempt.attempt, done.row.attempts) == (None, None, None)
    assert stage.output_tokens == 7
    assert json.loads(ledger.kept[-1]) == {"code": CODE, "function": "add", "ir": {"intent": 1}}


def test_stages_and_attempts_are_timed_as_the_user_marks_them() -> None:
    def generate(prompt: str, trace: Any) -> str:
        with trace.stage("nlp_to_ir"):
            trace.attempt(tokens=3)
            trace.attempt(tokens=4, reason="invalid_ir")
        for _ in range(2):
            with trace.stage("ir_to_code"):
                trace.attempt()
        return CODE

    done = tried(generate)
    first, second = done.stages
    assert [(s.stage, s.attempts, s.output_tokens) for s in done.stages] == [
        ("nlp_to_ir", 2, 7),
        ("ir_to_code", 2, None),
    ]
    assert [row.retry_reason for row in done.attempts] == [None, "invalid_ir", None, None]
    begun, ended = done.attempts[0], done.attempts[1]
    assert begun.ended_s == ended.sent_s
    assert first.latency_s + second.latency_s <= done.row.e2e_s  # type: ignore[operator]


def test_a_mark_says_more_of_the_call_that_was_just_made(server: Server) -> None:
    client = httpx.Client(transport=liftlab.transport())

    def generate(prompt: str, trace: Any) -> str:
        with trace.stage("code"):
            client.post(server.url, json={})
            client.post(server.url, json={})
            trace.attempt(tokens=11, reason="does_not_parse")
        return CODE

    done = tried(generate)
    told = [(row.output_tokens, row.retry_reason, row.http_status) for row in done.attempts]
    assert told == [(9, None, 200), (11, "does_not_parse", 200)]


def raises(prompt: str) -> str:
    raise ValueError(f"no {prompt}")


async def raises_async(prompt: str) -> str:
    return raises(prompt)


def leaves(prompt: str) -> str:
    raise SystemExit(3)


def stops(prompt: str) -> str:
    raise StopIteration


class Speechless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def says_nothing(prompt: str) -> str:
    raise Speechless


def counts_in_words(prompt: str, trace: Any) -> str:
    trace.attempt(tokens="many")
    return CODE


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (says_nothing, "Speechless (test_own_trial.py:{line})"),
        (
            counts_in_words,
            "ValueError: trace.attempt needs tokens that are a whole number from 0 on "
            "(test_own_trial.py:{line})",
        ),
        (raises, "ValueError: no Add two numbers (test_own_trial.py:{line})"),
        (raises_async, "ValueError: no Add two numbers (test_own_trial.py:{line})"),
        (leaves, "SystemExit: 3 (test_own_trial.py:{line})"),
        (stops, "StopIteration (test_own_trial.py:{line})"),
    ],
)
def test_what_the_users_code_raises_is_the_trials_error(
    call: Callable[..., Any], said: str
) -> None:
    done = tried(call, ledger := Ledger())
    line = (raises if call is raises_async else call).__code__.co_firstlineno + 1
    assert (done.row.completed, done.stages[-1].error_class) == (False, "pipeline_error")
    assert json.loads(ledger.kept[-1]) == {"message": said.format(line=line)}


@pytest.mark.parametrize(
    "given",
    [
        None,
        {"code": CODE},
        liftlab.Answer(CODE, ir={1, 2}),
        liftlab.Answer(CODE, tokens=-1),
        "x" * (16 * 1024 * 1024),
    ],
    ids=["none", "dict", "ir", "tokens", "size"],
)
def test_what_is_no_answer_is_an_error_of_the_pipeline(given: Any) -> None:
    done = tried(lambda prompt: given)
    assert done.stages[-1].error_class == "pipeline_error"
    assert done.message is not None
    assert "here:call returned" in done.message


def test_an_error_in_an_earlier_stage_ends_the_trial_there() -> None:
    def generate(prompt: str, trace: Any) -> str:
        for name in ("a", "b"):
            with trace.stage(name):
                pass
        with trace.stage("a"):
            raise KeyError(prompt)

    done = tried(generate)
    assert [(s.stage, s.ok, s.position) for s in done.stages] == [("b", True, 0), ("a", False, 1)]


def test_stages_cannot_be_nested() -> None:
    def generate(prompt: str, trace: Any) -> str:
        with trace.stage("a"), trace.stage("b"):
            return CODE

    assert "nested" in str(tried(generate).message)


def test_a_failed_call_is_the_networks_and_looks_to_the_user_as_httpx_has_it() -> None:
    seen: list[Exception] = []

    def generate(prompt: str) -> str:
        with httpx.Client(transport=liftlab.transport()) as client:
            try:
                client.get("http://127.0.0.1:9")
            except httpx.ConnectError as error:
                seen.append(error)
                raise RuntimeError("it failed") from error
        return CODE

    done = tried(generate)
    assert len(seen) == 1
    assert done.stages[-1].error_class == done.attempts[0].error_class == "connect"


def test_a_time_out_of_the_users_client_holds(server: Server) -> None:
    server.answers.clear()

    async def generate(prompt: str) -> str:
        async with httpx.AsyncClient(transport=liftlab.transport(), timeout=0.05) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.post(server.url, json={})
        return CODE

    done = tried(generate)
    assert (done.attempts[0].error_class, done.row.completed) == ("deadline", True)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_trials_deadline_ends_it_and_what_is_under_way(server: Server, kind: str) -> None:
    server.answers.clear()
    done = tried(twice(server.url, kind), ledger := Ledger(), trial_deadline_s=0.5)
    assert (done.stages[-1].error_class, done.attempts[0].error_class) == ("deadline", "cancelled")
    assert [row.seq for row in ledger.ended] == [1]


def test_a_server_error_is_a_failed_attempt_and_the_users_to_handle(server: Server) -> None:
    server.status = 503
    client = httpx.Client(transport=liftlab.transport())

    def generate(prompt: str) -> str:
        client.post(server.url, json={})
        return CODE

    done = tried(generate)
    assert (done.row.completed, done.attempts[0].error_class) == (True, "http_5xx")


class OwnError(Exception):  # as the clients of openai and anthropic have them
    def __init__(self, response: httpx.Response) -> None:
        self.response = response


@pytest.mark.parametrize("kind", ["sync", "async", "own"])
@pytest.mark.parametrize(
    ("status", "error_class"), [(500, "http_5xx"), (429, "http_429"), (200, None)]
)
def test_what_is_raised_for_a_status_is_the_attempts(
    server: Server, kind: str, status: int, error_class: str | None
) -> None:
    server.status = status

    def generate(prompt: str) -> str:
        with httpx.Client(transport=liftlab.transport()) as client:
            reply = client.post(server.url, json={})
        if kind == "own":
            raise OwnError(reply)
        reply.raise_for_status()
        return CODE

    async def generate_async(prompt: str) -> str:
        async with httpx.AsyncClient(transport=liftlab.transport()) as client:
            (await client.post(server.url, json={})).raise_for_status()
        return CODE

    done = tried(generate_async if kind == "async" else generate)
    of_good_reply = "pipeline_error" if kind == "own" else None
    assert done.stages[-1].error_class == (error_class or of_good_reply)
    assert done.attempts[0].error_class == error_class


def test_no_artifact_holds_the_users_key(server: Server) -> None:
    headers = {"authorization": "Bearer sk-1234567890"}
    client = httpx.Client(transport=liftlab.transport(), headers=headers)

    def generate(prompt: str) -> str:
        client.post(server.url, json={"echo": "sk-1234567890"})
        return CODE

    tried(generate, ledger := Ledger())
    assert len(ledger.kept) == 3
    assert not any(b"sk-1234567890" in kept for kept in ledger.kept)


def test_functions_that_are_not_async_run_side_by_side() -> None:
    met = threading.Barrier(3, timeout=10)

    def generate(prompt: str) -> str:
        met.wait()
        return CODE

    done: list[TrialDone] = []

    async def commit(ended: TrialDone) -> None:
        done.append(ended)

    settings = shared(Ledger(), own=own(generate))
    asyncio.run(run_closed(settings, [PLANNED] * 3, 3, commit, lambda event: None))
    assert [ended.row.completed for ended in done] == [True] * 3


def test_outside_of_a_trial_the_transport_only_carries(server: Server) -> None:
    with httpx.Client(transport=liftlab.transport()) as client:
        assert answer_of(client.post(server.url, json={})) == CODE
    assert list(server.log) == [None]
