"""Grading a whole run: each trial's answer against its case, as rows of two tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from operator import attrgetter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liftlab.grading.controls import Controls
from liftlab.grading.grade import BY_DEFAULT, WEAK, Graded, grade, grade_failure, sandbox_for
from liftlab.grading.once import Once
from liftlab.records import Check, Grade, columns
from liftlab.sandbox import Sandbox
from liftlab.settings import GradingSettings
from liftlab.store import Artifacts
from liftlab.store.by_column import TRIAL, among, places
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
    """Grade every trial of a run; of those that are alike, one.

    Parameters
    ----------
    trials, stages
        The run's tables `trial` and `stage`.
    artifacts
        Where the stages' values are; the code that was graded is kept there, too.
    suite
        What the answers are checked against; without it, and for a case that it does not
        have, a trial is ungraded.
    settings
        Where answers may be run: where the sandbox can't isolate they stay ungraded, unless that
        is allowed.

    Returns
    -------
    tuple of DataFrame
        The tables `grade`, a row a trial, and `check`, a row a check that was tried.
    """
    cases = {case.case_id: case for case in suite.cases} if suite else {}
    grades: list[Grade] = []
    checks: list[list[Check]] = []
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
            grades.append(
                graded.to_grade(
                    **keys,
                    suite_sha256=suite.sha256 if suite else None,
                    code_sha256=None if graded.code is None else artifacts.put(graded.code),
                )
            )
            checks.append(graded.to_checks(**keys))
        controls.rest(sandbox)
    tried = np.array([len(group) for group in checks], dtype=np.intp)
    rows = np.repeat((np.cumsum(tried) - tried)[alike], tried[alike]) + _turns(tried[alike])
    told = _frame("grade", [_vouched(grade, controls) for grade in grades]).take(alike)
    every = _frame("check", list(chain.from_iterable(checks))).take(rows)
    repeats = trials["repeat"].to_numpy()
    return (
        told.assign(repeat=repeats).reset_index(drop=True),
        every.assign(repeat=np.repeat(repeats, tried[alike])).reset_index(drop=True),
    )


def _alike(trials: pd.DataFrame, stages: pd.DataFrame) -> NDArray[np.intp]:
    """Return a number for each trial, the same for those with the same case and stages' values.

    Numbers count from 0 in the order in which they are first seen.
    """
    whose = places(stages, trials)
    order = np.lexsort((stages["position"].to_numpy(dtype=np.float64), whose))
    order = order[whose[order] >= 0]
    whose, values = whose[order], _numbered(stages.iloc[order][_JUDGED])
    turn = _turns(np.bincount(whose, minlength=len(trials)))
    alike = _numbered(trials[["case_id", "asked_function"]])
    for place in range(turn.max(initial=-1) + 1):
        here = turn == place
        level = np.zeros(len(trials), dtype=np.intp)
        level[whose[here]] = values[here] + 1
        alike = pd.factorize(alike * (values.max() + 2) + level)[0]
    return alike


def _numbered(frame: pd.DataFrame) -> NDArray[np.intp]:
    found = frame.groupby(list(frame.columns), dropna=False, sort=False).ngroup()
    return np.asarray(found, dtype=np.intp)


def _turns(counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return 0, 1, … for as many members as each group has, one group after the other."""
    ends = np.cumsum(counts)
    return np.arange(counts.sum()) - np.repeat(ends - counts, counts)


def _frame(table: str, records: Sequence[Grade | Check]) -> pd.DataFrame:
    names = list(columns(table))
    return frame_of([*map(attrgetter(*names), records)], columns(table))


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
    if not stages:
        return Graded(outcome="ungraded")
    kept = {stage["stage"]: _value(stage, artifacts).get("reply") for stage in stages}
    notes = {stage: wrapped for stage, wrapped in kept.items() if wrapped}
    graded = _graded(stages, artifacts, case, sandbox, allow_weak_isolation, once, controls)
    return replace(graded, facets=graded.facets | {"reply": notes}) if notes else graded


def _graded(
    stages: list[dict[str, Any]],
    artifacts: Artifacts,
    case: Case | None,
    sandbox: Sandbox,
    allow_weak_isolation: bool,
    once: Once[Graded] | None,
    controls: Controls | None,
) -> Graded:
    last = stages[-1]
    answer = _code(last, artifacts)
    if answer is None and not last["ok"]:
        return _of_failure(last, artifacts, case)
    for stage in reversed(stages[:-1]):
        answer = answer or _code(stage, artifacts)
    if answer is None or case is None or not case.is_checked:
        return Graded(outcome="ungraded")
    code, ir_name, asked = answer["code"], answer["function"], last["asked_function"]
    is_asked = isinstance(asked, str)

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

    return judge() if once is None else once((case.case_id, ir_name, is_asked, code), judge)


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


def _of_failure(stage: dict[str, Any], artifacts: Artifacts, case: Case | None) -> Graded:
    """Judge a trial that never came to code; where nothing says why, nobody is to blame."""
    reason = stage["error_class"]
    if not isinstance(reason, str):
        return Graded(outcome="ungraded")
    kept = _value(stage, artifacts)
    message = kept.get("message")
    graded = grade_failure(
        stage["stage"],
        reason,
        message if isinstance(message, str) else None,
        no_answer=kept.get("no_answer") is True,
    )
    # Of answers that nobody checks, those that failed must not be the only ones that count.
    unchecked = case is None and graded.outcome == "fail"
    return Graded(outcome="ungraded") if unchecked else graded


def _code(stage: dict[str, Any], artifacts: Artifacts) -> dict[str, Any] | None:
    """Return what a stage wrote as code, with the function it is meant to define."""
    value = _value(stage, artifacts)
    return value if "code" in value else None


def _value(stage: dict[str, Any], artifacts: Artifacts) -> dict[str, Any]:
    digest = stage["value_sha256"]
    if not isinstance(digest, str):
        return {}
    value: dict[str, Any] = json.loads(artifacts.get(digest))
    return value
