from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.intervals import cv, mean, median, quantile, quantile_needs

E2E = [14.92, 14.96, 14.16, 27.10, 26.90]
NLP_TO_IR = [10.80, 10.77, 10.01, 7.33, 9.81]

times = st.lists(st.floats(1e-3, 1e5), min_size=1, max_size=90)
finite = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=60)
shares = st.floats(0.01, 0.99)


def test_median_of_the_published_five() -> None:
    estimate = median(E2E)
    assert (estimate.value, estimate.low, estimate.high) == (14.96, 14.16, 27.10)
    assert estimate.confidence == 0.9375
    assert str(estimate) == "14.96 s (93.75 % interval 14.16–27.10 s, n = 5)"


def test_no_median_interval_below_five() -> None:
    estimate = median([4.12, 4.19, 4.16, 17.08])
    assert estimate.value == pytest.approx(4.175)
    assert (estimate.low, estimate.high) == (None, None)
    assert "n ≥ 6" in estimate.reason


def test_median_from_six_on_has_the_confidence_asked_for() -> None:
    estimate = median([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert estimate.confidence == 0.95
    # g(1) = 1 - 2/64, g(2) = 1 - 14/64; the ends lie a little inside smallest and largest
    part = (1 - 2 / 64 - 0.95) / (12 / 64)
    weight = 5 * part / (1 + 4 * part)
    assert estimate.low == pytest.approx(1 + weight)
    assert estimate.high == pytest.approx(6 - weight)


def test_failures_as_never() -> None:
    never = [14.92, 14.96, 14.16, math.inf, 26.90]
    assert median(never).value == 14.96
    assert median(never).low == 14.16
    assert median(never).high is None
    assert "never succeed" in median(never).reason
    assert quantile(never, 0.8).value == 26.90
    assert quantile(never, 0.9).value is None
    assert median([1.0, math.inf, math.inf]).value is None


@pytest.mark.parametrize(
    ("q", "needs"), [(0.95, (20, 59, 72)), (0.90, (10, 29, 36)), (0.99, (100, 299, 368))]
)
def test_tail_quantiles_by_n(q: float, needs: tuple[int, int, int]) -> None:
    point, bound, interval = needs
    assert quantile_needs(q) == needs

    def at(n: int) -> Estimate:
        return quantile(np.arange(1.0, n + 1), q)

    assert at(point - 1).value is None
    assert at(point).value is not None
    assert at(bound - 1).high is None
    assert "no upper limit" in at(bound - 1).reason
    assert at(bound).high == bound
    assert at(bound).low is None
    assert at(interval - 1).low is None
    assert at(interval).has_interval


def test_low_quantiles_mirror_high_ones() -> None:
    x = np.random.default_rng(1).lognormal(size=80)
    low, high = quantile(x, 0.05), quantile(100 - x, 0.95)
    assert high.low is not None
    assert low.high == pytest.approx(100 - high.low)


def test_repeats_of_a_case_count_once() -> None:
    x = np.arange(1.0, 101.0)
    cases = np.repeat(np.arange(20), 5)
    estimate = quantile(x, 0.95, clusters=cases)
    assert estimate.n == 20
    assert estimate.high is None
    assert estimate.population == "prompts like these"
    assert median(x, clusters=cases).n == 20
    assert median(x, clusters=np.arange(100)).low == median(x).low


def test_mean_says_when_it_cannot_carry_an_interval() -> None:
    assert mean([4.12, 4.19, 4.16, 17.08]).value == pytest.approx(7.3875)
    assert "below n = 20" in mean([4.12, 4.19, 4.16, 17.08]).reason
    quiet = np.random.default_rng(2).normal(10, 0.5, 30)
    assert mean(quiet).has_interval
    loud = np.append(quiet, 80.0)
    assert "heavy tail" in mean(loud).reason
    assert mean(loud).low is None
    assert mean(np.tile(quiet, 2), clusters=np.tile(np.arange(30), 2)).n == 30


def test_mean_interval_is_students() -> None:
    x = np.random.default_rng(3).normal(10, 0.5, 21)
    estimate = mean(x)
    assert estimate.high is not None
    half = 2.085963 * x.std(ddof=1) / math.sqrt(21)
    assert estimate.high - estimate.value == pytest.approx(half, rel=1e-6)


def test_cv_of_the_published_day() -> None:
    assert str(cv(NLP_TO_IR)) == "14.6 % (95 % interval 8.7–43.8 %, n = 5)"
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
        ([], "no values"),
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


def test_constant_and_tied_values() -> None:
    estimate = median([4.0] * 10)
    assert (estimate.value, estimate.low, estimate.high) == (4.0, 4.0, 4.0)
    assert quantile([4.0] * 80, 0.95).high == 4.0


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


@given(times, shares, st.randoms(use_true_random=False))
def test_order_does_not_matter(values: list[float], q: float, random: object) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert quantile(shuffled, q) == quantile(values, q)


@given(times, st.sampled_from([0.5, 0.9, 0.95]), st.floats(0.5, 0.98))
def test_more_confidence_is_never_narrower(values: list[float], q: float, level: float) -> None:
    for estimator in (lambda c: quantile(values, q, c), lambda c: mean(values, c)):
        narrow, wide = estimator(level), estimator(level + 0.015)
        if narrow.has_interval and wide.has_interval:
            assert wide.low <= narrow.low + 1e-9 * abs(narrow.low)
            assert wide.high >= narrow.high - 1e-9 * abs(narrow.high)


@given(times, shares)
def test_the_point_lies_in_its_interval(values: list[float], q: float) -> None:
    estimate = quantile(values, q)
    slack = 1e-9 * (estimate.value or 0)
    assert estimate.low is None or estimate.low <= estimate.value + slack
    assert estimate.high is None or estimate.high >= estimate.value - slack


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
