from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from liftlab.analysis.explain import Explanation, explain

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
            prompt = planted.get("prompt", 100)
            service = (0.6 + 0.028 * tokens + 0.004 * prompt) * self.rng.lognormal(0, 0.05)
            spans = {name: planted.get(name, 0.0) for name in ("queue_s", "cold_s")}
            if number > 1:
                spans = dict.fromkeys(spans, 0.0)
            stalls = ("stall", "gap", "server_stall")
            stall = sum(planted.get(name, 0.0) for name in stalls) if number == 1 else 0.0
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
                    "server_s": service + planted.get("server_stall", 0.0),
                    "max_gap_s": 0.01 + planted.get("gap", 0.0),
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

    def explain(self, without: Sequence[str] = ()) -> list[Explanation]:
        attempts = pd.DataFrame(self.attempts).drop(columns=list(without))
        return explain(NOTHING, pd.DataFrame(self.stages), attempts)


def planted(without: Sequence[str] = (), **what: Any) -> list[Explanation]:
    records = Records()
    for index in range(19):
        records.add(f"case{index}", tokens=60 + 5 * index, prompt=50 + 40 * (index % 5))
    records.add("odd", **what)
    return records.explain(without)


@pytest.mark.parametrize("attempts", [NOTHING, pd.DataFrame(columns=["seq"])])
def test_the_published_day(attempts: pd.DataFrame) -> None:
    failed, even = explain(NOTHING, stage_rows(PUBLISHED), attempts)
    assert str(even) == (
        "is_even: 12.9 s over its peers; a retry accounts for 4.2 s; "
        "8.8 s unexplained: record tokens per attempt."
    )
    assert even.verdict == failed.verdict == "partly_explained"
    assert even.parts[0].seconds / even.excess_s == pytest.approx(0.32, abs=0.005)
    assert even.unexplained_s == pytest.approx(8.76)
    assert failed.parts[0].seconds == pytest.approx(8.32)
    assert failed.parts[0].count == 2
    assert failed.unexplained_s == pytest.approx(7.29)
    assert failed.parts[0].seconds / failed.excess_s == pytest.approx(0.53, abs=0.005)


def test_attempt_rows_without_times_change_nothing() -> None:
    attempts = pd.DataFrame(
        [
            {"run_id": "r", "seq": seq, "case_id": case, "repeat": 1, "stage": "code", "attempt": n}
            for seq, (case, n) in enumerate(
                (case, n) for case, (_, count) in PUBLISHED.items() for n in range(1, count + 1)
            )
        ]
    )
    with_rows = explain(NOTHING, stage_rows(PUBLISHED), attempts)
    assert with_rows == explain(NOTHING, stage_rows(PUBLISHED), NOTHING)


def test_nothing_slow_needs_no_explanation() -> None:
    assert planted() == []
    assert explain(NOTHING, NOTHING, NOTHING) == []


@pytest.mark.parametrize(
    ("what", "cause"),
    [
        ({"queue_s": 12.0}, "queue"),
        ({"cold_s": 30.0}, "cold start"),
        ({"tries": 3}, "retry: http_429"),
        ({"tries": 2, "backoff": 20.0}, "back-off"),
        ({"stall": 12.0}, "unexplained"),
        ({"tokens": 140, "stall": 12.0}, "unexplained"),
        ({"gap": 12.0}, "server stall"),
        ({"server_stall": 12.0}, "server stall"),
        ({"prompt": 3000}, "prompt tokens"),
    ],
)
def test_a_planted_cause_is_found(what: dict[str, Any], cause: str) -> None:
    (found,) = planted(**what)
    assert found.case_id == "odd"
    assert found.main_cause == cause
    assert found.verdict == ("unexplained" if cause == "unexplained" else "explained")
    total = sum(part.seconds for part in found.parts) + found.unexplained_s
    assert total == pytest.approx(found.excess_s)


@pytest.mark.parametrize(
    ("without", "what", "cause"),
    [
        (("backoff_before_s",), {"tries": 2, "backoff": 20.0}, "back-off"),
        (("queue_s",), {"queue_s": 12.0}, "queue"),
        (("cold_s",), {"cold_s": 30.0}, "cold start"),
        (("queue_s", "server_s"), {"queue_s": 12.0}, "unexplained"),
        (("max_gap_s", "server_s"), {"gap": 12.0}, "unexplained"),
        (("max_gap_s",), {"gap": 12.0}, "unexplained"),  # the server's own time is in order
        (("output_tokens",), {"gap": 12.0}, "server stall"),
        (("output_tokens", "prompt_tokens"), {"tries": 3}, "retry: http_429"),
        (("output_tokens",), {"stall": 12.0}, "unexplained"),
        (("prompt_tokens",), {"tokens": 900}, "output tokens"),
        (("first_byte_s", "seq"), {"queue_s": 12.0}, "queue"),
    ],
)
def test_a_column_less_is_a_cause_less_at_most(
    without: tuple[str, ...], what: dict[str, Any], cause: str
) -> None:
    found = planted(without, **what)
    assert [each.main_cause for each in found if each.case_id == "odd"] == [cause]


def test_a_failed_attempt_without_an_end_lasted_until_the_next_was_prepared() -> None:
    records = Records()
    for index in range(19):
        records.add(f"case{index}")
    records.add("odd", tries=2, backoff=3.0)
    before = records.explain()
    records.attempts[-2].update(last_byte_s=None, ended_s=records.attempts[-2]["last_byte_s"])
    assert [each.parts for each in records.explain()] == [each.parts for each in before]
    records.attempts[-2]["ended_s"] = None
    (found,) = records.explain()
    assert found.verdict == "explained"
    assert {part.cause for part in found.parts} >= {"retry: http_429", "back-off"}


def test_cold_starts_that_are_only_flagged_are_known_by_what_they_share() -> None:
    records = Records()
    for index in range(18):
        records.add(f"case{index}")
    for index in range(2):
        records.add(f"odd{index}", cold_s=30.0)
    bare = ("cold_s", "server_s")
    assert [each.main_cause for each in records.explain(bare)] == ["cold start"] * 2
    (lone,) = planted(bare, cold_s=30.0)
    assert lone.verdict == "attributed_not_tested"


def test_waits_that_overlap_sum_to_no_more_than_the_attempt() -> None:
    (found,) = planted(queue_s=12.0, cold_s=30.0)
    assert found.main_cause == "cold start"
    records = Records()
    for index in range(19):
        records.add(f"case{index}")
    records.add("odd", cold_s=30.0, queue_s=1.0)
    records.attempts[-1]["queue_s"] = 31.0  # a source that counts the start as queue, too
    (found,) = records.explain()
    assert found.main_cause == "cold start"
    assert sum(part.seconds for part in found.parts) <= found.excess_s + 1


def test_a_long_answer_is_an_extrapolation() -> None:
    (found,) = planted(tokens=900)
    assert found.verdict == "explained_by_extrapolation"
    assert "untested" in str(found)


def test_a_retry_and_a_stall_are_told_apart() -> None:
    (found,) = planted(tries=2, stall=12.0)
    assert found.verdict == "unexplained"
    assert {part.cause for part in found.parts} >= {"retry: http_429"}
    assert found.unexplained_s == pytest.approx(12, abs=1)


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
    (found,) = records.explain()
    parts = {part.cause: part.seconds for part in found.parts}
    assert parts["back-off"] == pytest.approx(12.0)
    assert parts["cold start"] == pytest.approx(2.0)
    assert parts["retry: http_429"] == pytest.approx(2.0)
    assert "output tokens" in parts


def test_peers_are_the_cases_own_repeats() -> None:
    records = Records()
    for repeat in range(1, 6):
        records.add("easy", repeat, tokens=40)
        records.add("hard", repeat, tokens=400)
    assert records.explain() == []
    records.add("easy", 6, tokens=40, queue_s=5.0)
    (found,) = records.explain()
    assert (found.case_id, found.repeat, found.main_cause) == ("easy", 6, "queue")
    assert found.typical_s == pytest.approx(0.6 + 0.028 * 40 + 0.004 * 100, rel=0.1)


def test_warm_up_and_abandoned_attempts_are_passed_over() -> None:
    records = Records()
    for index in range(10):
        records.add(f"case{index}")
    records.add("odd", tries=3)
    lost = {**records.attempts[-1], "seq": 900, "abandoned": True, "last_byte_s": None}
    warm = {**records.attempts[-1], "seq": 901, "phase": "warmup", "case_id": None, "repeat": None}
    before = records.explain()
    records.attempts += [lost, warm]
    assert records.explain() == before


def test_a_lone_flag_is_an_attribution() -> None:
    rows: dict[str, tuple[float, int | None]] = {f"case{i}": (4.0 + i / 100, 1) for i in range(5)}
    (found,) = explain(NOTHING, stage_rows({**rows, "odd": (8.1, 2)}), NOTHING)
    assert found.verdict == "attributed_not_tested"
    trials = pd.DataFrame(
        [{"case_id": case, "repeat": 1, "cold": case == "odd"} for case in [*rows, "odd"]]
    )
    (found,) = explain(trials, stage_rows({**rows, "odd": (30.0, 1)}), NOTHING)
    assert found.verdict == "attributed_not_tested"


def test_nothing_recorded_is_not_testable() -> None:
    rows: dict[str, tuple[float, int | None]] = {f"case{i}": (4.0, None) for i in range(5)}
    (found,) = explain(NOTHING, stage_rows({**rows, "odd": (30.0, None)}), NOTHING)
    assert found.verdict == "not_testable"
    assert str(found) == (
        "odd: 26.0 s over its peers; nothing about the cause was recorded: "
        "record attempts, and tokens per attempt."
    )


def test_a_slow_single_attempt_without_spans_is_unexplained() -> None:
    rows: dict[str, tuple[float, int | None]] = {f"case{i}": (4.0, 1) for i in range(5)}
    (found,) = explain(NOTHING, stage_rows({**rows, "odd": (30.0, 1)}), NOTHING)
    assert found.verdict == "unexplained"


def test_clean_runs_give_no_unexplained() -> None:
    found = 0
    for seed in range(30):
        records = Records(seed)
        for index in range(20):
            for repeat in (1, 2):
                records.add(f"case{index}", repeat, tokens=40 + 17 * index)
        found += any(each.verdict == "unexplained" for each in records.explain())
    assert found <= 1
