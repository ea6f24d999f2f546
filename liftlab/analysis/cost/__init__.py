"""Cost as a model: by GPU seconds, by tokens, and on a container that scales to zero.

Cost is derived from attempts and a price, never measured; an unknown price is unknown, not 0.
"""

from liftlab.analysis.cost.attempts import (
    attempt_costs,
    busy_seconds,
    cost_of_requests,
    cost_per_pass,
    cost_per_trial,
    service_seconds,
    usd_by_price,
)
from liftlab.analysis.cost.hosting import Hosting, Usage, closed_form, simulate
from liftlab.analysis.cost.prices import CostModel, Price, load_prices
from liftlab.analysis.cost.traffic import Service, Traffic, break_even, month, usage_at

__all__ = [
    "CostModel",
    "Hosting",
    "Price",
    "Service",
    "Traffic",
    "Usage",
    "attempt_costs",
    "break_even",
    "busy_seconds",
    "closed_form",
    "cost_of_requests",
    "cost_per_pass",
    "cost_per_trial",
    "load_prices",
    "month",
    "service_seconds",
    "simulate",
    "usage_at",
    "usd_by_price",
]
