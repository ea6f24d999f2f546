"""Why trials of a run are not right: the lines under its table, and whether it is the set-up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from liftlab.analysis.columns import is_true, labels, rows
from liftlab.reporting.text import words

if TYPE_CHECKING:
    import pandas as pd

    from liftlab.store import RunData

_KEYS = ["case_id", "repeat"]
_GRADE = ("outcome", "failure_class", "code_sha256", "facets")
_SERVER_SAYS = "the server says: "


class Reason(NamedTuple):
    """Why a trial is not right; `stage` is the one that it ended at before it was graded."""

    outcome: str
    kind: str
    stage: str | None

    def __str__(self) -> str:
        if self.outcome == "error":
            return words.request_error(self.kind)
        said = f"answers {words.failure(self.kind)}"
        return f"{said} of stage {self.stage}" if self.kind == "invalid_reply" else said


Told = tuple[Reason, str, int]  # with its message, and how many are alike


def reason_lines(run: RunData) -> list[str]:
    """Return what goes under a run's table: the most frequent reason, and what to try."""
    reasons = _reasons(run)
    lines = []
    if reasons:
        total = sum(count for *_, count in reasons)
        first, count = _most_common((reason, count) for reason, _, count in reasons)
        told = _told(first, reasons)
        lines.append(f"Most frequent reason, {count:,} of {total:,}: {told}")
        if _wants_direct(run, first):
            lines.append("This endpoint may do better when asked for the code: --pipeline direct")
        own = [row for row in reasons if row[0].kind == "pipeline_error"]
        if own and first.kind != "pipeline_error":
            count = sum(alike for *_, alike in own)
            lines.append(f"{count:,} of {total:,}: {_told(own[0][0], own)}")
    if loose := _unconstrained(run):
        lines.append(loose)
    return lines


def set_up_fault(run: RunData) -> str | None:
    """Return why all trials ended before grading, and what to do, where all ended alike."""
    reasons = _reasons(run)
    alike = {reason for reason, *_ in reasons}
    if len(alike) != 1 or sum(count for *_, count in reasons) < run.size("trial"):
        return None
    (reason,) = alike
    if reason.stage is None:
        return None
    direct = _wants_direct(run, reason)
    do = "try --pipeline direct" if direct else "check the endpoint, its model and the pipeline"
    return f"{_told(reason, reasons)}. The set-up is the likely cause: {do}"


def went_wrong(trials: pd.DataFrame, stages: pd.DataFrame) -> list[str]:
    """Return what went wrong with each trial; empty where nothing did."""
    failed = stages.dropna(subset=["error_class"])
    last = failed.groupby(_KEYS)["error_class"].last().to_dict()
    columns = (labels(trials, name) for name in (*_KEYS, "outcome", "failure_class"))
    return [
        words.request_error(str(last[case, repeat]))
        if outcome == "error" and (case, repeat) in last
        else words.cause(failure_class or "")
        for case, repeat, outcome, failure_class in zip(*columns, strict=True)
    ]


def _told(reason: Reason, reasons: list[Told]) -> str:
    """Return a reason with what was most often said of it."""
    said = [(message, count) for other, message, count in reasons if other == reason and message]
    told = [_most_common(said)[0]] if said and reason.stage else []
    return ": ".join([str(reason), *told])


def _most_common(found: Iterable[tuple[Any, int]]) -> tuple[Any, int]:
    counts: Counter[Any] = Counter()
    for what, count in found:
        counts[what] += count
    return counts.most_common(1)[0]


def _wants_direct(run: RunData, reason: Reason) -> bool:
    """Whether an endpoint for any text fails where the stages need JSON of it."""
    off_form = reason.kind in ("invalid_ir", "invalid_reply")
    return off_form and run.run.protocol == "openai" and run.run.pipeline == "lift"


def _reasons(run: RunData) -> list[Told]:
    """Return why trials are not right: reason, message, and how many are alike."""
    if run.size("grade") > run.size("trial"):  # graded more than once: the last counts
        grades = run.grades.drop_duplicates(_KEYS, keep="last")
    else:
        grades = run.counted("grade", *_GRADE)
    found = zip(*(labels(grades, name) for name in _GRADE), rows(grades), strict=True)
    return [
        (*_reason(outcome, failure_class, code is not None, json.loads(facets or "{}")), int(count))
        for outcome, failure_class, code, facets, count in found
        if outcome in ("fail", "error") and failure_class is not None
    ]


def _reason(
    outcome: str, failure_class: str, graded: bool, facets: dict[str, Any]
) -> tuple[Reason, str]:
    kind = facets.get("sub_kind") if outcome == "error" and not graded else None
    stage = None if graded else str(facets.get("stage", ""))
    message = str(facets.get("message", "")).removeprefix(_SERVER_SAYS)
    return Reason(outcome, str(kind or failure_class), stage), message


def _unconstrained(run: RunData) -> str | None:
    """Say how many JSON answers came from a server that did not hold its model to the schema."""
    told = run.counted("attempt", "phase", "constrained").dropna()
    told = told[told["phase"] == "measure"]
    loose = int(rows(told)[~is_true(told, "constrained")].sum())
    if not loose:
        return None
    count = int(rows(told).sum())
    return f"{loose:,} of {count:,} JSON answers were not constrained to their schema"
