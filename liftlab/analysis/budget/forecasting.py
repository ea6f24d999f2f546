"""Draw end-to-end times from measured trials and planned ranges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from liftlab.analysis.budget.graph import Needs, Times, critical, ends, needs_of
from liftlab.analysis.budget.model import Budget, Kept, PlannedStage, StageEffect, Verdict
from liftlab.analysis.columns import Floats, floats, labels
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.intervals import median, quantile, quantile_needs
from liftlab.analysis.rates import proportion
from liftlab.analysis.samples import per_cluster
from liftlab.words import counted

QUANTILES = (0.5, 0.9, 0.95)
DRAWS = 100_000  # a quantile is then known to some hundredths of a second
SEED = 20_251_015
REST = "between stages"
_FASTER = 0.5  # a stage that took half as long
_REPLICATES = 2_000
_CASES_NEEDED = 5  # below, medians of cases drawn anew say nothing


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

    Parameters
    ----------
    trials, stages
        The run's tables; all trials that ended are drawn from, failures too.
    planned
        In order. One whose name is a measured stage's is not drawn from its range.
    correlation
        Of the planned stages' times, from 0 (independent) to 1 (all slow together), as the rank
        correlation of a Gaussian copula.
    draws, seed
        Of the simulation.

    Raises
    ------
    ValueError
        If no trial has an end-to-end time, or the correlation is none.

    Examples
    --------
    >>> ended = pd.DataFrame({"case_id": ["a"], "repeat": [1], "e2e_s": [14.9]})
    >>> more = [PlannedStage(name="intent", low_s=1.0, high_s=2.0)]
    >>> round(forecast(ended, pd.DataFrame(), more).with_planned[0.5].value, 1)
    16.4
    """
    if not 0 <= correlation <= 1:
        raise ValueError(f"correlation is {correlation}: it lies between 0 and 1")
    measured, e2e, cases = _measured(trials, stages)
    if len(e2e) == 0:
        raise ValueError("no trial has an end-to-end time to start from")
    ahead = [stage for stage in planned if stage.name not in measured]
    needs, misplaced = needs_of(list(measured), ahead)
    rng = np.random.default_rng(seed)
    picked = rng.integers(len(e2e), size=draws)
    times = {name: seconds[picked] for name, seconds in measured.items()}
    now = ends(measured, {name: needs[name] for name in measured})
    least = {stage.name: np.full(draws, stage.low_s) for stage in ahead}
    most = {stage.name: np.full(draws, stage.high_s) for stage in ahead}
    lowest, highest = (float(np.median(ends({**times, **at}, needs))) for at in (least, most))
    times |= _drawn(ahead, correlation, draws, rng)
    whole = ends(times, needs)
    median_now, median_planned = _medians(measured, cases, ahead, needs, rng)
    return Budget(
        without={q: quantile(e2e, q, clusters=cases) for q in QUANTILES},
        with_planned=_quantiles(whole, e2e, cases),
        now_s=now,
        planned_s=whole,
        median_now_s=median_now,
        median_planned_s=median_planned,
        lowest_s=lowest,
        highest_s=highest,
        stages=_effects(times, needs, {stage.name for stage in ahead}),
        kept=tuple(_kept(stage, stages) for stage in planned if stage.name in measured),
        planned=tuple(ahead),
        misplaced=misplaced,
        rows=len(e2e),
        left_out=len(trials) - len(e2e),
        n=len(set(cases)),
    )


def side_by_side(planned: Sequence[PlannedStage]) -> list[PlannedStage]:
    """Return the plan with the stages that name no need beside each other, after measured ones."""
    return [
        stage if stage.after is not None else replace(stage, after=(REST,)) for stage in planned
    ]


def _measured(
    trials: pd.DataFrame, stages: pd.DataFrame
) -> tuple[dict[str, Floats], Floats, list[str]]:
    """Return the times of each measured stage and what lies between them, a value a trial."""
    seconds = floats(trials, "e2e_s")
    ended = trials[np.isfinite(seconds)]
    e2e, found = floats(ended, "e2e_s"), {}
    if len(stages):
        key = ["case_id", "repeat"]
        order = stages.groupby("stage", sort=False)["position"].min().sort_values(kind="stable")
        for name in order.index:
            mine = stages.loc[labels(stages, "stage") == name, [*key, "latency_s"]]
            found[str(name)] = np.nan_to_num(
                floats(ended[key].merge(mine, on=key, how="left"), "latency_s")
            )
    found[REST] = e2e - sum(found.values(), np.zeros(len(e2e)))  # rounding may make it negative
    return found, e2e, [str(case) for case in labels(ended, "case_id")]


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


def _medians(
    measured: Times,
    cases: Sequence[str],
    planned: Sequence[PlannedStage],
    needs: Needs,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Return medians that cases drawn anew would give, now and with each range's typical time."""
    by_case = {name: per_cluster(seconds, cases, "median")[0] for name, seconds in measured.items()}
    n = len(next(iter(by_case.values())))
    if n < _CASES_NEEDED:
        return np.empty(0), np.empty(0)
    picked = rng.integers(n, size=(_REPLICATES, n))
    times = {name: seconds[picked] for name, seconds in by_case.items()}
    now = np.median(ends(times, {name: needs[name] for name in measured}), axis=1)
    for stage in planned:
        times[stage.name] = rng.uniform(stage.low_s, stage.high_s, (_REPLICATES, 1))
    return now, np.median(ends(times, needs), axis=1)


def _quantiles(drawn: Floats, e2e: Floats, cases: list[str]) -> dict[float, Estimate]:
    """Return quantiles of the draws, where the measured rows carry such quantiles at all."""
    found = {}
    for q in QUANTILES:
        base = quantile(e2e, q, clusters=cases)
        needs = quantile_needs(q)[0]
        if q != 0.5 and base.n < needs:
            found[q] = replace(base, value=None)
            continue
        found[q] = Estimate(
            value=float(np.quantile(drawn, q)),
            n=base.n,
            unit="s",
            method="drawn",
            reason=f"drawn from {counted(base.n, 'case')} and from ranges",
        )
    return found


def _kept(stage: PlannedStage, stages: pd.DataFrame) -> Kept:
    """Compare a range with what was measured since."""
    mine = stages[labels(stages, "stage") == stage.name]
    seconds = floats(mine, "latency_s")
    known = np.isfinite(seconds)
    values, cases = seconds[known], labels(mine, "case_id")[known].astype(str)
    told = median(values, clusters=cases)
    inside = (values >= stage.low_s) & (values <= stage.high_s)
    verdict: Verdict = "undecided"
    if told.low is not None and told.high is not None:
        if told.low >= stage.low_s and told.high <= stage.high_s:
            verdict = "held"
        elif told.low > stage.high_s:
            verdict = "too low"
        elif told.high < stage.low_s:
            verdict = "too high"
    return Kept(
        name=stage.name,
        low_s=stage.low_s,
        high_s=stage.high_s,
        measured=told,
        inside=proportion(inside, clusters=cases),
        verdict=verdict,
    )
