"""How often it is right: counts with intervals, by group, and what goes wrong.

`pass` needs every check to agree; `parsed` says only that the answer is Python. Errors of the
endpoint or the network are no fault of the model: counted, but in no denominator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from liftlab.analysis.columns import Bools, is_true, labels
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.input_checks import indexed
from liftlab.analysis.intervals import proportion

Measure = Literal["pass", "parsed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessRate:
    """Successes of the trials that could be judged; errors and ungraded trials apart."""

    group: str
    measure: Measure
    successes: int
    trials: int
    cases: int
    errors: int
    ungraded: int
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureShare:
    """One failure class: how many, of graded answers and of failures.

    `picked` is `of_trials` corrected for this class having been picked from those that occur.
    """

    failure_class: str
    count: int
    cases: tuple[str, ...]
    of_failures: Estimate
    of_trials: Estimate
    picked: Estimate


def success_rate(trials: pd.DataFrame, measure: Measure = "pass", group: str = "") -> SuccessRate:
    """Count successes among the trials that could be judged.

    `trials`: the trial table joined with its grades: `case_id, outcome, parsed`. `group`: a name
    for these trials.

    Examples
    --------
    >>> trials = pd.DataFrame({"case_id": list("abcde"), "outcome": ["pass"] + ["fail"] * 4})
    >>> print(success_rate(trials).estimate)
    20 % (95 % interval 1–72 %, n = 5)
    """
    judged, good, errors = judgeable(trials, measure)
    cases = labels(trials, "case_id")
    return SuccessRate(
        group=group,
        measure=measure,
        successes=int(good.sum()),
        trials=int(judged.sum()),
        cases=indexed(cases[judged])[1],
        errors=int(errors.sum()),
        ungraded=int((~judged & ~errors).sum()),
        estimate=proportion(good[judged], clusters=cases[judged]),
    )


def success_by_group(trials: pd.DataFrame, column: str) -> list[SuccessRate]:
    """Count successes by the values of a column, such as `category` or `difficulty`."""
    names = labels(trials, column)
    groups = dict.fromkeys(name for name in names if name is not None)
    return [success_rate(trials[names == name], group=str(name)) for name in groups]


def failure_classes(trials: pd.DataFrame) -> list[FailureShare]:
    """Count what went wrong, most frequent first; endpoint errors are not among it."""
    judged, good, _ = judgeable(trials, "pass")
    failed = judged & ~good
    classes, cases = labels(trials, "failure_class"), labels(trials, "case_id")
    found = dict.fromkeys(name for name in classes[failed] if name is not None)
    shares = [
        FailureShare(
            failure_class=str(name),
            count=int((classes[failed] == name).sum()),
            cases=tuple(str(case) for case in dict.fromkeys(cases[failed & (classes == name)])),
            of_failures=proportion(classes[failed] == name, clusters=cases[failed]),
            of_trials=proportion((classes == name)[judged], clusters=cases[judged]),
            picked=proportion(
                (classes == name)[judged], clusters=cases[judged], picked_from=len(found)
            ),
        )
        for name in found
    ]
    return sorted(shares, key=lambda share: -share.count)


def worst_class_share(trials: pd.DataFrame, shares: Sequence[FailureShare]) -> Estimate:
    """Return the share of graded answers of the most frequent failure class.

    It is corrected for having been picked: Bonferroni's correction over the classes that occur.
    """
    if shares:
        return max(shares, key=lambda share: share.picked.value or 0.0).picked
    judged, _, _ = judgeable(trials, "pass")
    return proportion(np.zeros(judged.sum()), clusters=labels(trials, "case_id")[judged])


def error_rate(trials: pd.DataFrame) -> Estimate:
    """Estimate the share of all trials that ended in an error of the endpoint.

    It is this run's count: every request counts the same.

    Examples
    --------
    >>> trials = pd.DataFrame({"case_id": list("abcd"), "outcome": ["pass"] * 3 + ["error"]})
    >>> print(error_rate(trials))
    25 % (95 % interval 1–81 %, n = 4)
    """
    errors = np.asarray(labels(trials, "outcome") == "error", dtype=np.bool_)
    return proportion(errors, clusters=labels(trials, "case_id"), by_rows=True)


def judgeable(trials: pd.DataFrame, measure: Measure) -> tuple[Bools, Bools, Bools]:
    """Return which trials can be judged, which succeeded, and which are endpoint errors; (n,)."""
    outcome = labels(trials, "outcome")
    errors = np.asarray(outcome == "error", dtype=np.bool_)
    if measure == "pass":
        good = np.asarray(outcome == "pass", dtype=np.bool_)
        return good | np.asarray(outcome == "fail", dtype=np.bool_), good, errors
    known = np.array([value is not None for value in labels(trials, "parsed")], dtype=np.bool_)
    judged = known & ~errors
    return judged, is_true(trials, "parsed") & judged, errors
