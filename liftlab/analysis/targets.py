"""Targets judged on one run: met, not met or undecided, with what each verdict rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.verdicts import TargetResult, TargetVerdict, judge
from liftlab.settings.targets import SESSION_METRIC, TIME_METRIC, Population, TargetSettings
from liftlab.words import counted

THIS_RUN_ONLY = "this run only"
COUNTED = "counted"
NOTHING_ANSWERED = "nothing was answered"
_COUNTED = ("error_rate", "prompts_tested")
OF_ALL = ("error_rate", "cost_per_trial_usd")  # the others are of answers
_WHOSE: dict[Population, str] = {"answered": "answered requests", "right": "right answers only"}
RATES = ("success_rate", "parsed_rate", "worst_class_share")  # of graded answers
_OF = {
    **dict.fromkeys(RATES, "graded answers"),
    "prompts_tested": "prompts with a graded answer",
    SESSION_METRIC: "session checks",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedTarget:
    """One target with its verdict, and what the verdict rests on.

    Parameters
    ----------
    key
        Its name in the settings.
    basis
        "this run only", or "counted" where the limit is about this run.
    required
        Whether it counts in the exit code.
    """

    key: str
    metric: str
    population: Population
    basis: str
    required: bool
    result: TargetResult

    @property
    def verdict(self) -> TargetVerdict:
        """Return met, not met, undecided or not measurable."""
        return self.result.verdict

    @property
    def whose(self) -> str:
        """Over which trials it is, in words."""
        if TIME_METRIC.fullmatch(self.metric):
            return _WHOSE[self.population]
        return _OF.get(self.metric, "all requests, errors too")

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        found = self.result.estimate
        return {
            "target": self.key,
            "title": self.result.name,
            "metric": self.metric,
            "population": self.whose,
            "direction": "at_most" if self.result.at_most else "at_least",
            "limit": self.result.limit,
            "value": _finite(found.value),
            "low": _finite(found.low),
            "high": _finite(found.high),
            "confidence": found.confidence,
            "over": found.over,
            "n": found.n,
            "cases": found.cases,
            "unit": found.unit,
            "verdict": self.verdict,
            "required": self.required,
            "basis": self.basis,
            "reason": found.reason,
            "needs": self.result.needs,
            "more": self.result.more,
        }


def judged(key: str, target: TargetSettings, estimate: Estimate) -> JudgedTarget:
    """Judge a run's estimate of a target's metric by that target; `key` is its name."""
    by_count = target.metric in _COUNTED
    result = judge(
        estimate,
        target.limit,
        target.title or key.replace("_", " "),
        at_most=target.at_most,
        by_count=by_count,
    )
    if target.metric == "prompts_tested" and result.verdict == "not met":
        missing = math.ceil(target.limit) - estimate.n
        needs = counted(missing, "more prompt")
        result = replace(result, needs=needs, more=(missing, missing))
    return JudgedTarget(
        key=key,
        metric=target.metric,
        population=target.population,
        basis=COUNTED if by_count else THIS_RUN_ONLY,
        required=target.required,
        result=result,
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
