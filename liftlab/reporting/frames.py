"""Each result of a summary as a tidy DataFrame, and drawn on axes of the caller's own.

A row a thing, plain numbers, units in names: what a section shows is worded, with its figure and
caption; this is for pandas, seaborn and matplotlib to go on from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from liftlab.analysis.estimate import Estimate
from liftlab.errors import UsageError
from liftlab.reporting.text import words
from liftlab.summary.answers import Answers, Failures
from liftlab.summary.budget import BudgetResult, WhatIf
from liftlab.summary.claims import Claims
from liftlab.summary.comparison import Comparison, RankedRuns
from liftlab.summary.cost import Costs
from liftlab.summary.latency import Drift, Latency, RightBy, Slow, Spread
from liftlab.summary.provenance import Provenance, Published, Source
from liftlab.summary.run import RunSummary
from liftlab.summary.targets import Recommendations, Targets
from liftlab.summary.trials import Examples, TrialDetails, Trials

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = Mapping[str, Any]
Draw = Callable[[pd.DataFrame, "Axes"], None]


def frame(result: Any) -> pd.DataFrame:
    """Return a result's numbers as a table.

    Times are in seconds, money in USD, shares from 0 to 1; an estimate is `value, low, high, n` and
    the `reason` for what is missing.
    """
    return pd.DataFrame(_KINDS[type(result)][0](result))


def plot(result: Any, ax: Axes | None = None) -> Axes:
    """Draw a result on axes, the current ones if None, and return them.

    Raises UsageError if the result is words: there is nothing to draw.
    """
    import matplotlib.pyplot as plt

    draw = _KINDS[type(result)][1]
    if draw is None:
        raise UsageError(f"{type(result).__name__} holds words, not numbers: see its .frame()")
    ax = plt.gca() if ax is None else ax
    rows = frame(result)
    if len(rows):
        draw(rows, ax)
    if not ax.has_data():
        ax.text(0.5, 0.5, "not measured", ha="center", transform=ax.transAxes)
    return ax


def _estimate(estimate: Estimate, prefix: str = "") -> Row:
    names = ("value", "low", "high", "n", "reason")
    return {f"{prefix}{name}": getattr(estimate, name) for name in names}


def _fields(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


def _answers(answers: Answers) -> Iterator[Row]:
    for rate in (answers.success, *answers.by_category):
        counts = {"right": rate.successes, "graded": rate.trials, "failed": rate.errors}
        yield {"group": rate.group or "all", **counts, **_estimate(rate.estimate)}


def _failures(failures: Failures) -> Iterator[Row]:
    for row in failures.rows:
        yield {"failure_class": row.failure_class, "count": row.count, **_estimate(row.of_trials)}


def _latency(latency: Latency) -> Iterator[Row]:
    for row in (*latency.stages, latency.e2e):
        quantiles = {f"{name}_s": getattr(row, name).value for name in ("p90", "p95", "p99")}
        spread = {"mean_s": row.mean.value, "sd_s": row.std_s}
        yield {"stage": row.what, **_estimate(row.p50), **quantiles, **spread}


def _spread(spread: Spread) -> Iterator[Row]:
    for stage, found in spread.rows:
        yield {"stage": stage, "between_cases": found.case, **_estimate(found.repeat)}


def _drift(drift: Drift) -> Iterator[Row]:
    for row in (*drift.times.stages, drift.times.e2e):
        yield {"stage": row.what, "p": row.p, "drifts": row.drifts, **_estimate(row.ratio)}


def _cost(cost: Costs) -> Iterator[Row]:
    yield {"cost": "a request", **_estimate(cost.request)}
    yield {"cost": "a right answer", **_estimate(cost.right)}


def _budget(result: BudgetResult) -> Iterator[Row]:
    if result.budget is None:
        return
    for planned, quantiles in ((False, result.budget.without), (True, result.budget.with_planned)):
        for q, estimate in quantiles.items():
            yield {"quantile": q, "planned": planned, **_estimate(estimate)}


def _targets(targets: Targets) -> Iterator[Row]:
    for target in targets.rows:
        found = target.result
        rule = {"metric": target.metric, "limit": found.limit, "at_most": found.at_most}
        judged = {"required": target.required, "verdict": target.verdict}
        yield {"target": target.key, **rule, **_estimate(found.estimate), **judged}


def _examples(examples: Examples) -> pd.DataFrame:
    rows = pd.DataFrame([_fields(row) for row in examples.rows])
    return rows.drop(columns="checks", errors="ignore")


def _provenance(provenance: Provenance | Source) -> Iterator[Row]:
    facts = _fields(provenance.run.run)
    yield from ({"what": name, "value": value} for name, value in facts.items())


def _comparison(comparison: Comparison) -> Iterator[Row]:
    for row in comparison.times.times:
        yield {"stage": row.what, "p": row.p, "verdict": row.verdict, **_estimate(row.ratio)}


def _ranked(ranked: RankedRuns) -> Iterator[Row]:
    for row in ranked.rows:
        named = {"run_id": row.run_id, "endpoint": row.endpoint, "model": row.model}
        places = {"success_places": row.success_places, "time_places": row.time_places}
        yield {**named, **_estimate(row.success), **_estimate(row.median, "median_"), **places}


def _what_if(found: WhatIf) -> Iterator[Row]:
    rows = (("measured", found.now, found.cost_now), ("then", found.then, found.cost_then))
    for when, times, cost in rows:
        yield {"when": when, **_estimate(times.p50), "request_usd": cost.value}


def _claims(claims: Claims) -> Iterator[Row]:
    for row in claims.rows:
        words = {name: getattr(row, name) for name in ("ruling", "why", "may_say", "caveat")}
        yield {"claim": row.claim.statement, **words}


def _points(
    rows: pd.DataFrame,
    ax: Axes,
    *,
    of: str,
    label: str,
    value: str = "value",
    even: float | None = None,
) -> None:
    """Draw each value with its interval, from the top down."""
    rows = rows[rows[value].notna()].iloc[::-1].reset_index(drop=True)
    ax.plot(rows[value], rows.index, "o")
    if "low" in rows:
        known = rows["low"].notna() & rows["high"].notna()
        ax.hlines(rows.index[known], rows.loc[known, "low"], rows.loc[known, "high"])
    if even is not None:
        ax.axvline(even, linestyle=":")
    ax.set_yticks(rows.index, labels=[words.stage(str(name)) for name in rows[of]])
    ax.set_xlabel(label)


def _draw_bars(rows: pd.DataFrame, ax: Axes, *, x: str, y: Any, label: str, **how: Any) -> None:
    import seaborn as sns

    sns.barplot(rows, x=x, y=y, ax=ax, errorbar=None, **how)
    ax.set(xlabel=label, ylabel="")


def _draw_failures(rows: pd.DataFrame, ax: Axes) -> None:
    _draw_bars(rows, ax, x="count", y=rows["failure_class"].map(words.cause), label="answers")


def _draw_slow(rows: pd.DataFrame, ax: Axes) -> None:
    names = rows["case_id"].astype(str) + ", " + rows["stage"].map(words.stage)
    _draw_bars(rows, ax, x="excess_s", y=names, label="seconds over the usual")


def _draw_budget(rows: pd.DataFrame, ax: Axes) -> None:
    when = rows["planned"].map({False: "now", True: "with planned stages"})
    told = rows.assign(when=when)
    _draw_bars(told, ax, x="value", y="quantile", hue="when", orient="h", label="end to end, s")
    ax.set_ylabel("quantile")


def _draw_targets(rows: pd.DataFrame, ax: Axes) -> None:
    """Draw each value as a multiple of its limit: targets have units of their own."""
    scaled = rows[rows["limit"] > 0].copy()
    scaled[["value", "low", "high"]] = scaled[["value", "low", "high"]].div(scaled["limit"], axis=0)
    _points(scaled, ax, of="target", label="value / limit", even=1.0)


def _draw_curve(rows: pd.DataFrame, ax: Axes) -> None:
    ax.step([0.0, *rows["seconds"]], [0.0, *rows["share"]], where="post")
    ax.set(xlabel="seconds", ylabel="share that is right", ylim=(0, 1))


def _draw_times(rows: pd.DataFrame, ax: Axes) -> None:
    import seaborn as sns

    sns.stripplot(rows, x="e2e_s", y="case_id", hue="outcome", ax=ax)
    ax.set(xlabel="end to end, s", ylabel="")


def _draw_attempts(rows: pd.DataFrame, ax: Axes) -> None:
    """Draw attempts one under the other, from the first that was sent on."""
    start = rows["sent_s"].min()
    took = rows["last_byte_s"].fillna(rows["ended_s"]) - rows["sent_s"]
    names = rows["stage"].map(words.stage) + " " + rows["attempt"].astype("string").fillna("")
    ax.barh(range(len(rows)), took, left=rows["sent_s"] - start)
    ax.set_yticks(range(len(rows)), labels=names)
    ax.invert_yaxis()
    ax.set_xlabel("seconds since the first request")


_right = partial(_points, label="share that is right")
_ratio = partial(_points, of="stage", even=1.0)
# Of each kind of result its rows, and how they are drawn; None: they are words.
_KINDS: dict[type, tuple[Callable[[Any], Any], Draw | None]] = {
    Answers: (_answers, partial(_right, of="group")),
    BudgetResult: (_budget, _draw_budget),
    Claims: (_claims, None),
    Comparison: (_comparison, partial(_ratio, label="second run / first")),
    Costs: (_cost, partial(_points, of="cost", label="USD")),
    Drift: (_drift, partial(_ratio, label="end of the run / its start")),
    Examples: (_examples, None),
    Failures: (_failures, _draw_failures),
    Latency: (_latency, partial(_points, label="median, s", of="stage")),
    Provenance: (_provenance, None),
    Source: (_provenance, None),
    Published: (
        lambda published: map(_fields, published.rows),
        partial(_points, of="what", value="recomputed", label="recomputed"),
    ),
    RankedRuns: (_ranked, partial(_right, of="run_id")),
    Recommendations: (
        lambda found: ({"do": type(row).__name__, **_fields(row)} for row in found.rows),
        None,
    ),
    RightBy: (
        lambda right_by: {"seconds": right_by.curve.seconds, "share": right_by.curve.share},
        _draw_curve,
    ),
    RunSummary: (lambda summary: _targets(summary.targets), _draw_targets),
    Slow: (lambda slow: slow.steps.steps, _draw_slow),
    Spread: (_spread, partial(_points, of="stage", label="variation of repeats, as a share")),
    Targets: (_targets, _draw_targets),
    TrialDetails: (lambda trial: trial.attempts, _draw_attempts),
    Trials: (lambda trials: trials.run.trials, _draw_times),
    WhatIf: (_what_if, partial(_points, of="when", label="median, s")),
}
