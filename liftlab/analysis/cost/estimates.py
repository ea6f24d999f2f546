"""What a request and a right answer cost, as far as the trials carry it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from liftlab.analysis import outliers
from liftlab.analysis.columns import Floats
from liftlab.analysis.estimate import Estimate, plain
from liftlab.analysis.input_checks import PROMPTS, group_sums, indexed

CASES_NEEDED = 20  # below it the delta interval covers .75 to .85


def cost_per_trial(usd: ArrayLike, cases: ArrayLike | None = None) -> Estimate:
    """Estimate what a request costs: all that was spent over all trials, failed ones too.

    Parameters
    ----------
    usd : (n,)
        USD of each trial, warm-up shared among them; NaN where not known.
    cases : (n,), optional
        Sums over a case then count once in the interval.
    """
    spent = np.asarray(usd, dtype=np.float64)
    return _per(spent, np.ones(len(spent)), cases)


def cost_per_pass(usd: ArrayLike, passed: ArrayLike, cases: ArrayLike | None = None) -> Estimate:
    """Estimate what one right answer costs: failures and retries are paid for, too."""
    spent = np.asarray(usd, dtype=np.float64)
    return _per(spent, np.asarray(passed, dtype=np.bool_).astype(np.float64), cases)


def cost_of_requests(one: Estimate, requests: float) -> Estimate:
    """Return what a number of requests costs where each is billed alone, and idle time is not."""
    value, low, high = (
        None if end is None else end * requests for end in (one.value, one.low, one.high)
    )
    whose = f"{requests:,.0f} requests like these"
    return replace(one, value=value, low=low, high=high, population=whose)


def _per(spent: Floats, counts: Floats, cases: ArrayLike | None) -> Estimate:
    """Estimate a ratio of sums, its interval by the delta method on ln with Student's t."""
    n = len(spent)
    missing = int(np.isnan(spent).sum())
    if n == 0 or missing:
        which = "" if missing == n else f" of {missing} of {n} trials"
        return Estimate(value=None, n=n, unit="USD", reason=f"the cost{which} is not known")
    if not counts.any():
        return Estimate(value=None, n=n, unit="USD", reason="no answer is right yet")
    means = spent
    if cases is not None:
        index, n = indexed(cases)
        spent, counts = group_sums(spent, index, n), group_sums(counts, index, n)
        means = spent / np.bincount(index)
    one = Estimate(value=float(spent.sum() / counts.sum()), n=n, population=PROMPTS, unit="USD")
    if reason := _no_interval(means, tails=bool(counts.all())):
        return replace(one, reason=reason)
    deviations = spent / spent.mean() - counts / counts.mean()
    error = math.sqrt(float((deviations**2).sum()) / (n * (n - 1)))
    factor = math.exp(float(stats.t.ppf(0.975, n - 1)) * error)
    return replace(
        one,
        low=float(spent.sum() / counts.sum() / factor),
        high=float(spent.sum() / counts.sum() * factor),
        confidence=0.95,
        method="ratio of sums, delta method on ln",
    )


def _no_interval(spent: Floats, *, tails: bool) -> str:
    """Say why what cases cost on average carries no interval; empty if it does."""
    if not spent.any():
        return "free at this price"
    if len(spent) < CASES_NEEDED:
        return "not enough prompts for an interval"
    if tails and outliers.flag(spent[spent > 0]).mask.any():
        share = plain(100 * float(spent.max() / spent.sum()), 2)
        return (
            f"no interval: one of {len(spent):,} prompts holds {share} % of the cost (heavy tail)"
        )
    return ""
