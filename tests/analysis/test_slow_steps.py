from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from liftlab.analysis.causes import CAUSES
from liftlab.analysis.slow_steps import SlowStep, SlowSteps, slow_steps

NOTHING = pd.DataFrame()
PUBLISHED = {
    "add_numbers": (4.12, 1),
    "multiply": (4.19, 1),
    "string_length": (4.16, 1),
    "max_of_two": (19.77, 3),
    "is_even": (17.08, 2),
}


def stage_rows(rows: dict[str, tuple[float, int | None]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "run_id": "r",
                "case_id": c,
                "repeat": 1,
                "stage": "code",
                "latency_s": y,
                "attempts": k,
            }
            for c, (y, k) in rows.items()
        ]
    )


class Records:
    """Builds stage and attempt rows for one stage; 0.6 s and 28 ms a token, 5 % noise."""

    def __init__(self, seed: int = 1) -> None:
        self.rng = np.random.default_rng(seed)
        self.stages: list[dict[str, Any]] = []
        self.attempts: list[dict[str, Any]] = []

    def add(self, case: str, repeat: int = 1, tokens: int = 100, **planted: Any) -> None:
        tries = planted.get("tries", 1)
        clock = start = 100.0 * len(self.stages)
        for number in range(1, tries + 1):
            backoff = planted.get("backoff", 0.0) if number > 1 else 0.0
            clock += backoff
            prompt, cached = planted.get("prompt", 100), planted.get("cached", 0)
            prefill = 0.004 * (prompt - cached)
            service = (0.6 + 0.028 * tokens + prefill) * self.rng.lognormal(0, 0.05)
            spans = {name: planted.get(name, 0.0) for name in ("queue_s", "cold_s")}
            if number > 1:
                spans = dict.fromkeys(spans, 0.0)
            stalls = ("stall", "gap", "server_stall")
            stall = sum(planted.get(name, 0.0) for name in stalls) if number == tries else 0.0
            first_byte = clock + sum(spans.values()) + 0.9 * service
            ended = clock + service + sum(spans.values()) + stall
            self.attempts.append(
                {
                    "run_id": "r",
                    "seq": len(self.attempts) + 1,
                    "case_id": case,
                    "repeat": repeat,
                    "stage": "code",
                    "attempt": number,
                    "phase": "measure",
                    "sent_s": clock,
                    "first_byte_s": first_byte,
                    "last_byte_s": ended,
                    "output_tokens": tokens,
                    "prompt_tokens": prompt,
                    "cached_tokens": cached,
                    "prefill_s": prefill,
                    "server_s": service + planted.get("server_stall", 0.0),
                    "max_gap_s": 0.01 + (planted.get("gap", 0.0) if number == tries else 0.0),
                    "backoff_before_s": backoff,
                    "retry_reason": "http_429" if number > 1 else None,
                    "cold": spans["cold_s"] > 0,
                    "abandoned": False,
                    **spans,
                }
            )
            clock = ended
        self.stages.append(
            {
                "run_id": "r",
                "case_id": case,
                "repeat": repeat,
                "stage": "code",
                "latency_s": clock - start,
                "attempts": tries,
            }
        )

    def slow(self, without: Sequence[str] = ("prefill_s",), **options: Any) -> SlowSteps:
        attempts = pd.DataFrame(self.attempts).drop(columns=list(without))
        return slow_steps(NOTHING, pd.DataFrame(self.stages), attempts, **options)


def planted(without: Sequence[str] = ("prefill_s",), **what: Any) -> SlowSteps:
    records = Records()
    for index in range(19):
        records.add(f"case{index}", tokens=60 + 5 * index, prompt=50 + 40 * (index % 5))
    records.add("odd", **what)
    return records.slow(without)


def only(found: SlowSteps) -> SlowStep:
    (step,) = found
    return step


def check_sums(found: SlowSteps) -> None:
    """Causes and what is unexplained sum to the excess, and none is negative."""
    steps = found.steps
    parts = steps[[*CAUSES, "unexplained_s"]]
    assert (parts.to_numpy() >= 0).all()
    assert parts.sum(axis=1).tolist() == pytest.approx(steps["excess_s"].tolist())
    assert (steps["excess_s"] > 0).all()
    assert sum(found.counts().values()) == len(found)


@pytest.mark.parametrize("attempts", [NOTHING, pd.DataFrame(columns=["seq"])])
def test_the_published_day(attempts: pd.DataFrame) -> None:
    found = slow_steps(NOTHING, stage_rows(PUBLISHED), attempts, pooled=True)
    failed, even = found
    assert (even.case_id, even.took_s, even.retries) == ("is_even", 17.08, 1)
    assert even.excess_s == pytest.approx(12.92)
    assert even.seconds("retry") == pytest.approx(4.16)
    assert even.unexplained_s == pytest.approx(8.76)
    assert failed.seconds("retry") == pytest.approx(8.32)
    assert failed.unexplained_s == pytest.approx(7.29)
    assert found.counts() == {"retry": 1, "unexplained": 1}
    assert found.beyond_chance["advice"].tolist() == ["record_attempts"] * 2
    check_sums(found)


def test_nothing_slow_is_an_empty_list() -> None:
    assert (len(planted()), planted().total) == (0, 20)
    nothing = slow_steps(NOTHING, NOTHING, NOTHING)
    assert (len(nothing), nothing.total, nothing.counts()) == (0, 0, {})
    assert set(nothing.steps.columns) == set(planted(queue_s=9.0).steps.columns)
    assert nothing.beyond_chance.empty


@pytest.mark.parametrize(
    ("what", "cause"),
    [
        ({"queue_s": 12.0}, "queue"),
        ({"cold_s": 30.0}, "cold_start"),
        ({"tries": 3}, "retry"),
        ({"tries": 2, "backoff": 20.0}, "back_off"),
        ({"stall": 12.0}, "unexplained"),
        ({"tokens": 140, "stall": 12.0}, "unexplained"),
        ({"server_stall": 12.0}, "unexplained"),  # that the server took longer is no cause
        ({"gap": 12.0}, "stall"),
        ({"tokens": 900}, "longer_answer"),
    ],
)
def test_a_planted_cause_is_found(what: dict[str, Any], cause: str) -> None:
    step = only(found := planted(**what))
    assert (step.case_id, step.main_cause) == ("odd", cause)
    assert found.counts() == {cause: 1}
    assert step.beyond_chance == (cause == "unexplained")
    assert step.advice == ("investigate" if cause == "unexplained" else "")
    check_sums(found)


@pytest.mark.parametrize(
    ("without", "what", "cause"),
    [
        (("backoff_before_s",), {"tries": 2, "backoff": 20.0}, "back_off"),
        (("queue_s",), {"queue_s": 12.0}, "queue"),
        (("cold_s",), {"cold_s": 30.0}, "cold_start"),
        (("queue_s", "server_s"), {"queue_s": 12.0}, "unexplained"),
        (("max_gap_s", "server_s"), {"gap": 12.0}, "unexplained"),
        (("output_tokens",), {"gap": 12.0}, "stall"),
        (("output_tokens", "prompt_tokens"), {"tries": 3}, "retry"),
        (("output_tokens",), {"stall": 12.0}, "unexplained"),
        (("prompt_tokens",), {"tokens": 900}, "longer_answer"),
        (("first_byte_s", "seq"), {"queue_s": 12.0}, "queue"),
    ],
)
def test_a_column_less_is_a_cause_less_at_most(
    without: tuple[str, ...], what: dict[str, Any], cause: str
) -> None:
    found = planted((*without, "prefill_s"), **what)
    assert [step.main_cause for step in found if step.case_id == "odd"] == [cause]
    check_sums(found)


def cached_run(odd: dict[str, int], repeats: int = 2) -> Records:
    records = Records()
    for repeat in range(1, repeats + 1):
        for index in range(20):
            prompt = 1000 + 200 * index
            records.add(f"case{index}", repeat, prompt=prompt, cached=prompt - 50)
    records.add("odd", tokens=100, **odd)
    return records


def test_a_prompt_that_was_not_cached_is_named() -> None:
    """Measured where the server tells what it took; else probable, and never beyond chance."""
    records = cached_run({"prompt": 3000, "cached": 0})
    told = only(records.slow(()))
    assert told.main_cause == "uncached_prompt"
    assert told.seconds("uncached_prompt") == pytest.approx(12, abs=1.5)
    step = only(found := records.slow())
    assert (step.main_cause, step.probably) == ("unexplained", "uncached_prompt")
    assert (step.beyond_chance, step.advice) == (False, "")
    assert found.counts() == {"unexplained": 1}


def test_a_long_prompt_is_not_one_that_was_not_cached() -> None:
    records = cached_run({"prompt": 60_000, "cached": 58_800})
    assert only(records.slow(())).main_cause == "longer_prompt"


def test_what_uncached_tokens_cost_is_fitted_where_enough_were_not_cached() -> None:
    records = Records()
    for index in range(40):
        cached = 0 if index % 5 == 0 else 1900
        records.add(f"case{index}", prompt=2000, cached=cached, tokens=80 + index)
    found = records.slow()
    assert found.counts() == {"uncached_prompt": 8}
    assert found.beyond_chance.empty
    check_sums(found)


def test_a_wait_that_all_had_explains_nobody() -> None:
    records = Records()
    for index in range(19):
        records.add(f"case{index}", queue_s=10.0)
    records.add("odd", queue_s=10.0, gap=20.0)
    assert only(records.slow()).seconds("queue") == pytest.approx(0)


def test_what_is_under_the_timing_uncertainty_is_no_cause() -> None:
    records = Records()
    for index in range(19):
        records.add(f"case{index}")
    records.add("odd", tries=2, queue_s=0.3)
    assert only(records.slow()).seconds("queue") == pytest.approx(0.3)
    step = only(found := records.slow(uncertainty_s=0.4))
    assert step.seconds("queue") == 0
    check_sums(found)
    records.attempts[-2]["queue_s"] = 0.005  # nor what is lost in the excess
    assert only(records.slow()).seconds("queue") == 0


def test_a_failed_attempt_without_an_end_lasted_until_the_next_was_prepared() -> None:
    records = Records()
    for index in range(19):
        records.add(f"case{index}")
    records.add("odd", tries=2, backoff=3.0)
    before = only(records.slow()).parts
    records.attempts[-2].update(last_byte_s=None, ended_s=records.attempts[-2]["last_byte_s"])
    assert only(records.slow()).parts == before
    records.attempts[-2]["ended_s"] = None
    assert {part.cause for part in only(records.slow()).parts} >= {"retry", "back_off"}


def test_an_attempt_on_a_stale_connection_is_no_retry() -> None:
    records = Records()
    for index in range(19):
        records.add(f"case{index}")
    records.add("odd", tries=2)
    records.attempts[-2]["error_class"] = "stale_connection"
    step = only(records.slow())
    assert (step.main_cause, step.retries) == ("connect", 0)


def test_a_cold_start_that_is_only_flagged_is_probable() -> None:
    step = only(planted(("cold_s", "server_s", "prefill_s"), cold_s=30.0))
    assert (step.main_cause, step.probably) == ("unexplained", "cold_start")
    assert not step.beyond_chance


def test_waits_that_overlap_sum_to_no_more_than_the_attempt() -> None:
    assert only(planted(queue_s=12.0, cold_s=30.0)).main_cause == "cold_start"
    records = Records()
    for index in range(19):
        records.add(f"case{index}")
    records.add("odd", cold_s=30.0, queue_s=1.0)
    records.attempts[-1]["queue_s"] = 31.0  # a source that counts the start as queue, too
    found = records.slow()
    assert only(found).main_cause == "cold_start"
    check_sums(found)


def test_a_retry_and_a_stall_are_told_apart() -> None:
    step = only(planted(tries=2, stall=12.0))
    assert (step.main_cause, step.beyond_chance, step.retry_reason) == (
        "unexplained",
        True,
        "http_429",
    )
    assert step.seconds("retry") == pytest.approx(3.8, abs=0.5)
    assert step.unexplained_s == pytest.approx(12, abs=1)


def test_a_transport_that_failed_in_passing_is_back_off_cold_start_and_retry() -> None:
    """A refusal while a container starts, a broken connection, then the answer."""
    records = Records()
    for index in range(19):
        records.add(f"case{index}", tokens=60 + 5 * index)
    records.add("odd", tries=3, backoff=6.0)
    refused, broken, _ = (row for row in records.attempts if row["case_id"] == "odd")
    for row in (refused, broken):
        row |= {"last_byte_s": None, "output_tokens": None, "transport_ok": False}
        row["ended_s"] = row["sent_s"] + 2.0
    refused |= {"cold": True, "cold_s": 2.0}
    step = only(records.slow())
    assert step.seconds("back_off") == pytest.approx(12.0)
    assert step.seconds("cold_start") == pytest.approx(2.0)
    assert step.seconds("retry") == pytest.approx(2.0)


def test_peers_are_the_cases_own_repeats() -> None:
    records = Records()
    for repeat in range(1, 6):
        records.add("easy", repeat, tokens=40)
        records.add("hard", repeat, tokens=400)
    assert len(records.slow()) == 0
    records.add("easy", 6, tokens=40, queue_s=5.0)
    step = only(records.slow())
    assert (step.case_id, step.repeat, step.main_cause) == ("easy", 6, "queue")
    assert step.usual_s == pytest.approx(0.6 + 0.028 * 40 + 0.004 * 100, rel=0.1)


def test_a_step_that_is_slow_for_its_tokens_only_is_on_the_list() -> None:
    records = Records()
    for index in range(30):
        records.add(f"case{index}", tokens=100 + 10 * index)
    records.add("odd", tokens=20, stall=3.0)
    (step,) = (step for step in records.slow() if step.case_id == "odd")
    assert step.beyond_chance
    assert step.took_s < 1.5 * float(pd.DataFrame(records.stages)["latency_s"].median())
    assert step.unexplained_s == step.excess_s == pytest.approx(3, abs=0.3)


def test_a_case_slow_by_nature_is_not_beyond_chance() -> None:
    records = Records()
    for repeat in (1, 2):
        for index in range(20):
            records.add(
                f"case{index}", repeat, tokens=100 + index, prompt=1000 if index == 7 else 100
            )
    for row in records.attempts:
        row["prompt_tokens"] = 100
    found = records.slow()
    assert {step.case_id for step in found} == {"case7"}
    assert found.beyond_chance.empty


def test_steps_that_ended_without_an_answer_are_left_out() -> None:
    records = Records()
    for index in range(19):
        records.add(f"case{index}")
    records.add("odd", gap=12.0)
    trials = pd.DataFrame(
        [{"case_id": row["case_id"], "repeat": 1, "outcome": "pass"} for row in records.stages]
    )
    attempts = pd.DataFrame(records.attempts)
    assert len(slow_steps(trials, pd.DataFrame(records.stages), attempts)) == 1
    trials.loc[19, "outcome"] = "error"
    stages = pd.DataFrame(records.stages)
    stages.loc[stages["case_id"] == "odd", "error_class"] = "http_5xx"
    found = slow_steps(trials, stages, attempts)
    assert (len(found), found.total) == (0, 19)


def test_warm_up_and_abandoned_attempts_are_passed_over() -> None:
    records = Records()
    for index in range(10):
        records.add(f"case{index}")
    records.add("odd", tries=3)
    lost = {**records.attempts[-1], "seq": 900, "abandoned": True, "last_byte_s": None}
    warm = {**records.attempts[-1], "seq": 901, "phase": "warmup", "case_id": None, "repeat": None}
    before = list(records.slow())
    records.attempts += [lost, warm]
    assert list(records.slow()) == before


def test_advice_asks_for_what_is_not_recorded_only() -> None:
    assert only(planted(stall=12.0)).advice == "investigate"
    without = ("server_s", "prefill_s")
    assert only(planted(without, stall=12.0)).advice == "record_server_times"
    rows: dict[str, tuple[float, int | None]] = {f"case{i}": (4.0 + i / 100, 1) for i in range(9)}
    stages = stage_rows({**rows, "odd": (30.0, 1)})
    assert only(slow_steps(NOTHING, stages, NOTHING)).advice == ""  # could not be judged
    assert only(slow_steps(NOTHING, stages, NOTHING, pooled=True)).advice == "record_attempts"
