"""A pinned run: its file is read with care, and stands for the run where that is not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from liftlab.errors import FileInvalid, InputInvalid, SchemaTooNew
from liftlab.jobs.baselines import Baseline, baseline_tables, read_baseline, row_of

PINNED: dict[str, Any] = {
    "schema_version": 1,
    "run_id": "r",
    "run": {"model": "m", "started_at": None},
    "metrics": {"success_rate": 0.5},
    "spread": {"success_rate": {"sd": 0.0, "runs": 2}},
    "cases": {
        "add": {"e2e_s": 2.0, "stages": {"code": 1.5}, "passed": 2, "judged": 3},
        "sub": {"e2e_s": None, "stages": {}, "passed": 0, "judged": 0},
    },
}


def written(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "baseline.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_baseline_comes_back_as_it_was_pinned(tmp_path: Path) -> None:
    found = read_baseline(written(tmp_path, PINNED))
    assert found.model_dump() == PINNED
    [spread] = found.spreads().values()
    assert (spread.sd, spread.runs) == (0.0, 2)


def test_a_baseline_stands_for_its_run() -> None:
    trials, stages = baseline_tables(Baseline.model_validate(PINNED))
    assert trials["case_id"].tolist() == ["add"] * 3 + ["sub"]
    assert trials["outcome"].tolist() == ["pass", "pass", "fail", "ungraded"]
    assert trials["repeat"].tolist() == [1, 2, 3, 1]
    assert trials["e2e_s"].tolist()[:3] == [2.0] * 3
    assert trials["completed"].all()
    [stage] = stages.to_dict("records")
    assert stage == {
        "run_id": "r", "case_id": "add", "repeat": 1, "stage": "code", "ok": True, "latency_s": 1.5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"schema_version": None}, "it has no schema_version"),
        ({"schema_version": True}, "it has no schema_version"),
        ({"more": 1}, "more: "),
        ({"spread": {"x": {"sd": -0.1, "runs": 2}}}, "spread.x.sd: "),
        ({"spread": {"x": {"sd": 0.1, "runs": 1}}}, "spread.x.runs: "),
        ({"cases": {"a": {"passed": -1}}}, "cases.a.passed: "),
        ({"cases": {"a": {"judged": 1_000_001}}}, "cases.a.judged: "),
    ],
)
def test_what_is_no_baseline_is_refused_by_its_place(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(FileInvalid, match=said):
        read_baseline(written(tmp_path, PINNED | changed))


def test_other_files_are_refused(tmp_path: Path) -> None:
    for content in ("{", "[" * 100_000, "[1]", "{}"):
        with pytest.raises(FileInvalid):
            read_baseline(written(tmp_path, content))
    with pytest.raises(SchemaTooNew):
        read_baseline(written(tmp_path, PINNED | {"schema_version": 2}))
    with pytest.raises(FileInvalid):
        read_baseline(tmp_path / "gone.json")


def test_a_row_of_the_history_is_plain(tmp_path: Path) -> None:
    runs = pd.DataFrame({"run_id": ["a", "b"], "n": np.array([1, 2]), "x": [None, 0.5]})
    row = row_of(runs, "b")
    assert row == {"run_id": "b", "n": 2, "x": 0.5}
    assert type(row["n"]) is int
    assert row_of(runs, "a")["x"] is None
    with pytest.raises(InputInvalid, match="c: it is not in the history"):
        row_of(runs, "c")
    runs.attrs["skipped"] = {"c": "its tables are damaged"}
    with pytest.raises(InputInvalid, match="c: its tables are damaged"):
        row_of(runs, "c")


@pytest.mark.parametrize(
    "edge",
    [
        {"spread": {"x": {"sd": 0, "runs": 2}}},
        {"cases": {"a": {}}},
        {"cases": {"a": {"passed": 0, "judged": 1_000_000}}},
        {"spread": {}, "cases": {}},
    ],
)
def test_what_a_baseline_may_hold_at_its_ends(tmp_path: Path, edge: dict[str, Any]) -> None:
    found = read_baseline(written(tmp_path, PINNED | edge))
    if "cases" in edge:
        told = {(case.e2e_s, *case.stages, case.passed) for case in found.cases.values()}
        assert told <= {(None, 0)}
    with pytest.raises(ValidationError):
        found.run_id = "other"  # type: ignore[misc]


def test_a_case_without_a_verdict_has_one_row_that_is_not_graded() -> None:
    cases = {"a": {"e2e_s": 1.0, "stages": {"code": None}}}
    trials, stages = baseline_tables(Baseline.model_validate(PINNED | {"cases": cases}))
    assert trials[["repeat", "outcome", "e2e_s"]].to_dict("records") == [
        {"repeat": 1, "outcome": "ungraded", "e2e_s": 1.0}
    ]
    assert len(stages) <= 1
