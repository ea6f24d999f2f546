"""Grading a whole run: each trial's answer against its case, as rows of two tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from liftlab.grading.grade import BY_DEFAULT, WEAK, Graded, grade, grade_failure, sandbox_for
from liftlab.grading.pool import Controls, Once
from liftlab.records import Check, Grade, columns
from liftlab.sandbox import Sandbox
from liftlab.settings import GradingSettings
from liftlab.store import Artifacts
from liftlab.store.by_column import TRIAL, among
from liftlab.store.frames import frame_of
from liftlab.suite import Case, Suite

_JUDGED = ["stage", "ok", "error_class", "value_sha256"]  # what a verdict depends on, of a stage


def grade_run(
    trials: pd.DataFrame,
    stages: pd.DataFrame,
    artifacts: Artifacts,
    suite: Suite | None,
    settings: GradingSettings = BY_DEFAULT,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Grade every trial of a run, of those that are alike one; return the tables of it.

    These are `grade`, a row a trial, and `check`, a row a check that was tried. The code that was
    graded is kept among the artifacts. Without a suite, for a case that it does not have, and where
    the sandbox can't isolate and that is not allowed, a trial is ungraded.
    """
    cases = {case.case_id: case for case in suite.cases} if suite else {}
    grades: list[Grade] = []
    checks: list[Check] = []
    tried: list[range] = []  # the rows of `checks` of each grade
    once, controls = Once[Graded](), Controls()
    alike = _alike(trials, stages)
    _, first = np.unique(alike, return_index=True)
    with sandbox_for(settings, suite) as sandbox:
        for keys, mine in _stages_by_trial(trials.iloc[first], stages):
            graded = grade_trial(
                mine,
                artifacts,
                cases.get(keys["case_id"]),
                sandbox,
                allow_weak_isolation=settings.allow_weak_isolation,
                once=once,
                controls=controls,
            )
            code_sha256 = None if graded.code is None else artifacts.put(graded.code)
            suite_sha256 = suite.sha256 if suite else None
            grades.append(
                graded.to_grade(**keys, suite_sha256=suite_sha256, code_sha256=code_sha256)
            )
            tried.append(range(len(checks), len(checks) + len(graded.checks)))
            checks += graded.to_checks(**keys)
        controls.rest(sandbox)
    repeats = trials["repeat"].to_numpy()
    told = _frame("grade", [_vouched(grade, controls) for grade in grades], alike)
    every = _frame("check", checks, [row for number in alike for row in tried[number]])
    of_each = [len(tried[number]) for number in alike]
    return told.assign(repeat=repeats), every.assign(repeat=np.repeat(repeats, of_each))


def _alike(trials: pd.DataFrame, stages: pd.DataFrame) -> NDArray[np.intp]:
    """Return a number for each trial, the same for those with the same case and stages' values.

    Numbers count from 0 in the order in which they are first seen.
    """
    mine = stages.sort_values("position", kind="stable")
    turn = mine.groupby([*TRIAL], sort=False).cumcount()
    mine = mine[[*TRIAL]].assign(turn=turn, value=_numbered(mine[_JUDGED]))
    values = mine.pivot(index=[*TRIAL], columns="turn", values="value")
    wide = trials[[*TRIAL, "asked_function"]].join(values, on=[*TRIAL])
    return _numbered(wide.drop(columns="repeat"))


def _numbered(frame: pd.DataFrame) -> NDArray[np.intp]:
    found = frame.groupby(list(frame.columns), dropna=False, sort=False).ngroup()
    return np.asarray(found, dtype=np.intp)


def _stages_by_trial(
    trials: pd.DataFrame, stages: pd.DataFrame
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    grouped: dict[Any, list[Any]] = {}
    mine = stages.loc[among(stages, trials), [*TRIAL, "position", *_JUDGED]]
    # All rows at once: a frame for each trial of a long load takes milliseconds.
    for row in mine.sort_values("position", kind="stable").to_dict("records"):
        grouped.setdefault((row["case_id"], row["repeat"]), []).append(row)
    keys = ["run_id", *TRIAL, "asked_function"]
    for run_id, case_id, repeat, asked in trials[keys].itertuples(index=False):
        key = {"run_id": str(run_id), "case_id": str(case_id), "repeat": int(repeat)}
        rows = grouped.get((case_id, repeat), [])
        yield key, [row | {"asked_function": asked} for row in rows]


def _frame(table: str, records: Sequence[Grade | Check], rows: ArrayLike) -> pd.DataFrame:
    names = list(columns(table))
    frame = frame_of([*map(attrgetter(*names), records)], columns(table))
    return frame.take(np.array(rows, dtype=np.intp)).reset_index(drop=True)


def _vouched(grade: Grade, controls: Controls) -> Grade:
    """Return a grade with what the known answers say of its pool, if an answer was run for it."""
    if grade.code_sha256 is None:
        return grade
    integrity = "unproven" if controls.missed else grade.verdict_integrity
    return replace(grade, controls=str(controls) or None, verdict_integrity=integrity)


def grade_trial(
    stages: list[dict[str, Any]],
    artifacts: Artifacts,
    case: Case | None,
    sandbox: Sandbox,
    *,
    allow_weak_isolation: bool = False,
    once: Once[Graded] | None = None,
    controls: Controls | None = None,
) -> Graded:
    """Grade one trial by the rows of its stages, in order, with its `asked_function` in each.

    The facet `reply` says by stage what replies were wrapped in, or had too much.
    `once` knows what it has judged. Some of `controls` are graded before an answer.
    """
    values = [_value(stage["value_sha256"], artifacts) for stage in stages]
    answer = next((value for value in reversed(values) if "code" in value), None)
    if stages and not stages[-1]["ok"] and "code" not in values[-1]:
        graded = _of_failure(stages[-1], values[-1], case)
    elif answer is None or case is None or not case.is_checked:
        graded = Graded(outcome="ungraded")
    else:
        code, ir_name = answer["code"], answer["function"]
        is_asked = isinstance(stages[-1]["asked_function"], str)

        def judge() -> Graded:
            if controls and (allow_weak_isolation or sandbox.isolation not in WEAK):
                controls.some(sandbox)
            return grade(
                code,
                case,
                ir_name=ir_name,
                asked=is_asked,
                sandbox=sandbox,
                allow_weak_isolation=allow_weak_isolation,
            )

        graded = once((case.case_id, ir_name, is_asked, code), judge) if once else judge()
    pairs = zip(stages, values, strict=True)
    notes = {stage["stage"]: value["reply"] for stage, value in pairs if value.get("reply")}
    return replace(graded, facets=graded.facets | {"reply": notes}) if notes else graded


def _of_failure(stage: dict[str, Any], value: dict[str, Any], case: Case | None) -> Graded:
    """Judge a trial that never came to code; where nothing says why, nobody is to blame."""
    reason, message = stage["error_class"], value.get("message")
    if not isinstance(reason, str):
        return Graded(outcome="ungraded")
    graded = grade_failure(
        stage["stage"],
        reason,
        message if isinstance(message, str) else None,
        no_answer=value.get("no_answer") is True,
    )
    # Of answers that nobody checks, those that failed must not be the only ones that count.
    unchecked = case is None and graded.outcome == "fail"
    return Graded(outcome="ungraded") if unchecked else graded


def _value(digest: object, artifacts: Artifacts) -> dict[str, Any]:
    """Return what a stage gave, with its `code` and `function` if that is code."""
    if not isinstance(digest, str):
        return {}
    value: dict[str, Any] = json.loads(artifacts.get(digest))
    return value
