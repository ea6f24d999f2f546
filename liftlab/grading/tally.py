"""What the verdicts on a file of answers come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from liftlab.grading.controls import shown

_LACKING = ("not_installed", "needs_python")
_FROM_WEAKEST = ("none", "limits-only", "restricted", "full")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What became of a file of answers.

    `outcomes` counts them by outcome, `by_case` holds for each case how many answers passed and
    how many could be judged, and `resumed` is how many verdicts were there already. `type_only`
    counts the answers whose values that failed equal the expected ones by Python's `==`. `lacking`
    holds what an answer lacks, a package or a newer Python, by the facet that says so.
    `controls` says how many known answers were told apart; where not all were, no verdict is
    `proven`. `isolation` is the weakest there was. `joined` counts the verdicts that shards had,
    and `strange` names the files of shards that are of another suite or grader.
    """

    total: int
    resumed: int
    type_only: int
    lacking: list[dict[str, str]]
    isolation: str
    controls: str
    proven: bool
    outcomes: dict[str, int]
    by_case: dict[str, tuple[int, int]]
    joined: int = 0
    strange: tuple[str, ...] = ()


class Tally:
    """Counts of verdicts, by outcome and by case."""

    def __init__(self) -> None:
        self.outcomes = dict.fromkeys(("pass", "fail", "error", "ungraded"), 0)
        self.by_case: dict[str, tuple[int, int]] = {}
        self.type_only = 0
        self.lacking: list[dict[str, str]] = []
        self._unproven = 0
        self._levels: set[str] = set()

    @property
    def total(self) -> int:
        """How many verdicts there are."""
        return sum(self.outcomes.values())

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a verdict."""
        case_id, outcome = row["case_id"], row["outcome"]
        self.outcomes[outcome] += 1
        facets = row.get("facets", {})
        self._unproven += row.get("verdict_integrity") == "unproven"
        self.saw(row.get("isolation"))
        self.type_only += facets.get("type_only") is True
        if lacks := {name: facets[name] for name in _LACKING if name in facets}:
            self.lacking.append(lacks)
        if outcome in ("pass", "fail"):
            passed, judged = self.by_case.get(case_id, (0, 0))
            self.by_case[case_id] = (passed + (outcome == "pass"), judged + 1)

    def saw(self, isolation: object) -> None:
        """Take a level at which code was run; None is none."""
        if isolation in _FROM_WEAKEST:
            self._levels.add(str(isolation))

    def summary(self, controls: tuple[int, int], **more: Any) -> Summary:
        """Return what the verdicts come to; `more` are the fields that they do not tell."""
        return Summary(
            total=self.total,
            type_only=self.type_only,
            lacking=self.lacking,
            isolation=min(self._levels, key=_FROM_WEAKEST.index, default="none"),
            controls=shown(controls),
            proven=controls[0] == controls[1] and not self._unproven,
            outcomes=self.outcomes,
            by_case=self.by_case,
            **more,
        )
