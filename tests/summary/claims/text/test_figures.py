"""Which figures a sentence holds, what each counts in, and how exactly it was written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.summary.claims.text.figures import Figure, figures, half_a_digit


def _read(text: str, **options: Any) -> list[tuple[str, float]]:
    return [(figure.kind, round(figure.value, 9)) for figure in figures(text, **options)]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("the median is 4.1 s", [("seconds", 4.1)]),
        ("it takes 850 ms", [("seconds", 0.85)]),
        ("it takes 30 µs", [("seconds", 3e-5)]),
        ("a 2-minute wait", [("seconds", 120)]),
        ("it took 1,200 seconds", [("seconds", 1200)]),
        ("70 % are right", [("share", 0.7)]),
        ("70.5% are right", [("share", 0.705)]),
        ("3x as fast", [("times", 3)]),
        ("$0.0034 a request", [("usd", 0.0034)]),
        ("usd 1,234.5 a month", [("usd", 1234.5)]),
        ("0.5 cents a request", [("usd", 0.005)]),
        ("2 ct a request", [("usd", 0.02)]),
        ("3 dollars", [("usd", 3)]),
        ("pass@1 of 0.70", [("share", 0.7)]),
        ("pass@1: 1.0", [("share", 1)]),
        ("none of the answers parse", [("share", 0)]),
        ("all answers parse", [("share", 1)]),
        ("€3 a request", [("other", 0)]),
        ("512 tokens", [("other", 0)]),
        ("+30 % faster", [("times", 0)]),  # a change, which is read elsewhere
    ],
)
def test_a_figure_in_its_unit(text: str, read: list[tuple[str, float]]) -> None:
    assert _read(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "on 2026-01-31",
        "with n = 40",
        "p < 0.05",
        "95 % confidence interval 52-84 %",
        "± 3 %",
        "version v2.5",
        "4 380 ms",  # 380 ms, or 4,380 ms?
        "in 5 of 0 runs",
        "in 7 of 5 runs",
        "step 3 of the plan",
    ],
)
def test_what_is_no_claim(text: str) -> None:
    assert _read(text) == []


@pytest.mark.parametrize(
    ("text", "count", "total"),
    [
        ("28 of 40 are right", 28, 40),
        ("28/40 right", 28, 40),
        ("28 out of the 40 answers", 28, 40),
        ("0 of 5 answers", 0, 5),
        ("5 of 5 answers", 5, 5),
        ("1,200 of 2,400 answers", 1200, 2400),
        ("all 12 answers", 12, 12),
        ("none of the 12 answers", 0, 12),
    ],
)
def test_a_count_knows_of_how_many(text: str, count: int, total: int) -> None:
    (figure,) = figures(text)
    assert (figure.kind, figure.count, figure.total) == ("count", count, total)
    assert figure.value == count / total


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2-3 s", 2, 3),
        ("between 2 and 3 s", 2, 3),
        ("1,900 ms to 2.5 s", 1.9, 2.5),
        ("5 % to 10 %", 0.05, 0.1),
    ],
)
def test_a_range_has_two_ends(text: str, low: float, high: float) -> None:
    (figure,) = figures(text)
    assert (figure.low, figure.value, figure.was) == (pytest.approx(low), high, None)


def test_of_a_change_the_last_knows_the_first() -> None:
    (figure,) = figures("from 1.9 s to 850 ms", changes=True)
    assert (figure.was, figure.value, figure.low) == (1.9, 0.85, None)
    (figure,) = figures("from 50 % of answers to only 70 %", changes=True)
    assert (figure.was, figure.value) == (0.5, pytest.approx(0.7))
    assert len(figures("from 50 % of answers to only 70 %")) == 2
    assert len(figures("from 5 s and then to $3", changes=True)) == 2
    # Nothing grows from 0 by a factor: it is a range.
    (figure,) = figures("0 to 5 s", changes=True)
    assert (figure.low, figure.was) == (0, None)


@pytest.mark.parametrize(
    "text",
    ["28 of 40 (70 %) are right", "70 % (28 of 40) are right", "70 %, that is 28 of 40, are right"],
)
def test_a_share_and_its_count_are_one_figure(text: str) -> None:
    (figure,) = figures(text)
    assert (figure.kind, figure.count, figure.total) == ("count", 28, 40)
    assert text[figure.start : figure.end].count("(") == text[figure.start : figure.end].count(")")


@pytest.mark.parametrize(
    "text",
    ["28 of 40 (50 %)", "0.85 s (70 %)", "4.1 s, 4.3 s", "3x (3x)", "70 % and 28 of 40"],
)
def test_figures_that_differ_stay_two(text: str) -> None:
    assert len(figures(text)) == 2


def test_the_same_in_another_unit_is_one_as_far_as_it_was_written() -> None:
    assert _read("0.85 s (850 ms)") == [("seconds", 0.85)]
    assert _read("0.9 s (850 ms)") == [("seconds", 0.9)]  # rounded
    assert len(_read("0.9 s (840 ms)")) == 2


def test_an_interval_behind_a_figure_is_its_own() -> None:
    (figure,) = figures("4.1 s (3.2-5.0 s)")
    assert (figure.value, figure.low) == (4.1, None)


@pytest.mark.parametrize(
    ("written", "unit", "off"),
    [
        ("14.9", 1.0, 0.05),
        ("15", 1.0, 0.5),
        ("4180", 1.0, 5),
        ("4,000", 1.0, 20),  # half of a percent, not of a thousand
        ("0", 1.0, 0.5),
        ("100", 1.0, 0.5),
        ("0.8", 100.0, 0.005),
        ("0.812", 100.0, 0.0005),
    ],
)
def test_how_exactly_a_number_was_written(written: str, unit: float, off: float) -> None:
    assert half_a_digit(written, unit) == pytest.approx(off)


@given(st.text(alphabet="0123456789.,%$sx ofto()-±€", max_size=60))
def test_any_text_has_figures_in_order_inside_it(text: str) -> None:
    found: list[Figure] = list(figures(text))
    places = [place for figure in found for place in (figure.start, figure.end)]
    assert places == sorted(places)
    assert all(0 <= place <= len(text) for place in places)
    assert all(figure.value >= 0 and figure.off >= 0 for figure in found)
