"""The first benchmark's format holds what it can, and says what it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from liftlab.errors import RunFolderCorrupt
from liftlab.importers.week2.export import export, write
from liftlab.records import Grade, Run, Stage, Trial, as_row, columns
from liftlab.store import (
    Journal,
    RunData,
    RunFolder,
    create,
    join_trials,
    read_journal,
    read_tables,
    write_tables,
)
from liftlab.store.frames import DTYPES, empty

RUN_ID = "20251015_085128_abcd"
KEY = {"run_id": RUN_ID, "case_id": "add"}
SUITE = b"""[[cases]]
case_id = "add"
prompt = "Add two numbers"
checks = [[[1, 2], 3]]
"""
CODE = "def add(a, b):\n    return a + b\n"


def frame(table: str, *records: object) -> pd.DataFrame:
    kinds = columns(table)
    made = pd.DataFrame([as_row(r) for r in records], columns=list(kinds), dtype=object)
    return made.astype({name: DTYPES[kind] for name, kind in kinds.items()})


def opened(folder: RunFolder, *grades: Grade) -> RunData:
    frames = read_journal(folder) | {"grade": frame("grade", *grades)}
    frames["trial"] = join_trials(
        frames["trial"], frames["grade"], empty("cost"), frames["attempt"]
    )
    write_tables(folder, frames)
    return read_tables(folder)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return create(tmp_path / "runs", Run(run_id=RUN_ID, suite="one"), {}, SUITE, ".toml")


def stage(repeat: int = 1, **columns: object) -> Stage:
    return Stage(repeat=repeat, **KEY, **{"stage": "code", "position": 0, "ok": True} | columns)


@pytest.fixture
def run(folder: RunFolder) -> RunData:
    """Two trials through both stages: one passes, the other gets stuck in the second."""
    ir = folder.artifacts.put(json.dumps({"value": {"intent": "sum"}}).encode())
    code = folder.artifacts.put(json.dumps({"code": CODE, "function": "add"}).encode())
    first = {"stage": "nlp_to_ir", "latency_s": 10.0, "attempts": 1, "value_sha256": ir}
    good = {"stage": "ir_to_code", "position": 1, "latency_s": 4.0, "attempts": 2}
    bad = good | {"ok": False, "error_class": "syntax_error", "attempts": 3}
    with Journal.open(folder) as journal:
        stages = [
            stage(**first, client_peak_mb=0.5),
            stage(**good, value_sha256=code),
        ]
        journal.trial_ended(Trial(repeat=1, e2e_s=14.5, completed=True, **KEY), stages)
        stages = [stage(repeat=2, **first), stage(repeat=2, **bad)]
        journal.trial_ended(Trial(repeat=2, e2e_s=30.0, **KEY), stages)
    key = KEY | {"grader_version": "1"}
    passed = Grade(repeat=1, outcome="pass", **key)
    failed = Grade(repeat=2, outcome="fail", failure_class="syntax_error", **key)
    return opened(folder, passed, failed)


def test_a_run_in_the_old_format(run: RunData) -> None:
    good, bad = export(run)["results"]
    assert (good["test_name"], good["prompt"]) == ("add", "Add two numbers")
    assert good["nlp_to_ir"]["latency_ms"] == 10_000
    assert good["nlp_to_ir"]["memory_mb"] == good["total_memory_mb"] == 0.5
    assert good["ir_to_code"]["metadata"]["result"]["metadata"]["attempts"] == 2
    assert (good["ir_output"], good["code_output"]) == ({"intent": "sum"}, CODE)
    assert good["total_latency_ms"] == 14_500
    assert good["estimated_cost_usd"] is None
    assert (good["end_to_end_success"], good["execution_success"]) == (True, True)

    assert (bad["end_to_end_success"], bad["execution_success"]) == (False, False)
    assert bad["ir_to_code"]["error"] == "syntax_error"
    assert bad["ir_to_code"]["metadata"]["result"] is None
    assert bad["code_output"] is None


def test_the_summary_is_over_successes(run: RunData) -> None:
    summary = export(run)["summary"]
    counts = [summary[f"{name}_runs"] for name in ("total", "successful", "failed")]
    assert counts == [2, 1, 1]
    assert (summary["e2e_mean"], summary["e2e_median"], summary["e2e_std"]) == (
        14_500,
        14_500,
        None,
    )
    assert summary["ir_to_code_mean"] == 4_000
    assert summary["total_cost_usd"] is None


def test_it_is_written_beside_the_run_and_says_what_it_lost(run: RunData) -> None:
    path = write(run)
    assert path.name == "benchmark_results_20251015_085128.json"
    data = json.loads(path.read_text())
    assert data == export(run)
    assert any("attempts" in line for line in data["lossy"])


def test_a_run_of_nothing(folder: RunFolder) -> None:
    data = export(opened(folder))
    assert data["results"] == []
    assert data["summary"]["e2e_mean"] is None


def test_an_artifact_that_is_no_json_is_told(folder: RunFolder) -> None:
    broken = stage(value_sha256=folder.artifacts.put(b"{"))
    with Journal.open(folder) as journal:
        journal.trial_ended(Trial(repeat=1, **KEY), [broken])
    with pytest.raises(RunFolderCorrupt, match="not JSON"):
        export(opened(folder))
