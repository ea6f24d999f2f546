"""How long requests take: by when they are right, how times vary and drift, what was slow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, get_args

import numpy as np
import pandas as pd

from liftlab.analysis.columns import Floats, labels
from liftlab.analysis.drift import RunDrift, run_drift
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.latency import (
    LatencySummary,
    Rows,
    e2e_summary,
    judged_seconds,
    stage_names,
    stage_summaries,
    time_end_to_end,
    time_stage,
)
from liftlab.analysis.slow_steps import SlowSteps, slow_steps
from liftlab.analysis.success import SuccessCurve, success_curve
from liftlab.analysis.variance import Components, components_of
from liftlab.store import RunData
from liftlab.store.by_column import TRIAL
from liftlab.store.frames import empty
from liftlab.summary.result import Limits, Result, named

MOST_STEPS = 2_000_000  # of more, none is listed as slow: 0.6 kB of memory each
_OF_STEPS: Mapping[str, tuple[str, ...]] = {  # columns that tell why steps are slow
    "trial": ("cold",),
    "stage": ("stage", "latency_s", "started_s", "attempts", "error_class"),
    "attempt": (
        *("seq", "stage", "attempt", "phase", "abandoned", "retry_reason", "error_class"),
        *("prompt_tokens", "cached_tokens", "output_tokens"),
        *("pool_s", "dns_s", "tcp_s", "tls_s", "sent_s", "first_byte_s", "first_token_s"),
        *("first_reasoning_s", "last_byte_s", "ended_s", "max_gap_s", "compile_s", "server_s"),
        *("queue_s", "prefill_s", "cold", "cold_s", "backoff_before_s"),
    ),
}
_STATISTICS = {"p50": "median"} | {name: name for name in ("p90", "p95", "p99", "mean", "cv")}


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
        trials = run.columns("trial", *TRIAL, "outcome")
        stages = stage_summaries(steps_of(run), "right", trials=trials)
        return tuple(_shown(run, stage, "right", self.targets) for stage in stages)

    def of(self, what: str, rows: Rows = "answered") -> LatencySummary | None:
        """Return the times of "e2e" or of a stage; None where there is no such stage."""
        if what == "e2e":
            return self.e2e if rows == "answered" else self.right
        stages = self.stages if rows == "answered" else self.right_stages
        return next((stage for stage in stages if stage.what == what), None)


def latency_of(run: RunData, limits: Limits) -> Latency:
    """Summarise the times of a run, none known better than its clock allows."""
    e2e, right, right_by = _of_trials(run)  # their columns are gone when those of steps are read
    return Latency(
        run=run,
        limits=limits.of("e2e_median_s"),
        targets=limits,
        e2e=_shown(run, e2e, "answered", limits),
        right=_shown(run, right, "right", limits),
        stages=tuple(
            _shown(run, stage, "answered", limits) for stage in stage_summaries(steps_of(run))
        ),
        right_by=right_by,
    )


def _of_trials(run: RunData) -> tuple[LatencySummary, LatencySummary, SuccessCurve]:
    trials = run.columns("trial", *TRIAL, "outcome", "e2e_s", "client_s")
    failed = run.columns("stage", *TRIAL, "error_class", known="error_class")
    answered, right = (e2e_summary(trials, rows, stages=failed) for rows in get_args(Rows))
    return answered, right, success_curve(trials)


def steps_of(run: RunData, *more: str) -> pd.DataFrame:
    """Return what the times of stages rest on, and more columns."""
    names = ("stage", "position", "latency_s", "client_s", "error_class")
    return run.columns("stage", *TRIAL, *names, *more)


def _shown(run: RunData, found: LatencySummary, rows: Rows, limits: Limits) -> LatencySummary:
    """Return a summary whose estimates know which quantity they are, and their limits."""
    summary = found.within(run.run.timing_uncertainty_s)
    what = summary.what if rows == "answered" else f"{summary.what} right"
    estimates: dict[str, Any] = {}
    for field, statistic in _STATISTICS.items():
        estimate = replace(getattr(summary, field), quantity=f"{statistic}:{what}")
        estimates[field] = limits.beside(estimate, f"{summary.what}_{statistic}_s", rows)
    return replace(summary, **estimates)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RightBy(Result):
    """The share of graded answers that are right within a time."""

    curve: SuccessCurve  # right within t, of answered and graded; it ends at the success rate
    limits: tuple[tuple[str, float], ...]  # seconds to read it at, by the name of the target


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Spread(Result):
    """Variance components of each stage and end to end, of the rows of their medians."""

    latency: Latency  # the times themselves, with SD and coefficient of variation
    rows: tuple[tuple[str, Components], ...]  # by "e2e" or stage, in the order of the pipeline


def spread_of(run: RunData, latency: Latency) -> Spread:
    """Split the variance of a run's times into prompts and repeats."""
    stages, trials = steps_of(run), run.columns("trial", *TRIAL, "outcome", "e2e_s", "client_s")
    times = {name: time_stage(stages, name) for name in stage_names(stages)}
    times["e2e"] = time_end_to_end(trials, stages=stages)
    rows = [
        (what, named(components_of(timed), repeat=f"within:{what}", share=f"between:{what}"))
        for what, timed in times.items()
    ]
    return Spread(run=run, latency=latency, rows=tuple(rows))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Slow(Result):
    """Slow steps; `len` of them is the count on every page."""

    # the largest excess first, each with causes and unexplained seconds that sum to it
    steps: SlowSteps
    medians: Mapping[str, Estimate]  # of each stage, as on every page
    left_out: int = 0  # the steps of a run that has more than are listed


def slow_of(run: RunData, latency: Latency) -> Slow:
    """List the slow steps of a run; the published days have neither repeats nor tokens."""
    if (count := run.size("stage")) > MOST_STEPS:
        none = slow_steps(*map(empty, _OF_STEPS))
        return Slow(run=run, steps=none, medians={}, left_out=count)
    steps = slow_steps(
        *(run.columns(table, *TRIAL, *names) for table, names in _OF_STEPS.items()),
        uncertainty_s=run.run.timing_uncertainty_s,
        pooled=run.run.provenance == "reference",
    )
    medians = {stage.what: stage.p50 for stage in latency.stages}
    return Slow(run=run, steps=steps, medians=medians)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Drift(Result):
    """How the times of a run change."""

    times: RunDrift  # end to end and of each stage: last over first, neighbours, warm-up
    # (n,): each end-to-end time over its prompt's median, in the order of measuring
    relative: Floats


def drift_of(run: RunData) -> Drift:
    """Test each stage and end to end for a change over the run."""
    trials = run.columns("trial", "case_id", "outcome", "started_at", "e2e_s", "client_s")
    found = run_drift(trials, steps_of(run, "started_s"))
    *stages, e2e = (named(row, ratio=f"drift:{row.what}") for row in (*found.stages, found.e2e))
    times = replace(found, stages=tuple(stages), e2e=e2e)
    return Drift(run=run, times=times, relative=_relative(trials))


def _relative(trials: pd.DataFrame) -> Floats:
    ordered = trials.sort_values("started_at", kind="stable")
    seconds = pd.Series(judged_seconds(ordered))
    cases = pd.Series(labels(ordered, "case_id"))
    usual = seconds.median() if cases.is_unique else seconds.groupby(cases).transform("median")
    return np.asarray(seconds / usual, dtype=np.float64)
