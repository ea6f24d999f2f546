"""Both decisions of a release by category: right often enough, and not spoiled by one class.

Each category is decided by the sequential test of `decide`. Decisions that are made together are
wrong together: the errors of the categories share what is promised for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pandas as pd

from liftlab.analysis.columns import labels
from liftlab.analysis.decide import Decision, narrowed, of_run
from liftlab.analysis.success import Measure, failure_classes

TARGET = 0.7
SPOILED = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryDecision:
    """What is decided about the cases of one category.

    Parameters
    ----------
    category
        Its name; empty for all cases together.
    cases
        Cases of it that ran.
    success
        Whether the success rate reaches the target.
    failure_class
        The class that is asked about: the most frequent one, or the one that was named.
    spoiled
        Whether that class spoils more than its limit; None where nothing failed.
    """

    category: str
    cases: int
    success: Decision
    failure_class: str | None
    spoiled: Decision | None

    def sentence(self) -> str:
        """Say both decisions, or that nothing failed."""
        where = f"{self.category or 'All categories'}: "
        if self.spoiled is None:
            return f"{where}{self.success} Nothing failed."
        return f"{where}{self.success} {self.spoiled}"

    def __str__(self) -> str:
        return self.sentence()


def by_category(
    trials: pd.DataFrame,
    target: float = TARGET,
    spoiled: float = SPOILED,
    zone: float = 0.1,
    *,
    measure: Measure = "pass",
    failure_class: str | None = None,
    column: str = "category",
    error: float = 0.05,
) -> list[CategoryDecision]:
    """Decide for all cases, then for each category, about success and about one failure class.

    Parameters
    ----------
    trials
        The trial table joined with its grades: `case_id, category, outcome, failure_class,
        parsed, started_at, e2e_s, cost_usd`. Of a case that repeats, the first trial counts.
    target
        The success rate that has to be reached.
    spoiled
        The share of prompts that one class may spoil.
    zone
        Rates within ± zone of a limit may be decided either way; narrowed where a limit lies
        nearer than that to 0 or 1.
    measure
        "pass" or "parsed".
    failure_class
        The class to ask about; if None, each group's most frequent, and the error is shared by
        the classes from which it was picked.
    column
        What groups the cases, such as `category` or `difficulty`.
    error
        The chance of a wrong decision among all cases; shared by the categories, too.

    Returns
    -------
    list of CategoryDecision
        All cases first; categories in order of their names.

    Examples
    --------
    >>> trials = pd.DataFrame({"case_id": list("abcdefghijk"), "category": ["string"] * 11,
    ...     "outcome": ["pass"] * 11})
    >>> [(each.category, each.success.verdict) for each in by_category(trials)]
    [('', 'above'), ('string', 'above')]
    """
    decide = partial(
        _decided, target=target, spoiled=spoiled, zone=zone, measure=measure, named=failure_class
    )
    groups = labels(trials, column)
    names = sorted({str(name) for name in groups if name is not None})
    each = [decide(trials[groups == name], name, error=error / len(names)) for name in names]
    return [decide(trials, "", error=error), *each]


def _decided(
    trials: pd.DataFrame,
    category: str,
    *,
    target: float,
    spoiled: float,
    zone: float,
    measure: Measure,
    named: str | None,
    error: float,
) -> CategoryDecision:
    found = [share.failure_class for share in failure_classes(trials)]
    asked = named or next(iter(found), None)
    about_class = None
    if asked is not None:
        picked_from = 1 if named else len(found)
        about_class = of_run(
            trials,
            spoiled,
            narrowed(spoiled, zone),
            failure_class=asked,
            error=error / picked_from,
        )
    return CategoryDecision(
        category=category,
        cases=trials["case_id"].nunique(),
        success=of_run(trials, target, narrowed(target, zone), measure=measure, error=error),
        failure_class=asked,
        spoiled=about_class,
    )
