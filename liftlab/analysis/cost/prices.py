"""Prices: rates with currency, date and source, and how what they bill comes and goes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from liftlab.errors import InputInvalid

CostModel = Literal["gpu_seconds", "tokens", "latency"]

_WORDS = {"currency", "date", "source"}
_COUNTS = {"slots", "max_containers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Rates in USD; None is unknown, which is not zero. A request fee left out is not charged."""

    price_id: str
    usd_per_hour: float | None = None
    usd_per_hour_kept_warm: float | None = None  # of a container that never goes
    usd_per_request: float | None = None
    usd_per_million_prompt_tokens: float | None = None
    usd_per_million_output_tokens: float | None = None
    usd_per_million_cached_tokens: float | None = None  # of the prompt; None: as the others
    usd_per_million_reasoning_tokens: float | None = None  # of the output; None: as the others
    currency: str = "USD"
    date: str = ""
    source: str = ""
    idle_s: float | None = None
    cold_start_s: float | None = None
    slots: int | None = None
    max_containers: int | None = None

    def knows(self, model: CostModel) -> bool:
        """Whether this price has the rates that a model needs."""
        if model == "tokens":
            tokens = (self.usd_per_million_prompt_tokens, self.usd_per_million_output_tokens)
            return None not in tokens
        return self.usd_per_hour is not None


def load_prices(data: Mapping[str, Any]) -> dict[str, Price]:
    """Return the prices of a parsed prices file, by id; raise InputInvalid for a faulty field."""
    known = {field.name for field in dataclasses.fields(Price)} - {"price_id"}
    prices = {}
    for name, table in data.items():
        if not isinstance(table, Mapping):
            raise InputInvalid(f"prices: {name}: a price is a table, as in [{name}]")
        for key, value in table.items():
            if key not in known:
                fields = ", ".join(sorted(known))
                raise InputInvalid(f"prices: {name}.{key}: no such field; there are {fields}")
            if (wrong := _fault(key, value)) is not None:
                raise InputInvalid(f"prices: {name}.{key} is {value!r}: {wrong}")
        if table.get("currency", "USD") != "USD":
            raise InputInvalid(f"prices: {name}.currency: prices are in USD")
        words = {key: str(value) for key, value in table.items() if key in _WORDS}
        prices[name] = Price(price_id=name, **{**table, **words})
    return prices


def _fault(key: str, value: object) -> str | None:
    """Say what is wrong with a field of a price; None if nothing is."""
    is_amount = type(value) in (int, float) and 0 <= value < math.inf  # type: ignore[operator]
    unit = "USD" if key.startswith("usd_") else "seconds" if key.endswith("_s") else ""
    if unit and not is_amount:
        return f"give {unit} as a number, 0 or more, or leave it out if it is unknown"
    if key in _COUNTS and not (type(value) is int and value >= 1):
        return "give a whole number, 1 or more"
    return None
