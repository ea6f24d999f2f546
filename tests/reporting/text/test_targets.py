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
