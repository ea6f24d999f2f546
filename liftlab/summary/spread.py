"""How much times vary: between prompts, and within them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from liftlab.analysis.variance import Components, e2e_spread, stage_spreads
from liftlab.store import RunData
from liftlab.summary.latency import Latency
from liftlab.summary.result import Result


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Spread(Result):
    """Variance components of each stage and end to end, of the rows of their medians.

    Parameters
    ----------
    latency
        The times themselves, with SD and coefficient of variation.
    rows
        By "e2e" or stage, in the order of the pipeline.
    """

    latency: Latency
    rows: tuple[tuple[str, Components], ...]


def spread_of(run: RunData, latency: Latency) -> Spread:
    """Split the variance of a run's times into prompts and repeats."""
    found = [*stage_spreads(run.stages), e2e_spread(run.trials, stages=run.stages)]
    rows = tuple((spread.what, _named(spread.what, spread.components)) for spread in found)
    return Spread(run=run, latency=latency, rows=rows)


def _named(what: str, components: Components) -> Components:
    return replace(
        components,
        repeat=replace(components.repeat, quantity=f"within:{what}"),
        share=replace(components.share, quantity=f"between:{what}"),
    )
