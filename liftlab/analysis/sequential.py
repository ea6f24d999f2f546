"""Wald's sequential test of a rate, and a confidence sequence: array kernels of `decide`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from scipy import optimize, special

from liftlab.analysis.columns import Floats
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.input_checks import PROMPTS

Verdict = Literal["above", "below", "go on"]

_HORIZON = 20_000  # trials; a sequential test of a zone that can be tested ends long before
_ENDED = 1e-9  # chance of still going on that is as good as none


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Where a sequential test ends from here, if a rate is the truth."""

    rate: float
    above: float
    below: float
    mean_trials: float


def confidence_sequence(successes: int, trials: int, confidence: float = 0.95) -> Estimate:
    """Estimate a rate by a sequence that covers it at every look at once.

    Rates against which the mixture likelihood ratio has not yet reached 1 / (1 - confidence).

    Examples
    --------
    >>> print(confidence_sequence(4, 5))
    80 % (95 % interval 20 to > 99 %, n = 5)
    """
    base: dict[str, Any] = {"n": trials, "population": PROMPTS, "unit": "%"}
    if trials == 0:
        return Estimate(value=None, reason="no data", **base)
    failures = trials - successes
    allowed = -math.log(1 - confidence)
    mixture = float(special.betaln(successes + 0.5, failures + 0.5) - special.betaln(0.5, 0.5))

    def excess(rate: float) -> float:
        likelihood = special.xlogy(successes, rate) + special.xlog1py(failures, -rate)
        return mixture - float(likelihood) - allowed

    rate, edge = successes / trials, 1e-12
    low = 0.0 if successes == 0 else float(optimize.brentq(excess, edge, rate))
    high = 1.0 if failures == 0 else float(optimize.brentq(excess, rate, 1 - edge))
    return Estimate(
        value=rate,
        low=low,
        high=high,
        confidence=confidence,
        method="confidence sequence, Beta(1/2, 1/2) mixture",
        **base,
    )


@lru_cache(maxsize=256)
def course(
    rate: float, target: float = 0.7, zone: float = 0.1, *, start: float = 0.0, error: float = 0.05
) -> Course:
    """Return where the sequential test ends, exactly, if trials succeed at a rate.

    `start` is the log likelihood ratio that has been reached.

    Examples
    --------
    >>> from_nothing = course(0.8)
    >>> round(from_nothing.above, 3), round(from_nothing.mean_trials)
    (0.961, 31)
    """
    bound = math.log((1 - error) / error)
    up, down = steps(target, zone)
    ended = {"above": float(start >= bound), "below": float(start <= -bound)}
    alive = np.array([1.0 - sum(ended.values())])  # by further successes, from `first` on
    first, trials, mean = 0, 0, 0.0
    while alive.sum() > _ENDED and trials < _HORIZON:
        mean += float(alive.sum())
        trials += 1
        alive = np.append(alive * (1 - rate), 0.0) + np.insert(alive * rate, 0, 0.0)
        successes = first + np.arange(len(alive))
        at = start + successes * up + (trials - successes) * down
        ended["above"] += float(alive[at >= bound].sum())
        ended["below"] += float(alive[at <= -bound].sum())
        going = np.flatnonzero(np.abs(at) < bound)
        if len(going) == 0:
            break
        first += int(going[0])
        alive = alive[going]
    return Course(rate=rate, mean_trials=mean, **ended)


def walk(
    counted: Floats, step_up: float, step_down: float, bound: float
) -> tuple[float, Verdict, int | None]:
    """Return where the log likelihood ratio stands, and where it first reached a bound."""
    path = np.cumsum(np.where(counted == 1, step_up, step_down))
    beyond = np.flatnonzero(np.abs(path) >= bound)
    log_ratio = float(path[-1]) if len(path) else 0.0
    if len(beyond) == 0:
        return log_ratio, "go on", None
    first = int(beyond[0])  # what comes after a bound does not take the decision back
    return log_ratio, "above" if path[first] > 0 else "below", first + 1


def steps(target: float, zone: float) -> tuple[float, float]:
    """Return what a success and a failure add to the log likelihood ratio."""
    high, low = target + zone, target - zone
    return math.log(high / low), math.log((1 - high) / (1 - low))
