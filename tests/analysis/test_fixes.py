from __future__ import annotations

import pandas as pd
import pytest

from liftlab.analysis.fixes import which_fix


def trials(*classes: str | None, repeats: int = 1) -> pd.DataFrame:
    rows = [
        {
            "case_id": f"c{number}",
            "repeat": repeat,
            "outcome": {None: "pass", "endpoint_error": "error"}.get(name, "fail"),
            "failure_class": name,
        }
        for number, name in enumerate(classes)
        for repeat in range(repeats)
    ]
    return pd.DataFrame(rows)


def test_shares_are_of_graded_answers_and_errors_are_none() -> None:
    fixes = which_fix(
        trials("missing_return", "missing_return", "type_error", None, "endpoint_error")
    )
    assert [share.failure_class for share in fixes.shares] == ["missing_return", "type_error"]
    assert fixes.shares[0].of_trials.value == 0.5
    assert fixes.shares[0].of_failures.value == pytest.approx(2 / 3)
    assert (fixes.verdict, fixes.clearly_first) == ("open", False)
    assert str(fixes).endswith("It is not clearly ahead of type_error.")
    assert "at most 50 % (95 % interval" in str(fixes)


@pytest.mark.parametrize(
    ("spoiled", "passed", "verdict", "said"),
    [
        (30, 10, "above", "more than 30 %"),
        (2, 60, "below", "less than 30 %"),
        (2, 3, "open", "not"),
    ],
)
def test_the_interval_settles_whether_it_is_worth_it(
    spoiled: int, passed: int, verdict: str, said: str
) -> None:
    fixes = which_fix(trials(*["missing_return"] * spoiled, *[None] * passed))
    assert (fixes.verdict, fixes.clearly_first) == (verdict, True)
    assert said in str(fixes)


def test_repeats_of_a_case_do_not_settle_anything() -> None:
    classes = ["missing_return"] * 4 + ["type_error"] + [None] * 3
    once, often = which_fix(trials(*classes)), which_fix(trials(*classes, repeats=20))
    assert once.verdict == often.verdict == "open"
    assert often.shares[0].of_trials.n == 8
    assert not often.clearly_first


def test_many_cases_settle_which_is_first() -> None:
    assert which_fix(trials(*["missing_return"] * 20, *["type_error"] * 3)).clearly_first
    assert not which_fix(trials(*["missing_return"] * 6, *["type_error"] * 5)).clearly_first


def test_nothing_failed() -> None:
    assert str(which_fix(trials(None, None))) == "Nothing failed: there is nothing to fix."
