"""How long stages and requests take: summaries that say which rows are in them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from liftlab.analysis import intervals
from liftlab.analysis.columns import Bools, Floats, as_array, coded, floats, is_one_of
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.quantiles import quantiles
from liftlab.records import ErrorClass
from liftlab.store.by_column import among

Rows = Literal["answered", "right"]

QUANTILES = (0.5, 0.9, 0.95, 0.99)
DEADLINE = "deadline"  # the error class of a call that the client gave up
# The model did answer, if badly, as grading has it.
_NO_ANSWER = frozenset(get_args(ErrorClass)) - {"length", "invalid_json", "schema_mismatch"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timed:
    """The times that a summary is of."""

    # (n,): times, the number of the case of each, and where the client gave up at that time
    seconds: Floats
    numbers: NDArray[np.signedinteger[Any]]
    given_up: Bools
    names: NDArray[np.object_]  # of cases, by their number
    left_out: int  # rows that are not among them: errors of the endpoint, and rows without a time

    @property
    def cases(self) -> Any:
        """The case of each; (n,)."""
        return self.names[self.numbers]


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencySummary:
    """The latencies of one stage, or end to end."""

    what: str
    # n, given_up: rows in it, on how many of them the client gave up; left_out: errors, no time
    n: int
    cases: int
    given_up: int
    left_out: int
    mean: Estimate
    p50: Estimate
    p90: Estimate
    p95: Estimate
    p99: Estimate
    cv: Estimate
    std_s: float | None  # sample standard deviation (n - 1)
    low_s: float | None
    high_s: float | None

    def within(self, uncertainty_s: float | None) -> LatencySummary:
        """Return the summary with no interval narrower than the clock's error allows."""
        times = {name: getattr(self, name) for name in ("mean", "p50", "p90", "p95", "p99")}
        return replace(
            self, **{name: found.no_narrower_than(uncertainty_s) for name, found in times.items()}
        )


def summarise(
    seconds: ArrayLike,
    cases: ArrayLike | None = None,
    *,
    given_up: ArrayLike | None = None,
    left_out: int = 0,
    what: str = "e2e",
) -> LatencySummary:
    """Summarise latencies; rows without a time (NaN) are left out, as `left_out` were before.

    `cases`, (n,): the case of each row: every case counts the same, and repeats are not
    independent. `given_up`, (n,): where the client gave up: the time is longer than that.
    """
    values = as_array(seconds)
    kept = np.isfinite(values)
    chosen = values if kept.all() else values[kept]
    clusters = None if cases is None else np.ravel(cases) if kept.all() else np.ravel(cases)[kept]
    cut = np.zeros(len(values), np.bool_) if given_up is None else np.asarray(given_up, np.bool_)
    cut = cut[kept]
    estimates = quantiles(chosen, QUANTILES, clusters=clusters, given_up=cut)
    finite, means = chosen[~cut], {}
    for name, of in (("mean", intervals.mean), ("cv", intervals.cv)):
        means[name] = of(chosen, clusters=clusters)
        if cut.any():  # a mean of times that are only known to be longer is none
            reason = f"the client gave up on {int(cut.sum()):,}, whose times are longer than that"
            means[name] = replace(means[name], value=None, low=None, high=None, reason=reason)
    return LatencySummary(
        what=what,
        n=len(chosen),
        cases=estimates[0].cases or 0,
        given_up=int(cut.sum()),
        left_out=left_out + int((~kept).sum()),
        **dict(zip(("p50", "p90", "p95", "p99"), estimates, strict=True)),
        **means,
        std_s=None if cut.any() else intervals.deviation(chosen, clusters),
        low_s=float(finite.min()) if len(finite) else None,
        high_s=float(finite.max()) if len(finite) else None,
    )


def stage_summaries(
    stages: pd.DataFrame, rows: Rows = "answered", *, trials: pd.DataFrame | None = None
) -> list[LatencySummary]:
    """Summarise each stage, in the order of the pipeline; see `time_stage`."""
    names = stage_names(stages)
    return [_summary(time_stage(stages, name, rows, trials=trials), name) for name in names]


def stage_names(stages: pd.DataFrame) -> list[str]:
    """Return the stages of the stage table in the order of the pipeline."""
    if len(stages) == 0:
        return []
    first = stages.groupby("stage", sort=False)["position"].min()
    return [str(name) for name in first.sort_values(kind="stable").index]


def e2e_summary(
    trials: pd.DataFrame, rows: Rows = "answered", *, stages: pd.DataFrame | None = None
) -> LatencySummary:
    """Summarise end-to-end latency of the trial table; see `time_end_to_end`."""
    return _summary(time_end_to_end(trials, rows, stages=stages), "e2e")


def time_end_to_end(
    trials: pd.DataFrame, rows: Rows = "answered", *, stages: pd.DataFrame | None = None
) -> Timed:
    """Return the end-to-end times of a run.

    `stages`: the stage table: it tells on which trials the client gave up, and which failed at the
    endpoint though nobody graded them.
    """
    good, late = ended_how(trials, stages)
    if rows == "right":
        good, late = succeeded(trials), np.zeros(len(trials), np.bool_)
    return _timed(judged_seconds(trials), good, late, trials)


def ended_how(trials: pd.DataFrame, stages: pd.DataFrame | None) -> tuple[Bools, Bools]:
    """Return where a trial ended with an answer, and where the client gave up on it; (n,)."""
    good, late = answered(trials), np.zeros(len(trials), np.bool_)
    if stages is not None and len(stages):
        decided = is_one_of(trials, "outcome", ["pass", "fail"])
        late = among(trials, stages[is_one_of(stages, "error_class", [DEADLINE])]) & ~decided
        good &= ~among(trials, stages[~answered_steps(stages)]) | decided
    return good, late & ~good


def time_stage(
    stages: pd.DataFrame, name: str, rows: Rows = "answered", *, trials: pd.DataFrame | None = None
) -> Timed:
    """Return the times of one stage's steps, as `time_end_to_end`; right ones need the trials."""
    mine = is_one_of(stages, "stage", [name])
    frame = stages if mine.all() else stages[mine]
    late, good = is_one_of(frame, "error_class", [DEADLINE]), answered_steps(frame)
    if rows == "right":
        if trials is None:
            raise ValueError("steps of right answers need the trial table")
        good &= among(frame, trials[succeeded(trials)])
        late[:] = False
    return _timed(judged_steps(frame), good, late, frame)


def judged_seconds(trials: pd.DataFrame) -> Floats:
    """Return end-to-end times without what liftlab's own work took of them; (n,)."""
    return floats(trials, "e2e_s") - np.nan_to_num(floats(trials, "client_s"))


def judged_steps(stages: pd.DataFrame) -> Floats:
    """Return the times of steps without what liftlab's own work took of them; (n,)."""
    return floats(stages, "latency_s") - np.nan_to_num(floats(stages, "client_s"))


def answered_steps(stages: pd.DataFrame) -> Bools:
    """Return where a step ended with an answer of the model's; (n,)."""
    return ~is_one_of(stages, "error_class", _NO_ANSWER)


def answered(trials: pd.DataFrame) -> Bools:
    """Return where a trial ended with an answer of the model's, graded or not; (n,)."""
    return ~is_one_of(trials, "outcome", ["error"])


def succeeded(trials: pd.DataFrame) -> Bools:
    """Return where a trial ended with a right answer; (n,)."""
    return is_one_of(trials, "outcome", ["pass"])


def _summary(timed: Timed, what: str) -> LatencySummary:
    return summarise(
        timed.seconds, timed.numbers, given_up=timed.given_up, left_out=timed.left_out, what=what
    )


def _timed(seconds: Floats, good: Bools, late: Bools, frame: pd.DataFrame) -> Timed:
    kept = (good | late) & np.isfinite(seconds)
    numbers, names = coded(frame, "case_id")
    return Timed(
        seconds=seconds[kept],
        numbers=numbers[kept],
        names=names,
        given_up=late[kept],
        left_out=len(seconds) - int(kept.sum()),
    )
