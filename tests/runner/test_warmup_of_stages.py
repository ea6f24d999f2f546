"""The warm-up asks each stage for one token: a first trial pays for no grammar and no prefix."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from liftlab.endpoints.base import Reply, Request, Sampling
from liftlab.endpoints.form import Form
from liftlab.pipeline.base import Prompt
from liftlab.pipeline.direct import Code
from liftlab.pipeline.lift import IrToCode, NlpToIr
from liftlab.records import Attempt
from liftlab.runner.attempt import Context
from liftlab.runner.cold_start import ColdWatch
from liftlab.runner.warmup import warm_stages
from liftlab.settings import EndpointSettings
from liftlab.timing.clock import Clock, Stamps


class Particular(Code):
    """A stage whose prompt needs what only a real trial has."""

    def prompt(self, request: str, values: Mapping[str, Any]) -> Prompt:
        raise KeyError(values["of my own"])


class Compiling:
    """A server on a clock of its own that takes five seconds at its first sight of a schema."""

    form = Form()

    def __init__(self) -> None:
        self.now_s = 0.0
        self.requests: list[Request] = []
        self.seen: list[Any] = []
        self.busy_s: float | None = None
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def generate(self, request: Request) -> Reply:
        self.requests.append(request)
        sent_ns = round(self.now_s * 1e9)
        self.now_s += 0.25
        if request.schema is not None and request.schema not in self.seen:
            self.seen.append(request.schema)
            self.now_s += 5.0
        stamps = Stamps(
            called_ns=sent_ns, sent_ns=sent_ns, ended_ns=round(self.now_s * 1e9), hops=0
        )
        if self.busy_s is not None:
            wait_s, self.busy_s = self.busy_s, None
            return Reply(
                stamps=stamps, http_status=429, error_class="http_429", retry_after_s=wait_s
            )
        return Reply(stamps=stamps, http_status=200, transport_ok=True, error_class="length")


async def warmed(endpoint: Compiling, *stages: Any) -> tuple[list[Attempt], list[str]]:
    sent: list[Attempt] = []
    ended: dict[int, Attempt] = {}
    notes: list[str] = []

    async def attempt_sent(attempt: Attempt) -> None:
        sent.append(attempt)

    ledger: Any = SimpleNamespace(
        next_seq=lambda: len(sent) + 1,
        attempt_sent=attempt_sent,
        attempt_ended=lambda row: ended.setdefault(row.seq, row),
        keep=lambda content: "sha",
    )
    clock = Clock(monotonic_ns=lambda: round(endpoint.now_s * 1e9), wall_s=lambda: 0.0)
    context = Context(
        run_id="run",
        stages=stages,
        endpoint=endpoint,  # type: ignore[arg-type]
        settings=EndpointSettings(name="e", base_url="http://e.test", deadline_s=60.0),
        sampling=Sampling(max_tokens=512),
        run_seed=1,
        clock=clock,
        ledger=ledger,
        parse_source=lambda source: None,  # type: ignore[arg-type,return-value]
        watch=ColdWatch(idle_s=math.inf),
        sleep=endpoint.sleep,
        note=notes.append,
    )
    await warm_stages(context)
    assert sorted(ended) == [row.seq for row in sent]
    return [ended[row.seq] for row in sent], notes


async def test_each_schema_is_seen_once_and_what_that_took_is_told() -> None:
    endpoint = Compiling()
    rows, notes = await warmed(endpoint, NlpToIr(), IrToCode())
    assert [row.stage for row in rows] == ["nlp_to_ir", "nlp_to_ir", "ir_to_code", "ir_to_code"]
    assert [row.compile_s for row in rows] == [pytest.approx(5), None, pytest.approx(5), None]
    assert {row.phase for row in rows} == {"warmup"}
    assert {row.case_id for row in rows} == {None}
    assert {request.sampling.max_tokens for request in endpoint.requests} == {1}
    assert notes[0] == "the first use of the schema of NLP → IR took 5.0 s more"
    first_trial = NlpToIr().prompt("Multiply two numbers.", {}).text
    begin = endpoint.requests[0].prompt.split("Request: Add two")[0]
    assert first_trial.startswith(begin)
    assert len(begin) > 0.9 * len(first_trial)


async def test_a_stage_without_schema_is_asked_once_and_one_that_needs_a_trial_is_not() -> None:
    rows, notes = await warmed(Compiling(), Code(), Particular())
    assert [(row.stage, row.compile_s, row.valid) for row in rows] == [("code", None, True)]
    assert notes == []


async def test_a_pause_that_the_server_asks_for_is_kept() -> None:
    endpoint = Compiling()
    endpoint.busy_s = 1.5
    rows, _ = await warmed(endpoint, Code())
    assert [(row.error_class, row.valid) for row in rows] == [
        ("http_429", False),
        ("length", True),
    ]
    assert (rows[1].retry_reason, rows[1].backoff_before_s) == ("http_429", 1.5)
    assert endpoint.slept == [1.5]
