"""A `Text` is its words, and knows which of them are which quantity."""

from __future__ import annotations

import pytest

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
