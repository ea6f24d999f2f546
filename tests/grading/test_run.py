"""From a trial's stages to its verdict, and from a run's trials to the tables of verdicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from liftlab import suite
from liftlab.grading.pool import Controls
from liftlab.grading.run import grade_run, grade_trial
from liftlab.records import Stage, Trial, as_row, columns
from liftlab.sandbox import Sandbox
from liftlab.store import Artifacts

SUITE = suite.parse(
    b'{"case_id": "double", "prompt": "Double.", "checks": [[[2], 4], [[3], 6]]}\n'
    b'{"case_id": "none", "prompt": "Nothing to check."}\n',
    Path("tiny.jsonl"),
)
DOUBLE, UNCHECKED = SUITE.cases
RIGHT = {"code": "def f(x): return 2 * x", "function": "f"}
WRONG = {"code": "def f(x): return 4", "function": "f"}


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts")


def stage(artifacts: Artifacts, name: str, value: Any, ok: bool = True, **more: Any) -> Any:
    digest = None if value is None else artifacts.put(json.dumps(value).encode())
    told = {"stage": name, "ok": ok, "error_class": None, "value_sha256": digest}
    return told | {"asked_function": None} | more


@pytest.mark.parametrize(
    ("values", "outcome", "facets"),
    [
        ([RIGHT], "pass", {}),
        ([{"value": 1}, RIGHT], "pass", {}),
        ([RIGHT, WRONG], "fail", {}),  # the last code counts
        ([WRONG, {"value": 1}], "fail", {}),
        ([{"value": 1}], "ungraded", {}),
        ([None], "ungraded", {}),
        ([], "ungraded", {}),
        ([RIGHT | {"reply": ["fence"]}], "pass", {"reply": {"s0": ["fence"]}}),
        ([{"reply": ["a"]}, RIGHT | {"reply": []}], "pass", {"reply": {"s0": ["a"]}}),
    ],
)
def test_the_last_code_of_a_trial_is_graded(
    values: list[Any], outcome: str, facets: dict[str, Any], artifacts: Artifacts, sandbox: Sandbox
) -> None:
    stages = [stage(artifacts, f"s{n}", value) for n, value in enumerate(values)]
    graded = grade_trial(stages, artifacts, DOUBLE, sandbox)
    assert graded.outcome == outcome
    assert graded.facets.get("reply") == facets.get("reply")


@pytest.mark.parametrize(("case", "outcome"), [(None, "ungraded"), (UNCHECKED, "ungraded")])
def test_what_nothing_checks_is_ungraded(
    case: Any, outcome: str, artifacts: Artifacts, sandbox: Sandbox
) -> None:
    controls = Controls()
    made = [stage(artifacts, "code", RIGHT)]
    assert grade_trial(made, artifacts, case, sandbox, controls=controls).outcome == outcome
    controls.rest(sandbox)
    assert controls.counts == (0, 0)  # nothing was run for it


@pytest.mark.parametrize(
    ("reason", "value", "case", "outcome"),
    [
        (None, {"message": "odd"}, DOUBLE, "ungraded"),
        ("http_5xx", {"message": "odd"}, DOUBLE, "error"),
        ("http_5xx", None, None, "error"),
        ("schema_mismatch", {"message": "odd"}, DOUBLE, "fail"),
        ("schema_mismatch", {"message": 7}, DOUBLE, "fail"),
        ("schema_mismatch", {"message": "odd"}, None, "ungraded"),
        ("schema_mismatch", {"message": "<html>", "no_answer": True}, DOUBLE, "error"),
    ],
)
def test_a_trial_that_came_to_no_code(
    reason: str | None,
    value: Any,
    case: Any,
    outcome: str,
    artifacts: Artifacts,
    sandbox: Sandbox,
) -> None:
    failed = stage(artifacts, "ir", value, ok=False, error_class=reason)
    assert grade_trial([failed], artifacts, case, sandbox).outcome == outcome


def test_code_that_failed_its_stage_is_graded_all_the_same(
    artifacts: Artifacts, sandbox: Sandbox
) -> None:
    refused = stage(artifacts, "code", RIGHT, ok=False, error_class="does_not_parse")
    assert grade_trial([refused], artifacts, DOUBLE, sandbox).outcome == "pass"


def tables(artifacts: Artifacts, *rows: tuple[int, Any, str | None]) -> Any:
    trials, stages = [], []
    for repeat, value, asked in rows:
        key: dict[str, Any] = {"run_id": "r", "case_id": "double", "repeat": repeat}
        trials.append(as_row(Trial(**key, asked_function=asked)))
        digest = artifacts.put(json.dumps(value).encode())
        stages.append(as_row(Stage(**key, stage="code", position=0, ok=True, value_sha256=digest)))
    return (
        pd.DataFrame(trials, columns=list(columns("trial"))),
        pd.DataFrame(stages, columns=list(columns("stage"))),
    )


def test_a_run_has_a_verdict_a_trial_and_a_row_a_check(artifacts: Artifacts) -> None:
    rows = tables(artifacts, (3, WRONG, None), (1, RIGHT, None), (2, WRONG, None))
    grades, checks = grade_run(*rows, artifacts, SUITE)
    assert grades["repeat"].tolist() == [3, 1, 2]
    assert grades["outcome"].tolist() == ["fail", "pass", "fail"]
    assert grades["checks_passed"].tolist() == [1, 2, 1]
    assert set(grades["suite_sha256"]) == {SUITE.sha256}
    told = checks[["repeat", "passed"]].values.tolist()
    assert told == [[3, True], [3, False], [1, True], [1, True], [2, True], [2, False]]
    assert artifacts.get(grades["code_sha256"][1]).startswith(b"def f(x): return 2")
    # Known answers vouch for all that was run.
    assert grades["controls"].nunique() == 1
    assert set(grades["verdict_integrity"]) == {"caller"}


def test_a_name_that_was_asked_for_makes_another_answer(artifacts: Artifacts) -> None:
    named = RIGHT | {"function": "g"}
    rows = tables(artifacts, (1, named, None), (2, named, "g(x)"))
    grades, _ = grade_run(*rows, artifacts, SUITE)
    assert grades["outcome"].tolist()[0] == "pass"
    assert len(grades) == 2


def test_without_a_suite_nothing_is_graded(artifacts: Artifacts) -> None:
    grades, checks = grade_run(*tables(artifacts, (1, RIGHT, None)), artifacts, None)
    assert grades["outcome"].tolist() == ["ungraded"]
    assert grades[["suite_sha256", "code_sha256", "controls"]].isna().all(axis=None)
    assert len(checks) == 0
