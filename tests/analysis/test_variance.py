"""Components of variance, and spread with its rows: against theory and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftlab.analysis.latency import Timed
from liftlab.analysis.variance import components, components_of


def simulated(
    rng: np.random.Generator, cases: int, repeats: int, share: float, total: float = 0.3
) -> tuple[np.ndarray, np.ndarray]:
    names = np.repeat(np.arange(cases), repeats)
    of_case = rng.normal(0, total * np.sqrt(share), cases)[names]
    own = rng.normal(0, total * np.sqrt(1 - share), len(names))
    return 10 * np.exp(of_case + own), names


def test_balanced_it_is_the_analysis_of_variance() -> None:
    times, names = simulated(np.random.default_rng(2), 12, 4, 0.6)
    logs = np.log(times).reshape(12, 4)
    within = logs.var(axis=1, ddof=1).mean()
    between = (4 * logs.mean(axis=1).var(ddof=1) - within) / 4
    found = components(times, names)
    assert found.share.value == pytest.approx(between / (between + within), rel=1e-4)
    assert found.repeat.value == pytest.approx(np.sqrt(np.expm1(within)), rel=1e-4)
    assert found.case == pytest.approx(np.sqrt(np.expm1(between)), rel=1e-4)


def test_a_published_example() -> None:
    # Dyestuff (Davies & Goldsmith 1972): six batches of five; ANOVA gives 1764.05 and 2451.25.
    yields = [
        [1545, 1440, 1440, 1520, 1580],
        [1540, 1555, 1490, 1560, 1495],
        [1595, 1550, 1605, 1510, 1560],
        [1445, 1440, 1595, 1465, 1545],
        [1595, 1630, 1515, 1635, 1625],
        [1520, 1455, 1450, 1480, 1445],
    ]
    scale = 1e-4  # small enough that every CV is the standard deviation
    times = np.exp(np.array(yields) * scale).ravel()
    found = components(times, np.repeat(list("abcdef"), 5))
    assert found.case == pytest.approx(np.sqrt(1764.05) * scale, rel=1e-3)
    assert found.repeat.value == pytest.approx(np.sqrt(2451.25) * scale, rel=1e-3)
    assert found.share.value == pytest.approx(1764.05 / (1764.05 + 2451.25), rel=1e-3)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9])
@pytest.mark.parametrize(("cases", "repeats"), [(5, 3), (20, 2), (20, 5)])
def test_the_interval_of_the_share_covers(share: float, cases: int, repeats: int) -> None:
    rng = np.random.default_rng(int(100 * share) + cases + repeats)
    covered = []
    for _ in range(300):
        found = components(*simulated(rng, cases, repeats, share)).share
        covered.append(found.low <= share <= found.high)
    assert np.mean(covered) >= 0.915


def test_unequal_repeats_are_covered_too() -> None:
    rng = np.random.default_rng(9)
    sizes = np.array([2, 2, 3, 5, 8, 2, 4, 3, 2, 6])
    covered, shares = [], []
    for _ in range(300):
        times, names = simulated(rng, 10, 8, 0.5)
        kept = np.arange(80) % 8 < sizes[names]
        found = components(times[kept], names[kept]).share
        covered.append(found.low <= 0.5 <= found.high)
        shares.append(found.value)
    assert np.mean(covered) >= 0.915
    assert np.median(shares) == pytest.approx(0.5, abs=0.08)


def test_the_spread_of_repeats_is_covered() -> None:
    rng = np.random.default_rng(10)
    truth = np.sqrt(np.expm1(0.09 * 0.5))
    covered = []
    for _ in range(300):
        found = components(*simulated(rng, 10, 3, 0.5)).repeat
        covered.append(found.low <= truth <= found.high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.04)


def test_one_repeat_says_nothing() -> None:
    found = components([1.0, 2, 3, 4, 5, 6], list("abcdef"))
    assert found.reason == "needs 5 prompts with 2 repeats each; no prompt was repeated"
    assert found.share.value is None
    assert components([1, 2, 3, 4], list("aabb")).reason.endswith("2 have them")
    assert components([1, 2, 3], list("aab")).reason.endswith("1 has them")
    assert components([], []).reason


def test_identical_repeats_say_so() -> None:
    found = components([1, 1, 2, 2, 3, 3, 4, 4, 5, 5], list("aabbccddee"))
    assert found.reason == "repeats of a prompt are all the same"


def test_what_cannot_be_used_is_left_out() -> None:
    times = [1.0, 1.1, 2, 2.1, 3, 3.1, 4, 4.1, 5, 5.1, np.nan, -1, 7]
    found = components(times, list("aabbccddeeaaf"))
    assert found == components(times[:10], list("aabbccddee"))
    with pytest.raises(ValueError, match="1 cases for 2 times"):
        components([1, 2], ["a"])


def test_times_on_which_the_client_gave_up_are_left_out() -> None:
    times = np.array([1.0, 1.1, 2, 2.1, 3, 3.1, 4, 4.1, 5, 5.1, 300])
    names = np.array(list("aabbccddeea"))
    cases, numbers = np.unique(names, return_inverse=True)
    timed = Timed(seconds=times, numbers=numbers, names=cases, given_up=times == 300, left_out=0)
    assert components_of(timed) == components(times[:10], names[:10])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.floats(1e-3, 1e3), st.sampled_from("abcdefg")), max_size=40),
    st.floats(0.01, 100),
)
def test_any_times_give_shares_that_no_unit_changes(
    rows: list[tuple[float, str]], unit: float
) -> None:
    times, names = np.array([row[0] for row in rows]), [row[1] for row in rows]
    found, scaled = components(times, names), components(times * unit, names)
    assert found.reason == scaled.reason
    if not found.reason:
        assert 0 <= found.share.value <= 1
        assert 0 <= found.share.low <= found.share.high <= 1
        assert found.share.value == pytest.approx(scaled.share.value, abs=1e-4)
