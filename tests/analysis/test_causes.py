"""The steps that a step is compared with, and what each cause of a slow one holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from liftlab.analysis.causes import Peers
from liftlab.analysis.slow_steps import SlowStep, slow_steps


def medians(cases: list[int], counts: list[int], values: list[float]) -> list[float]:
    index = np.array(cases)
    usable = np.ones(len(cases), dtype=bool)
    peers = Peers(index, max(cases) + 1, usable, np.array(counts, dtype=float))
    return list(peers.medians(np.array(values)))


def test_a_case_with_three_repeats_is_compared_with_itself() -> None:
    found = medians([0, 0, 0, 1, 1, 1], [1] * 6, [1, 2, 9, 10, 20, 90])
    assert found == [2, 2, 2, 20, 20, 20]


def test_with_fewer_repeats_all_are_peers() -> None:
    assert medians([0, 0, 1, 1], [1] * 4, [1, 2, 3, 90]) == [2.5] * 4


@pytest.mark.parametrize(("single", "expected"), [(3, 2.0), (2, 3.0)])
def test_only_three_or_more_single_attempts_stand_for_their_case(
    single: int, expected: float
) -> None:
    counts = [1] * single + [2] * (5 - single)
    assert medians([0] * 5, counts, [1, 2, 3, 40, 50])[0] == expected


@pytest.mark.parametrize(("single", "expected"), [(3, 2.0), (2, 3.0)])
def test_only_three_or_more_single_attempts_stand_for_all(single: int, expected: float) -> None:
    counts = [1] * single + [2] * (5 - single)
    assert medians([0, 1, 2, 3, 4], counts, [1, 2, 3, 40, 50])[0] == expected


def test_two_steps_are_too_few() -> None:
    assert np.isnan(medians([0, 1], [1, 1], [1, 2])).all()


def test_what_is_unknown_is_nobodys_peer() -> None:
    assert medians([0, 1, 2, 3], [1] * 4, [1, 2, 3, float("nan")]) == [2.0] * 4


class Steps:
    """Steps of one stage, one every 100 s; an attempt takes 4 s, and more as it is told."""

    def __init__(self) -> None:
        self.stages: list[dict[str, Any]] = []
        self.attempts: list[dict[str, Any]] = []

    def add(self, case: str, *tries: dict[str, Any], repeat: int = 1) -> None:
        clock = start = 100.0 * len(self.stages)
        for number, told in enumerate(tries, 1):
            one = {"case_id": case, "repeat": repeat, "stage": "code", "attempt": number}
            one |= {"phase": "measure", "seq": len(self.attempts), "output_tokens": 100}
            one |= {"prompt_tokens": 200.0, "cached_tokens": 0.0} | told
            sent = clock + one.get("backoff_before_s", 0.0)
            first, clock = one.pop("first", None), sent + one.pop("took", 4.0)
            times = {"sent_s": sent, "last_byte_s": clock, "server_s": clock - sent}
            times["first_token_s"] = None if first is None else sent + first
            self.attempts.append(times | one)
        whole = {"latency_s": clock - start, "attempts": len(tries), "started_s": start}
        self.stages.append({"case_id": case, "repeat": repeat, "stage": "code"} | whole)

    def slow(self, trials: pd.DataFrame | None = None) -> list[SlowStep]:
        frames = (pd.DataFrame(self.stages), pd.DataFrame(self.attempts))
        return list(slow_steps(pd.DataFrame() if trials is None else trials, *frames))


def _usual(number: int) -> dict[str, Any]:
    """Return an attempt whose output tokens cost 40 ms each, and all of its time."""
    return {"took": 0.04 * (100 + number), "output_tokens": 100 + number}


def odd(*tries: dict[str, Any], peers: dict[str, Any] | None = None) -> SlowStep:
    """Return the one slow step among nine that are alike."""
    steps = Steps()
    for number in range(9):
        steps.add(f"case{number}", _usual(number) | (peers or {}))
    steps.add("odd", *tries)
    (step,) = steps.slow()
    assert step.case_id == "odd"
    return step


LATE = {"took": 14.0, "prefill_s": 11.0}
UNKNOWN = {"cached_tokens": np.nan}
MOST_CACHED = {"prefill_s": 1.0, "prompt_tokens": 2000.0, "cached_tokens": 1800.0}


@pytest.mark.parametrize(
    ("told", "peers", "cause"),
    [
        ({"compile_s": 9.0, "took": 13.0}, {}, "schema_compile"),
        # What a server told that it took over a prompt is put down to its cache or its length.
        (LATE, {"prefill_s": 1.0}, "prefill"),
        (LATE | {"prompt_tokens": 2000.0}, {"prefill_s": 1.0}, "longer_prompt"),
        (LATE | {"prompt_tokens": 2000.0}, MOST_CACHED, "uncached_prompt"),
        (LATE | MOST_CACHED | {"prefill_s": 11.0}, MOST_CACHED, "prefill"),
        # Where it does not tell what it had cached, the length may explain it, or else the cache.
        (LATE | UNKNOWN | {"prompt_tokens": 2000.0}, UNKNOWN | {"prefill_s": 1.0}, "longer_prompt"),
        (LATE | UNKNOWN, UNKNOWN | {"prefill_s": 1.0}, "uncached_prompt"),
        (
            LATE | UNKNOWN | {"prompt_tokens": 1100.0},
            UNKNOWN | {"prefill_s": 1.0},
            "uncached_prompt",
        ),
        (LATE | UNKNOWN | {"prompt_tokens": 1300.0}, UNKNOWN | {"prefill_s": 1.0}, "longer_prompt"),
        (
            LATE | UNKNOWN | {"prompt_tokens": np.nan},
            UNKNOWN | {"prefill_s": 1.0, "prompt_tokens": np.nan},
            "prefill",
        ),
    ],
)
def test_a_measured_time_has_its_cause(
    told: dict[str, Any], peers: dict[str, Any], cause: str
) -> None:
    step = odd(told, peers=peers)
    assert step.main_cause == cause
    assert step.seconds(cause) == pytest.approx(step.excess_s)


def test_attempts_in_vain_are_retries_and_the_last_reason_is_told() -> None:
    step = odd({}, {"retry_reason": "http_429"}, {"retry_reason": "timeout"})
    assert (step.main_cause, step.retries, step.retry_reason) == ("retry", 2, "timeout")
    assert step.seconds("retry") == pytest.approx(step.excess_s)
    step = odd({}, {"retry_reason": "http_429"}, {"retry_reason": None})
    assert (step.retries, step.retry_reason) == (2, "http_429")


def test_connecting_again_is_a_cause_and_the_first_connection_is_of_the_attempt() -> None:
    step = odd({}, {"dns_s": 2.0, "tcp_s": 3.0, "took": 4.0})
    assert step.seconds("connect") == pytest.approx(step.excess_s)
    assert odd({"dns_s": 9.0, "took": 13.0}).seconds("connect") == 0


def test_where_only_a_count_is_known_a_retry_costs_a_usual_attempt() -> None:
    stages = [
        {"case_id": f"c{number}", "repeat": 1, "stage": "code", "latency_s": 4.0, "attempts": 1}
        for number in range(9)
    ]
    stages.append(stages[0] | {"case_id": "odd", "latency_s": 14.0, "attempts": 3})
    (step,) = slow_steps(pd.DataFrame(), pd.DataFrame(stages), pd.DataFrame())
    assert (step.seconds("retry"), step.unexplained_s, step.retries) == (8.0, 2.0, 2)


@pytest.mark.parametrize(
    ("first", "prompt", "probably"),
    [
        (9.3, 2000.0, "uncached_prompt"),  # most of it passed before the first token
        (8.7, 2000.0, ""),
        (9.3, 1100.0, "uncached_prompt"),
        (9.3, 900.0, ""),  # dearer than a prompt token can be
        (9.3, np.nan, ""),
    ],
)
def test_a_late_first_token_is_probably_a_prompt_that_was_not_cached(
    first: float, prompt: float, probably: str
) -> None:
    peers = UNKNOWN | {"first": 1.0, "prompt_tokens": prompt}
    told = UNKNOWN | {"took": 14.0, "first": first, "prompt_tokens": prompt}
    step = odd(told, peers=peers)
    assert (step.main_cause, step.probably) == ("unexplained", probably)
    assert step.beyond_chance is (not probably)


@pytest.mark.parametrize(("repeat", "probably"), [(1, "uncached_prompt"), (2, "")])
def test_the_first_request_of_a_case_that_repeats_had_probably_nothing_cached(
    repeat: int, probably: str
) -> None:
    steps = Steps()
    for number in range(8):
        for again in (1, 2):
            told = _usual(number) | UNKNOWN | {"prompt_tokens": 2000.0}
            late = {"took": 14.0} if (number, again) == (3, repeat) else {}
            steps.add(f"case{number}", told | late, repeat=again)
    (step,) = steps.slow()
    assert (step.case_id, step.repeat, step.probably) == ("case3", repeat, probably)
    order = [dict(row, started_s=None) for row in steps.stages]  # then by the number of the repeat
    steps.stages = order
    assert [step.probably for step in steps.slow()] == [probably]


def test_a_source_that_knows_trials_only_may_flag_a_cold_start() -> None:
    cases = [f"c{number}" for number in range(9)]
    stages = pd.DataFrame({"case_id": cases, "repeat": 1, "stage": "code", "latency_s": 4.0})
    stages.loc[4, "latency_s"] = 40.0
    trials = pd.DataFrame({"case_id": cases, "repeat": 1, "cold": [name == "c4" for name in cases]})
    (step,) = slow_steps(trials, stages, pd.DataFrame())
    assert (step.case_id, step.probably) == ("c4", "cold_start")
    (step,) = slow_steps(trials.assign(cold=False), stages, pd.DataFrame())
    assert step.probably == ""
