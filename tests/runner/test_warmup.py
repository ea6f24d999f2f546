"""Waking asks until the model is loaded, and knows what that took only after one call more."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from liftlab.endpoints.base import Reply, Sampling, WarmUp
from liftlab.records import Attempt
from liftlab.runner import warmup
from liftlab.runner.attempt import Context
from liftlab.runner.cold_start import ColdWatch
from liftlab.runner.warmup import WarmUpResult, wake, warm_up
from liftlab.settings import EndpointSettings
from liftlab.timing.clock import Clock, Stamps


class Sleeper:
    """An endpoint on a clock of its own: each call takes what its script says."""

    warmable = True
    warms_elsewhere = False

    def __init__(self, *script: tuple[str, float]) -> None:
        self.script = list(script)
        self.now_s = 0.0
        self.ids: list[str] = []
        self.slept: list[float] = []
        self.asks_s: float | None = None

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds

    async def warm(self, request_id: str, deadline_s: float) -> WarmUp:
        kind, seconds = self.script.pop(0)
        self.ids.append(request_id)
        called_ns = round(self.now_s * 1e9)
        self.now_s += seconds
        ended_ns = round(self.now_s * 1e9)
        stamps = Stamps(called_ns=called_ns, sent_ns=called_ns, ended_ns=ended_ns)
        status = {"warm": 200, "storm": 503, "refused": 401}[kind]
        reply = Reply(
            stamps=stamps,
            http_status=status,
            transport_ok=kind == "warm",
            retry_after_s=self.asks_s if kind == "storm" else None,
        )
        return WarmUp(
            ok=kind == "warm",
            url="http://w.test/",
            status=kind,
            reply=reply,
            starting=kind == "storm",
        )


async def woken(endpoint: Sleeper, **options: Any) -> Any:
    told: list[tuple[str, float]] = []
    found = await wake(
        endpoint,
        lambda deadline_s: endpoint.warm("r", deadline_s),
        now_s=lambda: endpoint.now_s,
        sleep=endpoint.sleep,
        tell=lambda call, seconds: told.append((call.status, seconds)),
        **{"within_s": 600.0, **options},
    )
    return found, told


async def test_a_held_call_was_the_cold_start() -> None:
    found, told = await woken(Sleeper(("warm", 41.0), ("warm", 0.5)))
    assert (found.ok, found.calls, found.seconds, found.cold_s) == (True, 1, 41.0, 40.5)
    assert told == [("warm", 41.0)]


async def test_a_storm_is_asked_through_and_pauses_count() -> None:
    storm = [("storm", 0.25)] * 5
    endpoint = Sleeper(*storm, ("warm", 0.5), ("warm", 0.5))
    found, told = await woken(endpoint)
    assert endpoint.slept == [0.25, 0.5, 1.0, 2.0, 2.0]
    assert (found.calls, found.seconds) == (6, 7.5)
    assert found.cold_s == 7.0
    assert len(told) == 6


async def test_an_endpoint_that_was_awake_paid_nothing() -> None:
    found, _ = await woken(Sleeper(("warm", 0.06), ("warm", 0.05)))
    assert found.cold_s == 0.0


@pytest.mark.parametrize(
    ("script", "options"),
    [
        ([("refused", 0.1)], {}),
        ([("storm", 0.1)], {"until_warm": False}),
        ([("storm", 3.0)] * 2, {"within_s": 6.5}),
    ],
)
async def test_it_gives_up_on_a_final_answer_and_in_time(
    script: list[tuple[str, float]], options: dict[str, Any]
) -> None:
    endpoint = Sleeper(*script)
    found, _ = await woken(endpoint, **options)
    assert (found.ok, found.cold_s, endpoint.script) == (False, None, [])
    assert found.starting == (script[0][0] == "storm")


async def test_a_warm_call_that_fails_leaves_the_cold_start_unknown() -> None:
    found, _ = await woken(Sleeper(("warm", 41.0), ("storm", 0.1)))
    assert (found.ok, found.cold_s) == (True, None)


async def test_a_pause_that_the_last_call_is_told_of_is_kept_before_the_next_request() -> None:
    endpoint = Sleeper(("warm", 1.0), ("storm", 0.1))
    endpoint.asks_s = 1.5
    found, _ = await woken(endpoint)
    assert (found.ok, endpoint.slept) == (True, [1.5])


def context_of(endpoint: Sleeper, ended: dict[int, Attempt] | None = None) -> Context:
    sent: list[Attempt] = []
    rows = {} if ended is None else ended

    async def attempt_sent(attempt: Attempt) -> None:
        sent.append(attempt)

    ledger = SimpleNamespace(
        next_seq=lambda: len(sent) + 1,
        attempt_sent=attempt_sent,
        attempt_ended=lambda row: rows.setdefault(row.seq, row),
        keep=lambda content: "sha",
    )
    return Context(
        run_id="run",
        stages=(),
        endpoint=endpoint,  # type: ignore[arg-type]
        settings=EndpointSettings(name="e", base_url="http://e.test"),
        sampling=Sampling(),
        run_seed=1,
        clock=Clock(monotonic_ns=lambda: round(endpoint.now_s * 1e9), wall_s=lambda: 0.0),
        ledger=ledger,  # type: ignore[arg-type]
        parse_source=lambda source: None,  # type: ignore[arg-type,return-value]
        watch=ColdWatch(idle_s=math.inf),
        sleep=endpoint.sleep,
    )


async def test_every_call_of_a_run_is_an_attempt_with_an_id_of_its_own() -> None:
    endpoint = Sleeper(("storm", 0.25), ("warm", 3.0), ("warm", 0.5))
    ended: dict[int, Attempt] = {}
    context = context_of(endpoint, ended)
    found = await warm_up(context)
    rows = [ended[seq] for seq in (1, 2, 3)]
    assert endpoint.ids == ["run-1", "run-2", "run-3"]
    assert {row.phase for row in rows} == {"warmup"}
    assert [row.valid for row in rows] == [False, True, True]
    assert [row.cold for row in rows] == [True, True, False]
    assert [row.cold_s for row in rows[:2]] == [0.25, 2.5]
    assert found.cold_s == pytest.approx(3.0)
    assert context.watch.called(round(endpoint.now_s * 1e9)) is None  # it is awake


async def test_a_pause_is_as_long_as_the_last_reply_asks() -> None:
    class Limited(Sleeper):
        async def warm(self, request_id: str, deadline_s: float) -> WarmUp:
            call = await super().warm(request_id, deadline_s)
            asked = replace(call.reply, retry_after_s=None if call.ok else 7.5)
            return replace(call, reply=asked)

    endpoint = Limited(("storm", 0.25), ("warm", 0.5), ("warm", 0.5))
    await woken(endpoint)
    assert endpoint.slept == [7.5]


async def test_after_a_warm_up_on_another_host_the_first_generation_is_a_first_contact() -> None:
    for elsewhere in (False, True):
        endpoint = Sleeper(("warm", 3.0), ("warm", 0.5))
        endpoint.warms_elsewhere = elsewhere
        context = context_of(endpoint)
        await warm_up(context)
        assert (context.watch.called(round(endpoint.now_s * 1e9)) is not None) == elsewhere


async def test_a_wait_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warmup, "TELL_EVERY_S", 0.001)
    told = asyncio.Event()
    async with asyncio.timeout(5), warmup.told_meanwhile(told.set):
        await told.wait()


@pytest.mark.parametrize(
    ("seconds", "again_s", "cold_s"),
    [(5.0, None, None), (5.0, 1.0, 4.0), (2.0, 1.0, 1.0), (1.9, 1.0, 0.0), (0.5, 1.0, 0.0)],
)
def test_a_cold_start_is_what_waking_took_over_a_warm_call(
    seconds: float, again_s: float | None, cold_s: float | None
) -> None:
    found = WarmUpResult(
        ok=True, url="", status="", calls=1, seconds=seconds, again_s=again_s, least_s=1.0
    )
    assert found.cold_s == (None if cold_s is None else pytest.approx(cold_s))


async def test_what_has_nothing_to_warm_is_warm() -> None:
    endpoint = Sleeper()
    endpoint.warmable = False
    found, told = await woken(endpoint)
    assert (found.ok, found.calls, found.seconds, found.cold_s, told) == (True, 0, 0.0, None, [])


async def test_pauses_grow_up_to_the_longest() -> None:
    endpoint = Sleeper(*[("storm", 1.0)] * 6, ("warm", 1.0), ("warm", 1.0))
    found, told = await woken(endpoint)
    assert endpoint.slept == [0.25, 0.5, 1.0, 2.0, 2.0, 2.0]
    assert (found.ok, found.calls) == (True, 7)
    assert found.seconds == pytest.approx(7 + 7.75)
    assert found.again_s == pytest.approx(1.0)
    assert told[0] == ("storm", pytest.approx(1.0))


async def test_who_is_not_to_wait_asks_once() -> None:
    endpoint = Sleeper(("storm", 1.0), ("warm", 1.0))
    found, _ = await woken(endpoint, until_warm=False)
    assert (found.ok, found.starting, found.calls, endpoint.slept) == (False, True, 1, [])


@pytest.mark.parametrize(
    ("options", "slept_s"),
    [({"within_s": 2.0}, 0.9), ({"within_s": 0.5}, 0.0), ({"until_warm": False}, 0.0)],
)
async def test_the_last_pause_ends_with_the_time_that_there_is(
    options: dict[str, Any], slept_s: float
) -> None:
    endpoint = Sleeper(("warm", 1.0), ("storm", 0.1))
    endpoint.asks_s = 1.5
    await woken(endpoint, **options)
    assert endpoint.slept == [pytest.approx(slept_s)]


async def test_each_call_may_take_the_time_that_is_left() -> None:
    given: list[float] = []
    endpoint = Sleeper(("storm", 1.0), ("storm", 3.0), ("warm", 0.5), ("warm", 0.5))

    async def ask(deadline_s: float) -> WarmUp:
        given.append(deadline_s)
        return await endpoint.warm("r", deadline_s)

    await wake(
        endpoint,  # type: ignore[arg-type]
        ask,
        within_s=10.0,
        now_s=lambda: endpoint.now_s,
        sleep=endpoint.sleep,
    )
    # What calls took and the pauses of 0.25 and 0.5 s are gone; the last call has it all again.
    assert given == pytest.approx([10.0, 8.75, 5.25, 10.0])
