"""Estimates in words: the value, how sure it is, or why one of them is missing."""

from __future__ import annotations

import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.reporting.text import numbers

SURE = Estimate(value=0.7, low=0.52, high=0.84, confidence=0.95, n=40, unit="%")
ALONE = Estimate(value=0.7, n=1, unit="%")


def test_a_value_stands_before_what_is_known_of_it() -> None:
    assert numbers.with_interval(SURE) == "70 % (95 % interval 52–84 %)"
    assert numbers.with_likely(SURE) == "70 % (likely 52–84 %)"
    assert numbers.with_interval(ALONE) == numbers.with_likely(ALONE) == "70 %"


def test_a_reason_stands_where_an_interval_is_missing() -> None:
    few = Estimate(value=2.0, n=1, unit="s", reason="no interval from one prompt")
    assert numbers.interval(few) == numbers.likely(few) == "no interval from one prompt"
    assert numbers.with_interval(few) == "2 s (no interval from one prompt)"


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.5, None, "at least 50 %"), (None, 0.9, "at most 90 %"), (0.5, 0.9, "likely 50–90 %")],
)
def test_a_bound_on_one_side_is_said_as_one(
    low: float | None, high: float | None, said: str
) -> None:
    made = Estimate(value=0.7, low=low, high=high, confidence=0.95, n=40, unit="%", reason="why")
    assert numbers.likely(made) == f"{said}; why"


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, ""),
        (1, "a"),
        (2, "a and b"),
        (4, "a, b, c and d"),
        (5, "a, b, c, d and 1 more"),
        (6, "a, b, c, d and 2 more"),
    ],
)
def test_of_many_names_four_are_written(count: int, said: str) -> None:
    assert numbers.listed(list("abcdef"[:count])) == said


def test_empty_sentences_are_left_out() -> None:
    assert numbers.sentences("a", "", "b") == ("a", "b")
