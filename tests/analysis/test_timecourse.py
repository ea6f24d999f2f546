"""Drift, warm-up and neighbours: found where they are, elsewhere no more than promised."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.analysis.timecourse import e2e_course, stage_courses, time_course


def a_run(
    rng: np.random.Generator, cases: int, repeats: int, end: float = 1.0, noise: float = 0.1
) -> tuple[np.ndarray, np.ndarray]:
    """Make a run in repeat-major random order whose last trial is `end` times the first."""
    names = np.concatenate([rng.permutation(cases) for _ in range(repeats)])
    level = rng.normal(2, 0.8, cases)[names]
    trend = np.linspace(0, math.log(end), len(names))
    return np.exp(level + trend + rng.normal(0, noise, len(names))), names


@pytest.mark.parametrize(("cases", "repeats"), [(20, 2), (20, 5), (5, 20)])
def test_a_drift_is_found_and_sized_whatever_the_cases_are(cases: int, repeats: int) -> None:
    rng = np.random.default_rng(5)
    found = [time_course(*a_run(rng, cases, repeats, end=1.3)) for _ in range(40)]
    assert np.median([each.ratio.value for each in found]) == pytest.approx(1.3, abs=0.06)
    assert np.mean([each.ratio.low <= 1.3 <= each.ratio.high for each in found]) >= 0.85
    assert np.mean([each.drifts for each in found]) > 0.6
    assert "e2e: times drift in the run: last over first 1." in str(
        next(each for each in found if each.drifts)
    )


@pytest.mark.parametrize(("cases", "repeats"), [(40, 1), (20, 2), (20, 5)])
def test_false_alarms_of_the_drift_hold(cases: int, repeats: int) -> None:
    rng = np.random.default_rng(6)
    alarms = [time_course(*a_run(rng, cases, repeats)).drifts for _ in range(300)]
    assert np.mean(alarms) <= 0.08


def test_neighbours_that_go_together_show() -> None:
    rng = np.random.default_rng(7)
    walk = np.convolve(rng.normal(0, 0.1, 220), np.ones(10) / 3, "valid")
    assert time_course(np.exp(walk)).neighbours.low > 0.5
    still = [time_course(rng.lognormal(0, 0.1, 60)).neighbours for _ in range(200)]
    assert np.mean([each.low <= 0 <= each.high for each in still]) >= 0.9


def test_a_run_that_begins_slowly_shows() -> None:
    rng = np.random.default_rng(8)
    seconds, names = a_run(rng, 20, 5, noise=0.05)
    assert time_course(seconds, names).warm_up.low < 1 < time_course(seconds, names).warm_up.high
    seconds[:10] *= 1.5
    assert time_course(seconds, names).warm_up.low > 1.3
    assert time_course(seconds[:40], names[:40]).warm_up.reason.startswith("insufficient data")


def test_what_cannot_be_told_says_what_would() -> None:
    assert time_course([1.0] * 20).ratio.reason == "all are the same"
    assert time_course([]).ratio.reason == "insufficient data: needs n ≥ 10, has 0"
    few = time_course(np.linspace(1, 2, 12))
    assert few.p is not None
    assert few.neighbours.reason == "insufficient data: needs n ≥ 20, has 12"


def test_tables_are_put_in_order() -> None:
    rng = np.random.default_rng(9)
    seconds, names = a_run(rng, 10, 4, end=2.0, noise=0.01)
    mixed = rng.permutation(40)
    stages = pd.DataFrame(
        {
            "case_id": names.astype(str),
            "stage": "code",
            "position": 0,
            "started_s": np.arange(40.0),
            "latency_s": seconds,
        }
    ).iloc[mixed]
    (course,) = stage_courses(stages)
    assert (course.what, course.drifts) == ("code", True)
    assert course.ratio.value == pytest.approx(2, rel=0.05)
    trials = stages.assign(started_at=stages["started_s"], e2e_s=stages["latency_s"])
    assert e2e_course(trials).ratio == course.ratio
    assert stage_courses(pd.DataFrame()) == []


@given(
    st.lists(
        st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from("abc")),
        max_size=60,
    )
)
def test_never_raises_on_finite_input(rows: list[tuple[float, str]]) -> None:
    course = time_course([time for time, _ in rows], [case for _, case in rows])
    assert (course.p is None) == bool(course.ratio.reason)
    assert course.sentence()


@given(
    st.lists(st.tuples(st.floats(1e-3, 1e5), st.sampled_from("abcd")), min_size=10, max_size=60),
    st.sampled_from([0.001, 60.0, 1024.0]),
)
def test_no_unit_changes_a_course(rows: list[tuple[float, str]], factor: float) -> None:
    times, names = np.array([time for time, _ in rows]), [case for _, case in rows]
    one, other = time_course(times, names), time_course(factor * times, names)
    if one.p is not None and other.p is not None:
        assert other.ratio.value == pytest.approx(one.ratio.value, rel=1e-6)
