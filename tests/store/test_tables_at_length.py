"""Tables of long runs and of sped-up ones say what those of short and plain ones do."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pyarrow.parquet as pq
import pytest

from liftlab.errors import RunFolderCorrupt
from liftlab.records import Run
from liftlab.store import Journal, RunFolder, read_tables, tables, write_tables
from tests.store.test_tables import RUN_ID, write


@pytest.fixture
def written(folder: RunFolder, rows: SimpleNamespace) -> RunFolder:
    with Journal.open(folder) as journal:
        rows.write_trial(journal)
    write(folder)
    return folder


@pytest.mark.parametrize("table", ["attempt", "stage", "trial"])
def test_a_flipped_bit_that_can_still_be_read_is_told(written: RunFolder, table: str) -> None:
    path = written.tables_path / f"{table}.parquet"
    columns = pq.read_metadata(path).row_group(0).to_dict()["columns"]
    (found,) = (each for each in columns if each["path_in_schema"] == "case_id")
    content = bytearray(path.read_bytes())
    content[found["data_page_offset"] - 1] ^= 1  # a letter of a text
    path.write_bytes(content)
    assert pq.ParquetFile(path).read().num_rows == 1  # whoever does not compare sees nothing
    with pytest.raises(RunFolderCorrupt, match=rf"{table}\.parquet"):
        tables.read_table(written, table)


def test_columns_of_a_large_run_are_those_of_a_small_one(
    folder: RunFolder, rows: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal.open(folder) as journal:
        for case_id in ("a", "b"):
            for repeat in (1, 2, 3):
                rows.write_trial(journal, case_id, repeat)
        journal.update_run(time_scale=2.0)
    write(folder)
    small = read_tables(folder)
    monkeypatch.setattr(tables, "_AT_ONCE", 2)
    write(folder)  # part by part
    large = read_tables(folder)
    assert (large.sped_up, small.sped_up) == (2.0, 2.0)
    for run in (small, large):
        assert run.size("trial") == tables.rows_of(folder, "trial") == 6
        assert run.columns("trial", "e2e_s")["e2e_s"].tolist() == [1.8] * 6
        assert len(run.columns("trial", "e2e_s", "failure_class", known="failure_class")) == 0
        assert len(run.columns("trial", "e2e_s", "case_id", known="e2e_s")) == 6
        counted = run.counted("trial", "case_id", "completed")
        assert counted["rows"].tolist() == [3, 3]
        near = run.of([("a", 1), ("b", 3)], "stage", "attempt")
        assert sorted(zip(near.stages["case_id"], near.stages["repeat"], strict=True)) == [
            *(("a", 1), ("a", 3), ("b", 1), ("b", 3)),
        ]
        assert near.attempts["last_byte_s"].tolist() == [3.0] * 4
        assert len(near.trials) == 6
    assert large.stages.equals(small.stages)


@pytest.mark.parametrize(
    ("scale", "e2e_s", "started"),
    [
        (None, 0.5, "2026-01-01T00:00:02+00:00"),
        (float("nan"), 0.5, "2026-01-01T00:00:02+00:00"),
        (1.0, 0.5, "2026-01-01T00:00:02+00:00"),
        (4.0, 2.0, "2026-01-01T00:00:08.000000+00:00"),
    ],
)
def test_times_are_told_at_real_length(scale: float | None, e2e_s: float, started: str) -> None:
    moments = ["2026-01-01T00:00:02+00:00", None]
    table = pd.DataFrame({"e2e_s": [0.5, None], "repeat": [3, 4], "started_at": moments})
    told = tables.rescale(table, scale, "2026-01-01T00:00:00+00:00")
    assert (told["e2e_s"][0], told["started_at"][0], told["repeat"][0]) == (e2e_s, started, 3)
    assert told["started_at"].isna().tolist() == [False, True]
    untold = tables.rescale(table, scale)
    assert untold["started_at"][0] == moments[0]


def test_a_run_s_own_times_are_told_at_real_length() -> None:
    run = Run(run_id=RUN_ID, suite="s", time_scale=4.0, rate_rps=2.0, timing_uncertainty_s=0.5)
    told = tables.rescale_run(run)
    assert (told.time_scale, told.rate_rps, told.timing_uncertainty_s) == (1.0, 0.5, 2.0)
    for scale in (None, 1.0):
        same = replace(run, time_scale=scale)
        assert tables.rescale_run(same) == same
    assert tables.rescale_run(replace(run, rate_rps=None)).rate_rps is None


def test_a_run_has_one_row(written: RunFolder) -> None:
    frames = dict(write(written))
    for row in (frames["run"].head(0), pd.concat([frames["run"]] * 2)):
        write_tables(written, frames | {"run": row})
        with pytest.raises(RunFolderCorrupt, match="one row"):
            read_tables(written)
