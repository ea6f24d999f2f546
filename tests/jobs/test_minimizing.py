"""The smallest part of an input that still shows what the whole shows."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.jobs.minimizing import SpentError, ddmin, leaves_of, only, words_of


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
def test_what_is_needed_is_kept_and_nothing_else(case: tuple[int, set[int]]) -> None:
    count, needed = case
    tried: list[int] = []

    def shows(part: Sequence[int]) -> bool:
        tried.append(len(part))
        assert list(part) == sorted(part)
        return needed <= set(part)

    found = ddmin(range(count), shows)
    assert found == sorted(needed) if needed else len(found) == 1
    assert all(0 < size < count for size in tried)  # never nothing, never the whole again


@given(st.sets(st.integers(0, 11), min_size=2, max_size=2), st.integers(0, 11))
def test_no_single_unit_can_go(pair: set[int], other: int) -> None:
    def shows(part: Sequence[int]) -> bool:  # either way will do
        return pair <= set(part) or {other, (other + 5) % 12, (other + 7) % 12} <= set(part)

    found = ddmin(range(12), shows)
    assert shows(found)
    assert not any(shows([unit for unit in found if unit != gone]) for gone in found)


@pytest.mark.parametrize(("tries", "left"), [(0, 8), (1, 8), (2, 4)])
def test_spent_tries_leave_what_was_reached(tries: int, left: int) -> None:
    made = 0

    def shows(part: Sequence[int]) -> bool:
        nonlocal made
        made += 1
        if made > tries:
            raise SpentError
        return {6, 7} <= set(part)

    assert len(ddmin(range(8), shows)) == left


def test_the_other_of_two_halves_is_not_tried_twice() -> None:
    tried: list[tuple[int, ...]] = []

    def shows(part: Sequence[int]) -> bool:
        tried.append(tuple(part))
        return False

    assert ddmin([1, 2], shows) == [1, 2]
    assert tried == [(1,), (2,)]


def test_words_keep_the_space_before_them() -> None:
    assert words_of(" a  b\nc ") == [" a", "  b", "\nc"]
    assert words_of(" \n") == []


VALUE = {"a": [1, {"b": "x y"}], "c": "one", "d": None, "e": []}


def test_leaves_are_values_and_the_words_of_texts() -> None:
    assert list(leaves_of(VALUE)) == [
        ("a", 0),
        ("a", 1, "b", 0),
        ("a", 1, "b", 1),
        ("c",),
        ("d",),
    ]
    assert list(leaves_of("one two")) == [(0,), (1,)]
    assert list(leaves_of("one")) == [()]


def test_all_leaves_are_the_value_without_what_is_empty() -> None:
    assert only(VALUE, list(leaves_of(VALUE))) == {"a": [1, {"b": "x y"}], "c": "one", "d": None}
    assert only("one two", [(1,)]) == "two"
    assert only(VALUE, []) == {}
    assert only([VALUE], []) == []
    assert only(VALUE, [("a", 1, "b", 1)]) == {"a": [{"b": "y"}]}
    assert VALUE["a"] == [1, {"b": "x y"}]  # it was not changed
