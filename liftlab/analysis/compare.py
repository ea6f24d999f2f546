"""Is one run faster, or more often right, than another? Paired over the cases that both have.

Each case counts once, by the median of its repeats: pairing single trials or pooling them raises
false alarms fourfold, or loses nearly all power. Not finding a difference is not equivalence: that
is a test of its own, against a margin. Of several runs all pairs are corrected together.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from scipy import stats

from liftlab.analysis.columns import PROMPTS, Floats, labels
from liftlab.analysis.estimate import POINTS, Estimate
from liftlab.analysis.latency import Timed, time_end_to_end, time_stage
from liftlab.analysis.paired import (
    LEVEL,
    MARGIN,
    Change,
    holm_levels,
    interval_levels,
    sign_flip_p,
    times,
    together,
)
from liftlab.analysis.rates import RARE
from liftlab.analysis.success import judgeable

SuccessVerdict = Literal["better", "worse", "cannot tell", "not measurable"]
Quantity = Literal["success", "time"]


class Tables(Protocol):
    """What of a run is compared; an opened run has it."""

    @property
    def trials(self) -> pd.DataFrame:
        """The trial table joined with its grades."""

    @property
    def stages(self) -> pd.DataFrame:
        """The stage table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessChange:
    """How often a second run is right, against a first, on the cases that both have."""

    # first, second: success rates over the shared cases, each with the same weight
    first: float | None = None
    second: float | None = None
    difference: Estimate  # second less first, in percentage points, with its paired interval
    cases: int = 0
    # better, worse: cases that are more, or less, often right in the second run
    better: int = 0
    worse: int = 0
    p: float | None = None  # two-sided; in a comparison of runs corrected together with the times
    verdict: SuccessVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RunComparison:
    """A second run against a first: each stage, end to end, and success."""

    shared: int
    only_first: int
    only_second: int
    times: tuple[Change, ...]
    success: SuccessChange


def runs(a: Tables, b: Tables, *, margin: float = MARGIN) -> RunComparison:
    """Compare a second run with a first: times of each stage and end to end, and success.

    Times are those of answered requests; where the client gave up, longer than any. `margin`: what
    counts as the same time. Verdicts and intervals hold together: Holm's correction over stages,
    end to end and success.
    """
    both = set(labels(a.stages, "stage")) & set(labels(b.stages, "stage"))
    names = [str(name) for name in dict.fromkeys(labels(a.stages, "stage")) if name in both]
    stages = {name: [_seconds(time_stage(run.stages, name)) for run in (a, b)] for name in names}
    pairs = stages | {"e2e": [_end_to_end(run) for run in (a, b)]}
    changes = [
        times(*first, *second, what=what, margin=margin) for what, (first, second) in pairs.items()
    ]
    rates = success(a.trials, b.trials)
    others = [] if rates.p is None else [rates.p]
    if others:
        levels = [change.p for change in changes if change.p is not None] + others
        rates = _at(a, b, holm_levels(levels)[-1], interval_levels(levels)[-1])
    first, second = (set(map(str, labels(run.trials, "case_id"))) for run in (a, b))
    return RunComparison(
        shared=len(first & second),
        only_first=len(first - second),
        only_second=len(second - first),
        times=tuple(together(changes, others)),
        success=rates,
    )


def success(a: pd.DataFrame, b: pd.DataFrame, *, miss: float = LEVEL) -> SuccessChange:
    """Compare success on shared cases by their differences.

    Under no change each case's difference in rate is as likely to have the other sign; with
    one trial a case this is McNemar's exact test. All sign patterns are counted up to 14
    cases that differ, beyond it 20,000 are drawn with a fixed seed.

    `miss` is how often the interval may miss.
    """
    before, after = _case_rates(a), _case_rates(b)
    shared = before.index.intersection(after.index)
    if len(shared) == 0:
        graded = len(before) > 0 and len(after) > 0
        reason = "no prompt was graded in both runs" if graded else "a run has no graded answer"
        none = Estimate(value=None, n=0, unit=POINTS, reason=reason)
        return SuccessChange(difference=none, verdict="cannot tell" if graded else "not measurable")
    differences: Floats = np.asarray(after[shared] - before[shared], dtype=np.float64)
    p = sign_flip_p(differences)
    low, high = _difference_interval(differences, miss, p)
    return SuccessChange(
        first=float(before[shared].mean()),
        second=float(after[shared].mean()),
        difference=Estimate(
            value=float(differences.mean()),
            low=low,
            high=high,
            n=len(shared),
            confidence=1 - LEVEL,
            method="paired, adjusted Wald and exact sign test",
            population=PROMPTS,
            unit=POINTS,
        ),
        cases=len(shared),
        better=int((differences > 0).sum()),
        worse=int((differences < 0).sum()),
        p=p,
        verdict="better" if low > 0 else "worse" if high < 0 else "cannot tell",
    )


def _difference_interval(differences: Floats, miss: float, p: float) -> tuple[float, float]:
    """Return the interval of a mean difference in rates over cases.

    Bonett & Price (2012, J. Educational and Behavioral Statistics 37): as if one more case were
    better and one worse. With one answer a case these differ by 1, as all do that differ; with
    repeats by as much as the others do (root mean square). Where fewer than six differ, repeats
    say nothing about cases that were not drawn, and it is 1 again. The interval reaches to 0
    where the exact test finds no difference.
    """
    changed = differences[differences != 0]
    size = float(np.sqrt((changed**2).mean())) if len(changed) >= RARE else 1.0
    more = np.append(differences, [size, -size])
    n, centre = len(more), float(more.mean())
    half = float(stats.t.isf(miss / 2, n - 1)) * float(more.std()) / math.sqrt(n)
    low, high = max(-1.0, centre - half), min(1.0, centre + half)
    return (min(low, 0.0), max(high, 0.0)) if p >= miss else (low, high)


def _case_rates(trials: pd.DataFrame) -> pd.Series[float]:
    known, good, _ = judgeable(trials, "pass")
    names = labels(trials, "case_id")
    return pd.Series(good[known].astype(np.float64)).groupby(names[known]).mean()


def _end_to_end(run: Tables) -> tuple[Floats, Any]:
    return _seconds(time_end_to_end(run.trials, stages=run.stages))


def _seconds(timed: Timed) -> tuple[Floats, Any]:
    return np.where(timed.given_up, np.inf, timed.seconds), timed.cases


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two of the runs, by their places: what changed from the first to the second."""

    first: int
    second: int
    success: SuccessChange
    time: Change

    def winner(self, quantity: Quantity) -> int | None:
        """Return the place of the better run; None where the data cannot tell."""
        if quantity == "success":
            order = {"better": self.second, "worse": self.first}
            return order.get(self.success.verdict)
        return {"faster": self.second, "slower": self.first}.get(self.time.verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Every pair of k runs, over the cases that both have."""

    count: int  # how many runs there are
    # verdicts and intervals hold together, over all pairs and over success and times
    pairs: tuple[Pair, ...]

    def places(self, quantity: Quantity) -> list[tuple[int, int]]:
        """Return by run the best and the worst place that the data leave open, from 1."""
        ahead, behind = [0] * self.count, [0] * self.count
        for pair in self.pairs:
            winner = pair.winner(quantity)
            if winner is not None:
                ahead[winner] += 1
                behind[pair.first + pair.second - winner] += 1
        return [(1 + behind[run], self.count - ahead[run]) for run in range(self.count)]


def rank(runs: Sequence[Tables]) -> Ranking:
    """Compare every pair of two or more runs in success and in time end to end.

    Holm's correction (1979, Scand. J. Statistics 6) over all of these comparisons: whichever
    run turns out best may then be called better than another, though it was picked for it.
    """
    places = list(itertools.combinations(range(len(runs)), 2))
    timed = [_end_to_end(run) for run in runs]
    rates = [success(runs[first].trials, runs[second].trials) for first, second in places]
    changes = [times(*timed[first], *timed[second]) for first, second in places]
    tested = [rate.p for rate in rates if rate.p is not None]
    levels = tested + [change.p for change in changes if change.p is not None]
    corrected = zip(holm_levels(levels), interval_levels(levels), strict=True)
    judged = [
        rate if rate.p is None else _at(runs[first], runs[second], *next(corrected))
        for (first, second), rate in zip(places, rates, strict=True)
    ]
    pairs = tuple(
        Pair(first=first, second=second, success=rate, time=change)
        for (first, second), rate, change in zip(
            places, judged, together(changes, tested), strict=True
        )
    )
    return Ranking(count=len(runs), pairs=pairs)


def _at(first: Tables, second: Tables, p: float, miss: float) -> SuccessChange:
    """Compare success with an interval that may miss so often, and a corrected p."""
    return replace(success(first.trials, second.trials, miss=miss), p=p)
