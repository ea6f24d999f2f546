"""The one list of slow steps of a run, and why each was slow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from liftlab.analysis.slow_steps import SlowSteps, slow_steps
from liftlab.store import RunData
from liftlab.summary.latency import Latency
from liftlab.summary.result import Result


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Slow(Result):
    """Slow steps; `len` of them is the count on every page.

    `steps`: the largest excess first, each with causes and unexplained seconds that sum to it.
    `medians`: of each stage.
    """

    steps: SlowSteps
    medians: Mapping[str, float | None]


def slow_of(run: RunData, latency: Latency) -> Slow:
    """List the slow steps of a run; the published days have neither repeats nor tokens."""
    steps = slow_steps(
        run.trials,
        run.stages,
        run.attempts,
        uncertainty_s=run.run.timing_uncertainty_s,
        pooled=run.run.provenance == "reference",
    )
    medians = {stage.what: stage.p50.value for stage in latency.stages}
    return Slow(run=run, steps=steps, medians=medians)
