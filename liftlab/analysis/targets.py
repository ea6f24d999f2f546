"""Targets judged on one run: the one judge, what each verdict rests on, and what would decide."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from scipy import stats

from liftlab.analysis.columns import AGAIN
from liftlab.analysis.decide import Verdict
from liftlab.analysis.estimate import Estimate, RateTest
from liftlab.analysis.sample_size import to_exclude
from liftlab.settings.targets import (
    GOODPUT,
    SESSION_METRIC,
    TIME_METRIC,
    Population,
    TargetSettings,
)
from liftlab.words import counted

TargetVerdict = Literal["met", "not met", "undecided", "not measurable"]
POWER = 0.8  # the chance that the number of prompts which is named decides
MOST_MORE = 1_000  # prompts, beyond which the number is not told
_DECIDES = 0.9  # an interval of less errs on one side in more than 5 %
THIS_RUN_ONLY = "this run only"
OWN_TEST = "the run's own test"
COUNTED = "counted"
NOTHING_ANSWERED = "nothing was answered"
_COUNTED = ("error_rate", "prompts_tested")
OF_ALL = ("error_rate", "cost_per_trial_usd")  # the others are of answers
_WHOSE: dict[Population, str] = {"answered": "answered requests", "right": "right answers only"}
_MORE = {GOODPUT: "more visits"}  # what would decide where it is no number of prompts
RATES = ("success_rate", "parsed_rate", "worst_class_share")  # of graded answers
_OF = {
    **dict.fromkeys(RATES, "graded answers"),
    "prompts_tested": "prompts with a graded answer",
    SESSION_METRIC: "session checks",
    GOODPUT: "the level with the most right answers a second",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetResult:
    """A target against an estimate: met or not only where the whole interval says so."""

    name: str
    limit: float
    at_most: bool
    estimate: Estimate
    verdict: TargetVerdict
    needs: str = ""  # what would decide, in words; empty where it is decided
    # further prompts that decide with 80 % power: if the truth is the far end of the interval, and
    # if it lies halfway between estimate and limit. None where no number is known; the second is
    # None beyond 1,000.
    more: tuple[int, int | None] | None = None


def judge(
    estimate: Estimate,
    limit: float,
    name: str = "target",
    *,
    at_most: bool = True,
    by_count: bool = False,
) -> TargetResult:
    """Decide by the whole interval or the run's test; `by_count`: by the value, as of this run."""
    shown = replace(estimate, limit=limit)
    verdict = _verdict(shown, limit, at_most=at_most, by_count=by_count)
    result = TargetResult(name=name, limit=limit, at_most=at_most, estimate=shown, verdict=verdict)
    if verdict != "undecided":
        return result
    more = None if estimate.quantity == SESSION_METRIC else _more(estimate, limit)
    needs = estimate.needs or _MORE.get(estimate.quantity, "more prompts")
    if more:
        needs = _words(*more)
    if _tested(estimate, limit):
        needs = f"about {needs}"  # the mean of a test that may end sooner or later
    return replace(result, needs=needs, more=more)


def _verdict(estimate: Estimate, limit: float, *, at_most: bool, by_count: bool) -> TargetVerdict:
    if estimate.value is None:
        return "not measurable"
    side = 1.0 if at_most else -1.0
    if by_count:
        return "met" if side * estimate.value <= side * limit else "not met"
    if tested := _tested(estimate, limit):
        good = "below" if at_most else "above"
        return "undecided" if tested == "go on" else "met" if tested == good else "not met"
    if estimate.confidence is not None and estimate.confidence < _DECIDES:
        return "undecided"
    ends = (estimate.high, estimate.low)
    good_end, bad_end = ends if at_most else reversed(ends)
    if good_end is not None and side * good_end <= side * limit:
        return "met"
    return "not met" if bad_end is not None and side * bad_end > side * limit else "undecided"


def _tested(estimate: Estimate, limit: float) -> Verdict | None:
    """Return what the test that the run was made for says of a limit; None where nothing."""
    return estimate.decision.of(limit) if estimate.decision is not None else None


def _words(low: int, high: int | None) -> str:
    if low > MOST_MORE and low != high:
        return f"over {MOST_MORE:,} more prompts"
    if high is None:
        return f"{low:,} to over {MOST_MORE:,} more prompts"
    if low == high:
        return counted(low, "more prompt")
    return f"{low:,} to {high:,} more prompts"


def _more(estimate: Estimate, limit: float) -> tuple[int, int | None] | None:
    """Return how many further prompts would decide; None where nothing tells."""
    if estimate.decision is not None and estimate.decision.of(limit):
        return estimate.decision.more, estimate.decision.more
    if estimate.population == AGAIN:  # it is no matter of prompts
        return None
    now = estimate.n if estimate.cases is None else estimate.cases
    test = estimate.tested(limit) if estimate.tested else None
    needed = _of_mean(estimate, limit, now) if test is None else _of_rate(test, now)
    if needed is None:
        return None
    # One more can always tip it, and more than can be told is "over 1,000".
    near, far = (min(max(1, n - now), MOST_MORE + 1) for n in sorted(needed))
    return int(near), None if far > MOST_MORE else int(far)


def _of_rate(test: RateTest, now: int) -> list[float]:
    """Return prompts in all that tell the share from its limit, for both truths; inf: too many."""
    aim = test.against
    ends = (test.low, test.high) if test.rate == aim else (test.high,)
    if test.rate < aim:
        ends = (test.low,)
    far = max(ends, key=lambda end: abs(end - aim))
    miss = (1 - test.confidence) / 2
    most = (now + MOST_MORE) * test.per_prompt
    counts = [to_exclude(p, aim, POWER, miss, most) for p in (far, (test.rate + aim) / 2)]
    return [math.inf if n is None else math.ceil(n / test.per_prompt) for n in counts]


def _of_mean(estimate: Estimate, limit: float, now: int) -> list[float] | None:
    """Return prompts in all at which the mean's interval leaves the limit out, for both truths."""
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None or low is None or high is None or low == high:
        return None
    far, near_end = (low, high) if value < limit else (high, low)
    z = float(stats.norm.ppf((1 + (estimate.confidence or 0.95)) / 2))
    factor = (z + float(stats.norm.ppf(POWER))) / z * abs(near_end - value)
    apart = (abs(truth - limit) for truth in (far, (value + limit) / 2))
    counts = (now * (factor / gap) ** 2 if gap else math.inf for gap in apart)
    return [math.ceil(n) if n <= now + MOST_MORE else math.inf for n in counts]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedTarget:
    """One target with its verdict, and what the verdict rests on."""

    key: str  # its name in the settings
    metric: str
    population: Population
    basis: str  # "this run only", "the run's own test", or "counted": the limit is about this run
    required: bool  # whether it counts in the exit code
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
        ends = {"value": found.value, "low": found.low, "high": found.high}
        return {
            "target": self.key,
            "title": self.result.name,
            "metric": self.metric,
            "population": self.whose,
            "direction": "at_most" if self.result.at_most else "at_least",
            "limit": self.result.limit,
            **{k: v if v is not None and math.isfinite(v) else None for k, v in ends.items()},
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
    by_count, title = target.metric in _COUNTED, target.title or key.replace("_", " ")
    result = judge(estimate, target.limit, title, at_most=target.at_most, by_count=by_count)
    if target.metric == "prompts_tested" and result.verdict == "not met":
        missing = math.ceil(target.limit) - estimate.n
        needs = counted(missing, "more prompt")
        result = replace(result, needs=needs, more=(missing, missing))
    tested = _tested(estimate, target.limit)
    basis = OWN_TEST if tested else COUNTED if by_count else THIS_RUN_ONLY
    return JudgedTarget(
        key=key,
        metric=target.metric,
        population=target.population,
        basis=basis,
        required=target.required,
        result=result,
    )
