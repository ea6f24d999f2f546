"""How many answers are right, what is wrong with the others, and which fault to fix first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd
from scipy import stats

from liftlab.analysis.columns import group_sums, indexed, labels, rows
from liftlab.analysis.decide import Decision
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
from liftlab.store.by_column import TRIAL, among
from liftlab.summary.result import Limits, Result, named

TRIES = (1, 2, 3, 5, 10, 25, 50, 100)  # the k of pass@k, as far as repeats allow
_ENDED = ("case_id", "category", "difficulty", "outcome", "failure_class", "parsed")
_DIFFICULTIES = {"easy": 0, "medium": 1, "hard": 2}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Answers(Result):
    """What a run's requests ended with."""

    limit: float | None  # the share of right answers that is wanted; None where no target is set
    ended: pd.DataFrame  # how trials ended, by case: `rows` alike, so many
    trials: int
    cases: int
    # success, parsed: right, of the answers that were graded; Python at all, of all answers
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
        rates = _groups(self.ended, "difficulty")
        return tuple(sorted(rates, key=lambda rate: (_DIFFICULTIES.get(rate.group, 3), rate.group)))

    @cached_property
    def repeats(self) -> tuple[int, int]:
        """The fewest and the most graded answers that a case has."""
        graded, _, _ = judgeable(self.ended, "pass")
        index, cases = indexed(labels(self.ended, "case_id")[graded])
        counts = group_sums(rows(self.ended)[graded], index, cases)
        return (int(counts.min()), int(counts.max())) if cases else (0, 0)

    @cached_property
    def pass_at_k(self) -> tuple[PassAtK, ...]:
        """For each k that every case's repeats allow."""
        tries = [k for k in TRIES if k <= self.repeats[0]]
        return tuple(named(pass_at_k_of(self.ended, k), estimate=f"pass_at_k:{k}") for k in tries)

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


def answers_of(run: RunData, limits: Limits, decision: Decision | None = None) -> Answers:
    """Count what the trials of a run ended with; `decision`: what it was made to decide."""
    trials = run.counted("trial", *_ENDED)
    shares = failure_classes(trials)
    worst = worst_class_share(trials, shares)
    right, parsed = success_rate(trials), success_rate(trials, "parsed")
    rate = right.estimate
    if decision is not None:  # it was looked at after every trial
        rate = replace(decision.published, cases=right.cases, decision=decision)
    return Answers(
        run=run,
        limit=next((limit for _, limit in limits.of("success_rate", required=True)), None),
        ended=trials,
        trials=run.size("trial"),
        cases=int(trials["case_id"].nunique()),
        success=replace(right, estimate=_beside(rate, "success_rate", limits)),
        parsed=replace(parsed, estimate=_beside(parsed.estimate, "parsed_rate", limits)),
        error_rate=_beside(error_rate(trials), "error_rate", limits),
        worst_class=_beside(worst, "worst_class_share", limits),
        failures=tuple(
            named(
                share,
                of_trials=f"failure_share:{share.failure_class}",
                of_failures=f"share_of_failures:{share.failure_class}",
            )
            for share in shares
        ),
        by_category=tuple(_groups(trials, "category")),
        error_classes=tuple(_error_classes(run)) if right.errors else (),
    )


def _groups(trials: pd.DataFrame, column: str) -> Sequence[SuccessRate]:
    rates = success_by_group(trials, column)
    return [named(rate, estimate=f"success_rate:{column}={rate.group}") for rate in rates]


def _beside(estimate: Estimate, metric: str, limits: Limits) -> Estimate:
    return limits.beside(replace(estimate, quantity=metric), metric)


def _error_classes(run: RunData) -> Sequence[tuple[str, int]]:
    trials = run.columns("trial", *TRIAL, "outcome")
    stages = run.columns("stage", *TRIAL, "error_class", known="error_class")
    failed = among(stages, trials[labels(trials, "outcome") == "error"])
    counts = stages["error_class"][failed].astype(str).value_counts()
    return [(str(name), int(count)) for name, count in counts.items()]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Failures(Result):
    """Failure classes of a run, the most frequent first."""

    # a share of all graded answers and of the failures for each class. Fixing one class may bring
    # another to light, so its share is the most that a fix can buy.
    rows: tuple[FailureShare, ...]
    # whether the first spoils more prompts than the second beyond chance, by the sign test over
    # prompts, at 5 %
    clearly_first: bool

    @property
    def count(self) -> int:
        """How many answers failed."""
        return sum(row.count for row in self.rows)


def failures_of(run: RunData, answers: Answers) -> Failures:
    """Return the failure classes of a run, and whether the first is clearly ahead."""
    shares, ended = answers.failures, answers.ended
    return Failures(
        run=run,
        rows=shares,
        clearly_first=len(shares) == 1 or (len(shares) > 1 and _is_ahead(ended, shares)),
    )


def _is_ahead(ended: pd.DataFrame, shares: tuple[FailureShare, ...]) -> bool:
    known, _, _ = judgeable(ended, "pass")
    classes = labels(ended, "failure_class")[known]
    lead = (classes == shares[0].failure_class).astype(int) - (classes == shares[1].failure_class)
    index, cases = indexed(labels(ended, "case_id")[known])
    by_case = group_sums(lead * rows(ended)[known], index, cases)
    ahead, behind = int((by_case > 0).sum()), int((by_case < 0).sum())
    if ahead <= behind:
        return False
    return bool(stats.binomtest(ahead, ahead + behind).pvalue < 0.05)
