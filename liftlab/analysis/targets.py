"""Targets judged on one run: met, not met or undecided, with what each verdict rests on.

The verdict is that of the whole interval. A single run's interval says nothing of how much runs
differ: where the spread between comparable runs is known, each end is the further one of the two.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from liftlab.analysis import cost
from liftlab.analysis.columns import Bools, Floats, floats, is_true, labels
from liftlab.analysis.estimate import Estimate, quantity
from liftlab.analysis.intervals import mean, proportion, quantile
from liftlab.analysis.latency import TargetResult, TargetVerdict, judge, succeeded
from liftlab.analysis.spread import Spread
from liftlab.analysis.success import failure_classes, judgeable, success_rate
from liftlab.records import Run
from liftlab.settings.targets import TIME_METRIC, Population, TargetSettings

THIS_RUN_ONLY = "this run only"
_QUANTILES = {"median": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_WHOSE: dict[Population, str] = {
    "ended": "all that ended",
    "completed": "those that completed",
    "pass": "right answers only",
    "never": "all, a failure counted as never",
}
_OF = {
    "success_rate": "all that were judged",
    "parsed_rate": "all that were judged",
    "worst_class_share": "cases judged",
    "prompts_tested": "cases judged",
}


class Tables(Protocol):
    """What of a run is judged; an opened run has it."""

    @property
    def run(self) -> Run:
        """The run's row."""

    @property
    def trials(self) -> pd.DataFrame:
        """The trial table joined with its grades and costs."""

    @property
    def stages(self) -> pd.DataFrame:
        """The stage table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedTarget:
    """One target with its verdict, and what the verdict rests on.

    Parameters
    ----------
    key
        Its name in the settings.
    metric, population
        What is judged, and of a time, over which trials.
    basis
        "this run only", or how many comparable runs gave the spread.
    required
        Whether it counts in the exit code.
    result
        Limit, estimate, verdict, and what would decide.
    """

    key: str
    metric: str
    population: Population
    basis: str
    required: bool
    result: TargetResult

    @property
    def verdict(self) -> TargetVerdict:
        """Return met, not met, undecided or not measurable."""
        return self.result.verdict

    @property
    def whose(self) -> str:
        """Over which trials it is, in words."""
        if TIME_METRIC.fullmatch(self.metric):
            return _WHOSE[self.population]
        return _OF.get(self.metric, "all trials, failures too")

    @property
    def limit(self) -> str:
        """The limit in words, such as "≥ 70 %"."""
        sign = "≤" if self.result.at_most else "≥"
        return f"{sign} {quantity(self.result.limit, self.result.estimate.unit)}"

    def sentence(self) -> str:
        """Say the target, its verdict, the estimate and what it rests on."""
        return f"{self.result.sentence().removesuffix('.')} ({self.basis})."

    def __str__(self) -> str:
        return self.sentence()

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        found = self.result.estimate
        return {
            "target": self.key,
            "title": self.result.name,
            "metric": self.metric,
            "population": self.whose,
            "direction": "at_most" if self.result.at_most else "at_least",
            "limit": self.result.limit,
            "value": _finite(found.value),
            "low": _finite(found.low),
            "high": _finite(found.high),
            "confidence": found.confidence,
            "n": found.n,
            "unit": found.unit,
            "verdict": self.verdict,
            "required": self.required,
            "basis": self.basis,
            "reason": found.reason,
            "needs": self.result.needs,
            "n_needed": self.result.n_needed,
        }


def judge_targets(
    run: Tables,
    targets: Mapping[str, TargetSettings],
    spreads: Mapping[str, Spread] | None = None,
) -> list[JudgedTarget]:
    """Judge a run by every target of a project, in the order of its settings.

    Parameters
    ----------
    run
        The run and its tables. Times of a simulator that was sped up count at their real length.
    targets
        By name.
    spreads
        By metric, between runs like this one; metrics that are not there, or rest on fewer than
        five runs, are judged by this run alone.
    """
    known = spreads or {}
    return [_judged(run, key, target, known.get(target.metric)) for key, target in targets.items()]


def estimate_metric(run: Tables, metric: str, population: Population = "ended") -> Estimate:
    """Estimate one metric of a run, as targets name it.

    Raises
    ------
    ValueError
        If there is no such metric.
    """
    timed = TIME_METRIC.fullmatch(metric)
    if timed:
        off_s = (run.run.timing_uncertainty_s or 0.0) * (run.run.time_scale or 1.0)
        found = _time(run, timed["what"], timed["statistic"], population)
        return found.no_narrower_than(off_s)
    makers = {
        "success_rate": lambda: success_rate(run.trials).estimate,
        "parsed_rate": lambda: success_rate(run.trials, "parsed").estimate,
        "cost_per_pass_usd": lambda: cost.cost_per_pass(*_costs(run)),
        "cost_per_trial_usd": lambda: cost.cost_per_trial(*_costs(run)[::2]),
        "prompts_tested": lambda: _prompts_tested(run.trials),
        "worst_class_share": lambda: _worst_class(run.trials),
    }
    if metric not in makers:
        raise ValueError(f"no metric {metric!r}")
    return makers[metric]()


def _judged(run: Tables, key: str, target: TargetSettings, spread: Spread | None) -> JudgedTarget:
    estimate, basis = estimate_metric(run, target.metric, target.population), THIS_RUN_ONLY
    # Spreads are of all trials that ended: other populations are smaller, and differ by more.
    if spread is not None and spread.enough and target.population == "ended":
        estimate = widened(estimate, spread)
        basis = f"with the spread of {spread.runs:,} comparable runs"
    name = target.title or key.replace("_", " ")
    result = judge(estimate, target.limit, name, at_most=target.at_most)
    if target.metric == "prompts_tested":
        basis = "counted"
        if result.verdict == "not met":
            missing = math.ceil(target.limit) - estimate.n
            result = replace(result, needs=f"{missing:,} more", n_needed=math.ceil(target.limit))
    return JudgedTarget(
        key=key,
        metric=target.metric,
        population=target.population,
        basis=basis,
        required=target.required,
        result=result,
    )


def widened(estimate: Estimate, spread: Spread) -> Estimate:
    """Return an estimate whose interval also holds what runs differ by.

    Examples
    --------
    >>> one = Estimate(value=10.0, low=9.9, high=10.1, n=20, confidence=0.95, unit="s")
    >>> widened(one, Spread(sd=0.04, runs=8)).interval
    '95 % interval 9.10–10.99 s'
    """
    value = estimate.value
    if value is None or not math.isfinite(value) or value < 0:
        return estimate
    half = spread.half_width()
    if estimate.unit == "%":
        low, high = max(0.0, value - half), min(1.0, value + half)
    else:
        low, high = value * math.exp(-half), value * math.exp(half)
    return replace(
        estimate,
        low=low if estimate.low is None else min(low, estimate.low),
        high=high if estimate.high is None else max(high, estimate.high),
        confidence=min(0.95, estimate.confidence or 0.95),
        method=f"{estimate.method}, widened by the spread of {spread.runs} runs".strip(", "),
        reason="",
    )


def _time(run: Tables, what: str, statistic: str, population: Population) -> Estimate:
    seconds, good, cases = _timed_rows(run, what, population)
    kept = np.isfinite(seconds)
    if population == "never":
        seconds = np.where(good, seconds, np.inf)
        kept = np.isfinite(seconds) | ~good
    elif population != "ended":
        kept &= good
    if not kept.any():
        none = f"no {'trial' if what == 'e2e' else 'stage ' + what} of {_WHOSE[population]}"
        return Estimate(value=None, n=0, unit="s", reason=none)
    chosen, named = seconds[kept], cases[kept]
    if statistic == "mean":
        return mean(chosen, clusters=named)
    return quantile(chosen, _QUANTILES[statistic], clusters=named)


def _timed_rows(run: Tables, what: str, population: Population) -> tuple[Floats, Bools, Any]:
    """Return seconds, which rows are of the population, and the case of each."""
    scale = run.run.time_scale or 1.0
    passing = population in ("pass", "never")
    if what == "e2e":
        good = succeeded(run.trials, "pass" if passing else "completed")
        cases = labels(run.trials, "case_id").astype(str)
        return floats(run.trials, "e2e_s") * scale, good, cases
    stages = run.stages[run.stages["stage"] == what]
    good = is_true(stages, "ok")
    if population == "pass":
        right = run.trials[succeeded(run.trials)]
        keys = set(zip(right["case_id"], right["repeat"], strict=True))
        rows = zip(stages["case_id"], stages["repeat"], strict=True)
        good = np.array([row in keys for row in rows], dtype=np.bool_)
    return floats(stages, "latency_s") * scale, good, labels(stages, "case_id").astype(str)


def _costs(run: Tables) -> tuple[Floats, Bools, Any]:
    """Return USD, which are right, and the case of each; seconds were paid at their real length."""
    cases = labels(run.trials, "case_id").astype(str)
    return floats(run.trials, "cost_usd"), succeeded(run.trials), cases


def _prompts_tested(trials: pd.DataFrame) -> Estimate:
    judged, _, _ = judgeable(trials, "pass")
    count = len(set(labels(trials, "case_id")[judged]))
    return Estimate(value=count, low=count, high=count, n=count, population="cases judged")


def _worst_class(trials: pd.DataFrame) -> Estimate:
    """Estimate the share of cases in which the most frequent failure class occurs.

    The worst of several is chosen by what was seen: Bonferroni's correction is for that.
    """
    judged, _, _ = judgeable(trials, "pass")
    cases = len(set(labels(trials, "case_id")[judged]))
    spoiled = [len(share.cases) for share in failure_classes(trials)]
    return proportion(max(spoiled, default=0), cases, confidence=1 - 0.05 / max(len(spoiled), 1))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
