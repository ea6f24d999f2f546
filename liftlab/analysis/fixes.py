"""Which fix buys most: the share of graded answers that each failure class spoils.

A class spoils at most what it is the primary class of: an answer has one. Fixing it may bring
another class to light, so the share is a ceiling on what the fix can buy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from liftlab.analysis.columns import labels
from liftlab.analysis.estimate import quantity
from liftlab.analysis.samples import indexed
from liftlab.analysis.success import FailureShare, failure_classes, judgeable

WORTH = 0.3  # above it the team fixes a class this week, below it documents it
Verdict = Literal["above", "below", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixes:
    """What fixing each class could buy, most first.

    `verdict` says where the first one's interval lies to `worth`. `clearly_first` says whether
    the first spoils more than the second beyond chance, by the sign test over cases, at 5 %.
    """

    shares: tuple[FailureShare, ...]
    worth: float
    verdict: Verdict
    clearly_first: bool

    def sentence(self) -> str:
        """Say what fixing the first class could buy, and whether that is settled."""
        if not self.shares:
            return "Nothing failed: there is nothing to fix."
        first = self.shares[0]
        bar = quantity(self.worth, "%")
        judged = {
            "above": f"more than {bar}",
            "below": f"less than {bar}",
            "open": f"not settled whether more than {bar}",
        }[self.verdict]
        said = (
            f"Fixing {first.failure_class} could buy at most {first.of_trials} of graded answers, "
            f"{judged}; it is {first.of_failures.point} of failures."
        )
        if len(self.shares) > 1 and not self.clearly_first:
            said += f" It is not clearly ahead of {self.shares[1].failure_class}."
        return said

    def __str__(self) -> str:
        return self.sentence()


def which_fix(trials: pd.DataFrame, worth: float = WORTH) -> Fixes:
    """Rank failure classes by the share of graded answers that they spoil.

    Intervals count cases where repeats share one. Endpoint errors and ungraded trials are in no
    denominator.

    Parameters
    ----------
    trials
        The trial table joined with its grades: `case_id, outcome, failure_class`.
    worth
        The share above which a class is worth fixing first.

    Examples
    --------
    >>> trials = pd.DataFrame({"case_id": list("abcde"), "outcome": ["fail"] * 4 + ["pass"],
    ...     "failure_class": ["missing_return"] * 3 + ["indentation_error", None]})
    >>> print(which_fix(trials).shares[0].of_trials)
    60 % (95 % interval 23.1–88.2 %, n = 5)
    """
    shares = tuple(failure_classes(trials))
    if not shares:
        return Fixes(shares=(), worth=worth, verdict="below", clearly_first=False)
    low, high = shares[0].of_trials.low, shares[0].of_trials.high
    verdict: Verdict = "open"
    if low is not None and low > worth:
        verdict = "above"
    elif high is not None and high < worth:
        verdict = "below"
    return Fixes(
        shares=shares,
        worth=worth,
        verdict=verdict,
        clearly_first=len(shares) == 1 or _is_ahead(trials, shares[0], shares[1]),
    )


def _is_ahead(trials: pd.DataFrame, first: FailureShare, second: FailureShare) -> bool:
    """Say whether the first class spoils more of a case than the second, beyond chance."""
    known, _, _ = judgeable(trials, "pass")
    classes, cases = labels(trials, "failure_class")[known], labels(trials, "case_id")[known]
    lead = (classes == first.failure_class).astype(int) - (classes == second.failure_class)
    index, _ = indexed(cases)
    by_case = np.bincount(index, lead)
    ahead, behind = int((by_case > 0).sum()), int((by_case < 0).sum())
    if ahead + behind == 0:
        return False
    return ahead > behind and bool(stats.binomtest(ahead, ahead + behind).pvalue < 0.05)
