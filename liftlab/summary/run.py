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
from liftlab.summary.answers import answers_of, failures_of
from liftlab.summary.budget import budget_of
from liftlab.summary.capacity import capacity_of
from liftlab.summary.claims import claims_of
from liftlab.summary.cost import costs_of
from liftlab.summary.latency import RightBy, drift_of, latency_of, slow_of, spread_of
from liftlab.summary.provenance import provenance_of, published_of, warning_of
from liftlab.summary.result import Limits
from liftlab.summary.sessions import sessions_of
from liftlab.summary.targets import recommendations_of, targets_of
from liftlab.summary.trials import examples_of, trials_of

if TYPE_CHECKING:
    from liftlab.settings import Project


class RunSummary:
    """What a run comes to, by a project's targets, prices, planned stages and published days.

    Results are frozen and kept: however many pages and messages ask, each is computed once, when it
    is first asked for.

    Attributes
    ----------
    limits : the limits of the project's targets
    targets : the project's targets, each with its one verdict
    answers : how many answers there are, how many are right, by kind of prompt too
    failures : what is wrong with the answers that are not right
    examples : failed answers in full, each beside a right one
    trials : every trial, and what was sent
    latency : how long requests and their stages take
    spread : how much times vary between prompts and within them
    slow : the slow steps, and why each was slow
    drift : whether times change over the run
    cost : what a request, a right answer and a month of requests cost
    budget : what end to end will take with the planned stages
    published : figures that were published, beside what their rows give
    claims : what was claimed of this run on file, each claim ruled
    recommendations : what to do next
    provenance : where the numbers come from
    sessions, capacity, decision : what session checks, a capacity run, and a run that was made
        until decided come to; None for every other run
    """

    def __init__(self, run: RunData, project: Project) -> None:
        self.__dict__ |= _SHARED.get(run.folder.path, {})
        self.run = run
        self.project = project

    def __repr__(self) -> str:
        return f"<RunSummary of {self.run.run.run_id}>"

    @property
    def has_answers(self) -> bool:
        """Whether any request was answered; of a load, answered well; of sessions, judged."""
        if self.sessions is not None:
            return self.sessions.judged > 0
        return (self.load.ok if self.load is not None else self.answers.answered) > 0

    # Each function is found when it is asked for, so that tests can count its calls.
    limits = cached_property(lambda self: Limits(self.project.settings.targets))
    targets = cached_property(lambda self: targets_of(self))  # noqa: PLW0108
    answers = cached_property(lambda self: answers_of(self.run, self.limits, self.decision))
    failures = cached_property(lambda self: failures_of(self.run, self.answers))
    examples = cached_property(lambda self: examples_of(self.run))
    trials = cached_property(lambda self: trials_of(self.run))
    latency = cached_property(lambda self: latency_of(self.run, self.limits))
    spread = cached_property(lambda self: spread_of(self.run, self.latency))
    slow = cached_property(lambda self: slow_of(self.run, self.latency))
    drift = cached_property(lambda self: drift_of(self.run))
    cost = cached_property(lambda self: costs_of(self.run, self.project, self.limits))
    budget = cached_property(lambda self: budget_of(self.run, self.project, self.latency))
    published = cached_property(lambda self: published_of(self.run, self.project))
    claims = cached_property(lambda self: claims_of(self))  # noqa: PLW0108
    recommendations = cached_property(lambda self: recommendations_of(self))  # noqa: PLW0108
    provenance = cached_property(lambda self: provenance_of(self.run, self.cost.price))
    sessions = cached_property(lambda self: sessions_of(self.run))
    capacity = cached_property(lambda self: capacity_of(self.run))
    decision = cached_property(lambda self: decision_of(self.run))

    @cached_property
    def right_by(self) -> RightBy:
        """By when a request has a right answer."""
        curve = replace(self.latency.right_by, anytime=self.decision is not None)
        return RightBy(run=self.run, curve=curve, limits=self.latency.limits)

    @cached_property
    def load(self) -> LoadSummary | None:
        """What a load comes to; None for every other run."""
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
