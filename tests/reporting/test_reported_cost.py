"""What an endpoint says that it charged stands beside what the price makes of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd

from liftlab.analysis.cost import Price
from liftlab.reporting.cost_words import price_words

PRICE = Price(
    price_id="p",
    usd_per_million_prompt_tokens=1.0,
    usd_per_million_output_tokens=1.0,
    date="2026-01-01",
    source="a list",
)


def words(price: Price, usd: list[float | None], **columns: Any) -> str:
    attempts = pd.DataFrame({"seq": [1, 2], **columns})
    costs = pd.DataFrame({"seq": [1, 2], "price_id": price.price_id, "usd": usd})
    data = SimpleNamespace(attempts=attempts, costs=costs)
    facts = SimpleNamespace(data=data)
    service = SimpleNamespace(seconds=[1.0])
    return price_words(SimpleNamespace(price=price, facts=facts, service=service))  # type: ignore[arg-type]


def test_reported_beside_computed() -> None:
    said = words(PRICE, [0.01, 0.02], reported_usd=[0.0125, None], cached_tokens=[5, 0])
    assert said == (
        "Price p of 2026-01-01: a list. It has no rate for cached prompt tokens: counted as others."
        " The endpoint reports 0.013 USD for 1 attempt; by this price they cost 0.010 USD."
    )


def test_what_is_not_known_is_left_out() -> None:
    assert words(PRICE, [0.01, 0.02]) == "Price p of 2026-01-01: a list."
    said = words(Price(price_id="q"), [None, None], reported_usd=[0.0125, 0.5])
    assert said.endswith("The endpoint reports 0.51 USD for 2 attempts.")
