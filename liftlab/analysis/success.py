"""How often it is right: by group, by when, by how many tries; and what goes wrong.

`pass` needs every check to agree; `parsed` says only that the answer is Python. Errors of the
endpoint or the network are no fault of the model: counted, but in no denominator.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from liftlab.analysis.columns import (
    CONFIDENCE,
    PROMPTS,
    Bools,
    Floats,
    as_array,
    case_weights,
    coded,
    group_sums,
    indexed,
    is_one_of,
    is_true,
    labels,
    rows,
)
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.latency import judged_seconds, succeeded
from liftlab.analysis.rates import clopper_pearson, confidence_sequence, proportion

Measure = Literal["pass", "parsed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessRate:
    """Successes of the trials that could be judged; errors and ungraded trials apart."""

    group: str
    successes: int
    trials: int
    cases: int
    errors: int
    ungraded: int
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureShare:
    """One failure class; `picked`: `of_trials`, corrected for the choice of it from all classes."""

    failure_class: str
    count: int
    cases: tuple[str, ...]
    of_failures: Estimate
    of_trials: Estimate
    picked: Estimate


def success_rate(trials: pd.DataFrame, measure: Measure = "pass", group: str = "") -> SuccessRate:
    """Count successes among the trials that could be judged; a row stands for `rows` trials."""
    judged, good, errors = judgeable(trials, measure)
    cases, counts = labels(trials, "case_id"), rows(trials)
    return SuccessRate(
        group=group,
        successes=int(counts[good].sum()),
        trials=int(counts[judged].sum()),
        cases=indexed(cases[judged])[1],
        errors=int(counts[errors].sum()),
        ungraded=int(counts[~judged & ~errors].sum()),
        estimate=proportion(good[judged], clusters=cases[judged], rows=counts[judged]),
    )


def success_by_group(trials: pd.DataFrame, column: str) -> list[SuccessRate]:
    """Count successes by the values of a column, such as `category` or `difficulty`."""
    names = labels(trials, column)
    groups = dict.fromkeys(name for name in names if name is not None)
    return [success_rate(trials[names == name], group=str(name)) for name in groups]


def failure_classes(trials: pd.DataFrame) -> list[FailureShare]:
    """Count what went wrong, most frequent first; endpoint errors are not among it."""
    judged, good, _ = judgeable(trials, "pass")
    classes, cases = labels(trials, "failure_class"), labels(trials, "case_id")
    failed, counts = judged & ~good, rows(trials)
    names = dict.fromkeys(name for name in classes[failed] if name is not None)

    def share(name: str, of: Bools, picked_from: int = 1) -> Estimate:
        mine = (classes == name)[of]
        return proportion(mine, clusters=cases[of], rows=counts[of], picked_from=picked_from)

    shares = [
        FailureShare(
            failure_class=str(name),
            count=int(counts[failed & (classes == name)].sum()),
            cases=tuple(map(str, dict.fromkeys(cases[failed & (classes == name)]))),
            of_failures=share(name, failed),
            of_trials=share(name, judged),
            picked=share(name, judged, len(names)),
        )
        for name in names
    ]
    return sorted(shares, key=lambda share: -share.count)


def worst_class_share(trials: pd.DataFrame, shares: Sequence[FailureShare]) -> Estimate:
    """Return the share of graded answers of the most frequent class, corrected for the choice."""
    if shares:
        return max(shares, key=lambda share: share.picked.value or 0.0).picked
    judged, _, _ = judgeable(trials, "pass")
    cases, counts = labels(trials, "case_id")[judged], rows(trials)[judged]
    return proportion(np.zeros(len(cases)), clusters=cases, rows=counts)


def error_rate(trials: pd.DataFrame) -> Estimate:
    """Estimate the share of a run's trials that ended in an error of the endpoint, each alike."""
    errors, cases = is_one_of(trials, "outcome", ["error"]), labels(trials, "case_id")
    return proportion(errors, clusters=cases, rows=rows(trials), by_rows=True)


def judgeable(trials: pd.DataFrame, measure: Measure) -> tuple[Bools, Bools, Bools]:
    """Return which trials can be judged, which succeeded, and which are endpoint errors; (n,)."""
    errors = is_one_of(trials, "outcome", ["error"])
    if measure == "pass":
        return is_one_of(trials, "outcome", ["pass", "fail"]), succeeded(trials), errors
    judged = (coded(trials, "parsed")[0] >= 0) & ~errors
    return judged, is_true(trials, "parsed") & judged, errors


@dataclass(frozen=True, kw_only=True, eq=False)
class SuccessCurve:
    """The share of graded answers that are right within a time; it ends at the success rate.

    `times` are those of each graded answer, `inf` where it is wrong; (n,). `anytime`: whether it
    was looked at after every trial, so that only a confidence sequence holds.
    """

    times: Floats
    cases: Any
    anytime: bool = False

    @property
    def n(self) -> int:
        """Graded answers."""
        return len(self.times)

    @cached_property
    def seconds(self) -> Floats:
        """When the share rises; (k,)."""
        found: Floats = np.sort(self.times[np.isfinite(self.times)])
        return found

    @cached_property
    def share(self) -> Floats:
        """To what it rises, every case with the same weight; (k,)."""
        order = np.argsort(self.times, kind="stable")[: len(self.seconds)]
        weights = case_weights(self.cases)
        found: Floats = np.cumsum(weights[order]) / max(float(weights.sum()), 1.0)
        return found

    def at(self, t: float) -> Estimate:
        """Estimate the share of answers that are right within `t` seconds."""
        within = self.times <= t
        if self.anytime:
            return confidence_sequence(int(within.sum()), self.n)
        return proportion(within, clusters=self.cases)


def success_by(seconds: ArrayLike, ok: ArrayLike, cases: ArrayLike | None = None) -> SuccessCurve:
    """Return the share of graded answers that are right within each time."""
    values, good = as_array(seconds), np.asarray(ok, dtype=np.bool_)
    names = np.arange(len(values)) if cases is None else np.asarray(cases).ravel()
    return SuccessCurve(times=np.where(good & np.isfinite(values), values, np.inf), cases=names)


def success_curve(trials: pd.DataFrame) -> SuccessCurve:
    """Return the share of answered and graded trials that succeed within each time."""
    graded = is_one_of(trials, "outcome", ("pass", "fail"))
    seconds, right = judged_seconds(trials)[graded], succeeded(trials)[graded]
    return success_by(seconds, right, coded(trials, "case_id")[0][graded])


@dataclass(frozen=True, slots=True, kw_only=True)
class PassAtK:
    """pass@k over cases, each with the same weight."""

    k: int
    cases: int
    samples: int
    estimate: Estimate


def pass_at_k_of_case(n: int, c: int, k: int) -> float:
    """Return the unbiased estimate of pass@k for one case of n judged answers, c of them right.

    Raises ValueError if k is not from 1 to n: with fewer answers than tries nothing can be said.
    """
    if not 0 <= c <= n:
        raise ValueError(f"{c} right of {n} answers: a count lies between 0 and n")
    if not 1 <= k <= n:
        raise ValueError(f"pass@{k} of {n} answers: k lies between 1 and the answers to a case")
    if c > n - k:
        return 1.0
    return 1 - math.prod(1 - k / i for i in range(n - c + 1, n + 1))


def pass_at_k(n: ArrayLike, c: ArrayLike, k: int) -> PassAtK:
    """Estimate pass@k over cases, with an interval for prompts like these.

    One try is the success rate. With more the interval is exact on the effective number of cases
    that their spread shows, at most the answers there are for each of k tries. Raises ValueError if
    k is larger than the answers to some case.

    `n`, `c`, (cases,): judged answers to a case, and how many are right.
    """
    answers, right = np.asarray(n, dtype=np.int64), np.asarray(c, dtype=np.int64)
    pairs = zip(answers.tolist(), right.tolist(), strict=True)
    rates = np.array([pass_at_k_of_case(*pair, k) for pair in pairs])
    samples, cases = int(answers.sum()), len(answers)
    if k == 1 and len(answers):
        both = np.repeat([True, False], cases)
        counts = np.concatenate([right, answers - right])
        estimate = proportion(both, clusters=np.tile(np.arange(cases), 2), rows=counts)
    elif samples == cases:
        estimate = proportion(int(right.sum()), cases)
    else:
        estimate = _over_cases(rates, samples / k)
    return PassAtK(k=k, cases=cases, samples=samples, estimate=estimate)


def pass_at_k_of(trials: pd.DataFrame, k: int) -> PassAtK:
    """Estimate pass@k of a trial table: `case_id, outcome`; as `pass_at_k`."""
    known, good, _ = judgeable(trials, "pass")
    index, cases = indexed(labels(trials, "case_id")[known])
    counts = rows(trials)[known]
    return pass_at_k(
        group_sums(counts, index, cases), group_sums(counts * good[known], index, cases), k
    )


def _over_cases(rates: np.ndarray, draws: float) -> Estimate:
    cases, value = len(rates), float(rates.mean())
    base = Estimate(value=value, n=cases, population=PROMPTS, unit="%")
    if cases == 1:
        return replace(base, reason="no interval from one prompt")
    spread = float(rates.var(ddof=1))
    alike = spread < 1e-20  # but for rounding
    effective = float(cases) if alike else cases * value * (1 - value) / spread
    low, high = clopper_pearson(value, min(effective, max(draws, cases)), CONFIDENCE)
    method = "Korn–Graubard over cases"
    return replace(base, low=low, high=high, confidence=CONFIDENCE, method=method)
