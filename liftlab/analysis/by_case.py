"""Each case of two runs beside itself: how much longer it took, and what that is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from liftlab.analysis.columns import Floats, floats, labels
from liftlab.analysis.estimate import Estimate, plain, quantity
from liftlab.analysis.paired import Verdict, holm_levels
from liftlab.analysis.samples import in_range

FREEDOM_NEEDED = 5  # repeats beyond the first, over all cases: for their spread
REPEAT_SPREADS = (0.10, 0.20, 0.35)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseChange:
    """One case in a second run over the same in a first.

    Parameters
    ----------
    case_id
        The case.
    first_s, second_s
        Geometric means of its repeats.
    n_first, n_second
        How many they are of.
    ratio
        Second over first; its interval speaks for repeats in these two runs.
    p
        Two-sided, corrected over all cases (Holm); None without repeats.
    verdict
        Faster, slower, or cannot tell.
    """

    case_id: str
    first_s: float
    second_s: float
    n_first: int
    n_second: int
    ratio: Estimate
    p: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class IfRepeated:
    """What two single times would say, if the spread of repeats were known to be `cv`."""

    cv: float
    ratio: Estimate
    p: float

    def sentence(self) -> str:
        """Say what would follow."""
        said = f"if repeats varied by {quantity(self.cv, '%')}: {self.ratio.interval}"
        return f"{said}, p = {plain(self.p, 1)}"


def case_changes(first: pd.DataFrame, second: pd.DataFrame) -> list[CaseChange]:
    """Compare end-to-end times case by case, the largest change first.

    The spread of ln seconds over repeats is pooled over all cases of both runs.

    Parameters
    ----------
    first, second
        Trial tables.
    """
    before, after = _logs(first), _logs(second)
    shared = [name for name in before if name in after]
    groups = [group for name in shared for group in (before[name], after[name])]
    freedom = sum(len(group) - 1 for group in groups)
    squares = math.fsum(float(((group - group.mean()) ** 2).sum()) for group in groups)
    sd = math.sqrt(squares / freedom) if freedom >= FREEDOM_NEEDED else None
    found = [_change(name, before[name], after[name], sd, freedom) for name in shared]
    levels = iter(holm_levels([each.p for each in found if each.p is not None]))
    corrected = [each if each.p is None else _decided(each, next(levels)) for each in found]
    return sorted(corrected, key=lambda each: -abs(math.log(each.second_s / each.first_s)))


def if_repeated(
    first_s: float, second_s: float, spreads: ArrayLike = REPEAT_SPREADS
) -> list[IfRepeated]:
    """Say what one time against one time would be worth at several spreads of repeats.

    Nobody knows the spread from one time each: this only shows how much hangs on it.

    Examples
    --------
    >>> print(if_repeated(21.7, 14.92)[0].sentence())
    if repeats varied by 10 %: 95 % interval 0.5211–0.9072, p = 0.008
    """
    centre = math.log(second_s / first_s)
    told = []
    for cv in np.asarray(spreads, dtype=np.float64):
        error = float(cv) * math.sqrt(2)
        half = float(stats.norm.isf(0.025)) * error
        ratio = Estimate(
            value=math.exp(centre),
            low=math.exp(centre - half),
            high=math.exp(centre + half),
            n=1,
            confidence=0.95,
            method=f"normal on ln, SD {cv:g} assumed",
        )
        p = 2 * float(stats.norm.sf(abs(centre) / error))
        told.append(IfRepeated(cv=float(cv), ratio=ratio, p=p))
    return told


def _change(name: str, before: Floats, after: Floats, sd: float | None, freedom: int) -> CaseChange:
    centre = float(after.mean() - before.mean())
    ratio = Estimate(value=math.exp(centre), n=min(len(before), len(after)), method="ln seconds")
    p = None
    if sd is None:
        ratio = replace(ratio, reason="no repeats to tell how much a case varies")
    else:
        error = max(sd, 1e-9) * math.sqrt(1 / len(before) + 1 / len(after))
        half = float(stats.t.isf(0.025, freedom)) * error
        low, high = math.exp(centre - half), math.exp(centre + half)
        ratio = replace(ratio, low=low, high=high, confidence=0.95)
        p = 2 * float(stats.t.sf(abs(centre) / error, freedom))
    return CaseChange(
        case_id=name,
        first_s=math.exp(float(before.mean())),
        second_s=math.exp(float(after.mean())),
        n_first=len(before),
        n_second=len(after),
        ratio=ratio,
        p=p,
        verdict="cannot tell",
    )


def _decided(change: CaseChange, p: float) -> CaseChange:
    verdict: Verdict = "cannot tell"
    if p < 0.05:
        verdict = "slower" if change.second_s > change.first_s else "faster"
    return replace(change, p=p, verdict=verdict)


def _logs(trials: pd.DataFrame) -> Mapping[str, Floats]:
    seconds, cases = floats(trials, "e2e_s"), labels(trials, "case_id").astype(str)
    usable = in_range(seconds)
    return {
        str(name): np.log(seconds[usable & (cases == name)])
        for name in dict.fromkeys(cases[usable])
    }
