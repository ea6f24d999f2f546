"""How long requests take, and by when a request has a right answer, in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from liftlab.analysis.estimate import Estimate
from liftlab.reporting.text import latency as text


def _right_by(*seconds: float, value: float = 0.5) -> Any:
    curve = SimpleNamespace(
        seconds=list(seconds), at=lambda at: Estimate(value=value, n=20, unit="%")
    )
    return SimpleNamespace(curve=curve, limits=(("target", 15.0), ("wish", 5.0)))


def test_how_many_are_right_in_the_end() -> None:
    said = "50 % have a right answer within 9 s; the others never get one"
    assert text.right_by_title(_right_by(1.0, 9.0)) == said
    assert text.right_by_title(_right_by(9.0, value=1.0)) == "All have a right answer within 9 s"
    assert (
        text.right_by_title(_right_by()) == "No request has a right answer, however long one waits"
    )


def test_how_many_are_right_within_each_target() -> None:
    assert list(text.right_within(_right_by(1.0))) == [
        "Right within 15 s: 50 %.",
        "Right within 5 s: 50 %.",
    ]
