"""Columns of a file read alone are those of the whole, and counts those of its rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.store import by_column
from liftlab.store.by_column import ROWS, count_file, count_frame, places, read_columns, read_trials
from liftlab.store.frames import arrow_schema, frame_of

KINDS = {"case_id": str, "repeat": int, "e2e_s": float, "parsed": bool, "outcome": str}
Row = tuple[object, ...]
ROW = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.none() | st.integers(1, 3),
    st.none() | st.floats(0, 9),
    st.none() | st.booleans(),
    st.none() | st.sampled_from(["pass", "fail"]),
)


def written(folder: Path, rows: list[Row]) -> Path:
    path = folder / "table.parquet"
    columns = [*zip(*rows, strict=True)] or [()] * len(KINDS)
    arrays = [
        pa.array(column, kind)
        for column, kind in zip(columns, arrow_schema(KINDS).types, strict=True)
    ]
    pq.write_table(pa.table(arrays, arrow_schema(KINDS)), path)
    return path


@given(rows=st.lists(ROW, max_size=20), known=st.sampled_from([None, *KINDS]))
def test_columns_read_alone_are_those_of_the_whole(
    rows: list[Row], known: str | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = written(tmp_path_factory.mktemp("file"), rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(by_column, "_AT_ONCE", 3)
        found = read_columns(path, KINDS, known)
    whole = frame_of(rows, KINDS)
    whole = whole if known is None else whole[whole[known].notna()].reset_index(drop=True)
    assert found.astype(object).equals(whole.astype(object))


@given(rows=st.lists(ROW, max_size=20))
def test_counts_are_those_of_the_rows_in_order(
    rows: list[Row], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path, kinds = written(tmp_path_factory.mktemp("file"), rows), {"case_id": str, "outcome": str}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(by_column, "_AT_ONCE", 3)
        of_file = count_file(path, kinds)
    counts: dict[Row, int] = {}
    for case, *_, outcome in rows:
        counts[case, outcome] = counts.get((case, outcome), 0) + 1
    told = [
        (case, None if pd.isna(outcome) else outcome, count)
        for case, outcome, count in of_file.astype(object).to_numpy()
    ]
    assert told == [(*key, count) for key, count in counts.items()]
    assert of_file.equals(count_frame(frame_of(rows, KINDS), kinds))
    assert [*of_file.columns] == ["case_id", "outcome", ROWS]


@pytest.mark.parametrize(("largest", "kind"), [(2**31 - 1, "Int32"), (2**31, "Int64")])
def test_whole_numbers_take_four_bytes_where_all_have_room(
    largest: int, kind: str, tmp_path: Path
) -> None:
    rows = [("a", largest, 2.0, True, "pass"), ("b", -largest, 1.0, True, "pass")]
    repeat = read_columns(written(tmp_path, rows), KINDS)["repeat"]
    assert (str(repeat.dtype), repeat.tolist()) == (kind, [largest, -largest])


def test_a_column_that_came_later_is_empty(tmp_path: Path) -> None:
    path = written(tmp_path, [("a", 1, 2.0, True, "pass")])
    later = read_columns(path, {"client_s": float, "case_id": str})
    assert later["case_id"].tolist() == ["a"]
    assert later["client_s"].isna().tolist() == [True]
    assert len(read_columns(path, {"client_s": float, "case_id": str}, "client_s")) == 0
    assert count_file(path, {"category": str})[ROWS].tolist() == [1]


def test_rows_of_some_trials(tmp_path: Path) -> None:
    rows: list[Row] = [(case, n, 1.0, None, "pass") for case in "abc" for n in (1, 2)]
    found = read_trials(written(tmp_path, rows), KINDS, [("a", 1), ("c", 1)])
    assert found[["case_id", "repeat"]].to_numpy().tolist() == [["a", 1], ["c", 1]]


KEY = st.tuples(st.sampled_from("abcd"), st.none() | st.integers(1, 4000))


@given(trials=st.lists(KEY, max_size=12), rows=st.lists(KEY, max_size=12))
def test_the_place_of_a_trial_is_the_last_one_of_its_name(
    trials: list[tuple[str, int]], rows: list[tuple[str, int]]
) -> None:
    kinds = {"case_id": str, "repeat": int}
    found = places(frame_of(rows, kinds), frame_of(trials, kinds).astype({"case_id": "category"}))
    known = {key: place for place, key in enumerate(trials)}
    assert np.array_equal(found, [known.get(key, -1) for key in rows])
