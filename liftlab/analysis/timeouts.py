"""How long a success takes where the client gave up on some: they might have succeeded later.

A time-out says only "longer than that" and is censored (Kaplan & Meier 1958, JASA 53). A failure
that the endpoint reports is none: it never succeeds, however long one waits, and stays in the
denominator. Counting it as censored would claim that it would have succeeded in the end.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from liftlab.analysis.columns import Bools, Floats, floats, labels
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.latency import succeeded
from liftlab.analysis.samples import as_array, check_confidence, in_range, indexed

INTERVAL_NEEDS = 20  # trials, below which the median's interval was not tried
_DEADLINE = "deadline"  # the error class of a call that the client gave up


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TimeToSuccess:
    """The share of trials that succeed by a time, time-outs taken as cut short.

    Parameters
    ----------
    seconds, share : (k,)
        Where the share rises, and to what.
    median
        The time by which half succeed.
    n, timeouts, failures, left_out
        Trials, those that the client gave up, those that failed, and rows without a time.
    """

    seconds: Floats
    share: Floats
    median: Estimate
    n: int
    timeouts: int
    failures: int
    left_out: int

    def at(self, t: float) -> float:
        """Return the share that succeeds by `t` seconds; flat after the last success."""
        place = int(np.searchsorted(self.seconds, t, side="right"))
        return float(self.share[place - 1]) if place else 0.0

    def sentence(self) -> str:
        """Say the median and what was cut short, or that nothing was."""
        cut = f"{self.timeouts:,} of {self.n:,} given up by the client, counted as longer than that"
        never = f"; {self.failures:,} failed, counted as never" if self.failures else ""
        return f"Half succeed by {self.median}; {cut}{never}."

    def __str__(self) -> str:
        return self.sentence()


def time_to_success(
    seconds: ArrayLike,
    ok: ArrayLike,
    timed_out: ArrayLike,
    cases: ArrayLike | None = None,
    confidence: float = 0.95,
) -> TimeToSuccess:
    """Estimate how long a success takes, by Kaplan and Meier's product.

    Parameters
    ----------
    seconds : (n,)
        Until success, or until the client gave up; of a failure it does not matter.
    ok, timed_out : (n,)
        Whether a trial succeeded, and whether the client gave it up. Neither: it failed.
    cases : (n,), optional
        The case of each; where cases repeat the median has no interval.
    confidence
        Of the median's interval: where the curve's log-log limits cross one half
        (Brookmeyer & Crowley 1982, Biometrics 38).

    Raises
    ------
    ValueError
        If a trial is said to have succeeded and to have been given up.

    Examples
    --------
    >>> found = time_to_success([4, 5, 6, 7, 10, 10], [1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1])
    >>> found.median.value, round(found.at(7), 3)
    (6.0, 0.667)
    """
    check_confidence(confidence)
    values, good = as_array(seconds), np.asarray(ok, dtype=np.bool_)
    given_up = np.asarray(timed_out, dtype=np.bool_)
    if (good & given_up).any():
        raise ValueError("a trial has either succeeded or been given up")
    failed = ~good & ~given_up
    kept = failed | in_range(values)
    base: dict[str, Any] = {
        "n": int(kept.sum()),
        "timeouts": int((given_up & kept).sum()),
        "failures": int(failed.sum()),
        "left_out": int((~kept).sum()),
    }
    if not (good & kept).any():
        none = Estimate(value=None, n=base["n"], reason="nothing succeeded", unit="s")
        return TimeToSuccess(seconds=np.empty(0), share=np.empty(0), median=none, **base)
    # What never succeeds is still waited for after everything else has ended.
    never = 2 * float(values[kept & ~failed].max())
    times = np.where(failed, never, values)[kept]
    curve = stats.ecdf(stats.CensoredData.right_censored(times, ~good[kept]))
    rises = np.isin(curve.cdf.quantiles, times[good[kept]])
    repeats = cases is not None and indexed(np.asarray(cases).ravel()[kept])[1] < base["n"]
    return TimeToSuccess(
        seconds=curve.cdf.quantiles[rises],
        share=curve.cdf.probabilities[rises],
        median=_median(curve, rises, base["n"], confidence, repeats=repeats),
        **base,
    )


def e2e(trials: pd.DataFrame, stages: pd.DataFrame, attempts: pd.DataFrame) -> TimeToSuccess:
    """Estimate how long until a trial is completed, from a run's tables.

    A trial was given up by the client if the stage that ended it missed its deadline.
    """
    keys = ["case_id", "repeat"]
    good, ended = succeeded(trials, "completed"), stages[labels(stages, "error_class") == _DEADLINE]
    rows = pd.MultiIndex.from_frame(trials[keys])
    given_up: Bools = rows.isin(pd.MultiIndex.from_frame(ended[keys])) & ~good
    spans = attempts[keys].assign(
        sent=floats(attempts, "sent_s"),
        end=np.fmax(floats(attempts, "last_byte_s"), floats(attempts, "ended_s")),
    )
    limits = spans.groupby(keys).agg({"sent": "min", "end": "max"})
    waited = (limits["end"] - limits["sent"]).reindex(rows).to_numpy(dtype=np.float64)
    seconds = floats(trials, "e2e_s")
    seconds = np.where(given_up & ~np.isfinite(seconds), waited, seconds)
    return time_to_success(seconds, good, given_up, labels(trials, "case_id"))


def _median(curve: Any, rises: Bools, n: int, confidence: float, *, repeats: bool) -> Estimate:
    base: dict[str, Any] = {"n": n, "unit": "s", "method": "Kaplan-Meier"}
    point = _first(curve.cdf.quantiles[rises], curve.cdf.probabilities[rises] >= 0.5)
    if point is None:
        reason = "fewer than half succeed within the time that was waited"
        return Estimate(value=None, reason=reason, **base)
    if repeats:
        return Estimate(value=point, reason="no interval where cases repeat", **base)
    if n < INTERVAL_NEEDS:
        return Estimate(value=point, reason=f"no interval below n = {INTERVAL_NEEDS}", **base)
    with warnings.catch_warnings():  # the curve's last step, at 1, has no limits
        warnings.simplefilter("ignore", RuntimeWarning)
        limits = curve.sf.confidence_interval(confidence, method="log-log")
    low = _first(curve.cdf.quantiles[rises], limits.low.probabilities[rises] <= 0.5)
    high = _first(curve.cdf.quantiles[rises], limits.high.probabilities[rises] <= 0.5)
    note = "" if high is not None else "no upper limit: too many were given up or failed"
    return Estimate(
        value=point,
        low=point if low is None else low,
        high=high,
        confidence=confidence,
        reason=note,
        **base,
    )


def _first(values: Floats, where: Bools) -> float | None:
    found = np.flatnonzero(where)
    return float(values[found[0]]) if len(found) else None
