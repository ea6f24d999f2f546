"""How many trials a question needs, and what they take: asked before they are run.

`liftlab.analysis.decide` offers `sample_size` beside the decisions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from liftlab.analysis.columns import Bools, Floats, floats
from liftlab.analysis.estimate import as_set, quantity
from liftlab.analysis.input_checks import check_confidence
from liftlab.analysis.rates import wilson

MOST_TRIALS = 100_000
_SHORT = 0.04  # of the power that is asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSize:
    """The number of independent trials that a question needs; None where none that can be run do.

    `seconds` and `usd` are all the trials' together; None where the price of one is not known.
    """

    trials: int | None
    purpose: str
    seconds: float | None = None
    usd: float | None = None

    def sentence(self) -> str:
        """Say how many trials, for what, and what they take."""
        if self.trials is None:
            return f"It would take over {MOST_TRIALS:,} independent trials to {self.purpose}."
        takes = effort(self.seconds, self.usd)
        return f"{self.trials:,} independent trials{takes} {self.purpose}."

    def __str__(self) -> str:
        return self.sentence()


def sample_size(
    rate: float,
    *,
    half_width: float | None = None,
    against: float | None = None,
    power: float | None = None,
    confidence: float = 0.95,
    seconds: float | None = None,
    usd: float | None = None,
    like: pd.DataFrame | None = None,
) -> SampleSize:
    """Return how many independent trials a wanted width, power or claim needs.

    Parameters
    ----------
    rate
        The success rate that is expected, or was observed, from 0 to 1.
    half_width
        For a width: half of Wilson's interval, as a fraction.
    against
        For a claim: the rate to be shown to lie below or above. Alone: the n from which
        Wilson's interval excludes it, if `rate` is what will be observed.
    power
        With `against`: the chance that the exact binomial test, one-sided at 1 - confidence,
        shows it, if `rate` is the truth.
    confidence
        Of the interval or the test.
    seconds, usd
        What one trial takes.
    like
        Instead: the trial table of a run, at whose mean time and cost the trials are told.

    Raises
    ------
    ValueError
        If not exactly one of `half_width` and `against` is given, or a share is out of range.

    Examples
    --------
    >>> print(sample_size(0.8, half_width=0.1, seconds=15))
    60 independent trials (15 min) give 80 % ± 10 % (95 % interval).
    >>> sample_size(0.9, against=0.7, power=0.8).trials, sample_size(1.0, against=0.7).trials
    (33, 9)
    """
    check_confidence(confidence)
    _check(rate, half_width, against, power)
    if like is not None:
        seconds, usd = mean_effort(like)
    if half_width is not None:
        trials, purpose = _for_width(rate, half_width, confidence)
    else:
        assert against is not None
        trials, purpose = _for_claim(rate, against, power, confidence)
    return SampleSize(
        trials=trials, purpose=purpose, seconds=_times(seconds, trials), usd=_times(usd, trials)
    )


def _for_width(rate: float, half_width: float, confidence: float) -> tuple[int | None, str]:
    trials = _lasting(lambda n: _wide_enough(n, rate, half_width, confidence))
    width = f"{as_set(rate, '%')} ± {as_set(half_width, '%')}"
    return trials, f"give {width} ({as_set(confidence, '%')} interval)"


def _for_claim(
    rate: float, against: float, power: float | None, confidence: float
) -> tuple[int | None, str]:
    point, limit = as_set(rate, "%"), as_set(against, "%")
    if rate == against:
        return None, f"tell {point} from {limit}"
    side = "above" if rate > against else "below"
    trials = _to_exclude(rate, against, power, confidence)
    if power is None:
        level = as_set(confidence, "%")
        return trials, f"put the {level} interval {side} {limit}, if {point} is what they show"
    return trials, (
        f"show {side} {limit} with a chance of {as_set(power, '%')}, if the truth "
        f"is {point} (exact test at {as_set(1 - confidence, '%')})"
    )


def trials_per_arm(
    difference: float, sd: float, *, power: float = 0.8, confidence: float = 0.95
) -> int:
    """Return how many trials each of two arms needs for a difference in means to show.

    Parameters
    ----------
    difference
        Between the two means; its sign does not matter.
    sd
        The standard deviation within each arm, in the same unit.
    power
        The chance that the two-sided t-test at 1 - confidence shows it.
    confidence
        Of the test.

    Raises
    ------
    ValueError
        If the difference is zero, or the standard deviation negative.

    Examples
    --------
    >>> trials_per_arm(0.4, 0.35), trials_per_arm(0.4, 0.01)
    (14, 2)
    """
    check_confidence(confidence)
    if difference == 0 or not sd >= 0:
        raise ValueError("there must be a difference, and a spread of zero or more")
    alpha = 1 - confidence
    effect = abs(difference) / sd if sd else math.inf
    at_least = 2 * ((_z(confidence) + float(stats.norm.isf(1 - power))) / effect) ** 2
    for n in range(max(2, math.floor(at_least)), MOST_TRIALS):
        freedom = 2 * n - 2
        limit = float(stats.t.isf(alpha / 2, freedom))
        if effect * math.sqrt(n / 2) > 50 or (  # beyond any doubt, and beyond SciPy's tail
            stats.nct.sf(limit, freedom, effect * math.sqrt(n / 2)) >= power
        ):
            return n
    return MOST_TRIALS


def effort(seconds: float | None, usd: float | None) -> str:
    """Write what trials take, in brackets; empty where neither is known.

    Examples
    --------
    >>> effort(900, 0.1), effort(None, None)
    (' (15 min, 0.10 USD)', '')
    """
    parts = [] if seconds is None else [_duration(seconds)]
    parts += [] if usd is None else [quantity(usd, "USD")]
    return f" ({', '.join(parts)})" if parts else ""


def mean_effort(trials: pd.DataFrame) -> tuple[float | None, float | None]:
    """Return the mean seconds and USD of a trial; None where none is known.

    Examples
    --------
    >>> mean_effort(pd.DataFrame({"e2e_s": [10.0, 20.0, None]}))
    (15.0, None)
    """
    times, costs = floats(trials, "e2e_s"), floats(trials, "cost_usd")
    known = (values[np.isfinite(values)] for values in (times, costs))
    seconds, usd = (float(values.mean()) if len(values) else None for values in known)
    return seconds, usd


def _check(
    rate: float, half_width: float | None, against: float | None, power: float | None
) -> None:
    if (half_width is None) == (against is None):
        raise ValueError("give either half_width or against")
    if power is not None and against is None:
        raise ValueError("power needs against: the rate that is to be excluded")
    if not 0 <= rate <= 1:
        raise ValueError(f"rate is {rate}: it lies from 0 to 1")
    for name, share in (("half_width", half_width), ("against", against), ("power", power)):
        if share is not None and not 0 < share < 1:
            raise ValueError(f"{name} is {share}: it lies between 0 and 1")


def to_exclude(
    rate: float, against: float, power: float, miss: float, most: float = MOST_TRIALS
) -> int | None:
    """Return with how many trials the exact test tells a rate from another.

    Exact power moves in a saw: the number is that of the last tooth nearest to the power.

    Parameters
    ----------
    rate
        The truth.
    against
        The rate to be shown to lie below or above.
    power
        The chance that it is shown.
    miss
        The chance that the test, on its one side, errs.
    most
        Trials, beyond which there is no answer; None is returned.

    Examples
    --------
    >>> to_exclude(0.9, 0.7, 0.8, 0.025), to_exclude(0.7, 0.7, 0.8, 0.025)
    (31, None)
    """
    if rate < against:  # failures are successes of the other kind
        rate, against = 1 - rate, 1 - against
    if not 0 < against < rate:
        return None
    z = float(stats.norm.isf(miss)) * math.sqrt(against * (1 - against))
    z += float(stats.norm.ppf(power)) * math.sqrt(rate * (1 - rate))
    if (z / (rate - against)) ** 2 > 1.5 * most + 100:  # no need to look closer
        return None
    last = _lasting(lambda n: _power(n, rate, against, miss) >= power, most)
    if last is None:
        return None
    near = np.arange(math.ceil(0.85 * last), last + 1, dtype=np.float64)
    powers = _power(near, rate, against, miss)
    off = np.where(powers < power - _SHORT, 1.0, np.abs(powers - power))
    return int(near[np.argmin(off)])


def _to_exclude(rate: float, against: float, power: float | None, confidence: float) -> int | None:
    if rate < against:  # failures are successes of the other kind
        rate, against = 1 - rate, 1 - against
    if power is not None:
        return _lasting(lambda n: _power(n, rate, against, 1 - confidence) >= power)
    return _lasting(lambda n: _excludes(n, rate, against, confidence))


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


def _wide_enough(n: Floats, rate: float, half_width: float, confidence: float) -> Bools:
    low, high = wilson(rate, n, _z(confidence))
    return np.asarray((high - low) / 2 <= half_width, dtype=np.bool_)


def _excludes(n: Floats, rate: float, against: float, confidence: float) -> Bools:
    """Whether so many whole successes as the rate allows exclude a smaller rate."""
    low, _ = wilson(np.floor(rate * n + 1e-9) / n, n, _z(confidence))
    return np.asarray(low > against, dtype=np.bool_)


def _power(n: Floats, rate: float, against: float, alpha: float) -> Floats:
    critical = stats.binom.isf(alpha, n, against)  # rejected where more than these succeed
    return np.asarray(stats.binom.sf(critical, n, rate), dtype=np.float64)


def _z(confidence: float) -> float:
    return float(stats.norm.ppf((1 + confidence) / 2))


def _times(one: float | None, trials: int | None) -> float | None:
    return None if one is None or trials is None else one * trials


def _duration(seconds: float) -> str:
    if seconds < 100:
        return quantity(seconds, "s")
    minutes = seconds / 60
    if minutes < 100:
        return f"{math.ceil(minutes)} min"
    return f"{minutes / 60:,.1f} h"
