"""Why trials of a run are not right: the lines under its table, and whether it is the set-up."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from liftlab.analysis.columns import labels
from liftlab.reporting.text import words

if TYPE_CHECKING:
    import pandas as pd

    from liftlab.store import RunData

_KEYS = ["case_id", "repeat"]
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


def reason_lines(run: RunData) -> list[str]:
    """Return what goes under a run's table: the most frequent reason, and what to try."""
    reasons = _reasons(run)
    lines = []
    if reasons:
        (first, count), *_ = Counter(reason for reason, _ in reasons).most_common(1)
        told = _told(first, reasons)
        lines.append(f"Most frequent reason, {count:,} of {len(reasons):,}: {told}")
        if _wants_direct(run, first):
            lines.append("This endpoint may do better when asked for the code: --pipeline direct")
        own = [(reason, said) for reason, said in reasons if reason.kind == "pipeline_error"]
        if own and first.kind != "pipeline_error":
            lines.append(f"{len(own):,} of {len(reasons):,}: {_told(own[0][0], own)}")
    if loose := _unconstrained(run):
        lines.append(loose)
    return lines


def set_up_fault(run: RunData) -> str | None:
    """Return why all trials ended before grading, and what to do, where all ended alike."""
    reasons = _reasons(run)
    alike = {reason for reason, _ in reasons}
    if len(alike) != 1 or len(reasons) < len(run.trials):
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


def _told(reason: Reason, reasons: list[tuple[Reason, str]]) -> str:
    """Return a reason with what was most often said of it."""
    said = Counter(message for other, message in reasons if other == reason and message)
    told = [message for message, _ in said.most_common(1)] if reason.stage else []
    return ": ".join([str(reason), *told])


def _wants_direct(run: RunData, reason: Reason) -> bool:
    """Whether an endpoint for any text fails where the stages need JSON of it."""
    off_form = reason.kind in ("invalid_ir", "invalid_reply")
    return off_form and run.run.protocol == "openai" and run.run.pipeline == "lift"


def _reasons(run: RunData) -> list[tuple[Reason, str]]:
    """Return the reason of each trial that is not right, with its message."""
    grades = run.grades.drop_duplicates(_KEYS, keep="last")
    columns = (*_KEYS, "outcome", "failure_class", "code_sha256", "facets")
    rows = zip(*(labels(grades, name) for name in columns), strict=True)
    return [
        _reason(outcome, failure_class, code is not None, json.loads(facets or "{}"))
        for _, _, outcome, failure_class, code, facets in rows
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
    measured = run.attempts[labels(run.attempts, "phase") == "measure"]
    told = [value for value in labels(measured, "constrained") if value is not None]
    loose = sum(not value for value in told)
    if not loose:
        return None
    return f"{loose:,} of {len(told):,} JSON answers were not constrained to their schema"
