"""The lines under a run's table: why trials are not right, and what verdicts do not say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from liftlab.analysis.columns import is_true, labels, rows
from liftlab.reporting.text import words
from liftlab.words import be, counted

if TYPE_CHECKING:
    import pandas as pd

    from liftlab.store import RunData

_KEYS = ["case_id", "repeat"]
_GRADE = ("outcome", "failure_class", "code_sha256", "facets")
_SERVER_SAYS = "the server says: "
_MOST_NAMED = 10
_REMOVED = {
    "fence": "Markdown",
    "reasoning": "reasoning",
    "prose": "prose around the code",
    "tokens": "end-of-text tokens",
    "marks": "[PYTHON] marks",
}


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


Reasons = Counter[tuple[Reason, str]]  # with its message: how many are alike


def reason_lines(run: RunData) -> list[str]:
    """Return what goes under a run's table: the most frequent reason, and what to try."""
    reasons = _reasons(run)
    lines = []
    if total := reasons.total():
        first, count = _kinds(reasons).most_common(1)[0]
        lines.append(f"Most frequent reason, {count:,} of {total:,}: {_told(first, reasons)}")
        if _wants_direct(run, first):
            lines.append("This endpoint may do better when asked for the code: --pipeline direct")
        own = Counter({row: n for row, n in reasons.items() if row[0].kind == "pipeline_error"})
        if own and first.kind != "pipeline_error":
            said = _told(next(iter(own))[0], own)
            lines.append(f"{own.total():,} of {total:,}: {said}")
    told = run.counted("attempt", "phase", "constrained").dropna()
    told = told[told["phase"] == "measure"]
    if loose := int(rows(told)[~is_true(told, "constrained")].sum()):
        asked = int(rows(told).sum())
        lines.append(f"{loose:,} of {asked:,} JSON answers were not constrained to their schema")
    return lines


def set_up_fault(run: RunData) -> str | None:
    """Return why all trials ended before grading, and what to do, where all ended alike."""
    reasons = _reasons(run)
    kinds = [*_kinds(reasons)]
    if len(kinds) != 1 or reasons.total() < run.size("trial") or kinds[0].stage is None:
        return None
    do = "check the endpoint, its model and the pipeline"
    if _wants_direct(run, kinds[0]):
        do = "try --pipeline direct"
    return f"{_told(kinds[0], reasons)}. The set-up is the likely cause: {do}"


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


def _reasons(run: RunData) -> Reasons:
    """Count why trials are not right."""
    if run.size("grade") > run.size("trial"):  # graded more than once: the last counts
        grades = run.grades.drop_duplicates(_KEYS, keep="last")
    else:
        grades = run.counted("grade", *_GRADE)
    found = zip(*(labels(grades, name) for name in _GRADE), rows(grades), strict=True)
    reasons: Reasons = Counter()
    for outcome, failure_class, code, facets, count in found:
        if outcome not in ("fail", "error") or failure_class is None:
            continue
        known = json.loads(facets or "{}")
        graded = code is not None
        kind = known.get("sub_kind") if outcome == "error" and not graded else None
        stage = None if graded else str(known.get("stage", ""))
        message = str(known.get("message", "")).removeprefix(_SERVER_SAYS)
        reasons[Reason(outcome, str(kind or failure_class), stage), message] += int(count)
    return reasons


def _kinds(reasons: Reasons) -> Counter[Reason]:
    """Count reasons whatever their message."""
    kinds: Counter[Reason] = Counter()
    for (reason, _), count in reasons.items():
        kinds[reason] += count
    return kinds


def _told(reason: Reason, reasons: Reasons) -> str:
    """Return a reason with what was most often said of it."""
    said = Counter({text: n for (other, text), n in reasons.items() if other == reason and text})
    return f"{reason}: {said.most_common(1)[0][0]}" if said and reason.stage else str(reason)


def _wants_direct(run: RunData, reason: Reason) -> bool:
    """Whether an endpoint for any text fails where the stages need JSON of it."""
    off_form = reason.kind in ("invalid_ir", "invalid_reply")
    return off_form and run.run.protocol == "openai" and run.run.pipeline == "lift"


def answer_notes(grades: pd.DataFrame) -> list[str]:
    """Return how many answers had to be unwrapped, and which are right but for a name.

    `grades`: a run's table `grade`; with a column `rows`, each row stands for so many answers.
    """
    told = grades.dropna(subset="facets")
    facets = list(map(json.loads, told["facets"]))
    alike = list(map(int, rows(told)))
    removed: Counter[str] = Counter()
    unwrapped = right = type_only = misnamed = 0
    named: list[str] = []
    answers = zip(told["case_id"], told["outcome"], facets, alike, strict=True)
    for case, outcome, found, count in answers:
        if "removed" in found:
            unwrapped += count
            right += count * (outcome == "pass")
            for kind in found["removed"]:
                removed[_REMOVED.get(kind, str(kind))] += count
        if found.get("right_but_for_name"):
            misnamed += count
            named += [f"{case} (named {found.get('function')})"] * min(count, _MOST_NAMED)
        type_only += count * (found.get("type_only") is True)
    notes = []
    if unwrapped:
        parts = ", ".join(f"{kind} {count:,}" for kind, count in removed.most_common())
        verb = "was" if unwrapped == 1 else "were"
        notes.append(
            f"{counted(unwrapped, 'answer')} {verb} unwrapped before grading ({parts}): "
            f"{right:,} {be(right)} right."
        )
    if misnamed:
        more = f" and {misnamed - _MOST_NAMED:,} more" if misnamed > _MOST_NAMED else ""
        notes.append(
            f"{counted(misnamed, 'answer')} {be(misnamed)} right but for the function's name: "
            f"{', '.join(named[:_MOST_NAMED])}{more}."
        )
    notes += [note] if (note := type_only_note(type_only)) else []
    return [*notes, *lacking(zip(facets, alike, strict=True))]


def type_only_note(count: int) -> str:
    """Say how many answers gave values that only Python's `==` takes for the expected ones."""
    if not count:
        return ""
    verb, them = ("fails", "it") if count == 1 else ("fail", "them")
    return f"{counted(count, 'answer')} {verb} by type only: == would pass {them}, as 1.0 for 1."


def lacking(facets: Iterable[tuple[Mapping[str, Any], int]]) -> Iterator[str]:
    """Yield how many answers wanted which package, and how many a newer Python.

    `facets`: of verdicts, each with how many answers have it.
    """
    wanted: Counter[str] = Counter()
    newer: Counter[str] = Counter()
    for found, alike in facets:
        if "not_installed" in found:
            wanted[str(found["not_installed"])] += alike
        if "needs_python" in found:
            newer[f"Python {found['needs_python']}"] += alike
    if count := wanted.total():
        verb = "imports a package" if count == 1 else "import packages"
        yield (
            f"{counted(count, 'answer')} {verb} that the sandbox lacks: {_counts(wanted)}. "
            "Allow them with packages under [grading]."
        )
    if count := newer.total():
        verb = "needs a newer Python and was" if count == 1 else "need a newer Python and were"
        yield (
            f"{counted(count, 'answer')} {verb} not graded: {_counts(newer)}. "
            "Name an interpreter with python under [grading]."
        )


def _counts(names: Counter[str]) -> str:
    parts = [f"{name} ({count:,})" for name, count in names.most_common(_MOST_NAMED)]
    more = len(names) - _MOST_NAMED
    return ", ".join([*parts, f"{more:,} more"] if more > 0 else parts)
