"""Tables as frames: dtypes, columns of later versions, and what a trial costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from liftlab.store.frames import (
    arrow_schema,
    empty,
    frame_of,
    from_arrow,
    join_trials,
    shared_among,
    table_columns,
    trial_costs,
    typed,
    with_later_columns,
)

KINDS: dict[str, type] = {"name": str, "count": int, "seconds": float, "ok": bool}


def rows(table: str, *given: dict[str, Any]) -> pd.DataFrame:
    return frame_of(
        [dict.fromkeys(table_columns(table)) | row for row in given], table_columns(table)
    )


def trial(case_id: str, repeat: int = 1, **more: Any) -> dict[str, Any]:
    return {"run_id": "r", "case_id": case_id, "repeat": repeat} | more


def test_each_type_has_one_dtype_and_nothing_is_nothing() -> None:
    frame = frame_of([("a", 1, 0.5, True), (None, None, None, None)], KINDS)
    assert [str(dtype) for dtype in frame.dtypes] == ["str", "Int64", "float64", "boolean"]
    assert frame.isna().sum().tolist() == [1, 1, 1, 1]
    assert empty("trial").columns.tolist() == list(table_columns("trial"))
    assert len(empty("trial")) == 0


def test_a_frame_with_other_columns_is_refused_and_says_which() -> None:
    frame = frame_of([], KINDS)
    with pytest.raises(ValueError, match=r"missing: \['ok'\], unknown: \['more'\]"):
        typed(frame.rename(columns={"ok": "more"}), KINDS)
    assert typed(frame[["ok", "count", "seconds", "name"]], KINDS).columns.tolist() == list(KINDS)


def test_columns_that_came_later_are_there_and_empty() -> None:
    old = rows("attempt", trial("a", seq=1)).drop(columns="prefill_s")
    later = with_later_columns(old, "attempt")
    assert set(later.columns) == set(table_columns("attempt"))
    assert later["prefill_s"].isna().all()
    assert later["seq"].tolist() == [1]


def test_a_table_comes_back_from_arrow_as_it_went() -> None:
    frame = frame_of([("a", 1, 0.5, True), (None, None, None, False)], KINDS)
    content = pa.Table.from_pandas(frame, schema=arrow_schema(KINDS), preserve_index=False)
    pd.testing.assert_frame_equal(from_arrow(content, KINDS), frame)
    nothing = frame_of([(None,) * 4] * 3, KINDS)
    content = pa.Table.from_pandas(nothing, schema=arrow_schema(KINDS), preserve_index=False)
    back = from_arrow(content, KINDS)
    assert back.isna().all(axis=None)
    assert back.dtypes.tolist() == nothing.dtypes.tolist()


def test_a_trial_has_its_last_grade_and_without_one_is_ungraded() -> None:
    grades = rows(
        "grade",
        trial("a", outcome="fail", failure_class="timeout", grader_version="1"),
        trial("a", outcome="pass", grader_version="2"),
    )
    trials = rows("trial", trial("a"), trial("b"))
    joined = join_trials(trials, grades, empty("cost"), empty("attempt"))
    assert joined["outcome"].tolist() == ["pass", "ungraded"]
    assert joined["failure_class"].isna().all()
    assert joined["cost_usd"].isna().all()


def test_what_belongs_to_no_trial_is_shared_by_all() -> None:
    trials = rows("trial", trial("a"), trial("b"))
    warm_up = {"run_id": "r", "seq": 1}
    attempts = rows(
        "attempt",
        warm_up,
        trial("a", seq=2),
        trial("a", seq=3),
        trial("b", seq=4),
        trial("c", seq=5),
    )
    paid = np.array([0.4, 1.0, 2.0, 4.0, 0.2])
    assert shared_among(trials, attempts, paid) == pytest.approx([3.3, 4.3])
    paid[2] = np.nan
    assert shared_among(trials, attempts, paid) == pytest.approx([np.nan, 4.3], nan_ok=True)
    paid[0] = np.nan  # of what all share, what is known is shared
    assert shared_among(trials, attempts, paid)[1] == pytest.approx(4.1)


def test_a_trial_for_which_nothing_was_sent_has_no_cost() -> None:
    trials = rows("trial", trial("a"), trial("b"))
    attempts = rows("attempt", trial("a", seq=1))
    found = shared_among(trials, attempts, np.array([1.0]))
    assert found == pytest.approx([1.0, np.nan], nan_ok=True)


def test_of_several_prices_the_first_counts() -> None:
    trials = rows("trial", trial("a"))
    attempts = rows("attempt", trial("a", seq=1), trial("a", seq=2))
    costs = rows(
        "cost",
        *(
            {"run_id": "r", "seq": seq, "price_id": price, "cost_model": model, "usd": usd}
            for price, model, scale in (
                ("p", "tokens", 1),
                ("p", "gpu_seconds", 10),
                ("q", "tokens", 100),
            )
            for seq, usd in ((2, 2.0 * scale), (1, 1.0 * scale))
        ),
    )
    assert trial_costs(trials, attempts, costs) == pytest.approx([3.0])
    assert trial_costs(trials, attempts, costs[costs["seq"] == 1]) == pytest.approx(
        [np.nan], nan_ok=True
    )
    assert np.isnan(trial_costs(trials, attempts, empty("cost"))).all()
