"""The tables are complete and can be built for everything that may happen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from liftlab import records
from liftlab.records import Attempt, Grade, Stage, Trial


@pytest.mark.parametrize("table", records.TABLES)
def test_every_column_has_a_scalar_type_and_keys_are_columns(table: str) -> None:
    columns = records.columns(table)
    assert set(columns.values()) <= {str, int, float, bool}
    assert set(records.KEYS[table]) <= set(columns)


def test_units_are_in_the_names() -> None:
    for table in records.TABLES:
        for column, kind in records.columns(table).items():
            if kind is float:
                assert re.search(
                    r"_(s|mb|rps|share)$|usd$|^(top_p|temperature|time_scale)$", column
                )


def test_rows_for_everything_that_may_happen() -> None:
    common = {"run_id": "r", "case_id": "add", "repeat": 1, "stage": "code"}
    rows = [
        Attempt(seq=1, attempt=2, retry_reason="does_not_parse", **common),
        Attempt(seq=2, attempt=2, retry_reason="http_429", backoff_before_s=1.5, **common),
        Attempt(seq=3, cold=True, cold_s=41.0, **common),
        Attempt(seq=4, first_token_s=0.4, last_token_s=1.0, chunks=12, max_gap_s=0.2, **common),
        Attempt(seq=5, abandoned=True, **common),
        Attempt(run_id="r", seq=6, phase="warmup"),
        Stage(position=0, ok=True, latency_s=10.8, **common),
        Trial(run_id="r", case_id="add", repeat=1, e2e_s=14.9),
        Grade(run_id="r", case_id="add", repeat=1, grader_version="1", outcome="ungraded"),
    ]
    for row in rows:
        assert records.as_row(row)["run_id"] == "r"
        with pytest.raises(AttributeError):
            row.run_id = "other"


def test_the_classes_are_the_documented_ones() -> None:
    text = Path(records.__file__).read_text()
    assert len(records.ErrorClass.__args__) == 18
    assert len(records.FailureClass.__args__) == 27
    assert "frozen=True, slots=True, kw_only=True" in text
