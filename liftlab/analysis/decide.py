"""Is the success rate high enough? When to stop asking, and what may be published.

Two answers to two questions: Wald's sequential test says when enough is known to go one way or
the other; the confidence sequence holds however often it is looked at, and so may be published.
Both take trials to be independent and in random order. Repeats of a case are not independent:
its first trial counts, and more evidence needs new cases.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from liftlab.analysis.columns import Floats, as_array, check_confidence, labels
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.rates import confidence_sequence
from liftlab.analysis.sample_size import mean_effort
from liftlab.analysis.success import judgeable

Verdict = Literal["above", "below", "go on"]
_HORIZON = 20_000  # trials; a sequential test of a zone that can be tested ends long before
_ENDED = 1e-9  # chance of still going on that is as good as none
ZONE = 0.1  # on either side of a target; within it either answer will do


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Where a sequential test ends from here, if a rate is the truth."""

    rate: float
    above: float
    below: float
    mean_trials: float


@lru_cache(maxsize=256)
def course(
    rate: float, target: float = 0.7, zone: float = 0.1, *, start: float = 0.0, error: float = 0.05
) -> Course:
    """Return where the sequential test ends, exactly, from a log likelihood ratio `start` on."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A success rate against a target, as trials come in."""

    # target, zone: rates above target + zone and below target - zone are told apart with `error`;
    # in between, either answer is acceptable
    target: float
    zone: float
    error: float
    successes: int
    trials: int
    left_out: int  # repeats of a case already counted, and outcomes that are not known
    # log likelihood ratio of target + zone against target - zone; decided beyond ± bound
    log_ratio: float
    bound: float
    verdict: Verdict
    # trials after which the test first reached a bound; None while it goes on
    decided_after: int | None
    published: Estimate  # the confidence sequence
    # to_above, to_below: fewest further trials that would decide: all successes, or all failures
    to_above: int
    to_below: int
    seconds: float | None = None
    usd: float | None = None

    def of(self, limit: float) -> Verdict | None:
        """Return what the test says of a limit: its own, or one that follows; None of others."""
        further = limit < self.target if self.verdict == "above" else limit > self.target
        own = math.isclose(limit, self.target)
        return self.verdict if own or (further and self.verdict != "go on") else None

    @property
    def more(self) -> int:
        """About how many more trials it takes, whichever is the truth."""
        return math.ceil(max(self.if_above.mean_trials, self.if_below.mean_trials))

    @property
    def if_above(self) -> Course:
        """What the test comes to from here, if target + zone is the truth."""
        return self._ahead(self.target + self.zone)

    @property
    def if_below(self) -> Course:
        """What the test comes to from here, if target - zone is the truth."""
        return self._ahead(self.target - self.zone)

    def _ahead(self, rate: float) -> Course:
        return course(rate, self.target, self.zone, start=self.log_ratio, error=self.error)


def success_rate(
    outcomes: ArrayLike,
    target: float = 0.7,
    zone: float | None = None,
    *,
    cases: ArrayLike | None = None,
    error: float = 0.05,
    seconds: float | None = None,
    usd: float | None = None,
) -> Decision:
    """Decide whether a success rate reaches a target, or say what would.

    The sequential probability ratio test of target + zone against target - zone (Wald 1945, Annals
    of Mathematical Statistics 16), both errors `error`; and the confidence sequence of the
    Beta(1/2, 1/2) mixture (Robbins 1970, ibid. 41; Ville's inequality), which misses the truth as
    often. Raises ValueError if the zone leaves the range of a rate, or an outcome is neither true
    nor false.

    `outcomes`, (n,): true or false, NaN where not known, in the order in which the trials were
    made, which has to be random. `cases`, (n,): of a case that repeats the first outcome counts.
    `zone`: `narrowed(target)` if left out. `seconds`, `usd`: what one trial takes.

    Examples
    --------
    >>> seed = success_rate([1, 1, 1, 0, 1])
    >>> seed.verdict, round(seed.log_ratio, 3), seed.to_above, seed.to_below
    ('go on', 0.458, 9, 5)
    >>> success_rate([True] * 11).verdict, success_rate([1] * 2 + [0] * 5).verdict
    ('above', 'go on')
    """
    check_confidence(error)
    zone = narrowed(target) if zone is None else zone
    if not 0 < target - zone < target + zone < 1:
        raise ValueError(f"target {target} ± zone {zone} has to lie between 0 and 1")
    made = as_array(outcomes)
    counted = _counted(made, cases)
    successes, (step_up, step_down) = int(counted.sum()), steps(target, zone)
    bound = math.log((1 - error) / error)
    log_ratio, verdict, decided_after = walk(counted, step_up, step_down, bound)
    return Decision(
        target=target,
        zone=zone,
        error=error,
        successes=successes,
        trials=len(counted),
        left_out=len(made) - len(counted),
        log_ratio=log_ratio,
        bound=bound,
        verdict=verdict,
        decided_after=decided_after,
        published=confidence_sequence(successes, len(counted), 1 - error),
        to_above=max(0, math.ceil((bound - log_ratio) / step_up)),
        to_below=max(0, math.ceil((bound + log_ratio) / -step_down)),
        seconds=seconds,
        usd=usd,
    )


def narrowed(target: float, zone: float = ZONE) -> float:
    """Return a zone that leaves room for rates on both sides of a target."""
    return min(zone, 0.5 * target, 0.5 * (1 - target))


def of_run(trials: pd.DataFrame, target: float = 0.7, zone: float | None = None) -> Decision:
    """Decide about a run's graded trials in the order of their start, at its speed and price."""
    by_start = "started_at" in trials.columns
    ordered = trials.sort_values("started_at", kind="stable") if by_start else trials
    known, good, _ = judgeable(ordered, "pass")
    outcomes, cases = np.where(known, good, np.nan), labels(ordered, "case_id")
    seconds, usd = mean_effort(trials)
    return success_rate(outcomes, target, zone, cases=cases, seconds=seconds, usd=usd)


def _counted(outcomes: Floats, cases: ArrayLike | None) -> Floats:
    known = ~np.isnan(outcomes)
    if not np.isin(outcomes[known], (0, 1)).all():
        raise ValueError("an outcome is true or false, 1 or 0, or NaN where not known")
    if cases is None:
        return outcomes[known]
    names = np.asarray(cases).ravel()
    if len(names) != len(outcomes):
        raise ValueError(f"{len(names)} cases for {len(outcomes)} outcomes")
    return outcomes[known][~pd.Series(names[known]).duplicated().to_numpy()]
