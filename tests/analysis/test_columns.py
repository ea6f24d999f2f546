"""Columns of a table as plain arrays, whatever a source left out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.analysis.columns import (
    LARGEST,
    SMALLEST,
    case_weights,
    check_confidence,
    checked,
    client_counts,
    floats,
    group_medians,
    group_sums,
    in_range,
    indexed,
    is_retry,
    is_true,
    labels,
    unfit,
)

THREE = pd.DataFrame({"n": [1, None, 3], "flag": [True, None, False], "name": ["a", None, "b"]})


def test_what_is_missing_is_not_a_number_not_true_and_none() -> None:
    assert floats(THREE, "n").tolist() == pytest.approx([1, math.nan, 3], nan_ok=True)
    assert np.isnan(floats(THREE, "absent")).tolist() == [True] * 3
    assert floats(pd.DataFrame({"n": ["2", "x"]}), "n").tolist() == pytest.approx(
        [2, math.nan], nan_ok=True
    )
    assert is_true(THREE, "flag").tolist() == [True, False, False]
    assert is_true(THREE, "absent").tolist() == [False] * 3
    assert labels(THREE, "name").tolist() == ["a", None, "b"]
    assert labels(THREE, "absent").tolist() == [None] * 3


def test_labels_are_a_copy() -> None:
    labels(THREE, "name")[0] = "changed"
    assert THREE["name"][0] == "a"


@pytest.mark.parametrize(
    ("attempt", "reason", "retry"),
    [
        (1, None, False),
        (2, None, True),
        (2, "length", True),
        (2, "stale_connection", False),
        (None, None, False),
    ],
)
def test_which_attempts_are_retries(attempt: Any, reason: Any, retry: bool) -> None:
    table = pd.DataFrame({"attempt": [attempt], "retry_reason": [reason]}, dtype=object)
    assert is_retry(table).tolist() == [retry]


@pytest.mark.parametrize(("client_s", "counts"), [(0.02, False), (0.0201, True), (None, False)])
def test_own_work_of_over_two_percent_is_worth_a_column(client_s: Any, counts: bool) -> None:
    for e2e_s, own_s in ((1.0, client_s), (10.0, client_s and 10 * client_s)):
        table = pd.DataFrame({"e2e_s": [e2e_s, e2e_s], "client_s": [0.0, own_s]})
        assert client_counts(table) is counts


def test_values_without_clusters_are_cases_of_their_own() -> None:
    values, index, cases = checked([[1, 2], [3, 4]], None)
    assert (values.tolist(), index.tolist(), cases) == ([1, 2, 3, 4], [0, 1, 2, 3], 4)
    _, index, cases = checked([1, 2, 3], ["x", "y", "x"])
    assert (index.tolist(), cases) == ([0, 1, 0], 2)
    with pytest.raises(ValueError, match="2 clusters for 3 values"):
        checked([1, 2, 3], ["x", "y"])


def test_a_case_without_a_name_is_one_all_the_same() -> None:
    index, cases = indexed(np.array([None, "a", None], dtype=object))
    assert (index.tolist(), cases) == ([0, 1, 0], 2)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_every_case_weighs_the_same(cases: list[int]) -> None:
    weights = case_weights(cases)
    index, groups = indexed(cases)
    assert group_sums(weights, index, groups) == pytest.approx(np.ones(groups))


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-1e6, 1e6)), min_size=1, max_size=30))
def test_medians_and_sums_are_each_group_s(rows: list[tuple[int, float]]) -> None:
    index = np.array([group for group, _ in rows], dtype=np.intp)
    values = np.array([value for _, value in rows])
    medians, sums = group_medians(values, index, 5), group_sums(values, index, 5)
    for group in range(5):
        mine = values[index == group]
        assert sums[group] == pytest.approx(mine.sum())
        assert medians[group] == pytest.approx(
            np.median(mine) if len(mine) else math.nan, nan_ok=True
        )


def test_a_group_in_which_one_is_missing_has_no_median() -> None:
    medians = group_medians(np.array([1.0, math.nan, 2.0]), np.array([0, 0, 1]), 2)
    assert medians.tolist() == pytest.approx([math.nan, 2.0], nan_ok=True)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -0.1, 1.1, math.nan])
def test_no_such_confidence(confidence: float) -> None:
    check_confidence(0.95)
    with pytest.raises(ValueError, match="lies between 0 and 1"):
        check_confidence(confidence)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([], "no data"),
        ([1.0, math.nan], "1 of 2 values missing"),
        ([1.0, 0.0, -1.0], "2 of 3 values are not positive"),
        ([1.0, LARGEST], "1 of 2 values are out of any range"),
        ([1.0, SMALLEST], "1 of 2 values are out of any range"),
        ([1.0, math.inf], "a value is infinite"),
        ([1.0], ""),
    ],
)
def test_why_values_give_no_number(values: list[float], why: str) -> None:
    assert unfit(np.array(values)) == why


def test_times_are_positive_finite_and_no_nonsense() -> None:
    values = np.array(
        [SMALLEST, SMALLEST * 2, 1.0, LARGEST / 2, LARGEST, 0, -1, math.inf, math.nan]
    )
    assert in_range(values).tolist() == [False, True, True, True, *[False] * 5]
