"""Two runs beside each other: what they share, and what the difference is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from liftlab.analysis import compare as paired_runs
from liftlab.analysis.by_case import CaseChange, case_changes
from liftlab.analysis.comparability import CONDITIONS, SETTINGS, differences
from liftlab.analysis.trust import client_warning
from liftlab.store import RunData
from liftlab.summary.provenance import unproven

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
        return self.data is not None and bool(client_warning(self.data.run, self.data.trials))

    @property
    def uncertainty_s(self) -> float | None:
        """By how much its times may be off: the history's row has it as it was recorded."""
        seconds = self.row.get("timing_uncertainty_s")
        return None if seconds is None else float(seconds) * float(self.row.get("time_scale") or 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """Two runs, compared over what they share.

    Parameters
    ----------
    first, second
        The earlier and the later side.
    why
        Why these two, in a sentence; empty where they were named.
    differs
        What was not the same, by its name: the value of each.
    changed_cases
        Cases of both runs that are left out, because their prompt or checks changed.
    times
        Verdicts on stages, end to end and success.
    cases
        Each shared case, the largest change first.
    """

    first: Side
    second: Side
    why: str
    differs: Mapping[str, tuple[Any, Any]]
    changed_cases: Sequence[str]
    times: paired_runs.RunComparison
    cases: Sequence[CaseChange]

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
        return tuple(filter(None, (unproven(run.grades) for run in data if run)))

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
                {
                    "what": change.what,
                    "ratio": change.ratio.value,
                    "low": change.ratio.low,
                    "high": change.ratio.high,
                    "cases": change.ratio.n,
                    "p": change.p,
                    "p_equivalent": change.p_equivalent,
                    "detectable": change.detectable,
                    "margin": change.margin,
                    "verdict": change.verdict,
                    "reason": change.ratio.reason,
                }
                for change in self.times.times
            ],
            "success": {
                "first": success.first,
                "second": success.second,
                "difference": success.difference.value,
                "low": success.difference.low,
                "high": success.difference.high,
                "cases": success.cases,
                "better": success.better,
                "worse": success.worse,
                "p": success.p,
                "verdict": success.verdict,
                "reason": success.difference.reason,
            },
            "cost_per_trial_usd": list(self.costs) if self.costs else None,
            "cases": [
                {
                    "case_id": case.case_id,
                    "first_s": case.first_s,
                    "second_s": case.second_s,
                    "ratio": case.ratio.value,
                    "low": case.ratio.low,
                    "high": case.ratio.high,
                    "p": case.p,
                    "verdict": case.verdict,
                    "reason": case.ratio.reason,
                }
                for case in self.cases
            ],
        }


def compare(
    first: Side, second: Side, *, changed_cases: Sequence[str] = (), why: str = ""
) -> Comparison:
    """Compare a second run with a first, over what they share.

    Parameters
    ----------
    first, second
        The earlier and the later run.
    changed_cases
        Cases to leave out, because their prompt or checks are not the same in both.
    why
        Why these two, in a sentence.
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
