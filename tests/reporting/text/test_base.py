"""A `Text` is its words, and knows which of them are which quantity."""

from __future__ import annotations

import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.reporting.text import base
from liftlab.reporting.text.base import Mark, Text, capitalised, joined, marked, write

MEDIAN = marked("14.96 s", "median:e2e")


def test_marks_move_with_the_words_around_them() -> None:
    said = write("{name}: {}, {}.", MEDIAN, "met", name="End to end")
    assert said == "End to end: 14.96 s, met."
    assert said.marks == (Mark(12, 19, "median:e2e"),)
    both = joined(["", said, "", write("Again {}", MEDIAN)], "\n")
    assert [both[mark.start : mark.end] for mark in both.marks] == ["14.96 s", "14.96 s"]


def test_other_words_for_a_value_are_known_by_the_value() -> None:
    said = marked("the target of 15 s is met", "target.e2e", "met")
    assert said.quantities == [("target.e2e", "met")]


@pytest.mark.parametrize(("text", "name"), [("", "median:e2e"), ("14.96 s", "")])
def test_nothing_is_marked_without_words_or_a_name(text: str, name: str) -> None:
    assert marked(text, name).marks == ()


def test_braces_of_foreign_text_are_no_fields() -> None:
    assert write("{}: {}", "{0.__class__}", MEDIAN) == "{0.__class__}: 14.96 s"


def test_the_first_letter_is_all_that_changes() -> None:
    assert capitalised(Text("nLP takes long")) == "NLP takes long"
    assert capitalised(write("in {}", MEDIAN)).quantities == [("median:e2e", "14.96 s")]
    assert capitalised("") == ""


def test_numbers_are_formatted_where_asked() -> None:
    assert write("{:,} of {}", 12345, 6) == "12,345 of 6"


SURE = Estimate(value=0.7, low=0.52, high=0.84, confidence=0.95, n=40, unit="%")
ALONE = Estimate(value=0.7, n=1, unit="%")


def test_a_value_stands_before_what_is_known_of_it() -> None:
    assert base.with_interval(SURE) == "70 % (95 % interval 52–84 %)"
    assert base.with_likely(SURE) == "70 % (likely 52–84 %)"
    assert base.with_interval(ALONE) == base.with_likely(ALONE) == "70 %"


def test_a_reason_stands_where_an_interval_is_missing() -> None:
    few = Estimate(value=2.0, n=1, unit="s", reason="no interval from one prompt")
    assert base.interval(few) == base.likely(few) == "no interval from one prompt"
    assert base.with_interval(few) == "2 s (no interval from one prompt)"


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.5, None, "at least 50 %"), (None, 0.9, "at most 90 %"), (0.5, 0.9, "likely 50–90 %")],
)
def test_a_bound_on_one_side_is_said_as_one(
    low: float | None, high: float | None, said: str
) -> None:
    made = Estimate(value=0.7, low=low, high=high, confidence=0.95, n=40, unit="%", reason="why")
    assert base.likely(made) == f"{said}; why"


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
    assert base.listed(list("abcdef"[:count])) == said
