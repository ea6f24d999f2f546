"""Two runs beside each other, or several: what they share, and what the difference is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from liftlab.analysis import compare as paired_runs
from liftlab.analysis.by_case import CaseChange, case_changes
from liftlab.analysis.comparability import CONDITIONS, SETTINGS, differences
from liftlab.analysis.compare import rank
from liftlab.analysis.estimate import Estimate
from liftlab.store import RunData
from liftlab.summary.provenance import bottleneck, unproven

if TYPE_CHECKING:
    from liftlab.summary.run import RunSummary

_ALSO = {"liftlab_version": "liftlab", "git_commit": "commit", "judged_by": "grader or prices"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """One of two runs: what it was (its row of the history), and its tables."""

    run_id: str
    row: Mapping[str, Any]
    trials: pd.DataFrame
    stages: pd.DataFrame
    data: RunData | None = None  # None: only its baseline is there

    @property
    def client_was_the_bottleneck(self) -> bool:
        """Whether the run's own client was too slow for what it measured."""
        return self.data is not None and bool(bottleneck(self.data))

    @property
    def uncertainty_s(self) -> float | None:
        """By how much its times may be off: the history's row has it as it was recorded."""
        seconds = self.row.get("timing_uncertainty_s")
        return None if seconds is None else float(seconds) * float(self.row.get("time_scale") or 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """Two runs, compared over what they share."""

    first: Side
    second: Side
    why: str  # why these two, in a sentence; empty where they were named
    differs: Mapping[str, tuple[Any, Any]]  # what was not the same, by its name: the value of each
    # cases of both runs that are left out, because their prompt or checks changed
    changed_cases: Sequence[str]
    times: paired_runs.RunComparison  # verdicts on stages, end to end and success
    cases: Sequence[CaseChange]  # each shared case, the largest change first

    @property
    def costs(self) -> tuple[float, float] | None:
        """What a request costs in both, where that is known, at one price."""
        both = (self.first.row.get("cost_per_trial_usd"), self.second.row.get("cost_per_trial_usd"))
        if "price" in self.differs or None in both:
            return None
        return float(both[0]), float(both[1])  # type: ignore[arg-type]

    @property
    def uncertainty_s(self) -> float | None:
        """By how much times may be off in the worse known of the two runs."""
        known = [side.uncertainty_s for side in (self.first, self.second)]
        return max((seconds for seconds in known if seconds), default=None)

    @property
    def bottlenecks(self) -> tuple[str, ...]:
        """The runs whose client was the bottleneck: their times say less than they seem to."""
        sides = (self.first, self.second)
        return tuple(side.run_id for side in sides if side.client_was_the_bottleneck)

    @property
    def unproven(self) -> tuple[str, ...]:
        """Why verdicts of the two runs are not to be relied on; empty where they are."""
        data = [side.data for side in (self.first, self.second)]
        return tuple(filter(None, (unproven(run) for run in data if run)))

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        success = self.times.success
        return {
            "first": self.first.run_id,
            "second": self.second.run_id,
            "why": self.why,
            "differs": {name: list(pair) for name, pair in self.differs.items()},
            "changed_cases": list(self.changed_cases),
            "timing_uncertainty_s": self.uncertainty_s,
            "client_was_the_bottleneck": list(self.bottlenecks),
            "unproven": list(self.unproven),
            "shared_cases": self.times.shared,
            "times": [
                {"what": change.what, **_ends(change.ratio, "ratio"), "cases": change.ratio.n}
                | _fields(change, "p", "p_equivalent", "detectable", "margin", "verdict")
                | {"reason": change.ratio.reason}
                for change in self.times.times
            ],
            "success": _fields(success, "first", "second")
            | _ends(success.difference, "difference")
            | _fields(success, "cases", "better", "worse", "p", "verdict")
            | {"reason": success.difference.reason},
            "cost_per_trial_usd": list(self.costs) if self.costs else None,
            "cases": [
                _fields(case, "case_id", "first_s", "second_s")
                | _ends(case.ratio, "ratio")
                | _fields(case, "p", "verdict")
                | {"reason": case.ratio.reason}
                for case in self.cases
            ],
        }


def _fields(result: object, *names: str) -> dict[str, Any]:
    return {name: getattr(result, name) for name in names}


def _ends(estimate: Estimate, name: str) -> dict[str, Any]:
    return {name: estimate.value, "low": estimate.low, "high": estimate.high}


def compare(
    first: Side, second: Side, *, changed_cases: Sequence[str] = (), why: str = ""
) -> Comparison:
    """Compare a second run with a first, over what they share.

    `changed_cases` are left out, because their prompt or checks are not the same in both.
    """
    tables = [_without(side, changed_cases) for side in (first, second)]
    return Comparison(
        first=first,
        second=second,
        why=why,
        differs=differences(first.row, second.row, CONDITIONS | SETTINGS | _ALSO),
        changed_cases=tuple(changed_cases),
        times=paired_runs.runs(*tables),
        cases=case_changes(*tables),
    )


def _without(side: Side, cases: Sequence[str]) -> Side:
    if not cases:
        return side
    trials, stages = (table[~table["case_id"].isin(cases)] for table in (side.trials, side.stages))
    return replace(side, trials=trials, stages=stages)


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedRun:
    """One run of a ranking."""

    run_id: str
    endpoint: str | None
    model: str | None
    # success, median: its success rate and its median end to end, as on its own pages
    success: Estimate
    median: Estimate
    # success_places, time_places: the best and the worst place that the data leave open
    success_places: tuple[int, int]
    time_places: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RankedRuns:
    """Runs with their places, those first that are most often right."""

    rows: tuple[RankedRun, ...]  # the runs
    shared: int  # cases that all have

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "shared_cases": self.shared,
            "runs": [
                {
                    "run_id": row.run_id,
                    "endpoint": row.endpoint,
                    "model": row.model,
                    "success_rate": row.success.value,
                    "success_places": list(row.success_places),
                    "e2e_median_s": row.median.value,
                    "time_places": list(row.time_places),
                }
                for row in self.rows
            ],
        }


def ranked(summaries: Sequence[RunSummary], changed_cases: Sequence[str] = ()) -> RankedRuns:
    """Rank runs by success and by time.

    `summaries`: the runs, two or more. `changed_cases`: cases to leave out, because their prompt or
    checks are not the same in all.
    """
    shared = set.intersection(*(set(summary.run.trials["case_id"]) for summary in summaries))
    shared -= set(changed_cases)
    ranking = rank([_of(summary.run, shared) for summary in summaries])
    places = zip(ranking.places("success"), ranking.places("time"), strict=True)
    rows = [
        RankedRun(
            run_id=summary.run.run.run_id,
            endpoint=summary.run.run.endpoint,
            model=summary.run.run.model,
            success=summary.answers.success.estimate,
            median=summary.latency.e2e.p50,
            success_places=success,
            time_places=time,
        )
        for summary, (success, time) in zip(summaries, places, strict=True)
    ]
    rows.sort(key=lambda row: (row.success_places, -(row.success.value or 0.0)))
    return RankedRuns(rows=tuple(rows), shared=len(shared))


def _of(run: RunData, cases: set[str]) -> RunData:
    trials, stages = (table[table["case_id"].isin(cases)] for table in (run.trials, run.stages))
    return replace(run, trials=trials, stages=stages)
