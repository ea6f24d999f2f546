"""What a price may be, and which costs it is enough for."""

from __future__ import annotations

from typing import Any

import pytest

from liftlab.analysis.cost.prices import Price, load_prices
from liftlab.errors import InputInvalid


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("usd_per_hour", 0),
        ("usd_per_million_cached_tokens", 0.25),
        ("idle_s", 0),
        ("cold_start_s", 0.5),
        ("slots", 1),
        ("max_containers", 1),
        ("currency", "USD"),
    ],
)
def test_a_rate_may_be_nothing_and_a_count_is_one_at_least(field: str, value: Any) -> None:
    assert getattr(load_prices({"mine": {field: value}})["mine"], field) == value


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("usd_per_hour", -0.01, "give USD as a number"),
        ("usd_per_hour", "1.10", "give USD as a number"),
        ("usd_per_hour", True, "give USD as a number"),
        ("usd_per_request", float("inf"), "give USD as a number"),
        ("usd_per_request", float("nan"), "give USD as a number"),
        ("idle_s", -1, "give seconds as a number"),
        ("cold_start_s", "60", "give seconds as a number"),
        ("slots", 0, "give a whole number"),
        ("slots", True, "give a whole number"),
        ("max_containers", 1.0, "give a whole number"),
        ("currency", "EUR", "prices are in USD"),
        ("usd_per_day", 1, "no such field"),
        ("price_id", "x", "no such field"),
    ],
)
def test_a_fault_is_told_with_its_place(field: str, value: Any, said: str) -> None:
    with pytest.raises(InputInvalid, match=rf"^prices: mine\.{field}.*{said}"):
        load_prices({"fine": {"usd_per_hour": 1}, "mine": {field: value}})


def test_a_price_is_a_table() -> None:
    with pytest.raises(InputInvalid, match=r"mine: a price is a table, as in \[mine\]"):
        load_prices({"mine": 1.1})


def test_a_price_has_its_name_and_its_words_as_text() -> None:
    price = load_prices({"mine": {"date": 2025, "source": "a list"}})["mine"]
    assert (price.price_id, price.date, price.source) == ("mine", "2025", "a list")
    assert price.usd_per_hour is None  # unknown, which is not zero


def test_time_needs_a_rate_an_hour_and_tokens_need_both_theirs() -> None:
    hourly = Price(price_id="a", usd_per_hour=0.0)
    assert hourly.knows("gpu_seconds")
    assert hourly.knows("latency")
    assert not hourly.knows("tokens")
    one = Price(price_id="b", usd_per_million_prompt_tokens=1.0)
    both = Price(price_id="c", usd_per_million_prompt_tokens=0.0, usd_per_million_output_tokens=0.0)
    assert not one.knows("tokens")
    assert both.knows("tokens")
    assert not both.knows("gpu_seconds")
