"""Whether a run is worse than the baseline by more than runs that are alike differ.

Intervals within a run do not tell: they hold for its prompts and repeats, and two runs of
identical code lie further apart than that. So the one yardstick is the spread between runs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from liftlab.analysis.columns import floats
from liftlab.analysis.comparability import RUNS_NEEDED, Spread, is_share, on_scale, spread_of
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.intervals import proportion
from liftlab.analysis.paired import holm_levels

RegressionVerdict = Literal["regression", "no regression found", "undecided", "not measurable"]
LEVEL = 0.05
_MOST_PAIRS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """One number of a run against that of the baseline."""

    metric: str
    before: float | None
    after: float | None
    # after over before as a share: .1 is 10 % more. Of a rate: the difference.
    change: float | None = None
    # low, high: ends of its 95 % interval, by the spread between runs
    low: float | None = None
    high: float | None = None
    p: float | None  # one-sided, that it is worse; corrected over all metrics (Holm)
    detectable: float | None = (
        None  # the change for the worse that would have been found 4 times in 5
    )
    runs: int  # how many runs the spread is from
    verdict: RegressionVerdict
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarms:
    """How often runs that are alike would have failed each other.

    `pairs` were judged, an earlier run as the baseline; `alarms` of them failed. Pairs share runs,
    so the interval of their rate counts later runs.
    """

    runs: int
    pairs: int
    alarms: int
    by_metric: Mapping[str, int]
    rate: Estimate


def regressions(
    before: Mapping[str, float | None],
    after: Mapping[str, float | None],
    between_runs: Mapping[str, Spread],
) -> list[Regression]:
    """Judge each number that the baseline has.

    Student's t on the difference of two runs, whose variance is twice that between runs; one-sided
    for the worse, and corrected for all metrics together (Holm 1979). Below five runs, and without
    a spread between runs, the verdict is undecided.
    """
    tested: dict[str, float] = {}
    for metric, base in before.items():
        spread, now = between_runs.get(metric), after.get(metric)
        if base is not None and now is not None and spread is not None and spread.enough:
            worse_by = _worse_side(metric) * _difference(metric, base, now)
            scale = max(spread.sd * math.sqrt(2), 1e-9)
            tested[metric] = float(stats.t.sf(worse_by / scale, spread.runs - 1))
    corrected = dict(zip(tested, holm_levels(list(tested.values())), strict=True))
    return [
        _judged(metric, base, after.get(metric), between_runs.get(metric), corrected.get(metric))
        for metric, base in before.items()
    ]


def false_alarms(alike: pd.DataFrame, metrics: Sequence[str]) -> FalseAlarms:
    """Judge runs that are alike against each other, as if the earlier one were the baseline.

    `alike`: rows of the history, oldest first; the spread is that of all the other runs.
    """
    n = len(alike)
    if n < RUNS_NEEDED + 2:
        reason = f"it needs {RUNS_NEEDED + 2} comparable runs, and there are {n}"
        none = Estimate(value=None, n=n, unit="%", reason=reason)
        return FalseAlarms(runs=n, pairs=0, alarms=0, by_metric={}, rate=none)
    pairs = list(itertools.combinations(range(n), 2))
    if len(pairs) > _MOST_PAIRS:
        chosen = np.random.default_rng(0).choice(len(pairs), _MOST_PAIRS, replace=False)
        pairs = [pairs[index] for index in sorted(chosen)]
    values = {name: floats(alike, name) for name in metrics}
    counts, failed = dict.fromkeys(metrics, 0), []
    for first, second in pairs:
        rest = {name: np.delete(values[name], [first, second]) for name in metrics}
        found = regressions(
            {name: _known(values[name][first]) for name in metrics},
            {name: _known(values[name][second]) for name in metrics},
            {name: spread for name in metrics if (spread := spread_of(rest[name], name))},
        )
        worse = [each.metric for each in found if each.verdict == "regression"]
        for name in worse:
            counts[name] += 1
        failed.append(bool(worse))
    rate = proportion(failed, clusters=[second for _, second in pairs], by_rows=True)
    return FalseAlarms(runs=n, pairs=len(pairs), alarms=sum(failed), by_metric=counts, rate=rate)


def _judged(
    metric: str, before: float | None, after: float | None, spread: Spread | None, p: float | None
) -> Regression:
    runs = spread.runs if spread else 0
    base = Regression(
        metric=metric, before=before, after=after, p=p, runs=runs, verdict="undecided"
    )
    if before is None or after is None:
        reason = f"the {'baseline' if before is None else 'run'} has no such number"
        return replace(base, verdict="not measurable", reason=reason)
    apart = _difference(metric, before, after)
    base = replace(base, change=_as_change(metric, apart))
    if spread is None or not spread.enough:
        reason = f"a verdict needs the spread of {RUNS_NEEDED} comparable runs, and there are"
        return replace(base, reason=f"{reason} {runs}")
    half = spread.half_width() * math.sqrt(2)
    return replace(
        base,
        low=_as_change(metric, apart - half),
        high=_as_change(metric, apart + half),
        detectable=_as_change(metric, _worse_side(metric) * _detectable(spread)),
        verdict="regression" if p is not None and p < LEVEL else "no regression found",
    )


def _detectable(spread: Spread) -> float:
    """Return the difference that a one-sided test of 5 % finds with a power of 80 %, about."""
    freedom = spread.runs - 1
    needed = float(stats.t.isf(LEVEL, freedom)) + float(stats.t.isf(0.2, freedom))
    return needed * spread.sd * math.sqrt(2)


def _difference(metric: str, before: float, after: float) -> float:
    first, second = on_scale(np.array([before, after]), metric)
    return float(second - first)


def _as_change(metric: str, difference: float) -> float:
    return difference if is_share(metric) else math.expm1(difference)


def _worse_side(metric: str) -> float:
    return -1.0 if is_share(metric) else 1.0


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
