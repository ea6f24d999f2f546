"""What to do next, as data: what to fix first, what to settle, where to look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from liftlab.analysis.success import FailureShare
from liftlab.analysis.targets import JudgedTarget
from liftlab.summary.result import Result

if TYPE_CHECKING:
    from liftlab.summary.run import RunSummary


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
    """A required target that the data do not decide.

    `target`: the target, with how many more prompts would decide. `seconds`, `usd`: what the fewest
    of them take at this run's speed and price, each asked as often as here; None where not known.
    """

    target: JudgedTarget
    seconds: float | None
    usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Investigate:
    """Steps whose unexplained part is beyond chance."""

    steps: int
    seconds: float


_SETTLED = ("success_rate", "e2e_median_s")  # the two that everybody asks for
Recommendation = FixEndpoint | FixClass | Settle | Investigate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Recommendations(Result):
    """What to do next.

    `rows`: the most useful first.
    """

    rows: tuple[Recommendation, ...]


def recommendations_of(summary: RunSummary) -> Recommendations:
    """Return what the results of a run advise to do."""
    return Recommendations(run=summary.run, rows=tuple(_rows(summary)))


def _rows(summary: RunSummary) -> Iterator[Recommendation]:
    answers = summary.answers
    if answers.errors:
        yield FixEndpoint(
            errors=answers.errors, trials=answers.trials, classes=answers.error_classes
        )
    if not answers.answered:
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
