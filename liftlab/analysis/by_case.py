"""Each case of two runs beside itself: how much longer it took, and whether that is chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from liftlab.analysis.columns import Floats, in_range
from liftlab.analysis.compare import Tables
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.latency import time_end_to_end
from liftlab.analysis.paired import CASES_NEEDED, LEVEL, Verdict, holm_levels, interval_levels

REPEATS_NEEDED = 3  # of a case, on each side, for a verdict on it
FEW_REPEATS = f"needs {REPEATS_NEEDED} answered requests on each side"
FEW_CASES = f"needs {CASES_NEEDED} prompts with {REPEATS_NEEDED} answered requests on each side"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseChange:
    """One case in a second run over the same in a first."""

    case_id: str
    # first_s, second_s: geometric means of its repeats
    first_s: float
    second_s: float
    n_first: int
    n_second: int
    # second over first. Its interval has the spread of repeats in it, and that by which cases
    # differ between two runs; it excludes 1 where the verdict says so, and nowhere else.
    ratio: Estimate
    p: float | None  # two-sided, corrected over all cases (Holm); None without a verdict
    verdict: Verdict


def case_changes(first: Tables, second: Tables) -> list[CaseChange]:
    """Compare end-to-end times of two runs' tables case by case; see `compare_cases`."""
    return compare_cases(_logs(first), _logs(second))


def compare_cases(before: Mapping[str, Floats], after: Mapping[str, Floats]) -> list[CaseChange]:
    """Compare times case by case, the largest change first.

    Two runs of the same cases differ by more than their repeats tell: a case may be slow in one
    run as a whole. So the yardstick of a case is the spread of the others' changes between
    the two runs, or that of repeats where it is wider, with tails as heavy as those of repeats;
    and its repeats must lie apart, too.

    `before` and `after` hold by case ln seconds of its repeats.
    """
    found = {name: _change(name, before[name], after[name]) for name in before if name in after}
    fit = [each for each in found.values() if min(each.n_first, each.n_second) >= REPEATS_NEEDED]
    found |= {each.case_id: each for each in _decided(fit, before, after)}
    return sorted(found.values(), key=lambda each: -abs(math.log(each.second_s / each.first_s)))


def _change(name: str, before: Floats, after: Floats) -> CaseChange:
    n, value = min(len(before), len(after)), math.exp(float(after.mean() - before.mean()))
    few = "" if n >= REPEATS_NEEDED else FEW_REPEATS
    return CaseChange(
        case_id=name,
        first_s=math.exp(float(before.mean())),
        second_s=math.exp(float(after.mean())),
        n_first=len(before),
        n_second=len(after),
        ratio=Estimate(value=value, n=n, method="ln seconds", reason=few),
        p=None,
        verdict="cannot tell",
    )


def _errors(before: Sequence[Floats], after: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Return each case's standard error in ln seconds, and how heavy its tails are; (cases,).

    The tails are the degrees of freedom of the Student's t that has the kurtosis which the spread
    of repeats gives a change: among many cases a tail is taken for a slow case otherwise.
    """
    rests = [group - group.mean() for group in (*before, *after)]
    sizes = np.array([len(rest) for rest in rests], dtype=np.float64)
    rest = np.concatenate(rests)
    within = float((rest**2).sum()) / float((sizes - 1).sum())
    pairs = list(zip(before, after, strict=True))
    weights = np.array([1 / len(a) + 1 / len(b) for a, b in pairs])
    changes = np.array([b.mean() - a.mean() for a, b in pairs])
    apart, n = (changes - changes.mean()) ** 2, len(changes)
    others = (apart.sum() - apart * n / (n - 1)) / (n - 2)  # the variance without each one
    squares = np.maximum(np.maximum(within * weights, others), 1e-18)
    kurtosis = float((rest**4).mean()) / max(float((rest**2).mean()) ** 2, 1e-30) - 3
    # Deviations from the mean of few have lighter tails than what they deviate with.
    lighter = float((((sizes - 1) ** 3 + 1) / (sizes * (sizes - 1))).sum() / sizes.sum())
    cubes = np.array([1 / len(a) ** 3 + 1 / len(b) ** 3 for a, b in pairs])
    heavy = max(kurtosis / lighter, 1e-6) * cubes * (within / squares) ** 2
    return np.sqrt(squares), 4 + 6 / np.maximum(heavy, 1e-6)


def _decided(
    found: Sequence[CaseChange], before: Mapping[str, Floats], after: Mapping[str, Floats]
) -> list[CaseChange]:
    """Return changes with their verdicts, all cases together (Holm)."""
    if len(found) < CASES_NEEDED:
        return [replace(each, ratio=replace(each.ratio, reason=FEW_CASES)) for each in found]
    pairs = [(before[each.case_id], after[each.case_id]) for each in found]
    (errors, tails), freedom = _errors(*zip(*pairs, strict=True)), len(found) - 2
    centres = np.array([second.mean() - first.mean() for first, second in pairs])
    far, wider = np.abs(centres) / errors, np.sqrt(tails / (tails - 2))
    levels = (2 * np.maximum(stats.t.sf(far, freedom), stats.t.sf(far * wider, tails))).tolist()
    misses = np.array(interval_levels(levels)) / 2
    halves = errors * np.maximum(stats.t.isf(misses, freedom), stats.t.isf(misses, tails) / wider)
    decided = []
    for change, pair, centre, half, p in zip(
        found, pairs, centres, halves, holm_levels(levels), strict=True
    ):
        low, high, chance = math.exp(centre - half), math.exp(centre + half), p
        if p < LEVEL and (overlap := _overlap(*pair)) > LEVEL:  # one wild repeat is no slow case
            low, high, chance = min(low, 1.0), max(high, 1.0), max(p, overlap)
        ratio = replace(change.ratio, low=low, high=high, confidence=1 - LEVEL)
        way: Verdict = "slower" if centre > 0 else "faster"
        verdict: Verdict = way if chance < LEVEL else "cannot tell"
        decided.append(replace(change, ratio=ratio, p=chance, verdict=verdict))
    return decided


def _overlap(first: Floats, second: Floats) -> float:
    """Return how likely repeats lie so far apart by chance: Mann and Whitney's test, one-sided."""
    way: Literal["less", "greater"] = "less" if first.mean() < second.mean() else "greater"
    return round(float(stats.mannwhitneyu(first, second, alternative=way).pvalue), 9)


def _logs(run: Tables) -> dict[str, Floats]:
    timed = time_end_to_end(run.trials, stages=run.stages)
    usable = in_range(timed.seconds) & ~timed.given_up
    seconds = pd.Series(np.log(timed.seconds[usable]))
    return {
        str(name): group.to_numpy(dtype=np.float64)
        for name, group in seconds.groupby(timed.cases[usable], sort=False)
    }
