"""Arrival plans: the rate that was asked for, gaps that know nothing of each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from liftlab.errors import InputInvalid, UsageError
from liftlab.runner.plan import ArrivalsInvalid, at_rate, recorded

COUNT = 10_001


def gaps(kind: str, seed: int = 20251015, rate: float = 100.0) -> np.ndarray:
    return np.diff(np.asarray(at_rate(rate, kind).plan(COUNT, seed)))


@pytest.mark.parametrize("kind", ["constant", "poisson"])
@pytest.mark.parametrize("rate", [0.5, 100.0, 2500.0])
def test_ten_thousand_gaps_have_the_rate_asked_for(kind: str, rate: float) -> None:
    assert 1 / gaps(kind, rate=rate).mean() == pytest.approx(rate, rel=0.025)


def test_poisson_gaps_are_exponential_and_independent() -> None:
    found = gaps("poisson")
    lagged = [np.corrcoef(found[:-lag], found[lag:])[0, 1] for lag in (1, 2, 3)]
    assert max(map(abs, lagged)) <= 0.03
    assert found.std() / found.mean() == pytest.approx(1, abs=0.05)
    assert stats.kstest(found, "expon", args=(0, found.mean())).pvalue > 0.01


def test_counts_by_second_are_as_uneven_as_poisson_counts() -> None:
    moments = np.asarray(at_rate(100.0).plan(COUNT, 1))
    counts = np.bincount(moments.astype(int))[:100]
    assert counts.var() / counts.mean() == pytest.approx(1, abs=0.45)  # 3 s.e. of 100 counts


def test_constant_gaps_do_not_add_up_an_error() -> None:
    moments = at_rate(3.0, "constant").plan(COUNT, 1)
    assert moments[0] == 0
    assert moments[-1] == pytest.approx((COUNT - 1) / 3, rel=1e-12)


@given(st.floats(0.01, 1e5), st.integers(0, 2**31), st.integers(1, 500))
def test_a_plan_is_in_order_within_its_span_and_repeats_by_its_seed(
    rate: float, seed: int, count: int
) -> None:
    plan = at_rate(rate).plan(count, seed)
    assert list(plan) == sorted(plan)
    assert plan[0] >= 0
    assert plan[-1] <= count / rate
    assert plan == at_rate(rate).plan(count, seed)
    assert count < 3 or plan != at_rate(rate).plan(count, seed + 1)


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=50).map(sorted))
def test_recorded_times_count_from_the_first(tmp_path_factory, times: list[float]) -> None:
    path = tmp_path_factory.mktemp("arrivals") / "times.txt"
    path.write_text("# seconds\n" + "\n".join(map(repr, times)) + "\n\n")
    if times[0] == times[-1]:
        with pytest.raises(ArrivalsInvalid, match="two different times"):
            recorded(path)
        return
    arrivals = recorded(path)
    assert list(arrivals.plan(len(times), 0)) == [moment - times[0] for moment in times]
    with pytest.raises(UsageError, match="too many"):
        arrivals.plan(len(times) + 1, 0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"0\n1\nhello\n", ":3: not a number"),
        (b"0\nnan\n", ":2: not a number"),
        (b"0\n2\n1\n", ":3: 1 comes after 2"),
        (b"", "two different times"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_by_its_line(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "times.txt"
    path.write_bytes(content)
    with pytest.raises(InputInvalid, match=words):
        recorded(path)
    with pytest.raises(InputInvalid, match="cannot be read"):
        recorded(tmp_path / "missing.txt")


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_must_be_one(rate: float) -> None:
    with pytest.raises(UsageError, match="--rate"):
        at_rate(rate)
    with pytest.raises(UsageError, match="constant or poisson"):
        at_rate(1.0, "bursts")
