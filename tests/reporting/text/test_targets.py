"""Verdicts on targets, in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.targets import judged
from liftlab.reporting.text import targets as text
from liftlab.settings.targets import TargetSettings

NONE_FAILED: Any = SimpleNamespace(errors=0, answered=20, trials=20)
SOME_FAILED: Any = SimpleNamespace(errors=3, answered=17, trials=20)


def _time(value: float | None, low: float | None = None, high: float | None = None) -> Any:
    estimate = Estimate(value=value, low=low, high=high, confidence=0.95, n=20, unit="s")
    return judged("speed", TargetSettings(metric="e2e_median_s", limit=15), estimate)


def _rate(value: float, low: float, high: float) -> Any:
    estimate = Estimate(value=value, low=low, high=high, confidence=0.95, n=20, unit="%")
    return judged("right", TargetSettings(metric="success_rate", limit=0.7), estimate)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (_time(10.0, 8.0, 12.0), "the target of 15 s is met"),
        (_time(20.0, 18.0, 22.0), "the target of 15 s is not met"),
        (_time(14.0, 12.0, 17.0), "not enough prompts yet to say whether it stays within 15 s"),
        (_time(None), "the target of 15 s is not measurable"),
        (_rate(0.75, 0.6, 0.85), "not enough prompts yet to say whether 70 % is reached"),
    ],
)
def test_a_verdict_as_a_clause(target: Any, said: str) -> None:
    assert text.clause(target) == said
    assert text.clause(target).quantities == [(f"target.{target.key}", target.verdict)]


def test_a_limit_has_its_sign() -> None:
    assert text.limit(_time(10.0, 8.0, 12.0)) == "≤ 15 s"
    assert text.limit(_rate(0.9, 0.8, 1.0)) == "≥ 70 %"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (89.9, "90 s"),
        (90, "2 min"),
        (5399, "90 min"),
        (5400, "1.5 h"),
        (7.2e6, "2,000.0 h"),
    ],
)
def test_a_duration_is_counted_as_people_do(seconds: float, said: str) -> None:
    assert text.duration(seconds) == said


@pytest.mark.parametrize(
    ("verdict", "after", "said"),
    [
        ("go on", None, "not decided whether 70 % is reached"),
        ("above", 31, "70 % is reached, decided after 31 trials"),
        ("below", 1, "70 % is not reached, decided after 1 trial"),
    ],
)
def test_a_run_that_was_made_until_decided(verdict: str, after: Any, said: str) -> None:
    decision: Any = SimpleNamespace(target=0.7, verdict=verdict, decided_after=after)
    assert text.tested(decision) == said


def test_a_target_on_one_line() -> None:
    said = text.sentence(_time(10.0, 8.0, 12.0), NONE_FAILED)
    assert said == "speed ≤ 15 s: met, 10.0 s (95 % interval 8.0–12.0 s)."
    # Of how many a rate is, where requests failed; a time has none of these.
    said = text.sentence(_rate(0.9, 0.8, 0.97), SOME_FAILED)
    assert "; of 17 answered; 3 of 20 failed at the endpoint)." in said
    assert "answered" not in text.sentence(_time(10.0, 8.0, 12.0), SOME_FAILED)
    assert text.sentence(_time(None), NONE_FAILED).startswith("speed ≤ 15 s: not measurable")


def test_what_would_decide_an_open_target() -> None:
    assert text.decides(_rate(0.75, 0.6, 0.85)).endswith(" would decide") is bool(
        _rate(0.75, 0.6, 0.85).result.needs
    )
    assert text.decides(_time(10.0, 8.0, 12.0)) == ""


def _decision(**parts: Any) -> Any:
    published = Estimate(value=0.8, n=20, low=0.6, high=0.9, confidence=0.95, unit="%")
    given = {
        "published": published,
        "successes": 16,
        "trials": 20,
        "target": 0.7,
        "verdict": "above",
        "decided_after": 20,
        "left_out": 0,
        "if_above": SimpleNamespace(rate=0.8),
        "if_below": SimpleNamespace(rate=0.6),
        "more": 1500,
        "seconds": None,
        "usd": None,
        "to_above": 5,
        "to_below": 1,
    }
    return SimpleNamespace(**given | parts)


def test_a_decision_with_its_interval() -> None:
    assert text.decided(_decision()) == (
        "16 of 20 answers are right: 70 % is reached, decided after 20 trials; "
        "95 % interval 60–90 %, however often it is looked at."
    )
    none = Estimate(value=1.0, n=1, unit="%")
    said = text.decided(_decision(successes=1, trials=1, published=none, left_out=3))
    assert said.startswith("1 of 1 answer is right: ")
    assert said.endswith("trials; 3 repeated or ungraded not counted.")


def test_what_would_settle_an_open_one() -> None:
    said = text.decided(_decision(verdict="go on"))
    assert said.endswith(
        "; settled by 5 right answers in a row, or 1 wrong one; about 1,500 more prompts if the "
        "truth is 80 % or 60 %."
    )
    priced = text.decided(_decision(verdict="go on", seconds=2.0))
    assert "more prompts (50 min) if the" in priced


def test_what_trials_take() -> None:
    assert text.effort(None, 0.0) == " (0.00 USD)"
    assert text.effort(89.0, None) == " (89 s)"
    assert text.effort(120.0, 1.0) == " (2 min, 1.00 USD)"
