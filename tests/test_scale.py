"""What the benchmark of loads past one process looks for is found where it is."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from liftlab.runner.plan import at_rate

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import scale

COUNT = 10_000


def plan(kind: str = "poisson") -> np.ndarray:
    return np.asarray(at_rate(100.0, kind).plan(COUNT, 20251015))


def test_the_arrivals_of_all_segments_pass_the_tests_of_one_plan() -> None:
    assert scale.poisson_faults(np.sort(np.concatenate([plan()[i::3] for i in range(3)]))) == {}


@pytest.mark.parametrize(
    ("moments", "fault"),
    [
        (plan("constant"), "gaps are too even or uneven"),
        (plan()[::2], "not the rate asked for"),
        (np.sort(np.concatenate([plan()[::2], plan()[::2] + 1e-4])), "gaps know each other"),
        (np.repeat(plan()[::2], 2), "gaps are not exponential"),
        (np.linspace(0, 100, COUNT), "counts a second are not"),
    ],
)
def test_arrivals_that_are_none_of_a_poisson_process_are_told(
    moments: np.ndarray, fault: str
) -> None:
    assert fault in scale.poisson_faults(moments)
