"""How much times vary: between prompts, and within them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from liftlab.analysis.latency import stage_names, time_end_to_end, time_stage
from liftlab.analysis.variance import Components, components_of
from liftlab.store import RunData
from liftlab.summary.latency import Latency
from liftlab.summary.result import Result


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Spread(Result):
    """Variance components of each stage and end to end, of the rows of their medians.

    `latency`: the times themselves, with SD and coefficient of variation. `rows`: by "e2e" or
    stage, in the order of the pipeline.
    """

    latency: Latency
    rows: tuple[tuple[str, Components], ...]


def spread_of(run: RunData, latency: Latency) -> Spread:
    """Split the variance of a run's times into prompts and repeats."""
    times = {name: time_stage(run.stages, name) for name in stage_names(run.stages)}
    times["e2e"] = time_end_to_end(run.trials, stages=run.stages)
    rows = tuple((what, _named(what, components_of(timed))) for what, timed in times.items())
    return Spread(run=run, latency=latency, rows=rows)


def _named(what: str, components: Components) -> Components:
    return replace(
        components,
        repeat=replace(components.repeat, quantity=f"within:{what}"),
        share=replace(components.share, quantity=f"between:{what}"),
    )
