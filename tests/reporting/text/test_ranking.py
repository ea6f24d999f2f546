"""Several runs beside each other, in words."""

from __future__ import annotations

from typing import Any

import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.reporting.text import ranking as text
from liftlab.summary.comparison import RankedRun, RankedRuns


def _ranked(*places: tuple[tuple[int, int], tuple[int, int]], shared: int = 20) -> RankedRuns:
    rows = tuple(
        RankedRun(
            run_id=f"r{n}",
            endpoint="e",
            model="m",
            success=Estimate(value=0.7, n=20, unit="%"),
            median=Estimate(value=10.0, n=20, unit="s"),
            success_places=right,
            time_places=time,
        )
        for n, (right, time) in enumerate(places)
    )
    return RankedRuns(rows=rows, shared=shared)


CLEAR = _ranked(((1, 1), (2, 3)), ((2, 3), (1, 1)), ((2, 3), (2, 3)))
OPEN = _ranked(((1, 2), (1, 2)), ((1, 2), (1, 2)), ((3, 3), (3, 3)))


@pytest.mark.parametrize(
    ("ranked", "said"),
    [
        (CLEAR, "r0 is right most often"),
        (OPEN, "Not enough data to say which of 2 runs is right most often"),
        (_ranked(((1, 1), (1, 1)), shared=0), "No prompt is in all runs: they cannot be ranked"),
    ],
)
def test_which_is_right_most_often(ranked: Any, said: str) -> None:
    assert text.title(ranked) == said


@pytest.mark.parametrize(
    ("ranked", "said"),
    [
        (CLEAR, "r1 is the fastest end to end."),
        (OPEN, "The fastest is one of r0 and r1."),
        (
            _ranked(((1, 2), (1, 2)), ((1, 2), (1, 2))),
            "Not enough data to say which is the fastest.",
        ),
    ],
)
def test_which_is_the_fastest(ranked: Any, said: str) -> None:
    assert text.fastest(ranked) == said


def test_what_all_have() -> None:
    assert text.shared(CLEAR) == "20 prompts are in all 3 runs."


def test_a_run_on_one_line() -> None:
    assert text.line(CLEAR.rows[0]) == "r0: right 70 % (place 1), median 10 s (place 2–3)"
