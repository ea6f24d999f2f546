"""What a run that was made until decided comes to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from liftlab.analysis.estimate import Estimate
from liftlab.reporting.text import decision as text


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
    assert text.sentence(_decision()) == (
        "16 of 20 answers are right: 70 % is reached, decided after 20 trials; "
        "95 % interval 60–90 %, however often it is looked at."
    )
    none = Estimate(value=1.0, n=1, unit="%")
    said = text.sentence(_decision(successes=1, trials=1, published=none, left_out=3))
    assert said.startswith("1 of 1 answer is right: ")
    assert said.endswith("trials; 3 repeated or ungraded not counted.")


def test_what_would_settle_an_open_one() -> None:
    said = text.sentence(_decision(verdict="go on"))
    assert said.endswith(
        "; settled by 5 right answers in a row, or 1 wrong one; about 1,500 more prompts if the "
        "truth is 80 % or 60 %."
    )
    priced = text.sentence(_decision(verdict="go on", seconds=2.0))
    assert "more prompts (50 min) if the" in priced


def test_what_trials_take() -> None:
    assert text.effort(None, 0.0) == " (0.00 USD)"
    assert text.effort(89.0, None) == " (89 s)"
    assert text.effort(120.0, 1.0) == " (2 min, 1.00 USD)"
