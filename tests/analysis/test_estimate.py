"""Figures on paper: one function writes them, by what the interval can carry."""

from __future__ import annotations

import dataclasses
import math
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.analysis.estimate import Estimate, as_set, nearest, plain, quantity, span
from liftlab.analysis.intervals import median


def test_says_value_interval_and_n() -> None:
    estimate = Estimate(value=0.8, low=0.37554, high=0.96378, n=5, confidence=0.95, unit="%")
    assert str(estimate) == "80 % (95 % interval 38–96 %, n = 5)"
    assert estimate.has_interval
    both = dataclasses.replace(estimate, n=40, cases=20)
    assert str(both) == "80 % (95 % interval 38–96 %, n = 40 requests, 20 prompts)"


def test_says_why_there_is_no_number() -> None:
    estimate = Estimate(value=None, n=5, reason="not enough prompts for P95", unit="s")
    assert str(estimate) == "– (n = 5: not enough prompts for P95)"
    assert estimate.interval == ""
    team = dataclasses.replace(estimate, needs="P95 needs 20 prompts")
    assert str(team) == "– (n = 5: P95 needs 20 prompts)"


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ({"high": 3.0}, "2 s (95 % upper bound 3 s, n = 60: why)"),
        ({"low": 1.0}, "2 s (95 % lower bound 1 s, n = 60: why)"),
        ({}, "2 s (n = 60: why)"),
    ],
)
def test_says_one_sided_bounds(ends: dict[str, float], said: str) -> None:
    assert str(Estimate(value=2.0, n=60, confidence=0.95, reason="why", unit="s", **ends)) == said


def test_is_frozen_and_can_be_sent_to_another_process() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Estimate(value=1.0, n=1).value = 2.0  # type: ignore[misc]
    estimate = median([1.0, 2.0, 3.0])
    sent = pickle.loads(pickle.dumps(estimate))  # our own
    assert sent == estimate
    assert sent.tested(2.5) == estimate.tested(2.5)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("low", "high", "unit", "said"),
    [
        (5.6e-17, 0.861, "%", "< 0.1–86 %"),
        (0.00142, 0.796, "%", "< 1–80 %"),
        (0.0081, 0.254, "%", "1–25 %"),
        (0.004, 12.3, "USD", "< 0.1–12.3 USD"),
        (0.4253, 0.7046, "%", "43–70 %"),
        (0.93412, 0.97111, "%", "93.4–97.1 %"),
        (0.5, 0.99996, "%", "50 to > 99.9 %"),
        (0.0, 1.0, "%", "0–100 %"),
        (14.16, 27.1, "s", "14.2–27.1 s"),
        (0.0123, 0.0156, "s", "12.3–15.6 ms"),
        (0.8, 1.2, "s", "0.80–1.20 s"),
        (1234.5, 8765.4, "USD", "1,200–8,800 USD"),
        (0.0031, 0.0089, "USD", "0.0031–0.0089 USD"),
    ],
)
def test_both_ends_have_the_decimals_of_the_width(
    low: float, high: float, unit: str, said: str
) -> None:
    assert span(low, high, unit) == said


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (14.96, "s", "15.0 s"),
        (15.0, "s", "15 s"),
        (9.96, "s", "9.96 s"),
        (0.0563, "s", "56.3 ms"),
        (0.003368, "USD", "0.0034 USD"),
        (33.68, "USD", "33.7 USD"),
        (0.1, "USD", "0.10 USD"),
        (15.000000000000002, "USD", "15 USD"),
        (123456.0, "USD", "123,000 USD"),
        (0.153, "%", "15 %"),
        (0.004, "%", "0.4 %"),
        (0.0004, "%", "< 0.1 %"),
        (0.9996, "%", "> 99.9 %"),
        (0.996, "%", "> 99 %"),
        (1.0, "%", "100 %"),
        (1e-9, "", "0.000000001"),
        (math.nan, "s", "–"),
        (math.inf, "s", "never"),
    ],
)
def test_lone_figures_have_three_digits(value: float, unit: str, said: str) -> None:
    assert quantity(value, unit) == said


def test_a_number_that_was_set_is_written_as_it_was_set() -> None:
    assert [as_set(x, "%") for x in (0.7, 0.975, 0.05)] == ["70 %", "97.5 %", "5 %"]
    assert [as_set(15.0, "s"), as_set(0.01, "USD")] == ["15 s", "0.01 USD"]


@pytest.mark.parametrize(
    ("value", "limit", "unit", "said"),
    [
        (14.96, 15.0, "s", "14.96 s"),
        (15.0004, 15.0, "s", "15.0004 s"),
        (15.0, 15.0, "s", "15 s"),
        (0.6998, 0.7, "%", "69.98 %"),
        (0.301, 0.3, "%", "30.1 %"),
        (0.009999, 0.01, "USD", "0.009999 USD"),
    ],
)
def test_no_figure_is_rounded_onto_its_limit(
    value: float, limit: float, unit: str, said: str
) -> None:
    assert quantity(value, unit, limit=limit) == said


def test_an_estimate_beside_its_limit_keeps_its_ends_alike() -> None:
    five = median([14.92, 14.96, 14.16, 27.10, 26.90])
    shown = dataclasses.replace(five, limit=15.0)
    assert str(shown) == "14.96 s (93.75 % interval 14.16–27.10 s, n = 5)"


def test_nothing_is_written_below_the_clock_s_error() -> None:
    estimate = Estimate(value=1.23456, low=1.234, high=1.2353, n=90, confidence=0.95, unit="s")
    assert estimate.no_narrower_than(0.02).point == "1.2 s"
    assert estimate.no_narrower_than(0.01).point == "1.23 s"
    assert quantity(0.0563, "s", finest=0.002) == "60 ms"
    assert quantity(0.0003, "s", finest=0.002) == "< 10 ms"
    assert quantity(3.48, "s", finest=2.1) == "3 s"  # its first digit is known


@given(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(["", "s", "%", "USD"]),
)
def test_any_number_can_be_written_without_an_exponent(value: float, unit: str) -> None:
    for said in (quantity(value, unit), plain(value)):
        assert said
        assert not re.search(r"nan|\de[+-]?\d", said)


@given(st.floats(1e-3, 1e6), st.sampled_from(["", "USD"]))
def test_what_is_written_is_near_the_value(value: float, unit: str) -> None:
    written = quantity(value, unit).removesuffix(" USD").replace(",", "")
    assert float(written) == pytest.approx(value, rel=0.006, abs=5e-5 if unit else 0)


@given(
    st.floats(1e-4, 1e5), st.floats(1e-4, 1), st.floats(0.5, 2), st.sampled_from(["", "s", "USD"])
)
def test_both_sides_of_a_limit_stay_apart(
    value: float, width: float, ratio: float, unit: str
) -> None:
    limit = value * ratio
    if math.isclose(limit, value, rel_tol=1e-6):
        return
    said = quantity(value, unit, limit=limit).partition(" ")
    written = float(said[0].replace(",", "")) / (1000 if said[2] == "ms" else 1)
    assert (written < limit) == (value < limit)
    low, high = value * (1 - width / 2), value * (1 + width / 2)
    estimate = Estimate(value=value, low=low, high=high, n=9, confidence=0.95, unit=unit)
    ends = estimate.interval.removesuffix(" ms").removesuffix(f" {unit}").split("interval ")[1]
    places = {len(end.strip().partition(".")[2]) for end in ends.split("–")}
    assert len(places) == 1


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_share_is_none_or_all_only_if_it_is(low: float, high: float) -> None:
    low, high = min(low, high), max(low, high)
    first, _, last = span(low, high, "%").removesuffix(" %").replace(" to ", "–").partition("–")
    assert (float(first.strip("<> ")) == 0) == (low == 0)
    assert last not in {"100", "100.0"} or high == 1


@pytest.mark.parametrize(
    ("uncertainty", "low", "high", "finest"),
    [(None, 9.0, 11.0, None), (0.0, 9.0, 11.0, None), (0.5, 9.0, 11.0, 0.5), (3.0, 7.0, 13.0, 3.0),
     (12.0, 0.0, 22.0, 12.0)],
)  # fmt: skip
def test_an_interval_leaves_room_for_the_clock_s_error(
    uncertainty: float | None, low: float, high: float, finest: float | None
) -> None:
    one = Estimate(value=10.0, low=9.0, high=11.0, n=9, confidence=0.95, unit="s", method="m")
    wide = one.no_narrower_than(uncertainty)
    assert (wide.low, wide.high, wide.finest) == (low, high, finest)
    assert wide.method.startswith("m; ") is (high > 11)
    below = Estimate(value=-1.0, low=-1.5, high=0.0, n=9).no_narrower_than(3.0)
    assert (below.low, below.high) == (-4.0, 2.0)  # a difference may be below 0
    zero = Estimate(value=0.0, low=0.0, high=0.1, n=9).no_narrower_than(1.0)
    assert (zero.low, zero.high) == (0.0, 1.0)
    lone = dataclasses.replace(one, low=None).no_narrower_than(3.0)
    assert (lone.low, lone.high) == (None, 13.0)


def test_what_the_client_gave_up_on_is_over_its_time() -> None:
    assert Estimate(value=300.0, n=5, unit="s", over=True).point == "over 300 s"


@pytest.mark.parametrize(
    ("limits", "value", "found"),
    [([10.0, 20.0], 14.0, 10.0), ([10.0, 20.0], 16.0, 20.0), ([], 1.0, None),
     ([1.0], None, None), ([1.0], math.nan, None)],
)  # fmt: skip
def test_a_value_is_written_beside_its_nearest_limit(
    limits: list[float], value: float | None, found: float | None
) -> None:
    assert nearest(limits, value) == found


@pytest.mark.parametrize(
    ("value", "digits", "said"),
    [(0.0, 4, "0"), (-0.5, 4, "-0.5"), (1e-13, 4, "< 0.000000000001"), (-1e-13, 4, "0"),
     (math.inf, 4, "never"), (-math.inf, 4, "–"), (9.9996, 4, "10"), (123.456, 2, "120")],
)  # fmt: skip
def test_a_plain_number_has_no_needless_digit(value: float, digits: int, said: str) -> None:
    assert plain(value, digits) == said
    assert plain(2.5, 4, padded=True) == "2.500"


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.9999, "s", "1,000 ms"),
        (1.0, "s", "1 s"),
        (0.0, "s", "0 s"),
        (0.0, "%", "0 %"),
        (0.001, "%", "0.1 %"),
        (0.01, "%", "1 %"),
        (0.999, "%", "> 99 %"),
        (-0.05, "percentage points", "-5 percentage points"),
        (1e-5, "USD", "< 0.0001 USD"),
    ],
)
def test_figures_at_the_edges_of_their_units(value: float, unit: str, said: str) -> None:
    assert quantity(value, unit) == said
