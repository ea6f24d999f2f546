"""Draw end-to-end times from measured trials and planned ranges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from liftlab.analysis.budget.graph import Needs, Times, critical, ends, needs_of
from liftlab.analysis.budget.model import Budget, Kept, PlannedStage, StageEffect
from liftlab.analysis.columns import Bools, Floats, floats, labels
from liftlab.analysis.estimate import Estimate, quantity
from liftlab.analysis.input_checks import case_weights
from liftlab.analysis.intervals import median, quantile
from liftlab.analysis.latency import (
    ended_how,
    judged_seconds,
    judged_steps,
    stage_names,
    time_stage,
)
from liftlab.analysis.rates import proportion
from liftlab.words import counted

QUANTILES = (0.5, 0.9, 0.95)
DRAWS = 100_000  # a quantile is then known to some hundredths of a second
SEED = 20_251_015
REST = "between stages"
_FASTER = 0.5  # a stage that took half as long


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

    Raises ValueError if no request was answered, or the correlation is none.

    Parameters
    ----------
    trials, stages
        The run's tables; all requests that were answered are drawn from, every case as often.
        Those on which the client gave up take longer than any other.
    planned
        In order. One whose name is a measured stage's is not drawn from its range.
    correlation
        Of the planned stages' times, from 0 (independent) to 1 (all slow together), as the rank
        correlation of a Gaussian copula.
    draws, seed
        Of the simulation.

    Examples
    --------
    >>> ended = pd.DataFrame({"case_id": ["a"], "repeat": 1, "outcome": "pass", "e2e_s": [14.9]})
    >>> more = [PlannedStage(name="intent", low_s=1.0, high_s=2.0)]
    >>> round(forecast(ended, pd.DataFrame(), more).with_planned[0.5].value, 1)
    16.4
    """
    if not 0 <= correlation <= 1:
        raise ValueError(f"correlation is {correlation}: it lies between 0 and 1")
    kept, late = _rows(trials, stages)
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
    whole = ends(times, needs)
    known = {q: quantile(seconds, q, clusters=cases) for q in QUANTILES}
    limit = float(seconds[gave_up].max()) if gave_up.any() else None
    return Budget(
        without={q: _estimate(now, q, known[q], limit) for q in QUANTILES},
        with_planned={q: _planned(whole, q, known[q], limit) for q in QUANTILES},
        now_s=now,
        planned_s=whole,
        lowest_s=lowest,
        highest_s=highest,
        stages=_effects(_finite(times, now), needs, {stage.name for stage in ahead}),
        kept=tuple(_kept(stage, stages) for stage in planned if stage.name in measured),
        planned=tuple(ahead),
        misplaced=misplaced,
        rows=len(seconds),
        left_out=len(trials) - len(seconds),
        n=len(set(cases)),
    )


def side_by_side(planned: Sequence[PlannedStage]) -> list[PlannedStage]:
    """Return the plan with the stages that name no need beside each other, after measured ones."""
    return [
        stage if stage.after is not None else replace(stage, after=(REST,)) for stage in planned
    ]


def _rows(trials: pd.DataFrame, stages: pd.DataFrame) -> tuple[Bools, Bools]:
    """Return which trials are drawn from, and on which of them the client gave up; (n,)."""
    good, late = ended_how(trials, stages)
    timed = np.isfinite(judged_seconds(trials))
    return (good | late) & timed, late & timed


def _measured(trials: pd.DataFrame, stages: pd.DataFrame, e2e: Floats) -> dict[str, Floats]:
    """Return the times of each measured stage and what lies between them, a value a trial."""
    found = {}
    key = ["case_id", "repeat"]
    for name in stage_names(stages):
        own = stages[labels(stages, "stage") == name]
        timed = own[key].assign(seconds=judged_steps(own))
        joined = trials[key].merge(timed, on=key, how="left")
        found[name] = np.nan_to_num(floats(joined, "seconds"))
    found[REST] = e2e - sum(found.values(), np.zeros(len(e2e)))  # rounding may make it negative
    return found


def _picked(cases: ArrayLike, draws: int) -> NDArray[np.intp]:
    """Return which row each draw takes: every case as often, and every row of one as often.

    Nothing is left to chance, so that quantiles of the draws are those of the requests.
    """
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
    effects = []
    for name in (name for name in needs if name != REST):
        faster = ends({**times, name: _FASTER * times[name]}, needs)
        effects.append(
            StageEffect(
                name=name,
                planned=name in planned,
                typical_s=float(np.median(times[name])),
                critical=float(on_path[name].mean()),
                saves_p50_s=middle - float(np.median(faster)),
            )
        )
    return tuple(sorted(effects, key=lambda effect: -effect.saves_p50_s))


def _finite(times: Times, whole: Floats) -> Times:
    """Return the draws in which the client did not give up."""
    known = np.isfinite(whole)
    return {name: seconds[known] for name, seconds in times.items()}


def _point(seconds: Floats, q: float) -> float:
    """Return a quantile of draws as of requests: the median, or an order statistic."""
    if q == 0.5:
        return float(np.median(seconds))
    place = max(1, math.ceil(round(q * len(seconds), 9))) - 1
    return float(np.partition(seconds, place)[place])


def _estimate(seconds: Floats, q: float, known: Estimate, limit: float | None) -> Estimate:
    """Return a quantile of the draws, where so few prompts carry one at all."""
    value = _point(seconds, q)
    if known.value is None:
        return known
    if math.isinf(value):
        reason = f"over {quantity(limit, 's')}, at which the client gave up"
        return replace(known, value=None, low=None, high=None, reason=reason)
    return replace(known, value=value)


def _planned(seconds: Floats, q: float, known: Estimate, limit: float | None) -> Estimate:
    drawn = _estimate(seconds, q, known, limit)
    if drawn.value is None:
        return drawn
    prompts = known.n if known.cases is None else known.cases
    reason = f"estimated from {counted(prompts, 'prompt')} and the planned ranges"
    return Estimate(
        value=drawn.value, n=known.n, cases=known.cases, unit="s", method="drawn", reason=reason
    )


def _kept(stage: PlannedStage, stages: pd.DataFrame) -> Kept:
    """Compare a range with what was measured since."""
    timed = time_stage(stages, stage.name)
    values, cases = timed.seconds, timed.cases
    told = median(values, clusters=cases)
    inside = (values >= stage.low_s) & (values <= stage.high_s)
    return Kept(
        name=stage.name,
        low_s=stage.low_s,
        high_s=stage.high_s,
        measured=told,
        inside=proportion(inside, clusters=cases),
    )
