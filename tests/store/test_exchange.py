"""Tables for other tools: every value of every table, and nothing that a spreadsheet runs."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import pandas as pd
import pytest

from liftlab.records import TABLES
from liftlab.store import (
    Journal,
    RunData,
    RunFolder,
    join_trials,
    read_journal,
    read_tables,
    write_tables,
)
from liftlab.store.exchange import csv_files, frames_of, json_lines, parquet_files
from liftlab.store.frames import empty


@pytest.fixture
def run(folder: RunFolder, rows: SimpleNamespace) -> RunData:
    value = folder.artifacts.put(b'{"code": "x"}')
    with Journal.open(folder) as journal:
        stages = [rows.stage(value_sha256=value, latency_s=1 / 3, error_class="=2+3")]
        journal.trial_ended(rows.trial(category="@cmd, \u201cquoted\u201d"), stages)
    frames = read_journal(folder)
    costs, grades = empty("cost"), empty("grade")
    frames["trial"] = join_trials(frames["trial"], grades, costs, frames["attempt"])
    write_tables(folder, frames, judged_by="nobody")
    return read_tables(folder)


def test_every_table_has_a_file(run: RunData) -> None:
    assert set(csv_files(run)) == {f"{table}.csv" for table in TABLES}
    for name, content in parquet_files(run).items():
        frame = pd.read_parquet(io.BytesIO(content))
        assert len(frame) == len(frames_of(run)[name.removesuffix(".parquet")])


def test_csv_keeps_numbers_and_defuses_formulas(run: RunData) -> None:
    files = csv_files(run)
    stage = pd.read_csv(io.BytesIO(files["stage.csv"]))
    assert stage["latency_s"].tolist() == [1 / 3]
    assert stage["error_class"].tolist() == ["'=2+3"]
    trial = pd.read_csv(io.BytesIO(files["trial.csv"]))
    assert trial["category"].tolist() == ["'@cmd, \u201cquoted\u201d"]
    assert trial["e2e_s"].isna().all()


def test_json_lines_are_complete_and_strict(run: RunData) -> None:
    records = [json.loads(line, parse_constant=pytest.fail) for line in json_lines(run)]
    head = records[0]
    assert (head["table"], head["run_id"], head["judged_by"]) == (
        "liftlab",
        run.run.run_id,
        "nobody",
    )
    assert head["records"] == len(records) - 1
    (stage,) = (record for record in records if record["table"] == "stage")
    assert (stage["latency_s"], stage["started_s"]) == (1 / 3, None)
    (artifact,) = (record for record in records if record["table"] == "artifact")
    assert artifact["text"] == '{"code": "x"}'


def test_what_is_not_text_is_encoded(run: RunData, rows: SimpleNamespace) -> None:
    digest = run.folder.artifacts.put(b"\xff\x00")
    run.stages.loc[0, "value_sha256"] = digest
    (artifact,) = (r for r in map(json.loads, json_lines(run)) if r["table"] == "artifact")
    assert artifact["base64"] == "/wA="
