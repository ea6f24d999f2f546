"""Failed answers, each with what it was made from and a right answer to set beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from liftlab.store import RunData
from liftlab.summary.result import Result

MOST = 8  # of each class in turn, so that the rare ones are among them


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One failed answer; texts are the model's own, None where nothing was kept."""

    # case_id, repeat, category: which trial it ended
    case_id: str
    repeat: int
    category: str
    # failure_class, facets: what the grader found, and where
    failure_class: str
    facets: dict[str, Any]
    line: int | None  # the line of the code that it names
    # code, ir: the code as graded, and the IR that it was made from
    code: str | None
    ir: str | None
    checks: pd.DataFrame  # the checks that it missed: `check, expected, actual, error`
    # case and repeat of a right answer: to the same case, else to one of its category
    like: tuple[str, int] | None
    like_code: str | None  # the code of that answer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Examples(Result):
    """Failed answers of a run.

    `rows`: some of each failure class. `failed`: how many there are in all.
    """

    rows: tuple[Example, ...]
    failed: int


def examples_of(run: RunData) -> Examples:
    """Choose failed answers, each class in turn, and read what was kept of them."""
    failed = run.trials[run.trials["outcome"] == "fail"]
    order = failed.groupby("failure_class", dropna=False).cumcount().sort_values(kind="stable")
    chosen = failed.loc[order.index[:MOST]].to_dict("records")
    return Examples(
        run=run, rows=tuple(_example(run, trial) for trial in chosen), failed=len(failed)
    )


def code_of(run: RunData, case_id: str, repeat: int) -> str | None:
    """Return the code that a trial ended with, as it was graded; None if it gave none."""
    digest = next(iter(rows_of(run.grades, case_id, repeat)["code_sha256"]), None)
    if not isinstance(digest, str):
        return None
    return run.folder.artifacts.get(digest).decode("utf-8", "replace")


def ir_of(run: RunData, case_id: str, repeat: int) -> str | None:
    """Return the IR that an answer was made from, as JSON where it is; None if none was kept."""
    stages = rows_of(run.stages, case_id, repeat).sort_values("position")
    digests = stages["value_sha256"].iloc[:-1].dropna()  # the last stage's value is the answer
    if len(digests) == 0:
        return None
    text = run.folder.artifacts.get_text(digests.iloc[-1])
    try:
        value = json.loads(text)
        inner = value.get("value", value) if isinstance(value, dict) else value
        return json.dumps(inner, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text  # what a model wrote need not be JSON


def _example(run: RunData, trial: dict[Any, Any]) -> Example:
    case, repeat = str(trial["case_id"]), int(trial["repeat"])
    facets, checks = facets_of(run, case, repeat), rows_of(run.checks, case, repeat)
    line = facets.get("line")
    like = next(like_of(run.trials, trial), None)
    return Example(
        case_id=case,
        repeat=repeat,
        category="" if pd.isna(trial["category"]) else str(trial["category"]),
        failure_class="" if pd.isna(trial["failure_class"]) else str(trial["failure_class"]),
        facets=facets,
        line=line if type(line) is int else None,
        code=code_of(run, case, repeat),
        ir=ir_of(run, case, repeat),
        checks=checks.loc[~checks["passed"].astype(bool), ["check", "expected", "actual", "error"]],
        like=like,
        like_code=code_of(run, *like) if like else None,
    )


def like_of(trials: pd.DataFrame, trial: Mapping[Any, Any]) -> Iterator[tuple[str, int]]:
    """Yield right answers to the same case, then to others of its category."""
    right = trials[trials["outcome"] == "pass"]
    for column in ("case_id", "category"):
        near = right[right[column] == trial[column]]
        yield from ((str(case), int(n)) for case, n in near[["case_id", "repeat"]].to_numpy())


def facets_of(run: RunData, case_id: str, repeat: int) -> dict[str, Any]:
    """Return what the grader found of an answer; empty where it found nothing."""
    kept = rows_of(run.grades, case_id, repeat)["facets"].dropna()
    try:
        facets = json.loads(kept.iloc[0]) if len(kept) else {}
    except ValueError:
        return {}
    return facets if isinstance(facets, dict) else {}


def rows_of(frame: pd.DataFrame, case_id: str, repeat: int) -> pd.DataFrame:
    """Return a table's rows of one trial."""
    return frame[(frame["case_id"] == case_id) & (frame["repeat"] == repeat)]
