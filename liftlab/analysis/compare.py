"""Is one run faster, or more often right, than another? Paired over the cases that both have.

Each case counts once, by the median of its repeats: pairing single trials or pooling them raises
false alarms fourfold, or loses nearly all power. Not finding a difference is not equivalence: that
is a test of its own, against a margin.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

from liftlab.analysis.columns import Floats, floats, is_true, labels
from liftlab.analysis.estimate import plain, quantity
from liftlab.analysis.latency import ROWS_IN_WORDS, Rows, succeeded
from liftlab.analysis.paired import MARGIN, Change, holm, sign_flip_p, times
from liftlab.analysis.success import Measure, judgeable

SuccessVerdict = Literal["better", "worse", "cannot tell"]


class Tables(Protocol):
    """What of a run is compared; an opened run has it."""

    @property
    def trials(self) -> pd.DataFrame:
        """The trial table joined with its grades."""

    @property
    def stages(self) -> pd.DataFrame:
        """The stage table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessChange:
    """How often a second run succeeds, against a first, on the cases that both have."""

    measure: Measure
    first: float | None
    second: float | None
    cases: int
    better: int
    worse: int
    p: float | None
    verdict: SuccessVerdict

    def sentence(self) -> str:
        """Say both rates, which cases changed, and whether that is more than chance."""
        if self.p is None:
            return "Success: cannot tell: no case was judged in both runs."
        return (
            f"Success ({self.measure}): {self.verdict}: {quantity(self.first, '%')} before, "
            f"{quantity(self.second, '%')} after, n = {self.cases:,} shared; "
            f"{self.better:,} better, {self.worse:,} worse, p = {plain(self.p, 2)}."
        )

    def __str__(self) -> str:
        return self.sentence()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunComparison:
    """A second run against a first: each stage, end to end, and success."""

    first: str
    second: str
    shared: int
    only_first: int
    only_second: int
    times: tuple[Change, ...]
    success: SuccessChange

    def sentence(self) -> str:
        """Say what was compared, then each verdict."""
        apart = self.only_first + self.only_second
        unshared = f" ({apart:,} not shared are not compared)" if apart and self.shared else ""
        cases = "case" if self.shared == 1 else "cases"
        said = f"{self.second} against {self.first}, {self.shared:,} shared {cases}{unshared}."
        return " ".join([said, *(str(change) for change in self.times), str(self.success)])

    def __str__(self) -> str:
        return self.sentence()


def runs(
    a: Tables,
    b: Tables,
    *,
    rows: Rows = "ended",
    measure: Measure = "pass",
    margin: float = MARGIN,
) -> RunComparison:
    """Compare a second run with a first: times of each stage and end to end, and success.

    Parameters
    ----------
    a, b
        The first and the second run.
    rows
        "ended" or "ok".
    measure
        What a success is.
    margin
        What counts as the same time, as a share.

    Returns
    -------
    RunComparison
        Verdicts on times hold together: Holm's correction over stages and end to end.
    """
    changes = [
        times(
            *_stage(a.stages, name, rows),
            *_stage(b.stages, name, rows),
            what=name,
            rows=ROWS_IN_WORDS[rows],
            margin=margin,
        )
        for name in _shared_stages(a.stages, b.stages)
    ]
    changes.append(
        times(
            *_end_to_end(a.trials, rows),
            *_end_to_end(b.trials, rows),
            what="e2e",
            rows=ROWS_IN_WORDS[rows],
            margin=margin,
        )
    )
    first, second = _cases(a.trials), _cases(b.trials)
    return RunComparison(
        first=_run_id(a.trials, "the first run"),
        second=_run_id(b.trials, "the second run"),
        shared=len(first & second),
        only_first=len(first - second),
        only_second=len(second - first),
        times=tuple(holm(changes)),
        success=success(a.trials, b.trials, measure),
    )


def success(a: pd.DataFrame, b: pd.DataFrame, measure: Measure = "pass") -> SuccessChange:
    """Compare success on shared cases by an exact test of the cases' differences.

    Under no change each case's difference in rate is as likely to have the other sign; with
    one trial a case this is McNemar's exact test. All sign patterns are counted up to 14
    cases that differ, beyond it 20,000 are drawn with a fixed seed.

    Parameters
    ----------
    a, b
        Trial tables joined with their grades.
    """
    before, after = _case_rates(a, measure), _case_rates(b, measure)
    shared = before.index.intersection(after.index)
    if len(shared) == 0:
        return SuccessChange(
            measure=measure,
            first=None,
            second=None,
            cases=0,
            better=0,
            worse=0,
            p=None,
            verdict="cannot tell",
        )
    differences = (after[shared] - before[shared]).to_numpy(dtype=np.float64)
    level = sign_flip_p(differences)
    verdict: SuccessVerdict = "cannot tell"
    if level < 0.05:
        verdict = "better" if differences.sum() > 0 else "worse"
    return SuccessChange(
        measure=measure,
        first=float(before[shared].mean()),
        second=float(after[shared].mean()),
        cases=len(shared),
        better=int((differences > 0).sum()),
        worse=int((differences < 0).sum()),
        p=level,
        verdict=verdict,
    )


def _case_rates(trials: pd.DataFrame, measure: Measure) -> pd.Series[float]:
    known, good, _ = judgeable(trials, measure)
    names = labels(trials, "case_id")
    return pd.Series(good[known].astype(np.float64)).groupby(names[known]).mean()


def _stage(stages: pd.DataFrame, name: str, rows: Rows) -> tuple[Floats, Any]:
    frame = stages[stages["stage"] == name]
    frame = frame[is_true(frame, "ok")] if rows == "ok" else frame
    return floats(frame, "latency_s"), labels(frame, "case_id")


def _end_to_end(trials: pd.DataFrame, rows: Rows) -> tuple[Floats, Any]:
    frame = trials[succeeded(trials, "completed")] if rows == "ok" else trials
    return floats(frame, "e2e_s"), labels(frame, "case_id")


def _shared_stages(a: pd.DataFrame, b: pd.DataFrame) -> Iterable[str]:
    both = set(labels(a, "stage")) & set(labels(b, "stage"))
    return [str(name) for name in dict.fromkeys(labels(a, "stage")) if name in both]


def _cases(trials: pd.DataFrame) -> set[str]:
    return {str(name) for name in labels(trials, "case_id")}


def _run_id(trials: pd.DataFrame, otherwise: str) -> str:
    names = [name for name in labels(trials, "run_id") if name is not None]
    return str(names[0]) if names else otherwise
