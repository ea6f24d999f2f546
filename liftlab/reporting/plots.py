"""Each result of a summary on matplotlib axes, for whoever goes on from there.

The figures of pages are drawn elsewhere, with captions; these take the caller's own style.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from liftlab.errors import UsageError
from liftlab.reporting.frames import frame
from liftlab.reporting.text import words

Draw = Callable[[pd.DataFrame, Axes], None]


def plot(result: Any, ax: Axes | None = None) -> Axes:
    """Draw a result on axes, and return them.

    `result`: a result of a summary. `ax`: where to draw; the current axes if None. Raises
    UsageError if the result is words: there is nothing to draw.
    """
    kind = type(result).__name__
    if kind not in _PLOTS:
        raise UsageError(f"{kind} holds words, not numbers: see its .frame()")
    ax = plt.gca() if ax is None else ax
    rows = frame(result)
    if len(rows):
        _PLOTS[kind](rows, ax)
    if not ax.has_data():
        ax.text(0.5, 0.5, "not measured", ha="center", transform=ax.transAxes)
    return ax


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


def _bars(rows: pd.DataFrame, ax: Axes, *, of: str, value: str, label: str) -> None:
    named = rows.assign(**{of: [words.cause(str(name)) for name in rows[of]]})
    sns.barplot(named, x=value, y=of, ax=ax, errorbar=None)
    ax.set(xlabel=label, ylabel="")


def _targets(rows: pd.DataFrame, ax: Axes) -> None:
    """Draw each value as a multiple of its limit: targets have units of their own."""
    scaled = rows[rows["limit"] > 0].copy()
    scaled[["value", "low", "high"]] = scaled[["value", "low", "high"]].div(scaled["limit"], axis=0)
    _points(scaled, ax, of="target", label="value / limit", even=1.0)


def _slow(rows: pd.DataFrame, ax: Axes) -> None:
    names = rows["case_id"].astype(str) + ", " + rows["stage"].map(words.stage)
    sns.barplot(x=rows["excess_s"], y=names, ax=ax, errorbar=None)
    ax.set(xlabel="seconds over the usual", ylabel="")


def _curve(rows: pd.DataFrame, ax: Axes) -> None:
    ax.step([0.0, *rows["seconds"]], [0.0, *rows["share"]], where="post")
    ax.set(xlabel="seconds", ylabel="share that is right", ylim=(0, 1))


def _times(rows: pd.DataFrame, ax: Axes) -> None:
    sns.stripplot(rows, x="e2e_s", y="case_id", hue="outcome", ax=ax)
    ax.set(xlabel="end to end, s", ylabel="")


def _attempts(rows: pd.DataFrame, ax: Axes) -> None:
    """Draw attempts one under the other, from the first that was sent on."""
    start = rows["sent_s"].min()
    took = rows["last_byte_s"].fillna(rows["ended_s"]) - rows["sent_s"]
    names = rows["stage"].map(words.stage) + " " + rows["attempt"].astype("string").fillna("")
    ax.barh(range(len(rows)), took, left=rows["sent_s"] - start)
    ax.set_yticks(range(len(rows)), labels=names)
    ax.invert_yaxis()
    ax.set_xlabel("seconds since the first request")


def _budget(rows: pd.DataFrame, ax: Axes) -> None:
    told = rows.assign(when=rows["planned"].map({False: "now", True: "with planned stages"}))
    sns.barplot(told, x="value", y="quantile", hue="when", orient="h", ax=ax, errorbar=None)
    ax.set_xlabel("end to end, s")


_seconds = partial(_points, label="median, s", of="stage")
_PLOTS: dict[str, Draw] = {
    "Answers": partial(_points, of="group", label="share that is right"),
    "BudgetResult": _budget,
    "Comparison": partial(_points, of="stage", label="second run / first", even=1.0),
    "Costs": partial(_points, of="cost", label="USD"),
    "Drift": partial(_points, of="stage", label="end of the run / its start", even=1.0),
    "Failures": partial(_bars, of="failure_class", value="count", label="answers"),
    "Latency": _seconds,
    "Published": partial(_points, of="what", value="recomputed", label="recomputed"),
    "RankedRuns": partial(_points, of="run_id", label="share that is right"),
    "RightBy": _curve,
    "RunSummary": _targets,
    "Slow": _slow,
    "Spread": partial(_points, of="stage", label="variation of repeats, as a share"),
    "Targets": _targets,
    "TrialDetails": _attempts,
    "Trials": _times,
    "WhatIf": partial(_points, of="when", label="median, s"),
}
