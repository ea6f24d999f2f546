"""Whole trials against scripted faults: sent again where that helps, in rows, with nothing left."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any

import pytest

from liftlab.endpoints.base import Endpoint, Sampling
from liftlab.endpoints.http import HttpClient
from liftlab.endpoints.lift import LiftEndpoint
from liftlab.endpoints.openai import OpenAIEndpoint
from liftlab.pipeline.base import Code, Prompt
from liftlab.records import Attempt
from liftlab.runner.attempt import Context
from liftlab.runner.cold_start import ColdWatch
from liftlab.runner.plan import PlannedTrial
from liftlab.runner.trial import TrialDone, run_trial
from liftlab.sandbox import ParseReport
from liftlab.serving.simulation.profile import Profile
from liftlab.serving.simulation.service import Simulator
from liftlab.serving.simulation.wire import listening
from liftlab.settings import EndpointSettings, RetrySettings
from liftlab.timing.clock import Clock
from liftlab.timing.transport import StampedTransport

PATIENCE_S = 20.0
PROTOCOLS = ("lift", "openai")
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
# What is sent again, and the reason that the next attempt's row gives.
PASSING = {
    "status code=408": "http_4xx",
    "status code=429 retry_after=1": "http_429",
    "status code=502": "http_5xx",
    "status code=503 retry_after=1": "http_5xx",
    "status code=504": "http_5xx",
    "reset-before-head": "reset",
    "close-before-head": "reset",
    "reset-in-head": "reset",
    "close-in-head": "reset",
    "reset-after-head": "reset",
    "reset-in-body": "reset",
}
ASKED_AGAIN = {
    "json-garbage": "invalid_json",
    "html": "invalid_json",
    "off-schema": "schema_mismatch",
    "length": "length",
}
FINAL = {
    "status code=400": "http_4xx",
    "status code=500": "http_5xx",
    "status code=301": "protocol",
    "silence": "deadline",
    "stall-in-body": "deadline",
    "drip s=3600": "deadline",
    "close-in-body": "truncated",
    "length-too-long": "truncated",
    "not-http": "protocol",
    "hop-elsewhere": "protocol",
    "compressed": "protocol",
    "too-large": "too_large",
    "error-200": "reported_error",
}


class Fill:
    """A stage that asks for one object, up to three times."""

    name = "fill"
    attempts = 3

    def prompt(self, request: str, values: Mapping[str, Any]) -> Prompt:
        return Prompt(text=request, schema=SCHEMA)

    def parse(self, reply: Any, values: Mapping[str, Any], parse_source: Any) -> Code:
        return Code(source=str(reply["n"]))

    def fingerprint(self) -> str:
        return "fill"


class Rows:
    def __init__(self) -> None:
        self.sent: list[Attempt] = []
        self.ended: list[Attempt] = []

    def next_seq(self) -> int:
        return len(self.sent) + 1

    def attempts_before(self, case_id: str, repeat: int, stage: str) -> int:
        return 0

    async def attempt_sent(self, attempt: Attempt) -> None:
        self.sent.append(attempt)

    def attempt_ended(self, attempt: Attempt) -> None:
        self.ended.append(attempt)

    def keep(self, content: bytes) -> str:
        return "sha"


def adapter(protocol: str, url: str) -> Endpoint:
    client = HttpClient(transport=StampedTransport(max_body_bytes=100_000))
    if protocol == "lift":
        return LiftEndpoint(client=client, generate_url=f"{url}/generate")
    return OpenAIEndpoint(client=client, base_url=f"{url}/v1", model="m")


async def trial(
    protocol: str, fault: str, requests: list[int], first: str | None = None
) -> tuple[TrialDone, Rows]:
    """Run one trial against a server of that fault; nothing may be left of it."""
    faults = [{"fault": fault, "requests": requests}]
    profile = {"faults": faults + ([{"fault": first, "requests": [1]}] if first else [])}
    simulator, rows, before = (
        Simulator(Profile.model_validate(profile)),
        Rows(),
        asyncio.all_tasks(),
    )

    async def no_wait(seconds: float) -> None:
        await asyncio.sleep(0)

    async with asyncio.timeout(PATIENCE_S), listening(simulator.handle) as listener:
        endpoint = adapter(protocol, listener.url)
        context = Context(
            run_id="run",
            stages=(Fill(),),
            endpoint=endpoint,
            settings=EndpointSettings(
                name="e",
                base_url=listener.url,
                deadline_s=0.1 if FINAL.get(fault) == "deadline" else PATIENCE_S,
                retry=RetrySettings(retries=2),
            ),
            sampling=Sampling(),
            run_seed=1,
            clock=Clock(),
            ledger=rows,
            parse_source=lambda source: ParseReport(parsed=True),
            watch=ColdWatch(idle_s=math.inf),
            sleep=no_wait,
        )
        done = await run_trial(context, PlannedTrial(case_id="c", repeat=1, prompt="fill it in"))
        await endpoint.close()
        while listener.connections or asyncio.all_tasks() != before:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert [row.seq for row in rows.ended] == [row.seq for row in rows.sent]
    return done, rows


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("fault", [*PASSING, *ASKED_AGAIN])
async def test_a_fault_that_passes_is_survived(protocol: str, fault: str) -> None:
    done, rows = await trial(protocol, fault, [1, 2])
    reason = (PASSING | ASKED_AGAIN)[fault]
    assert done.row.completed
    assert [row.retry_reason for row in rows.ended] == [None, reason, reason]
    assert [row.error_class for row in rows.ended] == [reason, reason, None]
    assert all(row.ended_s is not None for row in rows.ended)
    waits = [row.backoff_before_s for row in rows.ended]
    assert waits[0] is None
    assert all(wait is not None and wait >= 0 for wait in waits[1:])
    if "retry_after" in fault:
        assert rows.ended[0].retry_after_s == 1.0


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("fault", PASSING)
async def test_a_fault_that_stays_ends_with_the_retries(protocol: str, fault: str) -> None:
    done, rows = await trial(protocol, fault, [1, 2, 3])
    assert not done.row.completed
    assert done.stages[0].error_class == PASSING[fault]
    assert len(rows.ended) == 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("fault", FINAL)
async def test_a_fault_that_another_attempt_would_not_mend_is_final(
    protocol: str, fault: str
) -> None:
    done, rows = await trial(protocol, fault, [1])
    assert [row.error_class for row in rows.ended] == [FINAL[fault]]
    assert done.stages[0].error_class == FINAL[fault]
    assert rows.ended[0].ended_s is not None


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("fault", ["reset-before-head", "close-before-head"])
async def test_a_kept_connection_that_was_closed_costs_an_attempt_and_no_pause(
    protocol: str, fault: str
) -> None:
    done, rows = await trial(protocol, fault, [2], first="off-schema")
    assert done.row.completed
    reasons = ["schema_mismatch", "stale_connection"]
    assert [row.error_class for row in rows.ended] == [*reasons, None]
    assert [row.retry_reason for row in rows.ended] == [None, *reasons]
    assert [row.connection_reused for row in rows.ended] == [False, True, False]
    assert rows.ended[2].backoff_before_s == 0.0
    assert 0 < done.row.client_s == done.stages[0].client_s < done.row.e2e_s
