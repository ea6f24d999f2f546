"""Which attempts belong to a stage's rows, and what each of them spent its time on."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from liftlab.analysis.spans import Spans, attempts_of
from liftlab.records import Attempt

ROWS = pd.DataFrame({"case_id": ["a", "b", "a"], "repeat": [1, 1, 2], "stage": "code"})


def attempt(case_id: str, repeat: int, seq: int, number: int = 1, **more: object) -> dict:
    keys = {"case_id": case_id, "repeat": repeat, "seq": seq, "attempt": number, "stage": "code"}
    return keys | {"phase": "measure", "abandoned": False} | more


def test_every_row_has_its_attempts_in_order_the_first_row_too() -> None:
    attempts = pd.DataFrame(
        [
            attempt("a", 2, 5),
            attempt("b", 1, 3, 2),
            attempt("b", 1, 2, 1),
            attempt("a", 1, 1),
            attempt("a", 1, 4, 2, abandoned=True),
            attempt("a", 1, 6, phase="warmup"),
            attempt("a", 1, 7, stage="ir"),
            attempt("z", 1, 8),
        ]
    )
    kept, row = attempts_of(ROWS, attempts)
    assert kept["seq"].tolist() == [1, 2, 3, 5]
    assert row.tolist() == [0, 1, 1, 2]


def spans(*rows: dict) -> Spans:
    kept, row = attempts_of(ROWS, pd.DataFrame(rows))
    return Spans(kept, row, np.array([9.0, 8.0, 7.0]))


def test_two_attempts_are_apart_by_what_was_waited_before_the_second() -> None:
    found = spans(
        attempt("a", 1, 1, 1, sent_s=10.0, last_byte_s=12.0),
        attempt("a", 1, 2, 2, sent_s=15.0, last_byte_s=16.0, tcp_s=0.5, retry_reason="http_5xx"),
    )
    assert (found.first.tolist(), found.last.tolist()) == ([True, False], [False, True])
    assert found.backoff.tolist() == [0.0, 2.5]
    assert found.net.tolist() == [2.0, 1.0]


def test_an_attempt_without_an_end_lasted_until_the_next_was_prepared() -> None:
    found = spans(
        attempt("a", 1, 1, 1, sent_s=10.0),
        attempt("a", 1, 2, 2, sent_s=15.0, last_byte_s=16.0, tcp_s=0.5, backoff_before_s=1.0),
    )
    assert found.net.tolist() == [3.5, 1.0]


def test_a_row_whose_only_attempt_has_no_times_took_its_latency() -> None:
    found = spans(attempt("a", 1, 1), attempt("b", 1, 2, sent_s=1.0, last_byte_s=3.0))
    assert found.net.tolist() == [9.0, 2.0]


def test_waits_are_no_longer_than_the_attempt_and_taken_off_it() -> None:
    found = spans(
        attempt("a", 1, 1, sent_s=0.0, last_byte_s=10.0, queue_s=2.0, cold_s=3.0),
        attempt("b", 1, 2, sent_s=0.0, last_byte_s=10.0, queue_s=9.0, cold_s=8.0),
        attempt("a", 2, 3, sent_s=0.0, last_byte_s=10.0, first_byte_s=4.0, server_s=1.0),
    )
    assert found.queue.tolist() == [2.0, 1.0, 3.0]
    assert found.cold.tolist() == [3.0, 8.0, 0.0]
    assert found.net.tolist() == [5.0, 1.0, 7.0]


@pytest.mark.parametrize(("told", "kept"), [(4.0, 4.0), (11.0, math.nan), (-1.0, math.nan)])
def test_a_prefill_that_cannot_be_is_unknown(told: float, kept: float) -> None:
    found = spans(attempt("a", 1, 1, sent_s=0.0, last_byte_s=10.0, prefill_s=told))
    assert found.prefill[0] == pytest.approx(kept, nan_ok=True)


def test_compiling_a_schema_is_apart_from_the_service() -> None:
    found = spans(attempt("a", 1, 1, sent_s=10.0, last_byte_s=18.0, compile_s=5.0))
    assert (found.schema.tolist(), found.net.tolist()) == ([5.0], [3.0])
    assert "compile_s" in {field.name for field in fields(Attempt)}
