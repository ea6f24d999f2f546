"""Quantiles of requests: points that are requests', intervals that hold where prompts repeat."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.quantiles import NO_UPPER_LIMIT, median, quantile, quantile_needs

E2E = [14.92, 14.96, 14.16, 27.10, 26.90]

times = st.lists(st.floats(1e-3, 1e5), min_size=1, max_size=90)
rows = st.lists(st.tuples(st.floats(0.1, 100), st.integers(0, 30)), min_size=1, max_size=150)
shares = st.floats(0.01, 0.99)


def test_median_of_the_published_five() -> None:
    estimate = median(E2E)
    assert (estimate.value, estimate.low, estimate.high) == (14.96, 14.16, 27.10)
    assert estimate.confidence == 0.9375
    assert str(estimate) == "15.0 s (93.75 % interval 14.2–27.1 s, n = 5)"


@pytest.mark.parametrize(("n", "level"), [(2, 0.5), (3, 0.75), (4, 0.875), (5, 0.9375)])
def test_few_prompts_have_the_range_at_its_true_level(n: int, level: float) -> None:
    estimate = median(E2E[:n])
    assert (estimate.low, estimate.high, estimate.confidence) == (
        min(E2E[:n]),
        max(E2E[:n]),
        level,
    )


def test_one_prompt_has_a_value_and_a_count() -> None:
    for estimate in (median([3.0]), median([3.0, 4.0, 5.0], clusters=["a"] * 3)):
        assert estimate.value in (3.0, 4.0)
        assert (estimate.low, estimate.high) == (None, None)
        assert estimate.reason == "no interval from one prompt"


def test_median_from_six_on_has_the_confidence_asked_for() -> None:
    estimate = median([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert estimate.confidence == 0.95
    # g(1) = 1 - 2/64, g(2) = 1 - 14/64; the ends lie a little inside smallest and largest
    part = (1 - 2 / 64 - 0.95) / (12 / 64)
    weight = 5 * part / (1 + 4 * part)
    assert estimate.low == pytest.approx(1 + weight)
    assert estimate.high == pytest.approx(6 - weight)


@pytest.mark.parametrize(
    ("q", "needs"), [(0.95, (20, 59, 72)), (0.90, (10, 29, 36)), (0.99, (100, 299, 368))]
)
@pytest.mark.parametrize("repeats", [1, 2, 5])
def test_tail_quantiles_by_prompts(q: float, needs: tuple[int, int, int], repeats: int) -> None:
    point, bound, interval = needs
    assert quantile_needs(q) == needs

    def at(cases: int) -> Estimate:
        x = np.repeat(np.arange(1.0, cases + 1), repeats)
        return quantile(x, q, clusters=np.repeat(np.arange(cases), repeats))

    assert at(point - 1).value is None
    assert at(point).value is not None
    assert (at(bound - 1).high, at(bound - 1).reason) == (None, NO_UPPER_LIMIT)
    assert at(bound - 1).low is not None
    assert f"needs {bound} prompts for an upper limit" in str(at(bound - 1))
    assert at(bound).high == bound
    assert at(bound).low is None
    assert at(interval - 1).low is None
    assert at(interval).has_interval


def test_without_repeats_the_ends_are_binomial_ranks() -> None:
    x = np.random.default_rng(1).lognormal(size=300)
    estimate, ordered = quantile(x, 0.95), np.sort(x)
    assert estimate.high == ordered[int(stats.binom.isf(0.025, 300, 0.95))]
    assert estimate.low == ordered[int(stats.binom.ppf(0.025, 300, 0.95)) - 1]


def test_low_quantiles_mirror_high_ones() -> None:
    x = np.random.default_rng(1).lognormal(size=80)
    low, high = quantile(x, 0.05), quantile(100 - x, 0.95)
    assert high.low is not None
    assert low.high == pytest.approx(100 - high.low)
    assert "lower limit" in quantile(x[:30], 0.05).reason


def test_a_quantile_is_of_requests_and_not_of_medians_of_prompts() -> None:
    x = np.ones(40)
    x[::10] = 10.0  # one repeat of four prompts is slow
    cases = np.repeat(np.arange(20), 2)
    estimate = quantile(x, 0.95, clusters=cases)
    assert (estimate.value, estimate.n, estimate.cases) == (10.0, 40, 20)
    assert estimate.high is None
    assert estimate.population == "prompts like these"
    assert "n = 40 requests, 20 prompts" in str(estimate)


def test_unequal_repeats_weigh_every_prompt_the_same() -> None:
    x, cases = [1.0] * 90 + [5.0] * 10, [0] * 90 + list(range(1, 11))
    assert median(x, clusters=cases).value == 5.0
    assert median(x).value == 1.0


def test_a_request_that_the_client_gave_up_is_longer_than_that() -> None:
    x = np.r_[np.linspace(1, 9, 90), np.full(10, 300.0)]
    late = x == 300
    estimate = quantile(x, 0.95, given_up=late)
    assert estimate.over
    assert estimate.point == "over 300 s"
    assert estimate.high is None
    assert "gave up" in estimate.reason
    half = median(x, given_up=late)
    assert half.value == median(np.where(late, 301.0, x)).value
    assert half.high < 9


def test_a_short_deadline_counts_beyond_what_was_seen() -> None:
    """A request that was cut at 2 s may have taken longer than any other."""
    x, late = np.r_[np.full(8, 5.0), 2.0, 2.0], np.r_[np.zeros(8), 1, 1]
    assert median(x, given_up=late).value == 5.0
    assert quantile(x, 0.9, given_up=late).over


def test_constant_values_are_said_to_be_the_same() -> None:
    estimate = median([4.0] * 10)
    assert (estimate.value, estimate.low, estimate.high) == (4.0, 4.0, 4.0)
    assert str(estimate) == "4 s (n = 10: all 10 values are the same)"
    assert quantile([4.0] * 80, 0.95).high == 4.0
    most = median([*[2.01] * 33, 3.0, 4.0, 5.0, 6.0, 7.0, 7.5, 8.0])
    assert str(most) == "2.01 s (n = 40: the values around it are the same)"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([], "no data"),
        ([1.0, math.nan, 2.0, 3.0], "1 of 4 values missing"),
        ([1.0, 0.0, 2.0], "1 of 3 values are not positive"),
        ([1.0, math.inf, 2.0], "a value is infinite"),
    ],
)
def test_unfit_values_give_a_reason(values: list[float], reason: str) -> None:
    estimate = median(values)
    assert (estimate.value, estimate.low, estimate.reason) == (None, None, reason)


@pytest.mark.parametrize("bad", [0.0, 1.0, -0.1, 2.0])
def test_impossible_requests_raise(bad: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile([1.0], bad)
    with pytest.raises(ValueError, match="clusters"):
        median([1.0, 2.0], clusters=["a"])
    with pytest.raises(ValueError, match="1 flags for 2 values"):
        median([1.0, 2.0], given_up=[True])


@given(rows, st.sampled_from([0.5, 0.75, 0.9, 0.95]), st.floats(0.5, 0.97))
def test_what_holds_of_any_rows(data: list[tuple[float, int]], q: float, level: float) -> None:
    x, cases = np.array([row[0] for row in data]), [row[1] for row in data]
    estimate = quantile(x, q, level, clusters=cases)
    if estimate.value is None:
        return
    slack = 1e-9 * estimate.value
    assert estimate.low is None or estimate.low <= estimate.value + slack
    assert estimate.high is None or estimate.high >= estimate.value - slack
    scaled = quantile(2 * x, q, level, clusters=cases)
    assert scaled.value == pytest.approx(2 * estimate.value)
    wide = quantile(x, q, level + 0.025, clusters=cases)
    if estimate.has_interval and wide.has_interval and wide.confidence > level:
        assert wide.low <= estimate.low + slack
        assert wide.high >= estimate.high - slack


@given(rows, st.integers(2, 4), st.sampled_from([0.5, 0.9]))
def test_repeating_every_row_adds_no_evidence(
    data: list[tuple[float, int]], times: int, q: float
) -> None:
    """Copies of a case's only row agree: the interval is that of the cases."""
    x = np.array([row[0] for row in data])
    one = quantile(x, q, clusters=np.arange(len(x)))
    many = quantile(np.repeat(x, times), q, clusters=np.repeat(np.arange(len(x)), times))
    assert many.value == one.value
    if q != 0.5:  # at the median prompts asked once are interpolated
        assert (many.low, many.high) == (one.low, one.high)


@given(times, shares, st.randoms(use_true_random=False))
def test_order_does_not_matter(values: list[float], q: float, random: object) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert quantile(shuffled, q) == quantile(values, q)


def bimodal(rng: np.random.Generator, cases: np.ndarray) -> np.ndarray:
    slow = rng.random(cases[-1] + 1) < 0.3
    return np.where(slow, 10.0, 4.0)[cases] * np.exp(0.05 * rng.standard_normal(len(cases)))


def heavy(rng: np.random.Generator, cases: np.ndarray) -> np.ndarray:
    return 5 + 2 * rng.pareto(1.5, len(cases))


def between(rng: np.random.Generator, cases: np.ndarray) -> np.ndarray:
    case = rng.standard_normal(cases[-1] + 1)[cases]
    own = rng.standard_normal(len(cases))
    return np.exp(0.35 * (math.sqrt(0.5) * case + math.sqrt(0.5) * own))


@pytest.mark.parametrize("draw", [bimodal, heavy, between])
@pytest.mark.parametrize(
    ("q", "sizes"),
    [
        (0.5, [2] * 10),
        (0.5, [50] * 20),
        (0.5, [1, 2, 3, 10] * 5),
        (0.9, [2] * 36),
        (0.95, [2] * 20),
    ],
)
def test_intervals_cover(
    draw: Callable[[np.random.Generator, np.ndarray], np.ndarray], q: float, sizes: list[int]
) -> None:
    rng = np.random.default_rng(len(sizes) + int(100 * q) + sum(sizes))
    truth = float(np.quantile(draw(rng, np.arange(100_000)), q))
    cases = np.repeat(np.arange(len(sizes)), sizes)
    inside = 0
    for _ in range(200):
        estimate = quantile(draw(rng, cases), q, clusters=cases)
        high = math.inf if estimate.high is None else estimate.high
        inside += estimate.low <= truth <= high
    assert inside >= 180  # of 95 %, 180 is three standard errors below
