"""Tables carry everything that may happen, typed, and say when they are stale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from liftlab.errors import RunFolderCorrupt, SchemaTooNew
from liftlab.records import SCHEMA_VERSION, TABLES, Attempt, Check, Cost, Grade, as_row, columns
from liftlab.store import (
    Journal,
    RunData,
    RunFolder,
    join_trials,
    read_journal,
    read_tables,
    tables,
    tables_current,
    write_tables,
)
from liftlab.store.frames import DTYPES, empty, table_columns, typed

RUN_ID = "20251015_085128_abcd"
MakeFolder = Callable[..., RunFolder]


def frame(table: str, *records: Any) -> pd.DataFrame:
    kinds = columns(table)
    rows = pd.DataFrame([as_row(r) for r in records], columns=list(kinds), dtype=object)
    return rows.astype({name: DTYPES[kind] for name, kind in kinds.items()})


def grade(case_id: str, **known: object) -> Grade:
    fixed = {"run_id": RUN_ID, "case_id": case_id, "repeat": 1, "grader_version": "1"}
    return Grade(**fixed | known)


def cost(seq: int, usd: float | None, price_id: str = "a10g") -> Cost:
    return Cost(run_id=RUN_ID, seq=seq, price_id=price_id, cost_model="gpu", usd=usd)


def write(folder: RunFolder, **judged: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    frames = read_journal(folder)
    frames |= {"grade": empty("grade"), "check": empty("check"), "cost": empty("cost"), **judged}
    frames["trial"] = join_trials(
        frames["trial"], frames["grade"], frames["cost"], frames["attempt"]
    )
    write_tables(folder, frames)
    return frames


@pytest.fixture
def written(folder: RunFolder, rows: SimpleNamespace) -> RunFolder:
    with Journal.open(folder) as journal:
        rows.write_trial(journal)
        journal.update_run(status="complete")
    write(folder)
    return folder


def everything(rows: SimpleNamespace) -> list[Attempt]:
    ended = {"last_byte_s": 2.0, "transport_ok": True, "valid": True}
    failed = {"last_byte_s": 1.0, "transport_ok": True, "valid": False}
    return [
        Attempt(run_id=RUN_ID, seq=1, phase="warmup", last_byte_s=0.4),
        rows.sent(2, "retry", **failed, error_class="invalid_json"),
        rows.sent(3, "retry", attempt=2, retry_reason="invalid_json", seed=7, **ended),
        rows.sent(4, "backoff", last_byte_s=0.7, transport_ok=False, error_class="http_429"),
        rows.sent(5, "backoff", attempt=2, retry_reason="http_429", backoff_before_s=1.5, **ended),
        rows.sent(6, "cold", cold=True, cold_s=41.0, server_s=3.0, hops=1, **ended),
        rows.sent(
            7, "stream", first_token_s=0.8, last_token_s=1.9, chunks=12, max_gap_s=0.2, **ended
        ),
        rows.sent(8, "abandoned"),
        rows.sent(9, "abandoned", attempt=2, retry_reason="abandoned", **ended),
        rows.sent(10, "imported", called_s=None, sent_s=None, transport_ok=True, valid=True),
    ]


def test_rows_for_retry_backoff_cold_start_streaming_abandoned_imported_and_ungraded(
    folder: RunFolder, rows: SimpleNamespace
) -> None:
    attempts = everything(rows)
    cases = ["retry", "backoff", "cold", "stream", "abandoned", "imported", "ungraded"]
    with Journal.open(folder) as journal:
        for row in attempts:
            journal.attempt_sent(row)
            if row.seq != 8:
                journal.attempt_ended(row)
        assert journal.abandon_open() == 1
        for case_id in cases:
            stage = rows.stage(case_id, latency_s=17.08 if case_id == "imported" else None)
            journal.trial_ended(rows.trial(case_id, cold=case_id == "cold"), [stage])
    attempts[7] = replace(attempts[7], abandoned=True)

    graded = [grade(c, outcome="pass", isolation="full", parsed=True) for c in cases[:-2]]
    fail = grade("imported", outcome="fail", failure_class="missing_return", checks_total=4)
    costs = [cost(row.seq, 0.01) for row in attempts[:-1]] + [cost(10, None)]
    write(folder, grade=frame("grade", *graded, fail), cost=frame("cost", *costs))

    run = read_tables(folder)
    assert run.attempts.equals(frame("attempt", *attempts))
    trials = run.trials.set_index("case_id")
    assert trials["outcome"].to_dict() == dict.fromkeys(cases[:-2], "pass") | {
        "imported": "fail",
        "ungraded": "ungraded",
    }
    assert trials.loc["imported", "failure_class"] == "missing_return"
    assert trials["parsed"].isna().tolist() == [False] * 5 + [True] * 2
    # All that was sent is paid for; unknown is not nothing.
    known = {"retry": 0.02, "backoff": 0.02, "cold": 0.01, "stream": 0.01, "abandoned": 0.02}
    warm_up = 0.01 / len(cases)  # each trial bears an equal part
    with_warm_up = {case: usd + warm_up for case, usd in known.items()}
    assert trials["cost_usd"].dropna().to_dict() == pytest.approx(with_warm_up)
    assert run.stages.set_index("case_id").loc["imported", "latency_s"] == 17.08


def test_the_last_grade_and_the_first_price_count(rows: SimpleNamespace) -> None:
    attempts = [rows.sent(1), rows.sent(2, case_id=None, repeat=None, phase="probe")]
    grades = [
        grade("add", outcome="fail"),
        grade("add", grader_version="2", outcome="pass", checks_passed=4, checks_total=4),
    ]
    costs = [cost(1, 0.5), cost(2, 0.5), cost(1, 9.0, "h100")]
    view = join_trials(
        frame("trial", rows.trial(e2e_s=1.0)),
        frame("grade", *grades),
        frame("cost", *costs),
        frame("attempt", *attempts),
    )
    assert list(view.columns) == list(table_columns("trial"))
    row = view.iloc[0]
    assert (row["outcome"], row["checks_passed"], row["cost_usd"]) == ("pass", 4, 1.0)


def test_a_trial_without_attempts_has_no_known_cost(rows: SimpleNamespace) -> None:
    view = join_trials(
        frame("trial", rows.trial()), empty("grade"), empty("cost"), empty("attempt")
    )
    assert view["cost_usd"].isna().all()
    assert view["outcome"].tolist() == ["ungraded"]


def test_the_view_of_no_trials_is_empty_and_typed() -> None:
    view = join_trials(empty("trial")[list(columns("trial"))], *map(empty, _JUDGES))
    assert view.dtypes.equals(empty("trial").dtypes)


_JUDGES = ("grade", "cost", "attempt")


def test_a_run_comes_back_from_its_tables(written: RunFolder) -> None:
    run = read_tables(written)
    assert isinstance(run, RunData)
    assert (run.run.run_id, run.run.status, run.run.concurrency) == (RUN_ID, "complete", None)
    assert repr(run) == f"RunData('{RUN_ID}', 1 trials, complete)"
    assert run.folder.path == written.path
    for table, found in {"grade": run.grades, "check": run.checks, "cost": run.costs}.items():
        assert found.equals(empty(table))


def test_pandas_reads_the_files_without_liftlab(written: RunFolder) -> None:
    trials = pd.read_parquet(written.tables_path / "trial.parquet")
    assert trials.dtypes.astype(str).equals(read_tables(written).trials.dtypes.astype(str))
    schema = pq.read_schema(written.tables_path / "attempt.parquet")
    assert str(schema.field("seq").type) == "int64"
    assert str(schema.field("cold").type) == "bool"
    assert pq.read_table(written.tables_path / "attempt.parquet")["cold_s"].null_count == 1


def test_tables_are_current_until_the_journal_or_the_judge_changes(
    written: RunFolder, rows: SimpleNamespace
) -> None:
    assert tables_current(written)
    assert not tables_current(written, judged_by="grader 2")
    write_tables(written, write(written), judged_by="grader 2")
    assert not tables_current(written)
    assert tables_current(written, judged_by="grader 2")
    with Journal.open(written) as journal:
        journal.committed()  # waits for what was put in
        assert not tables_current(written)
    write(written)
    with Journal.open(written) as journal:
        rows.write_trial(journal, repeat=2)
    assert not tables_current(written)


def test_tables_of_a_run_that_went_on_meanwhile_are_not_current(
    folder: RunFolder, rows: SimpleNamespace
) -> None:
    with Journal.open(folder) as journal:
        rows.write_trial(journal)
        frames = read_journal(folder)
        rows.write_trial(journal, repeat=2)
    judges = (empty(table) for table in _JUDGES[:2])
    frames["trial"] = join_trials(frames["trial"], *judges, frames["attempt"])
    write_tables(folder, frames)
    assert not tables_current(folder)
    write(folder)
    assert tables_current(folder)
    assert len(read_tables(folder).trials) == 2


def test_missing_and_damaged_tables_are_told(written: RunFolder) -> None:
    path = written.tables_path / "stage.parquet"
    whole = path.read_bytes()
    for content in (b"", b"PAR1", whole[:-100] + bytes(92) + whole[-8:]):
        path.write_bytes(content)
        assert not tables_current(written)
        with pytest.raises(RunFolderCorrupt, match=r"stage\.parquet"):
            read_tables(written)
    path.unlink()
    assert not tables_current(written)
    with pytest.raises(RunFolderCorrupt, match=r"stage\.parquet"):
        read_tables(written)


def test_damage_inside_a_table_is_told(written: RunFolder) -> None:
    path = written.tables_path / "stage.parquet"
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)
    path.write_bytes(content)
    with pytest.raises(RunFolderCorrupt, match=r"stage\.parquet"):
        read_tables(written)


def test_a_foreign_parquet_file_is_no_table(written: RunFolder) -> None:
    pd.DataFrame({"a": [1]}).to_parquet(written.tables_path / "cost.parquet")
    with pytest.raises(RunFolderCorrupt, match="not a table of a run"):
        read_tables(written)


def test_newer_tables_are_refused(written: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    write(written)
    monkeypatch.undo()
    for read in (read_tables, tables_current):
        with pytest.raises(SchemaTooNew, match="update liftlab"):
            read(written)
    with pytest.raises(SchemaTooNew, match="update liftlab"):
        tables.read_table(written, "attempt")


def test_tables_of_the_version_before_are_read(
    written: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "SCHEMA_VERSION", SCHEMA_VERSION - 1)
    write(written)
    monkeypatch.undo()
    assert len(read_tables(written).trials) == 1


def test_a_table_from_before_a_column_reads_it_as_null(written: RunFolder) -> None:
    path = written.tables_path / "attempt.parquet"
    content = pq.ParquetFile(path).read()
    pq.write_table(content.drop_columns(["ended_s"]), path)
    assert read_tables(written).attempts["ended_s"].isna().all()
    pq.write_table(content.drop_columns(["phase"]), path)
    with pytest.raises(RunFolderCorrupt, match="phase"):
        read_tables(written)


def test_columns_are_checked(written: RunFolder) -> None:
    frames = dict(write(written))
    wrong = {
        "no such tables": {"trials": frames["trial"]},
        "missing: \\['outcome'\\]": {"trial": frames["trial"].drop(columns="outcome")},
        "unknown: \\['mood'\\]": {"stage": frames["stage"].assign(mood=1)},
    }
    for message, change in wrong.items():
        with pytest.raises(ValueError, match=message):
            write_tables(written, frames | change)
    assert tables_current(written)
    assert sorted(p.stem for p in written.tables_path.iterdir()) == sorted(TABLES)


def test_checks_come_back(written: RunFolder) -> None:
    key = {"run_id": RUN_ID, "case_id": "add", "repeat": 1, "grader_version": "1"}
    checks = frame(
        "check", Check(check="1", passed=True, **key), Check(check="2", passed=False, **key)
    )
    write(written, check=checks)
    assert read_tables(written).checks.equals(checks)


def test_tables_of_a_large_run_are_read_when_they_are_asked_for(
    written: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = dict(write(written))
    monkeypatch.setattr(tables, "_AT_ONCE", 0)
    run = read_tables(written)
    asked: list[str] = []
    monkeypatch.setattr(tables, "read_table", lambda _, table: asked.append(table) or frames[table])
    assert run.stages is run.stages
    assert run.run.run_id == RUN_ID
    assert asked == ["stage"]
    with pytest.raises(AttributeError, match="no 'stage'"):
        run.stage  # noqa: B018


def test_a_column_without_values_takes_no_room(written: RunFolder) -> None:
    write(written)
    attempts = read_tables(written).attempts
    missing = attempts.columns[attempts.isna().all()]
    assert {"dns_s", "queue_s", "hops", "cold"} <= set(missing)
    assert attempts.dtypes.equals(typed(attempts, table_columns("attempt")).dtypes)
    changed = attempts.assign(dns_s=1.0)
    changed.loc[0, ["queue_s", "hops", "cold"]] = [2.0, 3, True]
    assert changed.loc[0, ["queue_s", "hops", "cold"]].tolist() == [2.0, 3, True]
    assert attempts["hops"].isna().all()
