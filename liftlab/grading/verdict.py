"""A verdict on one answer, its rows in the tables, and its line in a file of verdicts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from liftlab import records
from liftlab.records import FailureClass, Integrity, Isolation, Outcome
from liftlab.sandbox import Limits

GRADER_VERSION = "4"
MAX_ROW_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What one check gave; values are text for people, bounded in size."""

    name: str
    passed: bool
    expected: str | None = None
    actual: str | None = None
    error: str | None = None
    elapsed_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """The verdict on one answer.

    `outcome` is for the code as taken out of its wrapping, `raw_outcome` for the text as it
    came. `code` is what ran, None for a trial that never came to code.
    """

    outcome: Outcome
    raw_outcome: Outcome | None = None
    failure_class: FailureClass | None = None
    facets: dict[str, Any] = field(default_factory=dict)
    parsed: bool | None = None
    checks: tuple[CheckResult, ...] = ()
    checks_passed: int | None = None
    checks_total: int | None = None
    cpu_s: float | None = None
    wall_s: float | None = None
    reruns: int | None = None
    isolation: Isolation | None = None
    limits: Limits | None = None
    verdict_integrity: Integrity | None = None
    code: bytes | None = field(default=None, repr=False)

    def to_grade(self, **keys: Any) -> records.Grade:
        """Return the row of the grade table; `keys` are the columns that this does not know."""
        row = {name: getattr(self, name) for name in _SHARED}
        row["limits"] = json.dumps(asdict(self.limits)) if self.limits else None
        row["facets"] = json.dumps(self.facets) if self.facets else None
        return records.Grade(grader_version=GRADER_VERSION, **row, **keys)

    def to_checks(self, **keys: Any) -> list[records.Check]:
        """Return the rows of the check table; `keys` say of which trial."""
        rows = []
        for result in self.checks:
            row = asdict(result)
            rows.append(
                records.Check(check=row.pop("name"), grader_version=GRADER_VERSION, **row, **keys)
            )
        return rows


_SHARED = {own.name for own in fields(Graded)} & {column.name for column in fields(records.Grade)}


def result_row(case_id: str, graded: Graded) -> dict[str, Any]:
    """Return a verdict as JSON data of at most 64 KiB.

    The counts of checks are among the facets. Of a check that failed, the row tells what was
    expected and what came; where all of that is too long, it is left out, and then the last
    checks are, and the facet `cut` says so.
    """
    facets = dict(graded.facets)
    if graded.checks_total:
        facets |= {"checks_passed": graded.checks_passed, "checks_total": graded.checks_total}
    checks: list[dict[str, Any]] = []
    for check in graded.checks:
        told: dict[str, Any] = {"name": check.name, "passed": check.passed}
        if not check.passed:
            told |= {"expected": check.expected, "actual": check.actual, "error": check.error}
        checks.append({name: value for name, value in told.items() if value is not None})
    row = {
        "case_id": case_id,
        "outcome": graded.outcome,
        "failure_class": graded.failure_class,
        "facets": facets,
        "checks": checks,
        "isolation": graded.isolation,
        "verdict_integrity": graded.verdict_integrity,
        "cpu_s": _rounded(graded.cpu_s),
        "wall_s": _rounded(graded.wall_s),
    }
    if _size(row) > MAX_ROW_BYTES:
        facets["cut"] = True
        checks[:] = [{"name": check.name, "passed": check.passed} for check in graded.checks]
    while _size(row) > MAX_ROW_BYTES:
        del checks[len(checks) // 2 :]
    return row


def _size(row: Mapping[str, Any]) -> int:
    return len(json.dumps(row)) + 1


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
