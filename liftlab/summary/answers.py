"""How many answers there are, how many are right, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from liftlab.analysis.columns import labels
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.success import (
    FailureShare,
    PassAtK,
    SuccessRate,
    error_rate,
    failure_classes,
    judgeable,
    pass_at_k_of,
    success_by_group,
    success_rate,
    worst_class_share,
)
from liftlab.store import RunData
from liftlab.summary.limits import Limits
from liftlab.summary.result import Result

TRIES = (1, 2, 3, 5, 10, 25, 50, 100)  # the k of pass@k, as far as repeats allow
_DIFFICULTIES = {"easy": 0, "medium": 1, "hard": 2}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Answers(Result):
    """What a run's requests ended with."""

    limit: float | None  # the share of right answers that is wanted; None where no target is set
    # trials, cases: requests, and distinct prompts
    trials: int
    cases: int
    # success, parsed: of the answers that were graded: right, and Python at all
    success: SuccessRate
    parsed: SuccessRate
    error_rate: Estimate  # requests that failed at the endpoint, of all
    worst_class: Estimate  # the largest share of graded answers that one failure class has
    failures: tuple[FailureShare, ...]  # failure classes, the most frequent first
    # the success rate of each category; empty where cases name none
    by_category: tuple[SuccessRate, ...]
    # how requests failed that have no answer: class and count, the most frequent first
    error_classes: tuple[tuple[str, int], ...]

    @cached_property
    def by_difficulty(self) -> tuple[SuccessRate, ...]:
        """The success rate of each difficulty, easy ones first; empty where cases name none."""
        rates = _groups(self.run.trials, "difficulty")
        return tuple(sorted(rates, key=lambda rate: (_DIFFICULTIES.get(rate.group, 3), rate.group)))

    @cached_property
    def repeats(self) -> tuple[int, int]:
        """The fewest and the most graded answers that a case has."""
        graded, _, _ = judgeable(self.run.trials, "pass")
        cases = labels(self.run.trials, "case_id")[graded].astype(str)
        _, counts = np.unique(cases, return_counts=True)
        return (int(counts.min()), int(counts.max())) if len(counts) else (0, 0)

    @cached_property
    def pass_at_k(self) -> tuple[PassAtK, ...]:
        """For each k that every case's repeats allow."""
        return tuple(_pass_at_k(self.run.trials, k) for k in TRIES if k <= self.repeats[0])

    @property
    def right(self) -> int:
        """How many answers are right."""
        return self.success.successes

    @property
    def graded(self) -> int:
        """How many answers were judged."""
        return self.success.trials

    @property
    def wrong(self) -> int:
        """How many graded answers are not right."""
        return self.graded - self.right

    @property
    def errors(self) -> int:
        """How many requests failed at the endpoint, the network or the user's own pipeline."""
        return self.success.errors

    @property
    def answered(self) -> int:
        """How many requests ended with an answer of the model's."""
        return self.graded + self.success.ungraded


def answers_of(run: RunData, limits: Limits) -> Answers:
    """Count what the trials of a run ended with."""
    trials = run.trials
    shares = failure_classes(trials)
    worst = replace(worst_class_share(trials, shares), quantity="worst_class_share")
    return Answers(
        run=run,
        limit=next((limit for _, limit in limits.of("success_rate", required=True)), None),
        trials=len(trials),
        cases=int(trials["case_id"].nunique()),
        success=_shown(success_rate(trials), "success_rate", limits),
        parsed=_shown(success_rate(trials, "parsed"), "parsed_rate", limits),
        error_rate=limits.beside(replace(error_rate(trials), quantity="error_rate"), "error_rate"),
        worst_class=limits.beside(worst, "worst_class_share"),
        failures=tuple(map(_named_share, shares)),
        by_category=tuple(_groups(trials, "category")),
        error_classes=tuple(_error_classes(trials, run.stages)),
    )


def _groups(trials: pd.DataFrame, column: str) -> Sequence[SuccessRate]:
    rates = success_by_group(trials, column)
    return [_named(rate, f"success_rate:{column}={rate.group}") for rate in rates]


def _shown(rate: SuccessRate, metric: str, limits: Limits) -> SuccessRate:
    named = _named(rate, metric)
    return replace(named, estimate=limits.beside(named.estimate, metric))


def _named(rate: SuccessRate, quantity: str) -> SuccessRate:
    return replace(rate, estimate=replace(rate.estimate, quantity=quantity))


def _named_share(share: FailureShare) -> FailureShare:
    name = share.failure_class
    return replace(
        share,
        of_trials=replace(share.of_trials, quantity=f"failure_share:{name}"),
        of_failures=replace(share.of_failures, quantity=f"share_of_failures:{name}"),
    )


def _pass_at_k(trials: pd.DataFrame, k: int) -> PassAtK:
    found = pass_at_k_of(trials, k)
    return replace(found, estimate=replace(found.estimate, quantity=f"pass_at_k:{k}"))


def _error_classes(trials: pd.DataFrame, stages: pd.DataFrame) -> Sequence[tuple[str, int]]:
    key = ["case_id", "repeat"]
    failed = trials.loc[labels(trials, "outcome") == "error", key].merge(stages, on=key)
    counts = failed["error_class"].value_counts()
    return [(str(name), int(count)) for name, count in counts.items()]
