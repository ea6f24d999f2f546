"""The project's targets, each with its one verdict on a run, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.success import FailureShare
from liftlab.analysis.targets import NOTHING_ANSWERED, OF_ALL, JudgedTarget, judged
from liftlab.settings.targets import (
    GOODPUT,
    SESSION_METRIC,
    TIME_METRIC,
    Population,
    default_targets,
)
from liftlab.summary.answers import Answers
from liftlab.summary.provenance import bottleneck
from liftlab.summary.result import Result

if TYPE_CHECKING:
    from liftlab.summary.run import RunSummary

_SUITE = "a run of a suite"  # what would decide where a load does not
_STATISTICS = {"median": "p50"}  # the others are named alike


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Targets(Result):
    """The targets of a project."""

    rows: tuple[JudgedTarget, ...]  # in the order of its settings

    def of(self, metric: str, population: Population = "answered") -> JudgedTarget | None:
        """Return the first required target of a metric; None where there is none."""
        found = (t for t in self.rows if (t.metric, t.population) == (metric, population))
        return next((target for target in found if target.required), None)


def targets_of(summary: RunSummary) -> Targets:
    """Judge a run by each target, by the estimates that every page shows."""
    settings = summary.project.settings.targets
    if summary.sessions is not None and not any(
        target.metric == SESSION_METRIC for target in settings.values()
    ):
        settings = default_targets()
    kinds = {SESSION_METRIC: summary.sessions, GOODPUT: summary.capacity}
    own = [metric for metric, found in kinds.items() if found is not None]
    rows = []
    for key, target in settings.items():
        if target.metric not in own if own else target.metric in kinds:
            continue
        estimate = estimate_of(summary, target.metric, target.population)
        if not summary.has_answers and target.metric not in OF_ALL:
            estimate = Estimate(value=None, n=0, reason=NOTHING_ANSWERED, unit=estimate.unit)
        verdict = judged(key, target, estimate)
        if summary.load is not None and verdict.result.needs:
            # more requests of its one prompt say nothing of others
            alone = replace(verdict.result, needs=_SUITE, more=None)
            verdict = replace(verdict, result=alone)
        # Written as on every other page, however many targets it has.
        rows.append(replace(verdict, result=replace(verdict.result, estimate=estimate)))
    return Targets(run=summary.run, rows=tuple(rows))


def estimate_of(summary: RunSummary, metric: str, population: Population = "answered") -> Estimate:
    """Return the estimate that a metric of the settings names.

    Raises ValueError if there is no such metric.
    """
    if metric == SESSION_METRIC and summary.sessions is not None:
        return summary.sessions.critical
    if metric == GOODPUT and summary.capacity is not None:
        return summary.capacity.goodput
    timed = TIME_METRIC.fullmatch(metric)
    if timed:
        return _time(summary, timed["what"], timed["statistic"], population)
    answers, cost = summary.answers, summary.cost
    found = {
        "success_rate": answers.success.estimate,
        "parsed_rate": answers.parsed.estimate,
        "error_rate": answers.error_rate,
        "worst_class_share": answers.worst_class,
        "prompts_tested": _prompts_tested(answers),
        "cost_per_pass_usd": cost.right,
        "cost_per_trial_usd": cost.request,
    }
    if metric not in found:
        raise ValueError(f"no metric {metric!r}")
    return found[metric]


def _time(summary: RunSummary, what: str, statistic: str, population: Population) -> Estimate:
    rows = summary.latency.of(what, population)
    if rows is None:
        return Estimate(value=None, n=0, unit="s", reason=f"no stage {what}")
    if not rows.n:
        reason = "no right answer" if population == "right" else NOTHING_ANSWERED
        return Estimate(value=None, n=0, unit="s", reason=reason)
    found: Estimate = getattr(rows, _STATISTICS.get(statistic, statistic))
    return found


def _prompts_tested(answers: Answers) -> Estimate:
    cases, whose = answers.success.cases, "prompts with a graded answer"
    if not cases:
        why = "no answer was graded" if answers.answered else NOTHING_ANSWERED
        return Estimate(value=None, n=0, population=whose, reason=why)
    return Estimate(value=cases, low=cases, high=cases, n=cases, population=whose)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixEndpoint:
    """Requests failed before the model could answer: nothing else is worth more."""

    errors: int
    trials: int
    classes: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FixClass:
    """The failure class that causes most failures."""

    share: FailureShare
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """A required target that the data do not decide."""

    target: JudgedTarget  # the target, with how many more prompts would decide
    # seconds, usd: what the fewest of them take at this run's speed and price; None: not known
    seconds: float | None
    usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Investigate:
    """Steps whose unexplained part is beyond chance."""

    steps: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureAgain:
    """The client was the bottleneck: no time of this run says how fast the endpoint is."""


_SETTLED = ("success_rate", "e2e_median_s")  # the two that everybody asks for
Recommendation = FixEndpoint | FixClass | Settle | Investigate | MeasureAgain


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Recommendations(Result):
    """What to do next."""

    rows: tuple[Recommendation, ...]  # the most useful first


def recommendations_of(summary: RunSummary) -> Recommendations:
    """Return what the results of a run advise to do."""
    rows: tuple[Recommendation, ...] = tuple(_rows(summary))
    if bottleneck(summary.run):
        rows = (*rows, MeasureAgain())
    return Recommendations(run=summary.run, rows=rows)


def _rows(summary: RunSummary) -> Iterator[Recommendation]:
    answers = summary.answers
    if answers.errors:
        yield FixEndpoint(
            errors=answers.errors, trials=answers.trials, classes=answers.error_classes
        )
    if not answers.answered or summary.load is not None:
        return
    if summary.failures.rows:
        yield FixClass(share=summary.failures.rows[0], failures=summary.failures.count)
    for metric in _SETTLED:
        target = summary.targets.of(metric)
        if target is not None and target.verdict == "undecided":
            yield _settle(summary, target)
    beyond = summary.slow.steps.beyond_chance
    if len(beyond):
        yield Investigate(steps=len(beyond), seconds=float(beyond["unexplained_s"].sum()))


def _settle(summary: RunSummary, target: JudgedTarget) -> Settle:
    more, answers = target.result.more, summary.answers
    mean, usd = summary.latency.e2e.mean.value, summary.cost.request.value
    if not more or mean is None or not answers.cases:
        return Settle(target=target, seconds=None, usd=None)
    requests = more[0] * answers.trials / answers.cases
    return Settle(
        target=target,
        seconds=requests * mean,
        usd=None if usd is None else requests * usd,
    )
