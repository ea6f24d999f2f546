"""Shifts of a level: found where they are, and seldom where there are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftlab.analysis.changepoint import shifts

SD = 0.04


def series(seed: int, n: int = 100, at: int | None = None, step: float = 0.1) -> np.ndarray:
    values = np.random.default_rng(seed).normal(0, SD, n)
    return values if at is None else values + np.log1p(step) * (np.arange(n) >= at)


def test_a_step_of_ten_percent_is_found_where_it_is() -> None:
    found = [shifts(series(seed, at=50), seed=seed) for seed in range(30)]
    near = [any(abs(shift.index - 50) <= 10 for shift in each) for each in found]
    assert sum(near) == 30
    assert all(each[0].after > each[0].before for each in found)


def test_steady_series_seldom_show_one() -> None:
    assert sum(bool(shifts(series(seed), seed=seed)) for seed in range(60)) <= 3


def test_neighbours_that_resemble_each_other_do_not_make_a_shift() -> None:
    alarms = 0
    for seed in range(40):
        noise = np.random.default_rng(seed).normal(0, 1, 100)
        for index in range(1, 100):
            noise[index] += 0.4 * noise[index - 1]
        alarms += bool(shifts(noise, seed=seed))
    assert alarms <= 4


def test_several_shifts_are_told_with_their_levels() -> None:
    values = np.repeat([0.0, 1.0, 0.2], 40) + series(3, 120)
    found = shifts(values)
    assert [shift.index for shift in found] == [40, 80]
    assert [round(shift.before, 1) for shift in found] == [0.0, 1.0]
    assert [round(shift.after, 1) for shift in found] == [1.0, 0.2]


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 9, [2.0] * 50])
def test_what_cannot_shift_does_not(values: list[float]) -> None:
    assert shifts(values) == []


def test_missing_values_are_the_callers_to_leave_out() -> None:
    with pytest.raises(ValueError, match="missing or infinite"):
        shifts([1.0, float("nan")] * 10)


@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.floats(-1e6, 1e6), max_size=60),
    factor=st.floats(0.01, 100),
    offset=st.floats(-100, 100),
)
def test_scale_and_offset_do_not_matter(values: list[float], factor: float, offset: float) -> None:
    rounded = np.round(np.array(values), 3)
    if len(values):
        rounded[len(values) // 2 :] += 5 * np.ptp(rounded)
    found = shifts(rounded)
    assert all(5 <= shift.index <= len(values) - 5 for shift in found)
    if len(values) and np.ptp(rounded) > 1:
        moved = shifts(rounded * factor + offset)
        assert [shift.index for shift in moved] == [shift.index for shift in found]
