"""How long requests and their stages take, and by when an answer is right."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from liftlab.analysis.latency import (
    LatencySummary,
    Rows,
    e2e_summary,
    stage_summaries,
)
from liftlab.analysis.success import SuccessCurve, success_curve
from liftlab.store import RunData
from liftlab.summary.limits import Limits
from liftlab.summary.result import Result

_STATISTICS = {
    "p50": "median",
    "p90": "p90",
    "p95": "p95",
    "p99": "p99",
    "mean": "mean",
    "cv": "cv",
}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Latency(Result):
    """Times of a run."""

    # the targets of the median end to end of answered requests: name and seconds
    limits: tuple[tuple[str, float], ...]
    targets: Limits  # the limits of all targets
    # e2e, right: end to end: of answered requests, and of right answers
    e2e: LatencySummary
    right: LatencySummary
    # each stage, in the order of the pipeline: of steps that ended with an answer
    stages: tuple[LatencySummary, ...]
    right_by: SuccessCurve  # the share of graded answers that are right within a time

    @cached_property
    def right_stages(self) -> tuple[LatencySummary, ...]:
        """Each stage: of steps of right answers."""
        run = self.run
        stages = stage_summaries(run.stages, "right", trials=run.trials)
        return tuple(_shown(run, stage, "right", self.targets) for stage in stages)

    def of(self, what: str, rows: Rows = "answered") -> LatencySummary | None:
        """Return the times of "e2e" or of a stage; None where there is no such stage."""
        if what == "e2e":
            return self.e2e if rows == "answered" else self.right
        stages = self.stages if rows == "answered" else self.right_stages
        return next((stage for stage in stages if stage.what == what), None)


def latency_of(run: RunData, limits: Limits) -> Latency:
    """Summarise the times of a run, none known better than its clock allows."""
    trials, stages = run.trials, run.stages
    return Latency(
        run=run,
        limits=limits.of("e2e_median_s"),
        targets=limits,
        e2e=_shown(run, e2e_summary(trials, stages=stages), "answered", limits),
        right=_shown(run, e2e_summary(trials, "right", stages=stages), "right", limits),
        stages=tuple(_shown(run, stage, "answered", limits) for stage in stage_summaries(stages)),
        right_by=success_curve(trials),
    )


def _shown(run: RunData, found: LatencySummary, rows: Rows, limits: Limits) -> LatencySummary:
    """Return a summary whose estimates know which quantity they are, and their limits."""
    summary = found.within(run.run.timing_uncertainty_s)
    what = summary.what if rows == "answered" else f"{summary.what} right"
    estimates: dict[str, Any] = {}
    for field, statistic in _STATISTICS.items():
        estimate = replace(getattr(summary, field), quantity=f"{statistic}:{what}")
        estimates[field] = limits.beside(estimate, f"{summary.what}_{statistic}_s", rows)
    return replace(summary, **estimates)
