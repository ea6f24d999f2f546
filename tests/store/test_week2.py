"""The first benchmark's format holds what it can, and says what it cannot."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pandas as pd
import pytest

from liftlab.errors import RunFolderCorrupt
from liftlab.records import Grade, as_row, columns
from liftlab.store import (
    Journal,
    RunData,
    RunFolder,
    export_week2,
    join_trials,
    read_journal,
    read_tables,
    write_tables,
    write_week2,
)
from liftlab.store.frames import DTYPES, empty

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
def run(folder: RunFolder, rows: SimpleNamespace) -> RunData:
    """Two trials through both stages: one passes, the other gets stuck in the second."""
    ir = folder.artifacts.put(json.dumps({"value": {"intent": "sum"}}).encode())
    code = folder.artifacts.put(json.dumps({"code": CODE, "function": "add"}).encode())
    first = {"stage": "nlp_to_ir", "latency_s": 10.0, "attempts": 1, "value_sha256": ir}
    good = {"stage": "ir_to_code", "position": 1, "latency_s": 4.0, "attempts": 2}
    bad = good | {"ok": False, "error_class": "syntax_error", "attempts": 3}
    with Journal.open(folder) as journal:
        stages = [
            rows.stage(**first, client_peak_mb=0.5),
            rows.stage(**good, value_sha256=code),
        ]
        journal.trial_ended(rows.trial(e2e_s=14.5, completed=True), stages)
        stages = [rows.stage(repeat=2, **first), rows.stage(repeat=2, **bad)]
        journal.trial_ended(rows.trial(repeat=2, e2e_s=30.0), stages)
    key = {"run_id": rows.run_id, "case_id": "add", "grader_version": "1"}
    passed = Grade(repeat=1, outcome="pass", **key)
    failed = Grade(repeat=2, outcome="fail", failure_class="syntax_error", **key)
    return opened(folder, passed, failed)


def test_a_run_in_the_old_format(run: RunData) -> None:
    good, bad = export_week2(run)["results"]
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
    summary = export_week2(run)["summary"]
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
    path = write_week2(run)
    assert path.name == "benchmark_results_20251015_085128.json"
    data = json.loads(path.read_text())
    assert data == export_week2(run)
    assert any("attempts" in line for line in data["lossy"])


def test_a_run_of_nothing(folder: RunFolder) -> None:
    data = export_week2(opened(folder))
    assert data["results"] == []
    assert data["summary"]["e2e_mean"] is None


def test_an_artifact_that_is_no_json_is_told(folder: RunFolder, rows: SimpleNamespace) -> None:
    stage = rows.stage(value_sha256=folder.artifacts.put(b"{"))
    with Journal.open(folder) as journal:
        journal.trial_ended(rows.trial(), [stage])
    with pytest.raises(RunFolderCorrupt, match="not JSON"):
        export_week2(opened(folder))
