"""How long stages and trials take: summaries that say which rows are in them, and targets."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from liftlab.analysis import intervals
from liftlab.analysis.columns import Bools, Floats, floats, is_true, labels
from liftlab.analysis.estimate import Estimate, quantity
from liftlab.analysis.samples import as_array

Rows = Literal["ended", "ok", "never"]
TargetVerdict = Literal["met", "not met", "undecided", "not measurable"]

ROWS_IN_WORDS: dict[Rows, str] = {
    "ended": "all that ended, failures too",
    "ok": "successes only",
    "never": "all, a failure counted as never",
}
QUANTILES = (0.5, 0.9, 0.95)
_HOPELESS = 100_000  # beyond so many trials a target is as good as on the number


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencySummary:
    """The latencies of one stage, or end to end.

    Parameters
    ----------
    what
        "e2e" or the stage's name.
    rows
        Which rows are in it, in words.
    n, left_out
        How many rows are in it, and how many are not.
    mean, p50, p90, p95, cv
        Estimates; a quantile that the rows can't carry says what could.
    std_s
        Sample standard deviation (n - 1); None where it does not exist.
    low_s, high_s
        Smallest and largest finite value.
    """

    what: str
    rows: str
    n: int
    left_out: int
    mean: Estimate
    p50: Estimate
    p90: Estimate
    p95: Estimate
    cv: Estimate
    std_s: float | None
    low_s: float | None
    high_s: float | None

    def within(self, uncertainty_s: float | None) -> LatencySummary:
        """Return the summary with no interval narrower than the clock's error allows."""
        times = {name: getattr(self, name) for name in ("mean", "p50", "p90", "p95")}
        return replace(
            self, **{name: found.no_narrower_than(uncertainty_s) for name, found in times.items()}
        )

    def sentence(self) -> str:
        """Say the median and which rows it is of."""
        return f"{self.what}: median {self.p50}, {self.rows}."

    def __str__(self) -> str:
        return self.sentence()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SuccessCurve:
    """The share of trials that have succeeded by a time; the rest never do, or are slower."""

    seconds: Floats
    share: Floats
    n: int

    def at(self, t: float) -> Estimate:
        """Estimate the share that has succeeded by `t` seconds; trials counted as independent."""
        return intervals.proportion(int(np.searchsorted(self.seconds, t, side="right")), self.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetResult:
    """A target against an estimate: met or not only where the whole interval says so."""

    name: str
    limit: float
    at_most: bool
    estimate: Estimate
    verdict: TargetVerdict
    needs: str = ""
    n_needed: int | None = None

    def sentence(self) -> str:
        """Say the target, the verdict, the estimate, and what would decide."""
        sign = "≤" if self.at_most else "≥"
        wanted = quantity(self.limit, self.estimate.unit)
        tail = f"; {self.needs}" if self.needs else ""
        return f"{self.name} {sign} {wanted}: {self.verdict}: {self.estimate}{tail}."

    def __str__(self) -> str:
        return self.sentence()


def summarise(
    seconds: ArrayLike,
    ok: ArrayLike,
    cases: ArrayLike | None = None,
    *,
    what: str = "e2e",
    rows: Rows = "ended",
) -> LatencySummary:
    """Summarise latencies.

    Parameters
    ----------
    seconds : (n,)
        NaN where a row has none; those are left out, but of "never" only successes are.
    ok : (n,)
        Whether the row succeeded.
    cases : (n,), optional
        The case of each row: where cases repeat, estimates count cases, not rows.
    what
        What is summarised.
    rows
        "ended", "ok" or "never": see `ROWS_IN_WORDS`.

    Examples
    --------
    >>> print(summarise([4.12, 4.19, 4.16, 19.77, 17.08], [1, 1, 1, 0, 1], what="ir_to_code"))
    ir_to_code: median 4.19 s (93.75 % interval 4.12–19.77 s, n = 5), all that ended, failures too.
    """
    values, succeeded = as_array(seconds), np.asarray(ok, dtype=np.bool_)
    kept = np.isfinite(values) if rows != "ok" else np.isfinite(values) & succeeded
    if rows == "never":
        values = np.where(succeeded, values, np.inf)
        kept = np.isfinite(values) | ~succeeded
    chosen = values[kept]
    clusters = None if cases is None else np.asarray(cases).ravel()[kept]
    finite = chosen[np.isfinite(chosen)]
    p50, p90, p95 = (intervals.quantile(chosen, q, clusters=clusters) for q in QUANTILES)
    return LatencySummary(
        what=what,
        rows=ROWS_IN_WORDS[rows],
        n=len(chosen),
        left_out=len(values) - len(chosen),
        mean=intervals.mean(chosen, clusters=clusters),
        p50=p50,
        p90=p90,
        p95=p95,
        cv=intervals.cv(chosen, clusters=clusters),
        std_s=float(finite.std(ddof=1)) if 2 <= len(finite) == len(chosen) else None,
        low_s=float(finite.min()) if len(finite) else None,
        high_s=float(finite.max()) if len(finite) else None,
    )


def stage_summaries(stages: pd.DataFrame, rows: Rows = "ended") -> list[LatencySummary]:
    """Summarise each stage of the stage table, in the order of the pipeline."""
    if len(stages) == 0:
        return []
    order = stages.groupby("stage", sort=False)["position"].min().sort_values(kind="stable")
    summaries = []
    for name in order.index:
        frame = stages[stages["stage"] == name]
        cases = labels(frame, "case_id")
        summaries.append(
            summarise(
                floats(frame, "latency_s"),
                is_true(frame, "ok"),
                cases,
                what=str(name),
                rows=rows,
            )
        )
    return summaries


def e2e_summary(
    trials: pd.DataFrame, rows: Rows = "ended", success: str = "completed"
) -> LatencySummary:
    """Summarise end-to-end latency of the trial table.

    Parameters
    ----------
    trials
        The trial table.
    rows
        Which rows are in it.
    success
        What a success is: the column `completed` or `parsed`, or "pass" for the outcome.
    """
    cases = labels(trials, "case_id")
    return summarise(floats(trials, "e2e_s"), succeeded(trials, success), cases, rows=rows)


def succeeded(trials: pd.DataFrame, success: str = "pass") -> Bools:
    """Return where trials succeeded: by outcome for "pass", else by a column of that name."""
    if success == "pass":
        return np.asarray(labels(trials, "outcome") == "pass", dtype=np.bool_)
    return is_true(trials, success)


def success_by(seconds: ArrayLike, ok: ArrayLike) -> SuccessCurve:
    """Return the share of all trials that succeeded within each time.

    Failures count as never, so that the curve ends at the success rate.

    Examples
    --------
    >>> curve = success_by([14.92, 14.96, 14.16, 27.10, 26.90], [1, 1, 1, 0, 1])
    >>> print(curve.at(15.0))
    60 % (95 % interval 23.1–88.2 %, n = 5)
    """
    values, good = as_array(seconds), np.asarray(ok, dtype=np.bool_)
    times = np.sort(values[good & np.isfinite(values)])
    n = len(values)
    return SuccessCurve(seconds=times, share=np.arange(1, len(times) + 1) / max(n, 1), n=n)


def judge(
    estimate: Estimate, limit: float, name: str = "target", *, at_most: bool = True
) -> TargetResult:
    """Compare an estimate with a target: decided only by the whole interval.

    Examples
    --------
    >>> e2e = intervals.median([14.92, 14.96, 14.16, 27.10, 26.90])
    >>> judge(e2e, 5.0, "median E2E").verdict, judge(e2e, 15.0, "median E2E").verdict
    ('not met', 'undecided')
    """
    verdict: TargetVerdict = "undecided"
    good_end, bad_end = estimate.high, estimate.low
    if not at_most:
        good_end, bad_end = bad_end, good_end
    side = 1.0 if at_most else -1.0
    needs, n_needed = "", None
    if estimate.value is None:
        verdict = "not measurable"
    elif good_end is not None and side * good_end <= side * limit:
        verdict = "met"
    elif bad_end is not None and side * bad_end > side * limit:
        verdict = "not met"
    else:
        on_the_good_side = side * estimate.value <= side * limit
        needs, n_needed = _needs(estimate, limit, good_end if on_the_good_side else bad_end)
    return TargetResult(
        name=name,
        limit=limit,
        at_most=at_most,
        estimate=estimate,
        verdict=verdict,
        needs=needs,
        n_needed=n_needed,
    )


def _needs(estimate: Estimate, limit: float, end: float | None) -> tuple[str, int | None]:
    """Say how many would decide, if the value stays: widths shrink with the root of n."""
    value = estimate.value
    if value is None or end is None or value == limit:
        return "more independent cases would tell", None
    n = math.ceil(estimate.n * ((end - value) / (limit - value)) ** 2)
    if n > _HOPELESS:
        return "too near to the limit for any number of trials that can be run", None
    n = max(n, estimate.n + 1)
    return f"about {n:,} would decide, if the value stays where it is", n
