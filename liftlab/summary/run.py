"""`RunSummary`: everything that is said of one run, each part computed when first asked for."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liftlab.analysis.decide import Decision, of_run
from liftlab.analysis.load import LoadSummary, summarise_load
from liftlab.analysis.load import Spread as LoadSpread
from liftlab.records import LOAD
from liftlab.store import RunData
from liftlab.summary.answers import Answers, Failures, answers_of, failures_of
from liftlab.summary.budget import BudgetResult, budget_of
from liftlab.summary.capacity import Capacity, capacity_of
from liftlab.summary.claims import Claims, claims_of
from liftlab.summary.cost import Costs, costs_of
from liftlab.summary.latency import (
    Drift,
    Latency,
    RightBy,
    Slow,
    Spread,
    drift_of,
    latency_of,
    slow_of,
    spread_of,
)
from liftlab.summary.provenance import (
    Provenance,
    Published,
    provenance_of,
    published_of,
    warning_of,
)
from liftlab.summary.result import Limits
from liftlab.summary.sessions import Sessions, sessions_of
from liftlab.summary.targets import Recommendations, Targets, recommendations_of, targets_of
from liftlab.summary.trials import Examples, Trials, examples_of, trials_of

if TYPE_CHECKING:
    from liftlab.settings import Project


class RunSummary:
    """What a run comes to, by a project's targets, prices, planned stages and published days.

    Results are frozen and kept: however many pages and messages ask, each is computed once.
    """

    def __init__(self, run: RunData, project: Project) -> None:
        self.__dict__ |= _SHARED.get(run.folder.path, {})
        self.run = run
        self.project = project

    def __repr__(self) -> str:
        return f"<RunSummary of {self.run.run.run_id}>"

    @cached_property
    def limits(self) -> Limits:
        """The limits of the project's targets."""
        return Limits(self.project.settings.targets)

    @cached_property
    def targets(self) -> Targets:
        """The project's targets, each with its one verdict."""
        return targets_of(self)

    @cached_property
    def answers(self) -> Answers:
        """How many answers there are, how many are right, by kind of prompt too."""
        return answers_of(self.run, self.limits, self.decision)

    @cached_property
    def failures(self) -> Failures:
        """What is wrong with the answers that are not right."""
        return failures_of(self.run, self.answers)

    @cached_property
    def examples(self) -> Examples:
        """Failed answers in full, each beside a right one."""
        return examples_of(self.run)

    @cached_property
    def right_by(self) -> RightBy:
        """By when a request has a right answer."""
        latency = self.latency
        curve = replace(latency.right_by, anytime=self.decision is not None)
        return RightBy(run=self.run, curve=curve, limits=latency.limits)

    @cached_property
    def trials(self) -> Trials:
        """Every trial, and what was sent."""
        return trials_of(self.run)

    @cached_property
    def latency(self) -> Latency:
        """How long requests and their stages take."""
        return latency_of(self.run, self.limits)

    @cached_property
    def spread(self) -> Spread:
        """How much times vary between prompts and within them."""
        return spread_of(self.run, self.latency)

    @cached_property
    def slow(self) -> Slow:
        """The slow steps, and why each was slow."""
        return slow_of(self.run, self.latency)

    @cached_property
    def drift(self) -> Drift:
        """Whether times change over the run."""
        return drift_of(self.run)

    @cached_property
    def cost(self) -> Costs:
        """What a request, a right answer and a month of requests cost."""
        return costs_of(self.run, self.project, self.limits)

    @cached_property
    def budget(self) -> BudgetResult:
        """What end to end will take with the planned stages."""
        return budget_of(self.run, self.project, self.latency)

    @cached_property
    def published(self) -> Published:
        """Figures that were published, beside what their rows give."""
        return published_of(self.run, self.project)

    @cached_property
    def claims(self) -> Claims:
        """What was claimed of this run on file, each claim ruled."""
        return claims_of(self)

    @cached_property
    def recommendations(self) -> Recommendations:
        """What to do next."""
        return recommendations_of(self)

    @cached_property
    def provenance(self) -> Provenance:
        """Where the numbers come from."""
        return provenance_of(self.run, self.cost.price)

    @property
    def has_answers(self) -> bool:
        """Whether any request was answered; of a load, answered well; of sessions, judged."""
        if self.sessions is not None:
            return self.sessions.judged > 0
        return (self.load.ok if self.load is not None else self.answers.answered) > 0

    @cached_property
    def sessions(self) -> Sessions | None:
        """What session checks come to; None for every other run."""
        return sessions_of(self.run)

    @cached_property
    def capacity(self) -> Capacity | None:
        """What a capacity run comes to; None for every other run."""
        return capacity_of(self.run)

    @cached_property
    def decision(self) -> Decision | None:
        """What the run decided; None where it was not made until decided."""
        return decision_of(self.run)

    @cached_property
    def load(self) -> LoadSummary | None:
        """What a load comes to; None for a run of a suite."""
        if self.run.run.pipeline != LOAD:
            return None
        merged = self.provenance.segments
        began_s = 0.0 if merged and not merged["one_clock"] else None
        found = summarise_load(self.run.run, self.run.attempts, began_s)
        return replace(found, spreads=tuple(map(self._beside, found.spreads)))

    def _beside(self, spread: LoadSpread) -> LoadSpread:
        """Return times of a load that are written as those that its targets judge."""
        if spread.name != "e2e":
            return spread
        names = {0.5: "median"}
        quantiles = tuple(
            (q, self.limits.beside(found, f"e2e_{names.get(q, f'p{100 * q:g}')}_s"))
            for q, found in spread.quantiles
        )
        return replace(spread, quantiles=quantiles)


_SHARED: dict[Path, dict[str, Any]] = {}  # parts of a summary, by the folder of its run
# What more than one page asks for, and what is worked out of it only when it is asked for.
_FOR_ALL = ("latency", "answers", "slow", "cost", "provenance")
_OF_COST = ("bills", "curve", "models")


def share_summary(run: RunData, project: Project) -> None:
    """Compute what several pages ask for, for this process and those that it will fork."""
    summary = RunSummary(run, project)
    _SHARED[run.folder.path] = {name: getattr(summary, name) for name in _FOR_ALL}
    for name in _OF_COST:
        getattr(summary.cost, name)
    warning_of(run)


def summarize(run: RunData, project: Project) -> RunSummary:
    """Return what an opened run comes to, judged by a project."""
    return RunSummary(run, project)


def decision_of(run: RunData) -> Decision | None:
    """Return what a run comes to that was made until decided; None for any other.

    Trials count in the order of its plan.
    """
    if run.until is None:
        return None
    from liftlab.runner.plan import PlannedTrial, repeat_major

    seed = run.run.order_seed or 0
    keys = zip(run.trials["case_id"], run.trials["repeat"], strict=True)
    trials = [PlannedTrial(case_id=case, repeat=repeat, prompt="") for case, repeat in keys]
    place = {trial.key: number for number, trial in enumerate(repeat_major(trials, seed))}
    order = sorted(range(len(trials)), key=lambda row: place[trials[row].key])
    planned = run.trials.iloc[order].drop(columns="started_at")
    return of_run(planned, run.until["target"], run.until["zone"])
