"""What end to end will take once planned stages are built: their ranges on top of what is measured.

Each draw takes one measured trial, with the times of its stages, and a time for each planned
stage from its range; the stages run in the order that they need each other, and the longest way
through them is the end-to-end time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from liftlab.analysis.columns import Bools, Floats, case_weights, labels
from liftlab.analysis.estimate import Estimate, quantity
from liftlab.analysis.intervals import median
from liftlab.analysis.latency import (
    ended_how,
    judged_seconds,
    judged_steps,
    stage_names,
    time_stage,
)
from liftlab.analysis.quantiles import quantiles
from liftlab.analysis.rates import proportion
from liftlab.store.by_column import places
from liftlab.words import counted

MODEL = "draws of measured requests plus planned ranges"  # named wherever it is quoted
Times = Mapping[str, Floats]
Needs = Mapping[str, tuple[str, ...]]
_TOLERANCE_S = 1e-9
QUANTILES = (0.5, 0.9, 0.95)
DRAWS = 100_000  # a quantile is then known to some hundredths of a second
SEED = 20_251_015
REST = "between stages"
_FASTER = 0.5  # a stage that took half as long


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """A stage that is not built yet, and what it is thought to take."""

    name: str
    # low_s, high_s: its range in seconds, any time in it as likely as another
    low_s: float
    high_s: float
    # the stages that it needs; None: the one before it in the plan, the first after all measured
    # ones. Empty: it needs none, and runs beside the others from the start.
    after: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEffect:
    """What a stage does to the whole."""

    name: str
    planned: bool
    typical_s: float  # its median over the draws
    critical: float  # share of draws in which the whole waits for it
    saves_p50_s: float  # how much sooner the median end would be if it took half as long


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
    """What end to end takes now, and will, by one model: see `MODEL`."""

    # P50, P90, P95 of requests by quantile, each with a reason where there are too few
    without: Mapping[float, Estimate]
    with_planned: Mapping[float, Estimate]
    # (draws,): end to end of the same draws, without and with the planned stages; `inf`: given up
    now_s: Floats
    planned_s: Floats
    # lowest_s, highest_s: the median if every planned stage took its least, or its most
    lowest_s: float
    highest_s: float
    stages: tuple[StageEffect, ...]  # what each stage does, the one whose speed-up saves most first
    # planned stages that are measured: they are no longer drawn from their range
    kept: tuple[Kept, ...]
    planned: tuple[PlannedStage, ...]
    # stages that a planned one is after, and this run has not: it was put after all measured ones
    misplaced: tuple[str, ...]
    # rows, n: requests drawn from, of how many cases; left_out: not answered or not timed
    rows: int
    left_out: int
    n: int

    def within(self, limit_s: float) -> tuple[float, float]:
        """Return which share of requests ends within a limit, now and with the planned stages."""
        return float((self.now_s <= limit_s).mean()), float((self.planned_s <= limit_s).mean())


def needs_of(
    measured: Sequence[str], planned: Sequence[PlannedStage]
) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Return what each stage waits for, in an order that can be run, and names that are unknown.

    Measured stages run one after the other. A planned stage is after those that it names, or
    after the planned one before it; where a name is unknown, after all measured stages.
    """
    needs = {name: tuple(measured[max(0, at - 1) : at]) for at, name in enumerate(measured)}
    last, unknown = measured[-1], []
    for stage in planned:
        wanted = (last,) if stage.after is None else stage.after
        missing = [name for name in wanted if name not in needs]
        unknown += missing
        needs[stage.name] = (measured[-1],) if missing else wanted
        last = stage.name
    return needs, tuple(dict.fromkeys(unknown))


def finishes(times: Times, needs: Needs) -> dict[str, Floats]:
    """Return when each stage ends, in seconds from the start."""
    done: dict[str, Floats] = {}
    for name, before in needs.items():
        start = reduce(np.maximum, [done[each] for each in before]) if before else 0.0
        done[name] = start + times[name]
    return done


def ends(times: Times, needs: Needs) -> Floats:
    """Return when the last stage ends."""
    return reduce(np.maximum, finishes(times, needs).values())


def critical(times: Times, needs: Needs) -> dict[str, Bools]:
    """Return in which draws the whole waits for each stage, backwards from what ends last."""
    done = finishes(times, needs)
    whole = reduce(np.maximum, done.values())
    waited: dict[str, Bools] = {}
    for name in reversed(list(needs)):
        waited[name] = done[name] >= whole
        for later in (later for later, before in needs.items() if name in before):
            starts = done[later] - times[later]
            waited[name] = waited[name] | waited[later] & (done[name] >= starts - _TOLERANCE_S)
    return waited


def forecast(
    trials: pd.DataFrame,
    stages: pd.DataFrame,
    planned: Sequence[PlannedStage],
    *,
    correlation: float = 0.0,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Budget:
    """Draw what end to end takes with planned stages on top of the measured ones.

    All requests that were answered are drawn from, every case as often; those on which the client
    gave up take longer than any other. `planned`, in order: one whose name is a measured stage's is
    not drawn from its range. `correlation` of their times, from 0 (independent) to 1 (all slow
    together), is the rank correlation of a Gaussian copula. Raises ValueError if no request was
    answered, or the correlation is none.
    """
    if not 0 <= correlation <= 1:
        raise ValueError(f"correlation is {correlation}: it lies between 0 and 1")
    good, late = ended_how(trials, stages)
    kept = (good | late) & np.isfinite(judged_seconds(trials))
    if not (kept & ~late).any():
        raise ValueError("no request was answered: there is no end-to-end time to start from")
    seconds, gave_up = judged_seconds(trials)[kept], late[kept]
    cases = labels(trials, "case_id")[kept].astype(str)
    measured = _measured(trials[kept], stages, np.where(gave_up, np.inf, seconds))
    ahead = [stage for stage in planned if stage.name not in measured]
    needs, misplaced = needs_of(list(measured), ahead)
    picked = _picked(cases, draws)
    times = {name: values[picked] for name, values in measured.items()}
    now = ends(times, {name: needs[name] for name in measured})
    least = {stage.name: np.full(len(picked), stage.low_s) for stage in ahead}
    most = {stage.name: np.full(len(picked), stage.high_s) for stage in ahead}
    lowest, highest = (_point(ends({**times, **at}, needs), 0.5) for at in (least, most))
    times |= _drawn(ahead, correlation, len(picked), np.random.default_rng(seed))
    whole, ended = ends(times, needs), np.isfinite(now)
    finite = {name: values[ended] for name, values in times.items()}
    known = dict(zip(QUANTILES, quantiles(seconds, QUANTILES, clusters=cases), strict=True))
    limit = float(seconds[gave_up].max()) if gave_up.any() else None
    return Budget(
        without={q: _estimate(now, q, known[q], limit) for q in QUANTILES},
        with_planned={q: _estimate(whole, q, known[q], limit, planned=True) for q in QUANTILES},
        now_s=now,
        planned_s=whole,
        lowest_s=lowest,
        highest_s=highest,
        stages=_effects(finite, needs, {stage.name for stage in ahead}),
        kept=tuple(_kept(stage, stages) for stage in planned if stage.name in measured),
        planned=tuple(ahead),
        misplaced=misplaced,
        rows=len(seconds),
        left_out=len(trials) - len(seconds),
        n=len(set(cases)),
    )


def side_by_side(planned: Sequence[PlannedStage]) -> list[PlannedStage]:
    """Return the plan with the stages that name no need beside each other, after measured ones."""
    return [replace(s, after=(REST,)) if s.after is None else s for s in planned]


def _measured(trials: pd.DataFrame, stages: pd.DataFrame, e2e: Floats) -> dict[str, Floats]:
    """Return the times of each measured stage and what lies between them, a value a trial."""
    found = {}
    for name in stage_names(stages):
        own = stages[labels(stages, "stage") == name]
        seconds = np.append(np.nan_to_num(judged_steps(own)), 0.0)
        found[name] = seconds[places(trials, own)]
    found[REST] = e2e - sum(found.values(), np.zeros(len(e2e)))  # rounding may make it negative
    return found


def _picked(cases: ArrayLike, draws: int) -> NDArray[np.intp]:
    """Return which row each draw takes: not by chance, but every case, and its rows, as often."""
    weights = case_weights(cases)
    count = len(weights) * -(-draws // len(weights))
    upto = np.cumsum(weights) / weights.sum()
    upto[-1] = 1.0
    return np.searchsorted(upto, (np.arange(count) + 0.5) / count)


def _drawn(
    planned: Sequence[PlannedStage], correlation: float, draws: int, rng: np.random.Generator
) -> dict[str, Floats]:
    """Draw each planned stage's time from its range."""
    shared = rng.standard_normal(draws)
    linked = 2 * np.sin(np.pi * correlation / 6)  # of the normals behind ranks so correlated
    drawn = {}
    for stage in planned:
        own = rng.standard_normal(draws)
        at = stats.norm.cdf(np.sqrt(linked) * shared + np.sqrt(1 - linked) * own)
        drawn[stage.name] = stage.low_s + (stage.high_s - stage.low_s) * at
    return drawn


def _effects(times: Times, needs: Needs, planned: set[str]) -> tuple[StageEffect, ...]:
    """Return what each stage does to the whole, on the same draws."""
    middle, on_path = float(np.median(ends(times, needs))), critical(times, needs)

    def if_faster(name: str) -> float:
        return float(np.median(ends({**times, name: _FASTER * times[name]}, needs)))

    effects = [
        StageEffect(
            name=name,
            planned=name in planned,
            typical_s=float(np.median(times[name])),
            critical=float(on_path[name].mean()),
            saves_p50_s=middle - if_faster(name),
        )
        for name in needs
        if name != REST
    ]
    return tuple(sorted(effects, key=lambda effect: -effect.saves_p50_s))


def _point(seconds: Floats, q: float) -> float:
    """Return a quantile of draws as of requests: the median, or an order statistic."""
    if q == 0.5:
        return float(np.median(seconds))
    place = max(1, math.ceil(round(q * len(seconds), 9))) - 1
    return float(np.partition(seconds, place)[place])


def _estimate(
    seconds: Floats, q: float, known: Estimate, limit: float | None, *, planned: bool = False
) -> Estimate:
    """Return a quantile of the draws, where so few prompts carry one at all."""
    value = _point(seconds, q)
    if known.value is None:
        return known
    if math.isinf(value):
        reason = f"over {quantity(limit, 's')}, at which the client gave up"
        return replace(known, value=None, low=None, high=None, reason=reason)
    if not planned:
        return replace(known, value=value)
    prompts = known.n if known.cases is None else known.cases
    reason = f"estimated from {counted(prompts, 'prompt')} and the planned ranges"
    base = Estimate(value=value, n=known.n, cases=known.cases, unit="s", method="drawn")
    return replace(base, reason=reason)


def _kept(stage: PlannedStage, stages: pd.DataFrame) -> Kept:
    """Compare a range with what was measured since."""
    timed = time_stage(stages, stage.name)
    inside = (timed.seconds >= stage.low_s) & (timed.seconds <= stage.high_s)
    return Kept(
        name=stage.name,
        low_s=stage.low_s,
        high_s=stage.high_s,
        measured=median(timed.seconds, clusters=timed.cases),
        inside=proportion(inside, clusters=timed.cases),
    )
