"""`RunSummary`: everything that is said of one run, each part computed when first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from liftlab.analysis.load import LoadSummary, summarise_load
from liftlab.records import LOAD
from liftlab.summary.answers import Answers, answers_of
from liftlab.summary.budget import BudgetResult, budget_of
from liftlab.summary.claims import Claims, claims_of
from liftlab.summary.cost import Costs, costs_of
from liftlab.summary.decision import decision_of
from liftlab.summary.drift import Drift, drift_of
from liftlab.summary.examples import Examples, examples_of
from liftlab.summary.failures import Failures, failures_of
from liftlab.summary.latency import Latency, latency_of
from liftlab.summary.limits import Limits
from liftlab.summary.provenance import Provenance, provenance_of
from liftlab.summary.published import Published, published_of
from liftlab.summary.recommendations import Recommendations, recommendations_of
from liftlab.summary.right_by import RightBy
from liftlab.summary.slow import Slow, slow_of
from liftlab.summary.spread import Spread, spread_of
from liftlab.summary.targets import Targets, targets_of
from liftlab.summary.trials import Trials, trials_of

if TYPE_CHECKING:
    from liftlab.analysis.decide import Decision
    from liftlab.settings import Project
    from liftlab.store import RunData


class RunSummary:
    """What a run comes to.

    `run`: the run and its tables. `project`: its targets, prices, planned stages and published
    days.

    Notes
    -----
    Results are frozen and kept: however many pages and messages ask, each is computed once.
    """

    def __init__(self, run: RunData, project: Project) -> None:
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
        return answers_of(self.run, self.limits)

    @cached_property
    def failures(self) -> Failures:
        """What is wrong with the answers that are not right."""
        return failures_of(self.run, self.answers.failures)

    @cached_property
    def examples(self) -> Examples:
        """Failed answers in full, each beside a right one."""
        return examples_of(self.run)

    @cached_property
    def right_by(self) -> RightBy:
        """By when a request has a right answer."""
        latency = self.latency
        return RightBy(run=self.run, curve=latency.right_by, limits=latency.limits)

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
        """Whether any request was answered; of a load, answered well."""
        return (self.load.ok if self.load is not None else self.answers.answered) > 0

    @cached_property
    def decision(self) -> Decision | None:
        """What the run decided; None where it was not made until decided."""
        return decision_of(self.run)

    @cached_property
    def load(self) -> LoadSummary | None:
        """What a load comes to; None for a run of a suite."""
        if self.run.run.pipeline != LOAD:
            return None
        return summarise_load(self.run.run, self.run.attempts)


def summarize(run: RunData, project: Project) -> RunSummary:
    """Return what a run comes to.

    `run`: an opened run. `project`: the project that it is judged by.
    """
    return RunSummary(run, project)
