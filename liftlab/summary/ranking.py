"""Several runs beside each other: which is best, and whether it really is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from liftlab.analysis.compare import Ranking, rank
from liftlab.analysis.estimate import Estimate
from liftlab.store import RunData
from liftlab.summary.run import RunSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedRun:
    """One run of a ranking."""

    # run_id, endpoint, model: which run it is
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
    ranking: Ranking  # every pair of them, in the order in which they were named
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
    return RankedRuns(rows=tuple(rows), ranking=ranking, shared=len(shared))


def _of(run: RunData, cases: set[str]) -> RunData:
    trials, stages = (table[table["case_id"].isin(cases)] for table in (run.trials, run.stages))
    return replace(run, trials=trials, stages=stages)
