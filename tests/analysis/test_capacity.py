"""Goodput, the knee, and answers under load, by hand and against made-up endpoints."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import isotonic_regression

from liftlab.analysis import capacity
from liftlab.analysis.capacity import (
    Goodput,
    busy_until,
    changes,
    goodput,
    knee,
    two_segments,
)
from liftlab.analysis.columns import AGAIN

LEVELS = np.array([1.0, 2.0, 4.0, 8.0, 16.0])


def point(under_way: float, value: float, *, error: float = 0.01, n: int = 100) -> Goodput:
    return Goodput(
        at_once=math.ceil(under_way),
        under_way=under_way,
        n=n,
        value=value,
        error=error,
        freedom=20,
        none_above=math.nan,
    )


def graded(rights: list[list[bool]]) -> pd.DataFrame:
    rows = [
        (f"case {case}", repeat, "pass" if good else "fail")
        for case, row in enumerate(rights)
        for repeat, good in enumerate(row)
    ]
    return pd.DataFrame(rows, columns=["case_id", "repeat", "outcome"])


def test_goodput_is_good_ones_over_the_seconds_of_all_times_what_is_under_way() -> None:
    seconds = np.array([1.0, 3.0] * 20)
    good = np.array([True, False] * 20)
    found = goodput(seconds, good, 4.0, 4)
    assert found.value == pytest.approx(4 * 20 / 80)
    assert found.estimate().population == AGAIN


def test_rows_without_a_time_are_left_out() -> None:
    seconds = np.array([2.0] * 20 + [math.nan])
    assert goodput(seconds, np.ones(21, bool), 1.0, 1).n == 20


def test_no_right_answer_gives_an_upper_limit() -> None:
    found = goodput(np.full(30, 2.0), np.zeros(30, bool), 3.0, 3).estimate()
    most = 1 - 0.05 ** (1 / 30)  # of the requests, at 95 %
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(3 * most / 2)


def test_few_requests_have_no_interval_and_none_no_value() -> None:
    few = goodput(np.full(8, 2.0), np.ones(8, bool), 2.0, 2).estimate()
    assert (few.value, few.low, few.high) == (1.0, None, None)
    assert few.reason
    none = goodput(np.array([]), np.array([], bool), 2.0, 2).estimate()
    assert none.value is None
    assert none.reason


def test_the_best_of_several_has_a_wider_interval() -> None:
    rng = np.random.default_rng(1)
    found = goodput(rng.lognormal(0, 0.5, 200), rng.random(200) < 0.8, 2.0, 2)
    alone, picked = found.estimate(), found.estimate(picked_from=8)
    assert picked.value == alone.value
    assert picked.low is not None
    assert alone.low is not None
    assert picked.low < alone.low


def test_the_interval_covers_where_neighbours_are_alike() -> None:
    """Requests of one queue share their wait: an interval over requests would be too narrow."""
    rng = np.random.default_rng(7)
    held, times = 0, 1_000
    for _ in range(times):
        waits = np.repeat(rng.lognormal(0, 0.4, 40), 8) + 1  # eight are under way, and wait alike
        found = goodput(waits, rng.random(320) < 0.8, 8.0, 8).estimate()
        truth = 8 * 0.8 / (1 + math.exp(0.08))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high
    assert held >= 0.92 * times


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 5)), min_size=1, max_size=8).map(sorted))
def test_busy_seconds_are_counted_span_by_span(spans: list[tuple[float, float]]) -> None:
    began = np.array([begin for begin, _ in spans])
    ended = began + np.array([took for _, took in spans])
    wanted = [
        sum(max(0.0, min(ended[j], now) - began[j]) for j in range(i))
        for i, now in enumerate(began)
    ]
    assert busy_until(began, ended) == pytest.approx(wanted, abs=1e-9)


@given(
    st.lists(st.floats(0, 10), min_size=1, max_size=7),
    st.data(),
)
def test_falling_rates_are_those_of_scipy(rates: list[float], data: st.DataObject) -> None:
    weights = np.array(
        data.draw(st.lists(st.floats(0.1, 5), min_size=len(rates), max_size=len(rates)))
    )
    wanted = isotonic_regression(rates, weights=weights, increasing=False).x
    assert capacity._falling(np.array([rates]), weights)[0] == pytest.approx(wanted, abs=1e-9)


@given(st.floats(1.2, 15.5), st.floats(0.01, 100))
def test_a_clean_curve_gives_its_knee(truth: float, slope: float) -> None:
    rates = slope * np.minimum(LEVELS, truth)
    weights = np.full(5, 1e4 / slope**2)
    value, beyond = two_segments(LEVELS, rates[None], weights)
    assert value[0] == pytest.approx(truth, rel=0.02)
    assert beyond[0] >= value[0] * 0.99


@pytest.mark.parametrize("place", [2, 3])
def test_where_rates_fall_the_knee_is_the_last_on_the_line(place: int) -> None:
    rates = np.where(np.arange(5) <= place, LEVELS, 0.6 * LEVELS[place])
    value, beyond = two_segments(LEVELS, rates[None], np.full(5, 100.0))
    assert (value[0], beyond[0]) == (LEVELS[place], LEVELS[place + 1])


def test_where_fewer_were_under_way_than_asked_for_the_knee_is_not_below_what_was_asked() -> None:
    levels, asked = 0.9 * LEVELS, LEVELS
    rates = np.where(np.arange(5) <= 3, LEVELS, 4.0)[None]
    value, beyond = two_segments(levels, rates, np.full(5, 100.0), asked)
    assert (value[0], beyond[0]) == (8.0, 16.0)


def test_a_dip_within_chance_is_no_knee() -> None:
    rates = np.array([1.0, 2.0, 4.0, 7.4, 7.9])
    weights = 1 / (0.08 * np.minimum(LEVELS, 8)) ** 2
    value, _ = two_segments(LEVELS, rates[None], weights)
    assert value[0] > 7


def test_the_knee_has_an_interval_up_to_the_next_level() -> None:
    found = knee([point(c, min(c, 6.0), error=0.02 * c) for c in LEVELS])
    assert found.value == pytest.approx(6.0, rel=0.02)
    assert found.low is not None
    assert 5 < found.low <= found.value
    assert found.high == 8.0


def test_goodput_that_still_rises_has_no_knee() -> None:
    found = knee([point(c, float(c)) for c in LEVELS])
    assert found.value is None
    assert "still rise" in found.reason


def test_a_knee_needs_three_levels_with_right_answers() -> None:
    assert knee([point(1, 1.0), point(2, 2.0)]).value is None
    assert knee([point(c, 0.0) for c in LEVELS]).value is None
    assert knee([]).value is None


def test_a_drop_is_found_at_the_level_that_has_it() -> None:
    rng = np.random.default_rng(3)
    levels = {
        at: graded([(rng.random(6) < rate).tolist() for _ in range(20)])
        for at, rate in ((1, 0.9), (4, 0.9), (16, 0.45))
    }
    found = changes(levels)
    assert {at: change.verdict for at, change in found.items()} == {4: "cannot tell", 16: "worse"}


def test_levels_are_corrected_together() -> None:
    """One level that differs by chance is no finding where many are looked at."""
    base = graded([[True]] * 12)
    odd = graded([[False]] * 6 + [[True]] * 6)  # p = 0.03 alone
    alone = changes({1: base, 2: odd})
    many = changes({1: base, 2: odd} | dict.fromkeys(range(3, 9), base))
    assert (alone[2].verdict, many[2].verdict) == ("worse", "cannot tell")


def test_one_level_has_nothing_to_compare_with() -> None:
    assert changes({4: graded([[True]])}) == {}


def test_the_error_is_that_of_the_means_of_batches_by_hand() -> None:
    seconds = 1.0 + np.arange(40) % 3
    good = np.arange(40) % 4 == 0
    found = goodput(seconds, good, 4.0, 4)
    ratio = 10 / seconds.sum()
    rests = (good - ratio * seconds).reshape(10, 4).sum(1)
    error = 4 * math.sqrt(10 / 9 * (rests**2).sum()) / seconds.sum()
    assert (found.value, found.error) == pytest.approx((4 * ratio, error))
    assert (found.freedom, found.n, found.at_once, found.under_way) == (9, 40, 4, 4.0)
    shown = found.estimate()
    half = float(stats.t.isf(0.025, 9)) * error
    assert (shown.low, shown.high) == pytest.approx((max(0.0, 4 * ratio - half), 4 * ratio + half))


@pytest.mark.parametrize(
    ("n", "under_way", "batches"),
    [
        (19, 4.0, None),  # four batches are too few
        (20, 4.0, 5),
        (10, 1.0, 5),  # no batch is of one request
        (100, 4.0, 12),  # twice as long as the queue where there are enough
        (60, 1.0, 30),
        (3000, 4.0, 30),
    ],
)
def test_batches_are_as_long_as_the_queue_and_not_too_many(
    n: int, under_way: float, batches: int | None
) -> None:
    good = np.arange(n) % 2 == 0
    found = goodput(1.0 + np.arange(n) % 5, good, under_way, 4)
    assert math.isnan(found.error) == (batches is None)
    assert found.freedom == (batches or 4) - 1


def test_where_none_was_right_their_rate_is_below_what_would_have_shown() -> None:
    found = goodput(np.full(40, 2.0), np.zeros(40, dtype=np.bool_), 4.0, 4)
    assert found.none_above == pytest.approx(4 * 40 * (1 - 0.05 ** (1 / 40)) / 80)
    shown = found.estimate()
    assert (shown.value, shown.low, shown.high) == (0.0, 0.0, found.none_above)
