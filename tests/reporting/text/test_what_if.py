"""What would be, in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from liftlab.analysis.estimate import Estimate
from liftlab.reporting.text import what_if as text


def _e(value: float | None, unit: str, reason: str = "") -> Estimate:
    return Estimate(value=value, n=20, unit=unit, reason=reason)


def _found(**parts: Any) -> Any:
    given = {
        "now": SimpleNamespace(p50=_e(10.0, "s")),
        "then": SimpleNamespace(p50=_e(5.0, "s")),
        "cost_now": _e(0.02, "USD"),
        "cost_then": _e(0.01, "USD"),
        "month": None,
    }
    return SimpleNamespace(**given | parts)


def test_the_median_then_and_now() -> None:
    assert text.title(_found()) == "The median request would take 5 s instead of 10 s"
    none = SimpleNamespace(p50=_e(None, "s"))
    assert text.title(_found(then=none)) == "No request was answered, so there are no times"


def test_the_cost_then_and_now() -> None:
    assert text.cost(_found()) == "A request would cost 0.01 USD instead of 0.02 USD."
    assert text.cost(_found(cost_now=_e(None, "USD"))) == "A request would cost 0.01 USD."
    assert text.cost(_found(cost_then=_e(None, "USD"))) == ""


def test_the_bill_of_a_month() -> None:
    assert text.month(_found()) == ""
    month = SimpleNamespace(requests=10_000.0, usd=_e(250.0, "USD"))
    assert text.month(_found(month=month)) == "10,000 requests a month would cost 250 USD."
    month = SimpleNamespace(requests=10_000.0, usd=_e(None, "USD", "no price"))
    assert text.month(_found(month=month)) == "The bill of a month is not known: no price."
