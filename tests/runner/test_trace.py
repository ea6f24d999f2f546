"""The recorder that a pipeline of the user's own is handed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from liftlab.records import Attempt
from liftlab.runner.plan import PlannedTrial
from liftlab.runner.trace import Trace
from liftlab.settings import EndpointSettings


class Clock:
    """Moves when it is told."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def now_s(self) -> float:
        return self.at_s


class Ledger:
    def __init__(self, before: int = 0) -> None:
        self.before = before
        self.seq = 0

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def attempts_before(self, case_id: str, repeat: int, stage: str) -> int:
        return self.before


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _trace(clock: Clock, before: int = 0) -> Trace:
    context: Any = SimpleNamespace(
        settings=EndpointSettings(name="e", base_url="http://here", model="m"),
        clock=clock,
        ledger=Ledger(before),
        run_id="r",
    )
    planned = PlannedTrial(case_id="add", repeat=2, prompt="")
    return Trace(context, planned, "pipeline", 0.0)


def _times(row: Attempt) -> tuple[Any, ...]:
    return row.called_s, row.sent_s, row.last_byte_s, row.ended_s


def test_it_knows_the_endpoint(clock: Clock) -> None:
    trace = _trace(clock)
    assert (trace.base_url, trace.model) == ("http://here", "m")


def test_a_trial_without_stages_is_one_with_one_attempt_of_no_number(clock: Clock) -> None:
    trace = _trace(clock)
    (whole,), unwritten, last = trace.closed(4.0, 7)
    assert (whole.name, whole.latency_s, whole.finished_s) == ("pipeline", 4.0, 4.0)
    (row,) = whole.attempts
    assert _times(row) == (0.0, 0.0, 4.0, 4.0)
    assert (row.attempt, row.output_tokens, row.transport_ok, row.valid) == (None, 7, True, True)
    assert (row.case_id, row.repeat, row.stage, row.endpoint) == ("add", 2, "pipeline", "e")
    assert unwritten == {row.seq}
    assert last is whole


def test_a_stage_that_is_entered_again_adds_to_its_time(clock: Clock) -> None:
    trace = _trace(clock)
    for name, begin, end in (("ir", 1.0, 3.0), ("code", 3.0, 4.0), ("ir", 5.0, 6.0)):
        clock.at_s = begin
        with trace.stage(name):
            clock.at_s = end
    stages, _, last = trace.closed(9.0, None)
    assert [(s.name, s.started_s, s.latency_s, s.finished_s) for s in stages] == [
        ("ir", 1.0, 3.0, 6.0),
        ("code", 3.0, 1.0, 4.0),
    ]
    assert last.name == "ir"
    # Nothing is known of attempts: each stage has one, of all its time.
    assert [_times(s.attempts[0]) for s in stages] == [(1, 1, 6, 6), (3, 3, 4, 4)]


def test_attempts_begin_where_the_one_before_ended(clock: Clock) -> None:
    trace = _trace(clock, before=3)
    clock.at_s = 1.0
    with trace.stage("code"):
        clock.at_s = 2.0
        trace.attempt(tokens=5)
        clock.at_s = 4.0
        trace.attempt(tokens=0, reason="does_not_parse")
    (stage,), unwritten, _ = trace.closed(5.0, 99)
    first, second = stage.attempts
    assert (_times(first), _times(second)) == ((1, 1, 2, 2), (2, 2, 4, 4))
    assert (first.attempt, second.attempt) == (4, 5)  # after those of a broken-off session
    assert (first.output_tokens, second.output_tokens) == (5, 0)
    assert (first.retry_reason, second.retry_reason) == (None, "does_not_parse")
    assert unwritten == {first.seq, second.seq}


def test_the_answer_s_tokens_are_the_last_attempt_s_where_it_has_none(clock: Clock) -> None:
    trace = _trace(clock)
    with trace.stage("code"):
        trace.attempt()
        trace.attempt()
    (stage,), _, _ = trace.closed(1.0, 42)
    assert [row.output_tokens for row in stage.attempts] == [None, 42]


def test_a_mark_adds_to_the_call_that_was_just_made(clock: Clock) -> None:
    trace = _trace(clock)
    stage, row = trace.begin("length")
    assert (row.retry_reason, row.request_id) == ("length", "r-1")
    clock.at_s = 2.0
    trace.end(stage, row)
    trace.attempt(tokens=9)
    trace.attempt(reason="x" * 200)  # of no call: an attempt of its own
    (whole,), unwritten, _ = trace.closed(3.0, None)
    called, marked = whole.attempts
    assert (called.seq, called.output_tokens, called.retry_reason) == (row.seq, 9, "length")
    assert (marked.attempt, marked.called_s, len(marked.retry_reason or "")) == (2, 2.0, 100)
    assert unwritten == {marked.seq}


def test_calls_outside_of_stages_are_a_stage_of_their_own_time(clock: Clock) -> None:
    from dataclasses import replace

    trace = _trace(clock)
    clock.at_s = 3.0
    with trace.stage("code"):
        clock.at_s = 4.0
    clock.at_s = 5.0
    stage, row = trace.begin()
    trace.end(stage, replace(row, sent_s=5.0, ended_s=6.5))
    stages, _, _ = trace.closed(9.0, None)
    assert [(s.name, s.started_s, s.latency_s, s.finished_s) for s in stages] == [
        ("code", 3.0, 1.0, 4.0),
        ("pipeline", 5.0, 1.5, 6.5),
    ]
    assert stages[0].attempts == []  # where calls are known, none is made up


def test_after_its_end_a_trial_takes_nothing(clock: Clock) -> None:
    trace = _trace(clock)
    stage, row = trace.begin()
    trace.closed(1.0, None)
    trace.end(stage, row)
    with pytest.raises(RuntimeError, match="its time was up"):
        trace.begin()


@pytest.mark.parametrize("name", ["", "x" * 101, None, 3])
def test_a_stage_has_a_name(clock: Clock, name: Any) -> None:
    with pytest.raises(ValueError, match="a name of up to 100"), _trace(clock).stage(name):
        pass
    with _trace(clock).stage("x" * 100):
        pass


@pytest.mark.parametrize("tokens", [-1, 1.5, "many", True])
def test_tokens_are_a_count(clock: Clock, tokens: Any) -> None:
    with pytest.raises(ValueError, match="a whole number from 0 on"):
        _trace(clock).attempt(tokens=tokens)
