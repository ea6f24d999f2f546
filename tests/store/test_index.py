"""The history: the same numbers as the tables, whatever state the folders beside them are in."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from liftlab import store
from liftlab.analysis.budget import forecast
from liftlab.analysis.columns import case_weights
from liftlab.analysis.latency import Timed, time_end_to_end, time_stage
from liftlab.jobs import opening
from liftlab.jobs.opening import rebuild_tables
from liftlab.records import Run
from liftlab.settings import Project, load_project
from liftlab.store import RunFolder
from liftlab.store.folder import MANIFEST
from liftlab.store.frames import table_columns, typed
from liftlab.store.index import INDEX, read_history

RUNS = 3


@pytest.fixture(scope="module")
def three_runs(tmp_path_factory: pytest.TempPathFactory, write_run: Callable[..., str]) -> Path:
    folder = tmp_path_factory.mktemp("three")
    (folder / "liftlab.toml").write_text("")
    project = load_project(folder, environ={})
    for number in range(RUNS):
        run_id = write_run(project.path("runs"), number, 1.0 + number / 10)
        opening.open_run(run_id, project=project)
    return folder


@pytest.fixture
def project(three_runs: Path, tmp_path: Path) -> Project:
    shutil.copytree(three_runs, tmp_path, dirs_exist_ok=True)
    return load_project(tmp_path, environ={})


def medians(project: Project) -> list[float]:
    return store.history(project)["e2e_median_s"].round(6).tolist()


def test_a_row_a_run_with_the_numbers_of_its_tables(project: Project) -> None:
    runs = store.history(project)
    assert runs["run_id"].is_monotonic_increasing
    for row in runs.to_dict("records"):
        data = opening.open_run(row["run_id"], project=project)
        assert row["e2e_median_s"] == pytest.approx(data.trials["e2e_s"].median())
        code = data.stages.loc[data.stages["stage"] == "ir_to_code", "latency_s"]
        assert row["ir_to_code_median_s"] == pytest.approx(code.median())
        assert (row["trials"], row["cases"], row["judged"]) == (6, 6, 0)
        assert np.isnan(row["success_rate"])
        assert row["attempts_per_trial"] == 2
        assert row["model"] == "m1"
    assert runs.attrs["skipped"] == {}


def uneven_run(runs_dir: Path, *, client: bool = True) -> None:
    """Write a run with unequal repeats, errors, deadlines, and work of the client's own."""
    folder = store.create(runs_dir, Run(run_id="r", suite="s"), {"suite": "s"}, b"", ".toml")
    rows = [
        *[("a", n, 1.0 + n, 0.5, "pass", None) for n in range(1, 8)],
        *[("b", n, 20.0 + n, None, "fail", "invalid_json") for n in (1, 2)],
        ("c", 1, 6.0, 0.25, "pass", None),
        ("c", 2, 0.04, None, "error", "connect"),
        ("d", 1, 300.0, None, "error", "deadline"),
        ("e", 1, 0.03, None, "ungraded", "http_5xx"),
        ("f", 1, 8.0, 1.0, "ungraded", None),
    ]
    names = ["case_id", "repeat", "e2e_s", "client_s", "outcome", "error_class"]
    frame = pd.DataFrame(rows, columns=names).assign(run_id="r", stage="code", position=0)
    frame["latency_s"], frame["ok"], frame["completed"] = frame["e2e_s"], True, True
    frames = dict(store.read_journal(folder))
    for table in ("trial", "stage"):
        kinds = table_columns(table)
        frames[table] = typed(frame.reindex(columns=list(kinds)).astype(object), kinds)
    store.write_tables(folder, frames)
    for table in ("trial", "stage"):  # the column comes with later runs
        path = folder.path / "tables" / f"{table}.parquet"
        content = pq.read_table(path)
        if client and "client_s" not in content.column_names:
            noted = content.schema.metadata
            content = content.append_column("client_s", pa.array(frame["client_s"]))
            pq.write_table(content.replace_schema_metadata(noted), path)


def test_runs_from_before_a_column_was_there_are_read(tmp_path: Path) -> None:
    uneven_run(tmp_path, client=False)
    path = tmp_path / "r" / "tables" / "run.parquet"
    content = pq.read_table(path)
    pq.write_table(content.drop_columns(["left_out"]), path)
    found = read_history(tmp_path)
    assert found.runs["run_id"].tolist() == ["r"]
    assert found.runs["left_out"].isna().all()
    assert not found.skipped


def test_the_row_of_a_run_is_what_its_pages_say(tmp_path: Path) -> None:
    uneven_run(tmp_path)
    found = read_history(tmp_path)
    row, stage = found.runs.iloc[0], found.stages.iloc[0]
    tables = {
        table: pd.read_parquet(tmp_path / "r" / "tables" / f"{table}.parquet")
        for table in ("trial", "stage")
    }
    timed = time_end_to_end(tables["trial"], stages=tables["stage"])
    assert row["e2e_median_s"] == pytest.approx(weighted_median(timed))
    assert stage["median_s"] == pytest.approx(weighted_median(time_stage(tables["stage"], "code")))
    assert row["e2e_median_s"] == 7.0  # every case weighs the same: 12 rows have 6.1
    assert (row["trials"], row["cases"], row["judged"], row["errors"]) == (14, 6, 10, 2)
    assert row["success_rate"] == pytest.approx(2 / 3)  # a, b and c weigh the same
    assert np.isnan(row["cost_per_trial_usd"])
    assert forecast(tables["trial"], tables["stage"], []).without[0.5].value == pytest.approx(
        row["e2e_median_s"]
    )


def weighted_median(timed: Timed) -> float:
    seconds = np.where(timed.given_up, np.inf, timed.seconds)
    order = np.argsort(seconds)
    weights = case_weights(timed.cases)[order]
    share = np.cumsum(weights) / weights.sum()
    upto, above = (seconds[order][share >= 0.5 - 1e-9][0], seconds[order][share > 0.5 + 1e-9][0])
    return float((upto + above) / 2)


def test_tables_from_before_a_column_was_there_are_read(tmp_path: Path) -> None:
    uneven_run(tmp_path, client=False)
    read_history(tmp_path)  # alone
    (tmp_path / "more").mkdir()
    assert read_history(tmp_path).runs["e2e_median_s"].notna().all()


def test_times_of_a_simulator_count_at_their_real_length(
    project: Project, write_run: Callable[..., str]
) -> None:
    run_id = write_run(project.path("runs"), 9, 1.0, time_scale=10.0)
    opening.open_run(run_id, project=project)
    runs = store.history(project).set_index("run_id")
    first = runs.iloc[0]
    assert runs.loc[run_id, "e2e_median_s"] == pytest.approx(10 * first["e2e_median_s"])
    assert runs.loc[run_id, "nlp_to_ir_median_s"] == pytest.approx(10 * first["nlp_to_ir_median_s"])


def test_the_index_is_used_and_follows_the_folders(
    project: Project, write_run: Callable[..., str]
) -> None:
    runs_dir = project.path("runs")
    before = medians(project)
    assert (runs_dir / INDEX).is_file()
    with duckdb.connect(str(runs_dir / INDEX)) as index:  # a mark that only the index can give
        index.execute("UPDATE run SET e2e_median_s = 99 WHERE e2e_median_s = ?", [max_of(index)])
    assert medians(project) == [*before[:-1], 99.0]
    opening.open_run(write_run(runs_dir, 7), project=project)
    assert medians(project) == [*before[:-1], 99.0, before[0]]
    first = store.history(project)["run_id"].iloc[0]
    shutil.rmtree(runs_dir / first)
    assert medians(project) == [before[1], 99.0, before[0]]
    changed = store.history(project)["run_id"].iloc[1]
    rebuild_tables(project, store.RunFolder(runs_dir / changed))
    assert medians(project) == [*before[1:], before[0]]


def max_of(index: duckdb.DuckDBPyConnection) -> float:
    row = index.execute("SELECT max(e2e_median_s) FROM run").fetchone()
    assert row is not None
    return float(row[0])


@pytest.mark.parametrize("content", [b"", b"not a database", None])
def test_an_index_that_is_damaged_or_of_another_kind_is_made_again(
    project: Project, content: bytes | None
) -> None:
    before = medians(project)
    path = project.path("runs") / INDEX
    if content is None:
        with duckdb.connect(str(path)) as index:
            index.execute("UPDATE meta SET version = 0")
            index.execute("DROP TABLE stage")
    else:
        path.write_bytes(content)
    assert medians(project) == before
    with duckdb.connect(str(path), read_only=True) as index:
        assert index.execute("SELECT count(*) FROM run").fetchall() == [(RUNS,)]


@pytest.mark.parametrize(
    ("table", "how"),
    [
        *((table, "cut") for table in ("run", "trial", "stage", "attempt", "cost")),
        ("run", "emptied"),
        ("trial", "replaced"),
    ],
)
def test_a_damaged_run_is_named_and_the_others_are_there(
    project: Project, table: str, how: str
) -> None:
    before = medians(project)
    damaged = store.history(project)["run_id"].iloc[1]
    path = project.path("runs") / damaged / "tables" / f"{table}.parquet"
    content = path.read_bytes()
    path.write_bytes({"cut": content[: len(content) // 2], "emptied": b""}.get(how, b"x" * 500))
    for _ in range(2):  # read, then from the index
        runs = store.history(project)
        assert runs["e2e_median_s"].round(6).tolist() == [before[0], before[2]]
        assert list(runs.attrs["skipped"]) == [damaged]
        said = runs.attrs["skipped"][damaged]
        assert str(project.root) not in said
        assert "read_parquet" not in said
    path.write_bytes(content)
    assert medians(project) == before


def test_folders_that_say_something_else_are_skipped(project: Project) -> None:
    runs_dir = project.path("runs")
    original = store.history(project)["run_id"].iloc[0]
    shutil.copytree(runs_dir / original, runs_dir / "backup")
    (runs_dir / "notes").mkdir()
    runs = store.history(project)
    assert len(runs) == RUNS
    assert runs.attrs["skipped"] == {"backup": f"its tables are those of run {original}"}


def test_a_segment_does_not_count_beside_its_merged_run(project: Project) -> None:
    first = store.history(project)["run_id"].iloc[0]
    folder = RunFolder(project.path("runs") / first)
    (folder.path / MANIFEST).write_text(json.dumps({**folder.manifest(), "segment": {"of": 2}}))
    (folder.path.parent / INDEX).unlink()
    found = read_history(project.path("runs"))
    assert first not in set(found.runs["run_id"])
    assert "counts once it is merged" in found.skipped[first]


def test_a_run_that_is_being_written_disturbs_nobody(
    project: Project, write_run: Callable[..., str]
) -> None:
    before, runs_dir = medians(project), project.path("runs")
    run_id = write_run(runs_dir, 8)
    failures: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(3):
                found = store.history(project)
                assert found["e2e_median_s"].round(6).tolist() == before
                assert "has no tables yet" in found.attrs["skipped"][run_id]
                assert store.unlaid(runs_dir, found.attrs["skipped"]) == []
        except BaseException as error:
            failures.append(error)

    (runs_dir / INDEX).unlink()
    with store.Journal.open(store.RunFolder(runs_dir / run_id)):
        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
    assert not failures


def test_tables_behind_their_journal_are_not_counted(project: Project) -> None:
    runs_dir = project.path("runs")
    run_id = store.history(project)["run_id"].iloc[0]
    with store.Journal.open(store.RunFolder(runs_dir / run_id)) as journal:
        journal.update_run(status="interrupted")
    runs = store.history(project)
    assert len(runs) == RUNS - 1
    assert "older than its journal" in runs.attrs["skipped"][run_id]
    opening.open_run(run_id, project=project)
    assert len(store.history(project)) == RUNS


def test_without_a_place_for_the_index_the_history_is_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = medians(project)
    (project.path("runs") / INDEX).unlink()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("liftlab.store.index.os.replace", full)
    assert medians(project) == before
    left = [path.name for path in project.path("runs").iterdir() if "index" in path.name]
    assert left == []


def test_on_a_read_only_disk_not_even_the_clean_up_fails(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = medians(project)
    (project.path("runs") / INDEX).unlink()
    # A name that no file can have: it can neither be written nor removed, as on such a disk.
    monkeypatch.setattr("liftlab.store.index.secrets.token_hex", lambda _: "x" * 300)
    assert medians(project) == before


def test_no_runs_are_an_empty_table(tmp_path: Path) -> None:
    (tmp_path / "liftlab.toml").write_text("")
    runs = store.history(load_project(tmp_path, environ={}))
    assert len(runs) == 0
    assert "e2e_median_s" in runs
    assert list(tmp_path.iterdir()) == [tmp_path / "liftlab.toml"]
