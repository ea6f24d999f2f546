"""What is wrong with the answers that are not right, and which fault to fix first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from liftlab.analysis.columns import indexed, labels
from liftlab.analysis.success import FailureShare, judgeable
from liftlab.store import RunData
from liftlab.summary.result import Result


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Failures(Result):
    """Failure classes of a run, the most frequent first.

    `rows`: a share of all graded answers and of the failures for each class. Fixing one class may
    bring another to light, so its share is the most that a fix can buy. `clearly_first`: whether
    the first spoils more prompts than the second beyond chance, by the sign test over prompts, at 5
    %.
    """

    rows: tuple[FailureShare, ...]
    clearly_first: bool

    @property
    def count(self) -> int:
        """How many answers failed."""
        return sum(row.count for row in self.rows)


def failures_of(run: RunData, rows: tuple[FailureShare, ...]) -> Failures:
    """Return the failure classes of a run, and whether the first is clearly ahead."""
    return Failures(
        run=run, rows=rows, clearly_first=len(rows) == 1 or (len(rows) > 1 and _is_ahead(run, rows))
    )


def _is_ahead(run: RunData, rows: tuple[FailureShare, ...]) -> bool:
    known, _, _ = judgeable(run.trials, "pass")
    classes = labels(run.trials, "failure_class")[known]
    lead = (classes == rows[0].failure_class).astype(int) - (classes == rows[1].failure_class)
    index, _ = indexed(labels(run.trials, "case_id")[known])
    by_case = np.bincount(index, lead)
    ahead, behind = int((by_case > 0).sum()), int((by_case < 0).sum())
    if ahead <= behind:
        return False
    return bool(stats.binomtest(ahead, ahead + behind).pvalue < 0.05)
