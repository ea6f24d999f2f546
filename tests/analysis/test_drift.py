"""Drift, warm-up and neighbours: found where they are, elsewhere no more than promised."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from liftlab.analysis.drift import drift_of, run_drift


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
    found = [drift_of(*a_run(rng, cases, repeats, end=1.3)) for _ in range(40)]
    assert np.median([each.ratio.value for each in found]) == pytest.approx(1.3, abs=0.06)
    assert np.mean([each.ratio.low <= 1.3 <= each.ratio.high for each in found]) >= 0.85
    assert np.mean([each.drifts for each in found]) > 0.6


@pytest.mark.parametrize(("cases", "repeats"), [(40, 1), (20, 2), (20, 5)])
def test_false_alarms_of_the_drift_hold(cases: int, repeats: int) -> None:
    rng = np.random.default_rng(6)
    alarms = [drift_of(*a_run(rng, cases, repeats)).drifts for _ in range(300)]
    assert np.mean(alarms) <= 0.08


def test_neighbours_that_go_together_show() -> None:
    rng = np.random.default_rng(7)
    walk = np.convolve(rng.normal(0, 0.1, 220), np.ones(10) / 3, "valid")
    assert drift_of(np.exp(walk)).neighbours.low > 0.5
    still = [drift_of(rng.lognormal(0, 0.1, 60)).neighbours for _ in range(200)]
    assert np.mean([each.low <= 0 <= each.high for each in still]) >= 0.9


def test_a_run_that_begins_slowly_shows() -> None:
    rng = np.random.default_rng(8)
    seconds, names = a_run(rng, 20, 5, noise=0.05)
    assert drift_of(seconds, names).warm_up.low < 1 < drift_of(seconds, names).warm_up.high
    seconds[:10] *= 1.5
    assert drift_of(seconds, names).warm_up.low > 1.3
    assert drift_of(seconds[:40], names[:40]).warm_up.reason.startswith("needs ")


def test_what_cannot_be_told_says_what_would() -> None:
    assert drift_of([1.0] * 20).ratio.reason == "all are the same"
    assert drift_of([]).ratio.reason == "needs 10 requests, has 0"
    few = drift_of(np.linspace(1, 2, 12))
    assert few.p is not None
    assert few.neighbours.reason == "needs 20 requests, has 12"


def a_table(seconds: np.ndarray, names: np.ndarray, stage: str = "code") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "case_id": names.astype(str),
            "repeat": np.arange(len(names)),
            "stage": stage,
            "position": 0,
            "started_s": np.arange(float(len(names))),
            "latency_s": seconds,
        }
    )


def as_trials(stages: pd.DataFrame) -> pd.DataFrame:
    return stages.assign(started_at=stages["started_s"], e2e_s=stages["latency_s"])


def test_tables_are_put_in_order() -> None:
    rng = np.random.default_rng(9)
    stages = a_table(*a_run(rng, 10, 4, end=2.0, noise=0.01)).iloc[rng.permutation(40)]
    drift = run_drift(as_trials(stages), stages)
    assert [each.what for each in drift.stages] == ["code"]
    assert [each.what for each in drift.drifting] == ["code", "e2e"]
    assert drift.e2e.ratio.value == pytest.approx(2, rel=0.05)
    assert drift.e2e.ratio == drift.stages[0].ratio
    nothing = run_drift(pd.DataFrame(), pd.DataFrame())
    assert (nothing.stages, nothing.drifting, nothing.ordered) == ((), (), False)


def test_stages_that_drift_are_named_though_end_to_end_does_not() -> None:
    rng = np.random.default_rng(10)
    names = np.concatenate([rng.permutation(20) for _ in range(3)])
    level, slope = rng.uniform(4, 8, 20)[names], np.linspace(0.8, 1.2, 60)
    up, down, flat = (
        level * change * rng.lognormal(0, 0.02, 60) for change in (slope, slope[::-1], 1.0)
    )
    stages = pd.concat([a_table(up, names, "first"), a_table(down, names, "second")])
    stages.loc[stages["stage"] == "second", "position"] = 1
    drift = run_drift(as_trials(a_table(flat, names)), stages)
    assert not drift.e2e.drifts
    assert [each.what for each in drift.drifting] == ["first", "second"]


def test_errors_and_the_client_s_own_work_are_no_drift() -> None:
    rng = np.random.default_rng(11)
    seconds, names = a_run(rng, 20, 3, noise=0.02)
    own = np.linspace(0, 5, 60)
    trials = as_trials(a_table(seconds + own, names)).assign(client_s=own, outcome="pass")
    assert not run_drift(trials, pd.DataFrame()).drifting
    trials.loc[40:, ["e2e_s", "outcome"]] = [0.01, "error"]
    assert run_drift(trials, pd.DataFrame()).e2e.ratio.n <= 40
    assert not run_drift(trials, pd.DataFrame()).drifting


@given(
    st.lists(
        st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from("abc")),
        max_size=60,
    )
)
def test_never_raises_on_finite_input(rows: list[tuple[float, str]]) -> None:
    course = drift_of([time for time, _ in rows], [case for _, case in rows])
    assert (course.p is None) == bool(course.ratio.reason)


@given(
    st.lists(st.tuples(st.floats(1e-3, 1e5), st.sampled_from("abcd")), min_size=10, max_size=60),
    st.sampled_from([0.001, 60.0, 1024.0]),
)
def test_no_unit_changes_a_course(rows: list[tuple[float, str]], factor: float) -> None:
    times, names = np.array([time for time, _ in rows]), [case for _, case in rows]
    one, other = drift_of(times, names), drift_of(factor * times, names)
    if one.p is not None and other.p is not None:
        assert other.ratio.value == pytest.approx(one.ratio.value, rel=1e-6)


def test_steps_that_ended_in_an_error_are_no_drift() -> None:
    rng = np.random.default_rng(12)
    stages = a_table(*a_run(rng, 20, 3, noise=0.02)).assign(error_class=None)
    whole = run_drift(as_trials(stages), stages).stages[0].ratio.n
    stages["error_class"] = ["http_5xx" if place >= 40 else None for place in range(60)]
    stages.loc[40:, "latency_s"] = 0.01
    found = run_drift(as_trials(stages).head(40), stages)
    assert found.stages[0].ratio.n < whole
    assert not found.drifting


def test_a_line_without_noise_is_found_exactly() -> None:
    found = drift_of(np.exp(np.linspace(0, 1, 10)))
    assert found.ratio.value == found.ratio.low == found.ratio.high == pytest.approx(math.e)
    assert (found.ratio.n, found.ratio.confidence) == (10, 0.95)
    # Kendall's score is 45 of 45 pairs, and its variance 10 × 9 × 25 / 18.
    assert found.p == pytest.approx(2 * stats.norm.sf(44 / math.sqrt(125)))
    back = drift_of(np.exp(np.linspace(1, 0, 10)))
    assert back.p == found.p
    assert back.ratio.value == pytest.approx(1 / math.e)


def test_only_repeats_of_a_case_are_compared() -> None:
    seconds = np.array([1, 10, 100, 2, 20, 200, 4, 40, 400, 8, 80, 800, 7.0])
    names = [*"abc" * 4, "lone"]
    found = drift_of(seconds, names)
    assert found.ratio.n == 12
    # Four doublings over nine twelfths of the run, and each case is in order: 3 × 6 pairs.
    assert found.ratio.value == pytest.approx(2 ** (3 / 9 * 12))
    assert found.p == pytest.approx(2 * stats.norm.sf(17 / math.sqrt(3 * 4 * 3 * 13 / 18)))


@pytest.mark.parametrize(("n", "is_told"), [(9, False), (10, True)])
def test_a_drift_needs_ten_requests(n: int, is_told: bool) -> None:
    assert (drift_of(np.arange(1.0, n + 1)).p is not None) is is_told


@pytest.mark.parametrize(("n", "is_told"), [(19, False), (20, True)])
def test_neighbours_are_told_from_twenty_on(n: int, is_told: bool) -> None:
    found = drift_of(np.exp(np.tile([0.1, 0.1, -0.1, -0.1], 5)[:n])).neighbours
    assert (found.value is not None) is is_told
    if is_told:  # ten like the one before it and nine unlike: 1 / 20, and what its bias is
        assert found.value == pytest.approx(0.05 + (1 + 3 * 0.05) / 20)
        half, middle = 1.96 / math.sqrt(20), math.asin(found.value)
        assert found.low == pytest.approx(math.sin(middle - half), abs=1e-4)
        assert found.high == pytest.approx(math.sin(middle + half), abs=1e-4)


def test_neighbours_that_alternate_are_opposites_at_most() -> None:
    found = drift_of(np.exp(np.tile([0.1, -0.1], 10))).neighbours
    assert (found.value, found.low) == (-0.999, -1)
    assert found.high < -0.8


@pytest.mark.parametrize(("n", "is_told"), [(59, False), (60, True)])
def test_a_warm_up_needs_sixty_requests(n: int, is_told: bool) -> None:
    seconds = np.where(np.arange(n) < 6, 3.0, 1.5) + 0.001 * np.arange(n) % 0.01
    found = drift_of(seconds).warm_up
    assert (found.value is not None) is is_told
    if is_told:
        assert found.n == 6
        assert found.value == pytest.approx(2.0, rel=0.01)


def test_a_drift_is_beyond_chance_below_five_percent() -> None:
    drift = drift_of(np.arange(1.0, 11))
    assert [replace(drift, p=p).drifts for p in (None, 0.06, 0.05, 0.04)] == [False] * 3 + [True]


def test_trials_of_one_moment_have_no_order() -> None:
    stages = a_table(np.exp(np.linspace(0, 1, 20)), np.arange(20))
    drift = run_drift(as_trials(stages), stages)
    assert drift.ordered
    assert [each.what for each in drift.drifting] == ["code", "e2e"]
    at_once = run_drift(as_trials(stages).assign(started_at="2026-01-01"), stages)
    assert (at_once.ordered, at_once.drifting) == (False, ())
