from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.analysis.estimate import Estimate, number, plain, quantity, span


def test_says_value_interval_and_n() -> None:
    estimate = Estimate(value=0.8, low=0.37554, high=0.96378, n=5, confidence=0.95, unit="%")
    assert str(estimate) == "80 % (95 % interval 37.6–96.4 %, n = 5)"
    assert estimate.has_interval


def test_says_why_there_is_no_number() -> None:
    estimate = Estimate(value=None, n=5, reason="P95 needs n ≥ 20", unit="s")
    assert str(estimate) == "– (n = 5: P95 needs n ≥ 20)"
    assert estimate.interval == ""


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


def test_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Estimate(value=1.0, n=1).value = 2.0  # type: ignore[misc]


def test_money_reads_as_published() -> None:
    assert [number(x, "USD") for x in (0.003368, 3.368, 33.68)] == ["0.0034", "3.37", "33.68"]


def test_extremes_are_readable() -> None:
    assert plain(math.inf) == "never"
    assert plain(1e-9) == "1.000e-09"
    assert plain(3.2e12) == "3.200e+12"
    assert quantity(math.nan, "s") == "–"
    assert span(0.0, 1.0, "%") == "0–100 %"


@given(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from(["", "s", "%", "USD"]))
def test_any_number_can_be_written(value: float, unit: str) -> None:
    assert quantity(value, unit)
    assert "nan" not in quantity(value, unit)


@given(st.floats(1e-3, 1e6), st.sampled_from(["", "s"]))
def test_what_is_written_is_near_the_value(value: float, unit: str) -> None:
    assert float(number(value, unit).replace(",", "")) == pytest.approx(value, rel=0.01)
