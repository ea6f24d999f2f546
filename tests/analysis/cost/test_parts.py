"""What the money went to."""

from __future__ import annotations

import pandas as pd
import pytest

from liftlab.analysis.cost.hosting import Usage
from liftlab.analysis.cost.parts import (
    APART,
    COLD,
    IDLE,
    RIGHT,
    RIGHT_RETRIES,
    UNJUDGED,
    WRONG,
    WRONG_RETRIES,
    Parts,
    parts_of,
    parts_with_idle,
)

TRIALS = pd.DataFrame(
    {
        "case_id": ["good", "bad", "lost", "open"],
        "repeat": 1,
        "outcome": ["pass", "fail", "error", "ungraded"],
    }
)


def _attempts(*rows: tuple[str | None, int, str | None, str | None]) -> pd.DataFrame:
    columns = ["case_id", "attempt", "retry_reason", "phase"]
    return pd.DataFrame(rows, columns=columns, dtype=object).assign(repeat=1)


def test_each_attempt_goes_where_its_answer_went() -> None:
    attempts = _attempts(
        ("good", 1, None, "measure"),
        ("good", 2, "length", "measure"),
        ("bad", 1, None, None),  # an imported one has no phase
        ("bad", 2, "length", "measure"),
        ("lost", 1, None, "measure"),
        ("open", 1, None, "measure"),
        ("open", 2, "length", "measure"),
        ("good", 1, None, "warmup"),
        (None, 1, None, "measure"),
    )
    amounts = [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert parts_of(attempts, TRIALS, amounts).amounts == {
        RIGHT: 1,
        RIGHT_RETRIES: 2,
        WRONG: 20,
        WRONG_RETRIES: 8,
        UNJUDGED: 96,
        APART: 384,
    }


def test_a_stale_connection_is_no_retry_and_what_is_unknown_is_left_out() -> None:
    attempts = _attempts(
        ("good", 2, "stale_connection", "measure"),
        ("good", 1, None, "measure"),
        ("bad", 1, None, "measure"),
    )
    parts = parts_of(attempts, TRIALS, [3, float("nan"), 0])
    assert parts.amounts == {RIGHT: 3}


def test_shares_are_of_everything() -> None:
    parts = Parts(amounts={RIGHT: 3.0, WRONG: 1.0, WRONG_RETRIES: 1.0, COLD: 2.0, IDLE: 3.0})
    assert (parts.total, parts.failures, parts.cold, parts.idle) == (10, 0.2, 0.2, 0.3)
    assert Parts(amounts={}).failures == 0


@pytest.mark.parametrize(
    ("name", "judged"),
    [(RIGHT, True), (RIGHT_RETRIES, True), (WRONG, True), (WRONG_RETRIES, True)]
    + [(name, False) for name in (UNJUDGED, APART, COLD, IDLE)],
)
def test_only_answers_that_were_judged_count_as_such(name: str, judged: bool) -> None:
    assert Parts(amounts={name: 1.0}).judged is judged


def test_a_request_s_bill_is_what_a_run_had_with_cold_starts_and_idle_time() -> None:
    usage = Usage(billed_s=20.0, busy_s=10.0, cold_s=0.0, idle_s=10.0)
    parts = parts_with_idle(Parts(amounts={RIGHT: 3.0, WRONG: 1.0, APART: 90.0}), usage)
    assert parts.amounts == {RIGHT: 7.5, WRONG: 2.5, IDLE: 10}
