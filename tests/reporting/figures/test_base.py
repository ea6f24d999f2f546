"""What all figures share."""

from __future__ import annotations

import math

import pytest

from liftlab.reporting.figures import base


@pytest.mark.parametrize(
    ("longest", "near", "far"),
    [
        (2.5, {"original": 5.0}, ["revised 15 s is out of view"]),
        (100.0, {"original": 5.0, "revised": 15.0}, []),
        (math.inf, {"original": 5.0, "revised": 15.0}, []),
        (0.0, {"original": 5.0, "revised": 15.0}, []),
        (math.nan, {"original": 5.0, "revised": 15.0}, []),
    ],
)
def test_targets_far_beyond_the_marks_are_words(
    longest: float, near: dict[str, float], far: list[str]
) -> None:
    assert base.in_view({"original": 5.0, "revised": 15.0}, longest) == (near, far)


def test_labels_are_one_line_of_bounded_length() -> None:
    assert base.label("a\nb", 3) == "a b"
    assert base.label("abcd", 4) == "abcd"
    assert base.label("abcde", 4) == "abc…"
    assert base.label(7) == "7"
    assert [len(base.label("x" * length)) for length in (40, 41)] == [40, 40]


def test_words_of_an_axis_go_below_each_other_on_a_narrow_page() -> None:
    assert base.wrapped(["a", "b"], narrow=True) == "a\nb"
    assert base.wrapped(["a", "b"], narrow=False) == "a · b"


def test_a_drawing_has_its_size_in_pixels() -> None:
    drawing, axes = base.blank(720, 144)
    assert tuple(drawing.get_size_inches()) == (10, 2)
    assert drawing.axes == [axes]


def test_targets_stand_apart_by_their_lines() -> None:
    _, axes = base.blank(720, 144)
    base.target_lines(axes, {"late": 5.0, "early": 2.0}, narrow=False)
    assert [line.get_xdata()[0] for line in axes.lines] == [2.0, 5.0]
    assert [text.get_text() for text in axes.texts] == ["early 2 s", "late 5 s"]
    assert axes.lines[0].get_color() != axes.lines[1].get_color()
    _, axes = base.blank(720, 144)
    base.target_lines(axes, {"late": 5.0}, narrow=True)
    assert [text.get_text() for text in axes.texts] == ["5 s"]


def test_ticks_are_round_and_leave_the_axis_as_it_is() -> None:
    _, axes = base.blank(720, 144)
    axes.set_xlim(0, 11)
    base.ticks(axes, 10.0, "seconds")
    assert axes.get_xlim() == (0, 11)
    assert axes.get_xlabel() == "seconds"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "2", "4", "6", "8", "10"]
