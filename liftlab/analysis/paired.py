"""Paired comparisons over cases: differences, equivalence, what could have been found."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize, stats

from liftlab.analysis.columns import CONFIDENCE, PROMPTS, Floats, as_array, in_range
from liftlab.analysis.estimate import Estimate

Verdict = Literal["faster", "slower", "equivalent", "cannot tell", "not measurable"]

CASES_NEEDED = 5  # shared, for Student's t on differences
LEVEL = 0.05  # of all comparisons that are made together
MARGIN = 0.10
POWER = 0.8
_EXACT_FLIPS = 14  # cases that differ: 2^14 sign patterns are counted, beyond it sampled
_SAMPLED_FLIPS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The times of one stage, or end to end, in a second run over those in a first."""

    what: str
    # second over first: below 1 is faster. Its n is the number of shared cases; after a correction
    # its interval excludes 1 where the verdict says so, and nowhere else.
    ratio: Estimate
    # for a difference, two-sided, and for lying inside the margin; corrected after `together`
    p: float | None = None
    p_equivalent: float | None = None
    # the ratio above 1 that this many cases would have shown with a power of 80 %
    detectable: float | None = None
    margin: float  # what counts as the same, as a share
    verdict: Verdict

    @property
    def equivalent(self) -> bool:
        """Whether the ratio lies inside the margin, at 5 %."""
        return self.p_equivalent is not None and self.p_equivalent < 0.05


def times(
    first: ArrayLike,
    first_cases: ArrayLike,
    second: ArrayLike,
    second_cases: ArrayLike,
    *,
    what: str = "e2e",
    margin: float = MARGIN,
) -> Change:
    """Compare times, paired over shared cases on the medians of ln seconds.

    Student's t on the cases' differences; equivalence by two one-sided tests (Schuirmann 1987,
    Journal of Pharmacokinetics and Biopharmaceutics 15) against 1/(1 + margin) and 1 + margin.

    `first`, `second`, (n,), (m,): seconds; `inf` where the client gave up. Those that are missing
    or not positive are left out, and so are cases whose median is infinite in either run.

    Examples
    --------
    >>> print(times([21.7], ["add"], [14.9], ["add"]).ratio)
    0.687 (n = 1: needs 5 shared prompts)
    """
    if not 0 < margin < 1:
        raise ValueError(f"margin is {margin}: a share between 0 and 1")
    before, after = _case_logs(first, first_cases), _case_logs(second, second_cases)
    shared = before.index.intersection(after.index)
    differences = np.asarray(after[shared] - before[shared], dtype=np.float64)
    if len(shared) >= CASES_NEEDED:
        return _tested(differences, what, margin)
    measured = len(before) > 0 and len(after) > 0
    verdict: Verdict = "cannot tell" if measured else "not measurable"
    ratio = _untested(differences, measured=measured)
    return Change(what=what, margin=margin, ratio=ratio, verdict=verdict)


def together(changes: Sequence[Change], others: Sequence[float] = ()) -> list[Change]:
    """Correct changes for having been found together (Holm 1979, Scand. J. Statistics 6).

    Verdicts and intervals are corrected alike. The detectable ratios become those of the first
    step, 5 % over the number of comparisons.

    `others` are p values of further comparisons that were made with these.
    """
    levels = [change.p for change in changes if change.p is not None] + list(others)
    differ, widths = iter(holm_levels(levels)), iter(interval_levels(levels))
    same = iter(holm_levels([c.p_equivalent for c in changes if c.p_equivalent is not None]))
    corrected = []
    for change in changes:
        if change.p is None or change.detectable is None:
            corrected.append(change)
            continue
        n = change.ratio.n
        scale = detectable_effect(n, LEVEL / len(levels)) / detectable_effect(n, LEVEL)
        changed = replace(
            change,
            ratio=at_level(change.ratio, next(widths), n - 1),
            p=next(differ),
            p_equivalent=next(same),
            detectable=change.detectable**scale,
        )
        corrected.append(replace(changed, verdict=_verdict(changed)))
    return corrected


def holm_levels(levels: Sequence[float]) -> list[float]:
    """Return p values corrected for having been tested together, in the order given."""
    order, count = np.argsort(levels), len(levels)
    stepped = np.minimum(1.0, np.arange(count, 0, -1) * np.take(levels, order))
    corrected = np.empty(count)
    corrected[order] = np.maximum.accumulate(stepped)
    return [float(level) for level in corrected]


def interval_levels(levels: Sequence[float]) -> list[float]:
    """Return how often each interval may miss, so that it decides as Holm's correction does.

    All miss 5 % of the time together at most; one that only a later step of Holm's decides takes
    that step's share.

    Examples
    --------
    >>> [round(miss, 4) for miss in interval_levels([0.2, 0.001, 0.02])]
    [0.0167, 0.0167, 0.025]
    """
    count, corrected = len(levels), holm_levels(levels)
    misses = [LEVEL / max(count, 1)] * count
    for rank, place in enumerate(np.argsort(levels)):
        if corrected[place] < LEVEL <= count * levels[place]:
            misses[place] = LEVEL / (count - rank)
    return misses


def at_level(ratio: Estimate, miss: float, freedom: int) -> Estimate:
    """Return a ratio whose 95 % interval, Student's t on ln, may miss with another chance."""
    if ratio.value is None or ratio.low is None or ratio.high is None:
        return ratio
    wider = float(stats.t.isf(miss / 2, freedom) / stats.t.isf(LEVEL / 2, freedom))
    half = wider * math.log(ratio.high / ratio.low) / 2
    return replace(ratio, low=ratio.value * math.exp(-half), high=ratio.value * math.exp(half))


def sign_flip_p(differences: ArrayLike) -> float:
    """Return the two-sided p of differences whose signs are random if nothing changed."""
    values = as_array(differences)
    values = values[values != 0]
    if len(values) == 0:
        return 1.0
    if len(values) > _EXACT_FLIPS:
        return _sampled_flips(values)
    signs = np.array(list(itertools.product((-1, 1), repeat=len(values))), dtype=np.float64)
    sums = np.abs(signs @ values)
    return float((sums >= abs(values.sum()) - 1e-9).mean())


def _sampled_flips(values: Floats) -> float:
    """Draw sign patterns: of differences of one size only the number with a plus counts."""
    sizes, counts = np.unique(np.abs(values).round(12), return_counts=True)
    plus = np.random.default_rng(0).binomial(counts, 0.5, (_SAMPLED_FLIPS, len(sizes)))
    sums = np.abs((2.0 * plus - counts) @ sizes)
    sums[0] = abs(values.sum())  # what was seen is one of the patterns
    return float((sums >= abs(values.sum()) - 1e-9).mean())


@cache  # a root to be found, for few distinct numbers of cases
def detectable_effect(cases: int, alpha: float = 0.05, power: float = POWER) -> float:
    """Return the mean difference, in standard deviations of the cases' differences, that shows."""
    freedom = cases - 1
    limit = float(stats.t.isf(alpha / 2, freedom))

    def missing(effect: float) -> float:
        return float(stats.nct.sf(limit, freedom, effect * math.sqrt(cases))) - power

    return float(optimize.brentq(missing, 1e-6, 10 * limit))


def _tested(differences: Floats, what: str, margin: float) -> Change:
    n, centre = len(differences), float(differences.mean())
    deviation = max(float(differences.std(ddof=1)), 1e-9)  # clocks are no better than that
    error = deviation / math.sqrt(n)
    half = float(stats.t.isf((1 - CONFIDENCE) / 2, n - 1)) * error
    ratio = Estimate(
        value=math.exp(centre),
        low=math.exp(centre - half),
        high=math.exp(centre + half),
        n=n,
        confidence=CONFIDENCE,
        method="paired t on medians of ln seconds",
        population=PROMPTS,
    )
    inside = (math.log1p(margin) - abs(centre)) / error
    change = Change(
        what=what,
        margin=margin,
        ratio=ratio,
        p=2 * float(stats.t.sf(abs(centre) / error, n - 1)),
        p_equivalent=float(stats.t.sf(inside, n - 1)),
        detectable=math.exp(deviation * detectable_effect(n, LEVEL)),
        verdict="cannot tell",
    )
    return replace(change, verdict=_verdict(change))


def _verdict(change: Change) -> Verdict:
    if change.p is not None and change.ratio.value is not None and change.p < 0.05:
        return "faster" if change.ratio.value < 1 else "slower"
    return "equivalent" if change.equivalent else "cannot tell"


def _untested(differences: Floats, *, measured: bool) -> Estimate:
    n = len(differences)
    reason = f"needs {CASES_NEEDED} shared prompts"
    if n == 0:
        reason = "no prompt is in both runs" if measured else "a run has no answered request"
    point = math.exp(float(differences.mean())) if n else None
    return Estimate(value=point, n=n, reason=reason, population=PROMPTS)


def _case_logs(seconds: ArrayLike, cases: ArrayLike) -> pd.Series[float]:
    values, names = as_array(seconds), np.asarray(cases).ravel()
    if len(names) != len(values):
        raise ValueError(f"{len(names)} cases for {len(values)} times")
    usable = in_range(values) | np.isposinf(values)
    medians = pd.Series(np.log(values[usable])).groupby(names[usable]).median()
    return medians[np.isfinite(medians)]
