"""A plan of stages, and what a forecast of end to end says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from liftlab.analysis.columns import Floats
from liftlab.analysis.estimate import Estimate

MODEL = "draws of measured requests plus planned ranges"  # named wherever it is quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """A stage that is not built yet, and what it is thought to take.

    `low_s`, `high_s`: its range in seconds, any time in it as likely as another. `after`: the
    stages that it needs; None: the one before it in the plan, the first after all measured ones.
    Empty: it needs none, and runs beside the others from the start.
    """

    name: str
    low_s: float
    high_s: float
    after: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEffect:
    """What a stage does to the whole.

    Parameters
    ----------
    typical_s
        Its median over the draws.
    critical
        Share of draws in which the whole waits for it.
    saves_p50_s
        How much sooner the median end would be if it took half as long.
    """

    name: str
    planned: bool
    typical_s: float
    critical: float
    saves_p50_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A planned stage that has been measured since: how good its range was."""

    name: str
    low_s: float
    high_s: float
    measured: Estimate
    inside: Estimate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Budget:
    """What end to end takes now, and will, by one model: see `MODEL`.

    Parameters
    ----------
    without, with_planned
        By quantile: P50, P90, P95 of requests, each with a reason where there are too few.
    now_s, planned_s : (draws,)
        End-to-end times of the same draws, without and with the planned stages; `inf` where the
        client gave up.
    lowest_s, highest_s
        The median if every planned stage took its least, or its most.
    stages
        What each stage does, the one whose speed-up saves most first.
    kept
        Planned stages that are measured: they are no longer drawn from their range.
    misplaced
        Stages that some planned stage is after, and that this run does not have: that planned
        stage was put after all measured ones.
    rows, left_out, n
        Requests drawn from, those that were not answered or not timed, and how many cases.
    """

    without: Mapping[float, Estimate]
    with_planned: Mapping[float, Estimate]
    now_s: Floats
    planned_s: Floats
    lowest_s: float
    highest_s: float
    stages: tuple[StageEffect, ...]
    kept: tuple[Kept, ...]
    planned: tuple[PlannedStage, ...]
    misplaced: tuple[str, ...]
    rows: int
    left_out: int
    n: int

    def within(self, limit_s: float) -> tuple[float, float]:
        """Return which share of requests ends within a limit, now and with the planned stages."""
        return float((self.now_s <= limit_s).mean()), float((self.planned_s <= limit_s).mean())
