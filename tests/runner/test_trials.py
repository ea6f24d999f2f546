"""The trials of a suite: what is told of each, when none is begun, and what memory each takes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from typing import Any

import pytest

from liftlab.pipeline.base import Code, Prompt
from liftlab.runner.plan import PlannedTrial
from liftlab.runner.trials import measure_memory, run_closed
from liftlab.runner.worker import Stop
from tests.runner.test_trial import PLANNED, Ledger, Scripted, Words, context

Events = list[dict[str, Any]]
PLAN = [PlannedTrial(case_id=name, repeat=number, prompt="") for number, name in enumerate("ab", 1)]


async def told_of(*replies: Any, stop: Stop | None = None, **more: Any) -> tuple[Events, list[Any]]:
    events: Events = []
    done: list[Any] = []

    async def commit(trial: Any) -> None:
        done.append(trial.row)

    endpoint = Scripted(*replies)
    plan = PLAN[: max(1, len(replies))]
    await run_closed(context(endpoint, Ledger()), plan, 1, commit, events.append, stop=stop, **more)
    return events, done


async def test_each_trial_is_told_when_it_begins_and_how_it_ended() -> None:
    events, done = await told_of("fine", "broken")
    begins, ends, _, last = events
    assert begins == {"event": "start", "case_id": "a", "repeat": 1}
    assert ends.pop("e2e_s") == done[0].e2e_s == 2.0
    assert ends == {
        "event": "trial",
        "case_id": "a",
        "repeat": 1,
        "completed": True,
        "parsed": True,
        "reason": None,
    }
    assert (last["case_id"], last["repeat"], last["parsed"]) == ("b", 2, False)


async def test_a_trial_that_failed_says_why() -> None:
    events, _ = await told_of({"error_class": "http_4xx", "http_status": 404})
    told = events[-1]
    assert (told["completed"], told["parsed"], told["reason"]) == (False, False, "http_4xx")


async def test_after_the_stop_none_is_begun() -> None:
    events, done = await told_of(stop=Stop(status="partial"))
    assert (events, done) == ([], [])


class Heavy(Words):
    """Takes memory while it reads a reply; words hold some from the start."""

    def __init__(self, name: str, megabytes: int) -> None:
        self.name = name
        self.size = megabytes * 1_000_000

    def prompt(self, request: str, values: Mapping[str, Any]) -> Prompt:
        return Prompt(text="x")

    def parse(self, reply: Any, values: Mapping[str, Any], parse_source: Any) -> Any:
        bytearray(self.size)
        return Code(source=reply, function="f")


async def test_memory_is_the_peak_of_each_stage_in_megabytes() -> None:
    """A lighter stage has its own peak, and what was held before is no part of any."""
    shared = context(Scripted("a", "b"), Ledger(), Heavy("heavy", 20), Heavy("light", 5))
    events: Events = []
    held = bytearray(30_000_000)
    peaks = await measure_memory(shared, [PLANNED], events.append)
    assert len(held) == 30_000_000
    assert peaks[PLANNED.case_id] == {
        "heavy": pytest.approx(20, abs=1),
        "light": pytest.approx(5, abs=1),
    }
    assert events == [{"event": "probe", "case_id": PLANNED.case_id}]
    assert not tracemalloc.is_tracing()


async def test_a_trials_row_has_the_memory_that_was_measured_before() -> None:
    events: Events = []
    stages: list[Any] = []

    async def commit(trial: Any) -> None:
        stages.extend(trial.stages)

    shared = context(Scripted("fine", "fine"), Ledger())
    peaks = {"a": {"words": 7.5}}
    await run_closed(shared, PLAN, 1, commit, events.append, peaks)
    assert [stage.client_peak_mb for stage in stages] == [7.5, None]
