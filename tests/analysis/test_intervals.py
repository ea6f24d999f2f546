from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.intervals import cv, deviation, mean, median, quantile

NLP_TO_IR = [10.80, 10.77, 10.01, 7.33, 9.81]

times = st.lists(st.floats(1e-3, 1e5), min_size=1, max_size=90)
finite = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=60)
shares = st.floats(0.01, 0.99)


def test_mean_says_when_it_cannot_carry_an_interval() -> None:
    assert mean([4.12, 4.19, 4.16, 17.08]).value == pytest.approx(7.3875)
    assert "needs 20 prompts" in str(mean([4.12, 4.19, 4.16, 17.08]))
    quiet = np.random.default_rng(2).normal(10, 0.5, 30)
    assert mean(quiet).has_interval
    loud = np.append(quiet, 80.0)
    assert "heavy tail" in mean(loud).reason
    assert mean(loud).low is None
    assert "leaves out tails not yet seen" in str(mean(quiet))
    again = mean(np.tile(quiet, 2), clusters=np.tile(np.arange(30), 2))
    assert (again.n, again.cases, again.high) == (60, 30, pytest.approx(mean(quiet).high))
    same = mean([1.0] * 30)
    assert str(same) == "1 s (n = 30: no interval: all 30 values are the same)"


def test_mean_and_deviation_weigh_every_prompt_the_same() -> None:
    x, cases = [1.0, 1.0, 1.0, 5.0], list("aaab")
    assert mean(x, clusters=cases).value == 3.0
    assert deviation(x, cases) == pytest.approx(math.sqrt(4 * 4 / 3))
    assert cv(x, clusters=cases).value == pytest.approx(deviation(x, cases) / 3)
    assert deviation([1.0, math.inf]) is None
    assert cv(x).value == pytest.approx(np.std(x, ddof=1) / np.mean(x))


def test_mean_interval_is_students() -> None:
    x = np.random.default_rng(3).normal(10, 0.5, 21)
    estimate = mean(x)
    assert estimate.high is not None
    half = 2.085963 * x.std(ddof=1) / math.sqrt(21)
    assert estimate.high - estimate.value == pytest.approx(half, rel=1e-6)


def test_cv_of_the_published_day() -> None:
    assert str(cv(NLP_TO_IR)) == "15 % (95 % interval 9–44 %, n = 5)"
    successes = cv([10.80, 10.77, 10.01, 9.81])
    assert successes.value == pytest.approx(0.0495, abs=5e-5)
    assert successes.low == pytest.approx(0.028, abs=5e-4)
    assert successes.high == pytest.approx(0.186, abs=5e-4)


def test_cv_approximation_meets_the_exact_interval() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(10, 1.5, 31)
    exact, near = cv(x[:30]), cv(x)
    assert near.low == pytest.approx(exact.low, rel=0.1)
    assert cv([3.0, 3.0, 3.0]).value == 0
    assert cv([1.0, 2.0]).value is None
    assert cv([1e-3, 1e-3, 100.0]).value is not None


@pytest.mark.parametrize("estimator", [median, mean, cv])
@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([], "no data"),
        ([1.0, math.nan, 2.0, 3.0], "1 of 4 values missing"),
        ([1.0, 0.0, 2.0], "1 of 3 values are not positive"),
        ([1.0, -math.inf, 2.0], "1 of 3 values are not positive"),
    ],
)
def test_unfit_values_give_a_reason(
    estimator: Callable[..., Estimate], values: list[float], reason: str
) -> None:
    estimate = estimator(values)
    assert estimate.value is None
    assert estimate.low is None
    assert estimate.reason == reason


def test_infinite_values_have_no_mean() -> None:
    assert mean([1.0, math.inf]).value is None
    assert cv([1.0, math.inf, 2.0]).value is None


@pytest.mark.parametrize("bad", [0.0, 1.0, -0.1, 2.0])
def test_impossible_requests_raise(bad: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile([1.0], bad)
    with pytest.raises(ValueError, match="between 0 and 1"):
        mean([1.0], confidence=bad)
    with pytest.raises(ValueError, match="clusters"):
        median([1.0, 2.0], clusters=["a"])


@given(finite, shares, st.floats(0.5, 0.999))
def test_never_raises_on_finite_input(values: list[float], q: float, confidence: float) -> None:
    for estimate in (
        quantile(values, q, confidence),
        mean(values, confidence),
        cv(values, confidence),
    ):
        assert str(estimate)
        assert estimate.value is not None or estimate.reason


@given(times, shares, st.sampled_from([0.001, 2.0, 60.0, 1000.0]))
def test_quantiles_scale_with_the_unit(values: list[float], q: float, factor: float) -> None:
    before, after = quantile(values, q), quantile(np.array(values) * factor, q)
    for name in ("value", "low", "high"):
        ends = getattr(before, name), getattr(after, name)
        assert (ends[0] is None) == (ends[1] is None)
        if ends[0] is not None:
            assert ends[1] == pytest.approx(ends[0] * factor)


@given(times, st.sampled_from([0.5, 0.9, 0.95]), st.floats(0.5, 0.98))
def test_more_confidence_is_never_narrower(values: list[float], q: float, level: float) -> None:
    for estimator in (lambda c: quantile(values, q, c), lambda c: mean(values, c)):
        narrow, wide = estimator(level), estimator(level + 0.015)
        if narrow.has_interval and wide.has_interval:
            assert wide.low <= narrow.low + 1e-9 * abs(narrow.low)
            assert wide.high >= narrow.high - 1e-9 * abs(narrow.high)


SHAPES: dict[str, tuple[Callable[[np.random.Generator, int], np.ndarray], float]] = {
    "normal": (lambda rng, n: rng.normal(10, 0.5, n), 10.0),
    "lognormal": (lambda rng, n: rng.lognormal(0, 0.35, n), 1.0),
    "heavy": (lambda rng, n: 5 + 2 * rng.pareto(1.5, n), 5 + 2 * (2 ** (1 / 1.5) - 1)),
}


@pytest.mark.parametrize("n", [10, 20])
@pytest.mark.parametrize("shape", SHAPES)
def test_median_interval_covers_what_it_says(shape: str, n: int) -> None:
    draw, truth = SHAPES[shape]
    rng = np.random.default_rng(sum(map(ord, shape)) + n)
    ends = [median(draw(rng, n)) for _ in range(1000)]
    covered = np.mean([each.low <= truth <= each.high for each in ends])
    assert 0.93 <= covered <= 0.98


def test_p95_upper_bound_covers_what_it_says() -> None:
    rng = np.random.default_rng(5)
    truth = math.exp(0.35 * 1.6448536)
    bounds = [quantile(rng.lognormal(0, 0.35, 59), 0.95).high for _ in range(1000)]
    assert 0.93 <= np.mean([bound >= truth for bound in bounds]) <= 0.97


@pytest.mark.parametrize("spread", np.linspace(0.6, 0.8, 41))
def test_cv_has_ends_where_the_noncentral_t_runs_out_of_digits(spread: float) -> None:
    shape = np.concatenate([np.full(15, -0.3), np.full(5, 0.9)])  # all positive, however spread
    x = 10 * (1 + spread * shape / shape.std(ddof=1))
    estimate = cv(x)
    assert estimate.value == pytest.approx(spread)
    assert estimate.low is not None
    assert estimate.low < spread
    assert estimate.high is None or estimate.high > spread
