"""Both decisions by category: what is decided, of which class, and with which error."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from liftlab.analysis.categories import by_category


def trials(**categories: str) -> pd.DataFrame:
    """Make trials of cases: `.` passes, `i` and `m` are spoiled by a class, `e` is an error."""
    classes = {"i": "indentation_error", "m": "missing_return", "e": "endpoint_error"}
    outcomes = {".": "pass", "e": "error"}
    return pd.DataFrame(
        [
            {
                "case_id": f"{category}{place}",
                "category": category,
                "outcome": outcomes.get(mark, "fail"),
                "failure_class": classes.get(mark),
            }
            for category, marks in categories.items()
            for place, mark in enumerate(marks)
        ]
    )


def test_what_one_category_hides_the_others_show() -> None:
    every, control, strings = by_category(trials(strings="." * 14, control="i" * 10 + "m" * 2))
    assert (every.category, control.category, strings.category) == ("", "control", "strings")
    assert (every.cases, control.cases, strings.cases) == (26, 12, 14)
    assert (strings.success.verdict, control.success.verdict) == ("above", "below")
    assert (control.failure_class, control.spoiled.verdict) == ("indentation_error", "above")
    assert (strings.failure_class, strings.spoiled) == (None, None)
    assert str(strings).endswith("Nothing failed.")
    assert str(every).startswith("All categories: 14 of 26 gave the right answers")


def test_the_error_is_shared_by_what_is_decided_together() -> None:
    every, one, two = by_category(trials(a="." * 5 + "i", b="." * 4 + "im"))
    assert every.success.error == 0.05
    assert one.success.error == two.success.error == pytest.approx(0.025)
    assert one.spoiled.error == pytest.approx(0.025)
    assert two.spoiled.error == pytest.approx(0.0125)  # picked from two classes
    named = by_category(trials(a=".im"), failure_class="missing_return")[0].spoiled
    assert (named.error, named.successes, named.trials) == (0.05, 1, 3)


def test_a_class_that_never_occurred_can_be_ruled_out() -> None:
    (every, _) = by_category(trials(a="." * 12), failure_class="indentation_error")
    assert (every.spoiled.verdict, every.spoiled.successes) == ("below", 0)


def test_endpoint_errors_are_in_no_denominator() -> None:
    every = by_category(trials(a="..ee"))[0]
    assert (every.success.trials, every.success.left_out, every.spoiled) == (2, 2, None)


@pytest.mark.parametrize("target", [0.05, 0.95])
def test_a_target_near_an_end_narrows_its_zone(target: float) -> None:
    zone = by_category(trials(a=".i"), target)[0].success.zone
    assert zone == pytest.approx(0.025)
    assert math.isfinite(by_category(trials(a=".i"), target)[0].success.bound)


def test_no_trials_decide_nothing() -> None:
    empty = trials(a=".").iloc[:0]
    (every,) = by_category(empty)
    assert (every.cases, every.success.verdict, every.spoiled) == (0, "go on", None)
