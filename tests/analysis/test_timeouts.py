"""Times to success where the client gave up: censored; and failures: never."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.analysis.latency import success_by
from liftlab.analysis.timeouts import e2e, time_to_success

NO = [0] * 5


def test_without_time_outs_it_is_the_curve_of_successes() -> None:
    seconds, ok = [14.92, 14.96, 14.16, 27.10, 26.90], [1, 1, 1, 0, 1]
    found, plain = time_to_success(seconds, ok, NO), success_by(seconds, ok)
    assert found.seconds.tolist() == plain.seconds.tolist()
    assert found.share == pytest.approx(plain.share)
    assert found.median.value == 14.96
    assert (found.n, found.timeouts, found.failures) == (5, 0, 1)


def test_a_failure_is_never_and_a_time_out_is_later() -> None:
    seconds = [1.0, 2.0, 2.5, 3.0]
    failed = time_to_success(seconds, [1, 1, 0, 1], [0, 0, 0, 0])
    given_up = time_to_success(seconds, [1, 1, 0, 1], [0, 0, 1, 0])
    assert failed.at(3.0) == pytest.approx(0.75)
    assert given_up.at(3.0) == pytest.approx(1.0)  # all that were waited for succeeded
    assert failed.at(0.5) == given_up.at(0.5) == 0


def test_the_median_is_not_that_of_the_successes() -> None:
    rng = np.random.default_rng(5)
    medians, naive = [], []
    for _ in range(200):
        true = rng.lognormal(math.log(15), 0.4, 50)
        limit = rng.uniform(12, 40, 50)
        ok, seconds = true <= limit, np.minimum(true, limit)
        medians.append(time_to_success(seconds, ok, ~ok).median.value)
        naive.append(np.median(seconds[ok]))
    assert np.mean(medians) == pytest.approx(15, abs=0.3)
    assert np.mean(naive) < 14


def test_an_interval_needs_trials_that_are_independent() -> None:
    x = np.arange(1.0, 31.0)
    good, cut = np.ones(30, dtype=bool), np.zeros(30, dtype=bool)
    whole = time_to_success(x, good, cut).median
    assert whole.low < whole.value < whole.high
    assert "below n = 20" in time_to_success(x[:10], good[:10], cut[:10]).median.reason
    repeated = time_to_success(x, good, cut, np.repeat(np.arange(15), 2)).median
    assert "where cases repeat" in repeated.reason
    assert time_to_success(x, ~good, cut).median.reason == "nothing succeeded"
    few = time_to_success(x, x < 10, x >= 10).median
    assert "fewer than half succeed" in few.reason
    just = time_to_success(x, x < 18, x >= 18).median
    assert just.high is None
    assert "no upper limit" in just.reason


def test_rows_without_a_time_are_counted_and_contradictions_refused() -> None:
    found = time_to_success([1.0, math.nan, -2.0, math.nan], [1, 1, 1, 0], [0, 0, 0, 0])
    assert (found.n, found.left_out, found.failures) == (2, 2, 1)
    assert "1 failed, counted as never" in str(found)
    with pytest.raises(ValueError, match="either succeeded or been given up"):
        time_to_success([1.0], [1], [1])


def test_a_run_tells_who_gave_up() -> None:
    trials = pd.DataFrame(
        {
            "case_id": list("abc"),
            "repeat": [1, 1, 1],
            "e2e_s": [10.0, None, None],
            "completed": [True, False, False],
        }
    )
    stages = trials[["case_id", "repeat"]].assign(error_class=[None, "deadline", "http_5xx"])
    attempts = trials[["case_id", "repeat"]].assign(
        sent_s=[0.0, 1.0, 2.0], last_byte_s=[10.0, None, None], ended_s=[10.0, 31.0, 2.5]
    )
    found = e2e(trials, stages, attempts)
    assert (found.n, found.timeouts, found.failures, found.left_out) == (3, 1, 1, 0)
    assert found.at(10.0) == pytest.approx(1 / 3)


@given(
    st.lists(
        st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from("sft")),
        max_size=40,
    ),
    st.sampled_from([0.001, 60.0]),
)
def test_any_rows_give_a_curve_that_no_unit_changes(
    rows: list[tuple[float, str]], factor: float
) -> None:
    seconds = np.array([time for time, _ in rows])
    kind = np.array([kind for _, kind in rows], dtype=str)
    found = time_to_success(seconds, kind == "s", kind == "t")
    assert (np.diff(found.share) > 0).all()
    assert found.share.max(initial=0) <= 1 + 1e-12
    plain = np.abs(seconds) + 1 if len(seconds) == 0 or np.abs(seconds).max() < 1e60 else None
    if plain is not None:
        one = time_to_success(plain, kind == "s", kind == "t")
        other = time_to_success(factor * plain, kind == "s", kind == "t")
        assert other.share == pytest.approx(one.share)
        if one.median.value is not None:
            assert other.median.value == pytest.approx(factor * one.median.value)
