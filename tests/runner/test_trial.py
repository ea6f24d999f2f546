"""One trial: every exchange a row, refused replies asked again, times from first to last."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from liftlab.endpoints.base import Health, Reply, Request, Sampling, WarmUp
from liftlab.pipeline.base import Code, Prompt, StageError
from liftlab.records import Attempt
from liftlab.runner.load import measure_memory, run_closed
from liftlab.runner.plan import PlannedTrial
from liftlab.runner.trial import Context, run_trial
from liftlab.sandbox import ParseReport
from liftlab.timing import Clock, Stamps

SECOND = 1_000_000_000
PLANNED = PlannedTrial(case_id="add", repeat=1, prompt="Add two numbers", category="arithmetic")


class Ledger:
    def __init__(self, before: Mapping[tuple[str, int, str], int] | None = None) -> None:
        self.sent: list[Attempt] = []
        self.ended: list[Attempt] = []
        self.kept: list[bytes] = []
        self._before = before or {}

    def next_seq(self) -> int:
        return len(self.sent) + 1

    def attempts_before(self, case_id: str, repeat: int, stage: str) -> int:
        return self._before.get((case_id, repeat, stage), 0)

    def attempt_sent(self, attempt: Attempt) -> None:
        self.sent.append(attempt)

    def attempt_ended(self, attempt: Attempt) -> None:
        self.ended.append(attempt)

    def keep(self, content: bytes) -> str:
        self.kept.append(content)
        return f"sha-{len(self.kept)}"


class Scripted:
    """Answers with what it is given; each exchange takes two seconds of a made-up clock."""

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.requests: list[Request] = []

    async def generate(self, request: Request) -> Reply:
        self.requests.append(request)
        answer = self.replies.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        start = 10 * SECOND * len(self.requests)
        stamps = Stamps(
            called_ns=start,
            sent_ns=start,
            first_byte_ns=start + SECOND,
            last_byte_ns=start + 2 * SECOND,
            ended_ns=start + 2 * SECOND,
            hops=0,
        )
        reply = Reply(stamps=stamps, http_status=200, transport_ok=True, output_tokens=5)
        return (
            replace(reply, **answer) if isinstance(answer, dict) else replace(reply, value=answer)
        )

    async def health(self) -> list[Health]:
        return []

    async def warm(self) -> WarmUp:
        return WarmUp(ok=True, url="", status="warm", seconds=0.0)

    async def close(self) -> None:
        return None


class Words:
    """A stage that takes lower-case words."""

    name = "words"
    attempts = 3

    def prompt(self, request: str, values: Mapping[str, Any]) -> Prompt:
        return Prompt(text=request, max_tokens=64)

    def parse(self, reply: Any, values: Mapping[str, Any], parse_source: Any) -> Any:
        if reply.islower():
            return Code(source=reply, function="f")
        return StageError(reason="not_lower", message="upper case", value=Code(source=reply))

    def fingerprint(self) -> str:
        return "words"


class Second(Words):
    name = "second"
    attempts = 1


def context(endpoint: Scripted, ledger: Ledger, *stages: Any) -> Context:
    return Context(
        run_id="r",
        stages=stages or (Words(),),
        endpoint=endpoint,
        endpoint_name="scripted",
        sampling=Sampling(max_tokens=128),
        run_seed=1,
        deadline_s=5.0,
        clock=Clock(monotonic_ns=lambda: 0, wall_s=lambda: 1_760_000_000.0),
        ledger=ledger,
        parse_source=lambda source: ParseReport(parsed=source != b"broken"),
    )


async def test_a_good_answer_is_one_attempt() -> None:
    ledger = Ledger()
    done = await run_trial(context(Scripted("fine"), ledger), PLANNED)
    (attempt,) = ledger.ended
    assert done.row.completed
    assert done.code == Code(source="fine", function="f")
    assert (done.row.e2e_s, done.row.attempts, done.row.category) == (2.0, 1, "arithmetic")
    assert (attempt.sent_s, attempt.first_byte_s, attempt.last_byte_s) == (10.0, 11.0, 12.0)
    assert (attempt.valid, attempt.error_class, attempt.retry_reason) == (True, None, None)
    assert attempt.request_id == "r-1"
    assert done.stages[0].output_tokens == 5


async def test_a_refused_reply_is_asked_for_again_with_a_new_seed_and_its_reason() -> None:
    endpoint, ledger = Scripted("NO", "NO", "yes"), Ledger()
    done = await run_trial(context(endpoint, ledger), PLANNED)
    assert [a.valid for a in ledger.ended] == [False, False, True]
    assert [a.retry_reason for a in ledger.ended] == [None, "not_lower", "not_lower"]
    assert len({request.sampling.seed for request in endpoint.requests}) == 3
    assert {request.sampling.max_tokens for request in endpoint.requests} == {64}
    assert done.stages[0].latency_s == 22.0  # first sent to last byte of the last attempt
    assert done.row.e2e_s == 22.0


async def test_when_attempts_are_spent_the_stage_fails_and_keeps_what_there_is() -> None:
    endpoint, ledger = Scripted("NO", "NO", "NO"), Ledger()
    done = await run_trial(context(endpoint, ledger, Words(), Second()), PLANNED)
    assert not done.row.completed
    assert [stage.ok for stage in done.stages] == [False]
    assert done.stages[0].error_class == "not_lower"
    assert done.code == Code(source="NO")
    assert done.stages[0].value_sha256 is not None


@pytest.mark.parametrize("again", ["invalid_json", "schema_mismatch", "length"])
async def test_what_the_model_may_mend_is_asked_again(again: str) -> None:
    ledger = Ledger()
    done = await run_trial(context(Scripted({"error_class": again}, "fine"), ledger), PLANNED)
    assert done.row.completed
    assert [a.error_class for a in ledger.ended] == [again, None]


@pytest.mark.parametrize("final", ["http_5xx", "connect", "deadline", "reported_error"])
async def test_what_the_endpoint_must_mend_is_not(final: str) -> None:
    ledger = Ledger()
    done = await run_trial(context(Scripted({"error_class": final}, "fine"), ledger), PLANNED)
    assert not done.row.completed
    assert len(ledger.ended) == 1
    assert done.stages[0].error_class == final


async def test_nothing_sent_gives_no_times() -> None:
    stamps = Stamps(called_ns=0, ended_ns=3 * SECOND)
    never = {"error_class": "connect", "stamps": stamps, "transport_ok": False}
    ledger = Ledger()
    done = await run_trial(context(Scripted(never), ledger), PLANNED)
    assert (ledger.ended[0].last_byte_s, ledger.ended[0].ended_s) == (None, 3.0)
    assert done.row.e2e_s is None
    assert done.stages[0].latency_s is None
    assert done.row.started_at is None


async def test_a_row_is_written_before_the_request_leaves_and_ended_when_cancelled() -> None:
    ledger = Ledger()
    with pytest.raises(asyncio.CancelledError):
        await run_trial(context(Scripted(asyncio.CancelledError()), ledger), PLANNED)
    assert [a.error_class for a in ledger.sent] == [None]
    assert [a.error_class for a in ledger.ended] == ["cancelled"]


async def test_after_a_resume_attempt_numbers_go_on() -> None:
    ledger = Ledger(before={("add", 1, "words"): 2})
    await run_trial(context(Scripted("NO", "NO", "NO"), ledger), PLANNED)
    assert [a.attempt for a in ledger.ended] == [3, 4, 5]


async def test_later_stages_see_earlier_values_and_time_runs_over_all() -> None:
    ledger = Ledger()
    done = await run_trial(context(Scripted("one", "two"), ledger, Words(), Second()), PLANNED)
    assert [stage.position for stage in done.stages] == [0, 1]
    assert [a.stage for a in ledger.ended] == ["words", "second"]
    assert done.row.e2e_s == 12.0
    assert done.code == Code(source="two", function="f")


async def test_closed_loop_runs_everything_once_and_no_more_than_allowed_at_a_time() -> None:
    ledger, running, peak = Ledger(), 0, 0
    trials = [PlannedTrial(case_id=f"c{i}", repeat=1, prompt="") for i in range(9)]

    class Counting(Scripted):
        async def generate(self, request: Request) -> Reply:
            nonlocal running, peak
            running += 1
            peak = max(peak, running)
            await asyncio.sleep(0)
            self.replies.append("fine")
            reply = await super().generate(request)
            running -= 1
            return reply

    committed: list[str] = []

    async def commit(done: Any) -> None:
        committed.append(done.row.case_id)

    events: list[dict[str, Any]] = []
    await run_closed(context(Counting(), ledger), trials, 3, commit, events.append)
    assert sorted(committed) == [f"c{i}" for i in range(9)]
    assert peak == 3
    assert [event["event"] for event in events].count("trial") == 9


async def test_memory_is_measured_in_a_pass_of_its_own() -> None:
    ledger = Ledger()
    endpoint = Scripted("x" * 2_000_000)
    peaks = await measure_memory(context(endpoint, ledger), [PLANNED], lambda event: None)
    assert {a.phase for a in ledger.ended} == {"probe"}
    assert set(peaks["add"]) == {"words"}
    assert peaks["add"]["words"] > 0
