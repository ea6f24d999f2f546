"""One trial: every exchange a row, refused replies asked again, times from first to last."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from liftlab.endpoints.base import Health, Reply, Request, Sampling, WarmUp
from liftlab.endpoints.form import Form
from liftlab.pipeline.base import Code, Prompt, StageError
from liftlab.records import Attempt
from liftlab.runner.attempt import Context
from liftlab.runner.cold_start import ColdWatch
from liftlab.runner.plan import PlannedTrial
from liftlab.runner.trial import run_trial
from liftlab.runner.trials import measure_memory, run_closed
from liftlab.sandbox import ParseReport
from liftlab.settings import EndpointSettings, RetrySettings
from liftlab.timing.clock import Clock, Stamps

SECOND = 1_000_000_000
SETTINGS = EndpointSettings(
    name="scripted",
    base_url="http://scripted.test",
    deadline_s=5.0,
    retry=RetrySettings(retries=3, first_wait_s=1.0, longest_wait_s=30.0, jitter=0.0),
)
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

    async def attempt_sent(self, attempt: Attempt) -> None:
        self.sent.append(attempt)

    def attempt_ended(self, attempt: Attempt) -> None:
        self.ended.append(attempt)

    def keep(self, content: bytes) -> str:
        self.kept.append(content)
        return f"sha-{len(self.kept)}"


class Scripted:
    """Answers with what it is given; each exchange takes two seconds of a made-up clock."""

    form = Form()

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

    warmable = False

    async def warm(self, request_id: str, deadline_s: float) -> WarmUp:
        raise AssertionError

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


class Time:
    """A clock that only a sleep moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds

    def clock(self) -> Clock:
        return Clock(
            monotonic_ns=lambda: round(self.now_s * SECOND), wall_s=lambda: 1_760_000_000.0
        )


def context(endpoint: Scripted, ledger: Ledger, *stages: Any, **changes: Any) -> Context:
    shared = _context(endpoint, ledger, Time(), stages)
    mine = {name: changes.pop(name) for name in EndpointSettings.model_fields & changes.keys()}
    return replace(shared, settings=shared.settings.model_copy(update=mine), **changes)


def _context(endpoint: Scripted, ledger: Ledger, time: Time, stages: Any) -> Context:
    return Context(
        run_id="r",
        stages=stages or (Words(),),
        endpoint=endpoint,
        settings=SETTINGS,
        sampling=Sampling(max_tokens=128),
        run_seed=1,
        clock=time.clock(),
        sleep=time.sleep,
        watch=ColdWatch(idle_s=math.inf),
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


async def test_the_name_that_was_asked_for_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Words, "prompt", lambda self, request, values: Prompt(text=str(values)))
    for function, signature, asked in (("f", "f(a)", "f"), ("sum", "", None), (None, "", None)):
        planned = replace(PLANNED, function=function, signature=signature)
        done = await run_trial(context(Scripted("fine"), Ledger()), planned)
        assert done.row.asked_function == asked


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


@pytest.mark.parametrize("final", ["http_5xx", "dns", "tls", "deadline", "reported_error"])
async def test_what_the_endpoint_must_mend_is_not(final: str) -> None:
    ledger = Ledger()
    done = await run_trial(context(Scripted({"error_class": final}, "fine"), ledger), PLANNED)
    assert not done.row.completed
    assert len(ledger.ended) == 1
    assert done.stages[0].error_class == final


PASSING = [
    ({"error_class": "http_429", "http_status": 429}, "http_429"),
    ({"error_class": "http_5xx", "http_status": 503}, "http_5xx"),
    ({"error_class": "http_4xx", "http_status": 408}, "http_4xx"),
    ({"error_class": "reset", "http_status": None}, "reset"),
    ({"error_class": "connect", "http_status": None}, "connect"),
]


@pytest.mark.parametrize(("failure", "reason"), PASSING)
async def test_what_may_be_over_in_a_moment_is_sent_again(
    failure: dict[str, Any], reason: str
) -> None:
    ledger, time = Ledger(), Time()
    endpoint = Scripted(failure, failure, "fine")
    done = await run_trial(context(endpoint, ledger, clock=time.clock(), sleep=time.sleep), PLANNED)
    assert done.row.completed
    assert [a.retry_reason for a in ledger.ended] == [None, reason, reason]
    assert [a.backoff_before_s for a in ledger.ended] == [None, 1.0, 2.0]
    assert [a.attempt for a in ledger.ended] == [1, 2, 3]
    assert time.slept == [1.0, 2.0]
    assert len({request.request_id for request in endpoint.requests}) == 3
    assert done.stages[0].attempts == 3


async def test_retries_of_the_transport_and_of_the_stage_are_limited_apart() -> None:
    busy = {"error_class": "http_429", "http_status": 429, "retry_after_s": 5.0}
    ledger, time = Ledger(), Time()
    script = [busy, busy, busy, "NO", busy, busy, busy, "NO", busy, busy, busy, "yes"]
    done = await run_trial(
        context(Scripted(*script), ledger, clock=time.clock(), sleep=time.sleep), PLANNED
    )
    assert done.row.completed
    assert done.row.attempts == 12
    assert time.slept == [5.0] * 9  # what the server asks for is longer than 1, 2, 4 s
    assert [a.retry_after_s for a in ledger.ended[:3]] == [5.0] * 3
    assert ledger.ended[4].retry_reason == "not_lower"
    assert ledger.ended[4].backoff_before_s == 0.0
    spent = await run_trial(context(Scripted(*[busy] * 4), Ledger()), PLANNED)
    assert (spent.row.attempts, spent.stages[0].error_class) == (4, "http_429")


async def test_streams_and_nonces_are_asked_for_where_they_are_set() -> None:
    endpoint, ledger = Scripted("NO", "yes"), Ledger()
    await run_trial(context(endpoint, ledger, stream=True, nonce=True), PLANNED)
    assert [request.stream for request in endpoint.requests] == [True, True]
    prompts = [request.prompt for request in endpoint.requests]
    assert prompts == ["[r-1]\nAdd two numbers", "[r-2]\nAdd two numbers"]
    assert b"[r-1]" not in ledger.kept[0]  # the kept prompt is the case's
    plain = Scripted("yes")
    await run_trial(context(plain, Ledger()), PLANNED)
    assert (plain.requests[0].prompt, plain.requests[0].stream) == ("Add two numbers", False)


async def test_no_wait_begins_that_outlasts_the_trial() -> None:
    busy = {"error_class": "http_5xx", "http_status": 503}
    ledger, time = Ledger(), Time()
    endpoint = Scripted(busy, busy, busy, "fine")
    made = context(
        endpoint, ledger, clock=time.clock(), sleep=time.sleep, trial_deadline_s=3.5, deadline_s=3.0
    )
    done = await run_trial(made, PLANNED)
    assert not done.row.completed
    assert time.slept == [1.0, 2.0]  # 4 s more would be too late
    assert [request.deadline_s for request in endpoint.requests] == [3.0, 2.5, 0.5]


async def test_a_stage_for_which_no_time_is_left_is_a_deadline_without_attempts() -> None:
    busy = {"error_class": "reset", "http_status": None}
    ledger, time = Ledger(), Time()

    class Slow(Scripted):
        async def generate(self, request: Request) -> Reply:
            time.now_s += 4.0
            return await super().generate(request)

    made = context(
        Slow("one", busy),
        ledger,
        Words(),
        Second(),
        clock=time.clock(),
        sleep=time.sleep,
        trial_deadline_s=4.0,
    )
    done = await run_trial(made, PLANNED)
    assert [stage.error_class for stage in done.stages] == [None, "deadline"]
    assert done.stages[1].attempts == 0
    assert done.stages[1].latency_s is None
    assert done.row.e2e_s is None


async def test_a_stage_begins_with_the_first_attempt_that_was_sent() -> None:
    never = {
        "error_class": "connect",
        "http_status": None,
        "stamps": Stamps(called_ns=0, ended_ns=SECOND),
    }
    done = await run_trial(context(Scripted(never, "fine"), Ledger()), PLANNED)
    assert done.stages[0].started_s == 20.0
    assert done.stages[0].latency_s == done.row.e2e_s == 2.0


async def test_nothing_sent_gives_no_times() -> None:
    stamps = Stamps(called_ns=0, ended_ns=3 * SECOND)
    never = {"error_class": "dns", "stamps": stamps, "transport_ok": False}
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
