"""How many trials a question needs, and what they take: asked before they are run."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import stats

from liftlab.analysis.columns import Bools, Floats, check_confidence, floats

MOST_TRIALS = 100_000
_LARGE = 1_000_000  # trials: beyond, teeth are too small to see, and all near n too many to try
_MANY = 250  # times p (1 - p): a tooth is lower than .03 there
_SHORT = 0.04  # of the power that is asked for


def trials_per_arm(
    difference: float, sd: float, *, power: float = 0.8, confidence: float = 0.95
) -> int:
    """Return how many trials each of two arms needs for a difference in means to show.

    `sd`: within each arm. `power`: the chance that the two-sided t-test at 1 - confidence shows it.
    Raises ValueError if the difference is zero, or the standard deviation negative.
    """
    check_confidence(confidence)
    if difference == 0 or not sd >= 0:
        raise ValueError("there must be a difference, and a spread of zero or more")
    effect, z = abs(difference) / sd if sd else math.inf, stats.norm.ppf((1 + confidence) / 2)
    at_least = 2 * ((float(z) + float(stats.norm.isf(1 - power))) / effect) ** 2
    for n in range(max(2, math.floor(at_least)), MOST_TRIALS):
        shift, freedom = effect * math.sqrt(n / 2), 2 * n - 2
        limit = float(stats.t.isf((1 - confidence) / 2, freedom))
        # From 50 on beyond any doubt, and beyond SciPy's tail.
        if shift > 50 or stats.nct.sf(limit, freedom, shift) >= power:
            return n
    return MOST_TRIALS


def mean_effort(trials: pd.DataFrame) -> tuple[float | None, float | None]:
    """Return the mean seconds and USD of a trial; None where none is known."""
    columns = (floats(trials, name) for name in ("e2e_s", "cost_usd"))
    known = (values[np.isfinite(values)] for values in columns)
    seconds, usd = (float(values.mean()) if len(values) else None for values in known)
    return seconds, usd


def to_exclude(
    rate: float, against: float, power: float, miss: float, most: float = MOST_TRIALS
) -> int | None:
    """Return with how many trials the exact test tells a rate from another.

    Exact power moves in a saw: the number is that of the last tooth nearest to the power.

    `rate` is the truth, `power` the chance that it is shown, `miss` that the one-sided test errs.
    Beyond `most` trials there is no answer: None.
    """
    if rate < against:  # failures are successes of the other kind
        rate, against = 1 - rate, 1 - against
    if not 0 < against < rate:
        return None
    z = float(stats.norm.isf(miss)) * math.sqrt(against * (1 - against))
    z += float(stats.norm.ppf(power)) * math.sqrt(rate * (1 - rate))
    about = (z / (rate - against)) ** 2  # in the normal approximation
    if about > 1.5 * most + 100:  # no need to look closer
        return None
    if about > _LARGE:
        return math.ceil(about) if about < most else None

    def enough(n: Floats) -> Bools:
        return _power(n, rate, against, miss) >= power

    last = _last_near(enough, about) if about * rate * (1 - rate) > _MANY else None
    if last is None:
        last = _lasting(enough, most)
    elif last >= most:
        return None
    if last is None:
        return None
    near = np.arange(math.ceil(0.85 * last), last + 1, dtype=np.float64)
    powers = _power(near, rate, against, miss)
    off = np.where(powers < power - _SHORT, 1.0, np.abs(powers - power))
    return int(near[np.argmin(off)])


def _last_near(enough: Callable[[Floats], Bools], about: float) -> int | None:
    """Return what `_lasting` does, of numbers so large that teeth are small; None if unsure."""
    near = np.arange(math.floor(0.9 * about), math.ceil(1.25 * about), dtype=np.float64)
    wanting = np.flatnonzero(~enough(near))
    if len(wanting) == 0 or wanting[0] or wanting[-1] > 0.6 * len(near):
        return None
    return int(near[wanting[-1]]) + 1


def _lasting(enough: Callable[[Floats], Bools], most: float = MOST_TRIALS) -> int | None:
    """Return the n from which it is enough, and stays so: exact counts move in a saw."""
    limit = 256
    while limit <= 16 * most:
        wanting = np.flatnonzero(~enough(np.arange(1, limit + 1, dtype=np.float64)))
        last = int(wanting[-1]) + 1 if len(wanting) else 0
        if last < limit // 2:  # long enough ago to be settled
            return last + 1 if last < most else None
        limit *= 4
    return None


def _power(n: Floats, rate: float, against: float, alpha: float) -> Floats:
    critical = stats.binom.isf(alpha, n, against)  # rejected where more than these succeed
    return np.asarray(stats.binom.sf(critical, n, rate), dtype=np.float64)
