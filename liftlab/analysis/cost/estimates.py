"""What a request, a month of requests and a right answer cost, as far as the trials carry it."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.intervals import mean, per_success


def cost_per_trial(usd: ArrayLike, cases: ArrayLike | None = None) -> Estimate:
    """Estimate what a trial costs, over all trials, failed ones too."""
    spent = np.asarray(usd, dtype=np.float64)
    missing = int(np.isnan(spent).sum())
    if missing:
        which = "" if missing == len(spent) else f" of {missing} of {len(spent)} trials"
        return Estimate(
            value=None, n=len(spent), unit="USD", reason=f"the cost{which} is not known"
        )
    if len(spent) and not spent.any():
        return Estimate(value=0.0, n=len(spent), unit="USD", reason="free at this price")
    return mean(spent, clusters=cases, unit="USD")


def projection(usd: ArrayLike, requests: int, cases: ArrayLike | None = None) -> Estimate:
    """Estimate what a number of requests costs, at the mean of these trials.

    Idle time and cold starts between requests are not in it.

    Examples
    --------
    >>> print(projection([0.0034, 0.0032, 0.0035], 1000))
    3.37 USD (n = 3: no interval for a mean below n = 20)
    """
    one = cost_per_trial(usd, cases)
    return dataclasses.replace(
        one,
        value=_times(one.value, requests),
        low=_times(one.low, requests),
        high=_times(one.high, requests),
        population=f"{requests:,} requests like these, back to back",
    )


def cost_per_pass(usd: ArrayLike, passed: ArrayLike, cases: ArrayLike | None = None) -> Estimate:
    """Estimate what one right answer costs: failures and retries are paid for, too."""
    one = cost_per_trial(usd)
    if one.value is None or one.value == 0:
        return one
    return per_success(usd, passed, cases, unit="USD")


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
