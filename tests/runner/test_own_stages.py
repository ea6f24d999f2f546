"""Stages of the user's own: their work is seen, their exceptions and their limits are told."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pandas as pd

from liftlab.analysis.trust import work_warnings
from liftlab.endpoints.base import Sampling
from liftlab.pipeline.base import Prompt
from liftlab.pipeline.build import AdaptedStage, is_built_in
from liftlab.pipeline.direct import Code
from liftlab.records import as_row
from liftlab.runner import attempt
from liftlab.runner.attempt import Context
from liftlab.runner.trial import TrialDone, run_trial
from liftlab.sandbox import ParseReport
from liftlab.settings import StageSettings
from tests.runner.test_trial import PLANNED, Ledger, Scripted, Words, context


class Clock:
    """Says what time it is, as a test moves it on."""

    now_s = 0.0

    def perf_counter(self) -> float:
        return self.now_s


class Busy(Words):
    """Works for one second in `prompt`, and two in `parse`, while the sandbox works for four."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def prompt(self, request: str, values: Any) -> Prompt:
        self.clock.now_s += 1
        return Prompt(text=request, max_tokens=4096)

    def parse(self, reply: Any, values: Any, parse_source: Any) -> Any:
        self.clock.now_s += 2
        parse_source(b"x")
        return reply


def tried(shared: Context) -> TrialDone:
    return asyncio.run(run_trial(shared, PLANNED))


def test_work_in_a_stages_methods_is_timed_told_and_in_no_time(monkeypatch: Any) -> None:
    clock, notes = Clock(), list[str]()

    def parse_source(source: bytes) -> ParseReport:
        clock.now_s += 4
        return ParseReport(parsed=True)

    monkeypatch.setattr(attempt, "time", clock)
    shared = context(Scripted("word"), Ledger(), Busy(clock), note=notes.append)
    done = tried(replace(shared, parse_source=parse_source))
    (stage,) = done.stages
    assert (stage.work_s, stage.latency_s, stage.client_s) == (3, 2, 0)
    told = "prompt() and parse() of words took 3.0 s: no time of the run has that in it"
    assert told in notes
    assert work_warnings(pd.DataFrame([as_row(stage)])) == [told]


def test_a_limit_of_tokens_that_is_cut_is_told() -> None:
    notes: list[str] = []
    endpoint = Scripted("word")
    tried(context(endpoint, Ledger(), Busy(Clock()), note=notes.append))
    assert endpoint.requests[0].sampling.max_tokens == 128
    assert notes == [
        "words asks for up to 4,096 tokens and gets 128: set max_tokens in [stages.words]"
    ]


def test_a_table_says_how_a_stage_is_asked() -> None:
    notes: list[str] = []
    table = StageSettings(max_tokens=256, attempts=5)
    stage = AdaptedStage("words", table, Busy(Clock()))
    endpoint = Scripted("word")
    shared = context(endpoint, Ledger(), stage, note=notes.append)
    other = shared.settings.model_copy(update={"name": "other"})
    elsewhere = replace(shared, sampling=Sampling(max_tokens=256), settings=other)
    done = tried(replace(shared, elsewhere={"words": elsewhere}))
    assert (stage.attempts, endpoint.requests[0].sampling.max_tokens, notes) == (5, 256, [])
    assert done.attempts[0].endpoint == "other"
    assert is_built_in(AdaptedStage("code", table, Code()))
    assert not is_built_in(stage)


class Broken(Words):
    def prompt(self, request: str, values: Any) -> Prompt:
        return Prompt(text=values["no_such_stage"])


class BrokenLater(Words):
    def parse(self, reply: Any, values: Any, parse_source: Any) -> Any:
        return reply["no"]["such"]["key"]


def test_an_exception_in_a_stage_is_its_trials_error_and_is_not_asked_again() -> None:
    for stage, attempts, said in (
        (Broken(), 0, "KeyError: 'no_such_stage' (test_own_stages.py:"),
        (BrokenLater(), 1, "KeyError: 'no' (test_own_stages.py:"),
    ):
        ledger = Ledger()
        done = tried(context(Scripted({"value": {}}), ledger, stage))
        assert (done.stages[0].error_class, len(done.attempts)) == ("pipeline_error", attempts)
        assert json.loads(ledger.kept[-1])["message"].startswith(said)
