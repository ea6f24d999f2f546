"""A journal loses nothing that it said was committed, and says when it cannot go on."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from liftlab.errors import RunFolderCorrupt, SchemaTooNew, StorageFailed
from liftlab.records import SCHEMA_VERSION, Attempt
from liftlab.store import Journal, RunFolder, committed, read_journal

WRITER = """
import sys
from pathlib import Path
from liftlab.records import Attempt, Stage, Trial
from liftlab.store import Journal, RunFolder

folder = RunFolder(Path(sys.argv[1]))
first, run = int(sys.argv[2]), RunFolder(Path(sys.argv[1])).run_id
with Journal.open(folder) as journal:
    journal.abandon_open()
    for repeat in range(first, first + 10_000):
        journal.attempt_sent(Attempt(run_id=run, seq=(seq := journal.next_seq())))
        journal.attempt_ended(Attempt(run_id=run, seq=seq, last_byte_s=1.0))
        journal.attempt_sent(Attempt(run_id=run, seq=journal.next_seq()))
        row = Trial(run_id=run, case_id="add", repeat=repeat)
        part = Stage(run_id=run, case_id="add", repeat=repeat, stage="s", position=0, ok=True)
        journal.trial_ended(row, [part]).result()
        print(repeat, flush=True)
"""


def start_writer(folder: RunFolder, first: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(folder.path), str(first)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_killed_writer_loses_no_committed_trial(folder: RunFolder) -> None:
    told: set[int] = set()
    for killed_after in (1, 3, 8, 20):
        writer = start_writer(folder, max(told, default=0) + 2)
        assert writer.stdout is not None
        told |= {int(writer.stdout.readline()) for _ in range(killed_after)}
        writer.send_signal(signal.SIGKILL)
        told |= {int(line) for line in writer.stdout if line.endswith("\n")}
        writer.stdout.close()
        writer.wait()
        assert {("add", repeat) for repeat in told} <= committed(folder)

        frames = read_journal(folder)
        assert len(frames["stage"]) == len(frames["trial"]) == len(committed(folder))
        assert frames["run"]["status"].tolist() == ["interrupted"]
        assert frames["attempt"]["seq"].is_unique
        # Sent and never ended: one a trial, and perhaps the one the kill cut off.
        ended = frames["attempt"]["last_byte_s"].notna()
        assert frames["attempt"]["abandoned"].equals(~ended.astype("boolean"))


def test_a_live_writer_is_named_and_a_dead_one_gives_way(folder: RunFolder) -> None:
    writer = start_writer(folder, 1)
    assert writer.stdout is not None
    writer.stdout.readline()
    with pytest.raises(StorageFailed, match=f"process {writer.pid} .*is writing to this run"):
        Journal.open(folder)
    assert read_journal(folder)["run"]["status"].tolist() == ["running"]
    writer.kill()
    writer.communicate()
    with Journal.open(folder) as journal:
        assert ("add", 1) in journal.committed()


def test_two_writers_in_one_process(folder: RunFolder) -> None:
    with Journal.open(folder), pytest.raises(StorageFailed, match=f"process {os.getpid()} "):
        Journal.open(folder)
    Journal.open(folder).close()


def test_a_resumed_run_goes_on_where_it_ended(folder: RunFolder, rows: SimpleNamespace) -> None:
    with Journal.open(folder) as journal:
        rows.write_trial(journal)
        for number in (1, 2):
            journal.attempt_sent(rows.sent(journal.next_seq(), repeat=2, attempt=number))
        journal.attempt_sent(rows.sent(journal.next_seq(), repeat=2, attempt=9, phase="probe"))
        journal.attempt_sent(Attempt(run_id=rows.run_id, seq=journal.next_seq(), phase="warmup"))
    before = read_journal(folder)
    with Journal.open(folder) as journal:
        assert journal.committed() == {("add", 1)}
        assert journal.abandon_open() == 4
        assert journal.abandon_open() == 0
        assert journal.attempts_made() == {("add", 1, "code"): 1, ("add", 2, "code"): 2}
        assert journal.next_seq() == 6
    after = read_journal(folder)["attempt"]
    assert after["abandoned"].tolist() == [False, True, True, True, True]
    assert after.iloc[0].equals(before["attempt"].iloc[0])


def test_a_transaction_that_fails_fails_every_later_call(
    folder: RunFolder, rows: SimpleNamespace
) -> None:
    journal = Journal.open(folder)
    rows.write_trial(journal)
    with pytest.raises(StorageFailed, match="UNIQUE"):
        rows.write_trial(journal)  # what was measured is never replaced
    calls: list[Callable[[], object]] = [
        lambda: journal.attempt_sent(rows.sent(99)),
        lambda: journal.update_run(status="complete"),
        journal.committed,
        journal.close,
    ]
    for call in calls:
        with pytest.raises(StorageFailed, match="UNIQUE"):
            call()
    assert committed(folder) == {("add", 1)}
    Journal.open(folder).close()  # the lock was given back all the same


def test_an_ended_attempt_is_never_changed(folder: RunFolder, rows: SimpleNamespace) -> None:
    journal = Journal.open(folder)
    rows.write_trial(journal)
    journal.attempt_ended(rows.sent(1, last_byte_s=99.0))
    with pytest.raises(StorageFailed, match="has ended already"):
        journal.close()
    assert read_journal(folder)["attempt"]["last_byte_s"].tolist() == [1.5]


def test_a_full_disk_is_told_and_what_is_committed_stays(
    folder: RunFolder, rows: SimpleNamespace
) -> None:
    journal = Journal.open(folder)
    rows.write_trial(journal)
    # SQLite's own limit gives the same SQLITE_FULL as a full disk.
    journal._ask(lambda c: c.execute(f"PRAGMA max_page_count = {page_count(c)}"))
    with pytest.raises(StorageFailed, match=r"disk is full.*liftlab run --resume 20251015"):
        write_many(journal, rows)
    with pytest.raises(StorageFailed, match="disk is full"):
        journal.close()
    assert ("add", 1) in committed(folder)
    with Journal.open(folder) as journal:  # there is room again
        rows.write_trial(journal, case_id="other")


def write_many(journal: Journal, rows: SimpleNamespace) -> None:
    for repeat in range(2, 1000):
        rows.write_trial(journal, repeat=repeat)


def page_count(connection: sqlite3.Connection) -> int:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    return int(pages)


def test_a_file_that_cannot_grow_stops_the_writer_not_the_journal(folder: RunFolder) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
    command = [sys.executable, "-c", limit + WRITER, str(folder.path), "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "StorageFailed" in done.stderr
    told = {("add", int(line)) for line in done.stdout.splitlines()}
    assert told
    assert told <= committed(folder)


def test_a_caller_that_stops_waiting_does_not_stop_the_commit(
    folder: RunFolder, rows: SimpleNamespace
) -> None:
    async def give_up(journal: Journal) -> None:
        waiting = asyncio.wrap_future(journal.trial_ended(rows.trial(), [rows.stage()]))
        waiting.cancel()

    with Journal.open(folder) as journal:
        asyncio.run(give_up(journal))
    assert committed(folder) == {("add", 1)}


def test_the_run_s_row_can_be_completed(folder: RunFolder) -> None:
    with Journal.open(folder) as journal:
        journal.update_run(status="complete", client_peak_mb=41.5)
        for wrong in ({"run_id": "x"}, {"no_such": 1}):
            with pytest.raises(ValueError, match="not columns"):
                journal.update_run(**wrong)
    run = read_journal(folder)["run"].iloc[0]
    assert (run["status"], run["client_peak_mb"]) == ("complete", 41.5)


def test_a_resumed_run_keeps_its_worst(folder: RunFolder) -> None:
    for lag, share in ((0.002, 0.5), (0.001, 0.6)):
        with Journal.open(folder) as journal:
            journal.raise_run(loop_lag_p99_s=lag, client_cpu_share=share, client_peak_mb=None)
    run = read_journal(folder)["run"].iloc[0]
    assert (run["loop_lag_p99_s"], run["client_cpu_share"]) == (0.002, 0.6)
    assert math.isnan(run["client_peak_mb"])
    with Journal.open(folder) as journal, pytest.raises(ValueError, match="mood"):
        journal.raise_run(mood=1.0)


def test_a_closed_journal_takes_nothing(folder: RunFolder, rows: SimpleNamespace) -> None:
    journal = Journal.open(folder)
    journal.close()
    journal.close()
    with pytest.raises(StorageFailed, match="closed"):
        journal.attempt_sent(rows.sent(1))


@pytest.mark.parametrize("read", [Journal.open, read_journal, committed])
def test_newer_missing_and_damaged_journals_are_refused(
    folder: RunFolder, read: Callable[[RunFolder], object]
) -> None:
    connection = sqlite3.connect(folder.journal_path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(SchemaTooNew, match="update liftlab"):
        read(folder)
    for content in (b"", b"not a database, " * 500):
        folder.journal_path.write_bytes(content)
        with pytest.raises(RunFolderCorrupt, match=r"run\.sqlite"):
            read(folder)
    folder.journal_path.unlink()
    with pytest.raises(RunFolderCorrupt, match="missing"):
        read(folder)
    assert not folder.journal_path.exists()


def test_a_journal_from_before_a_column_reads_it_as_null_and_can_go_on(
    folder: RunFolder, rows: SimpleNamespace
) -> None:
    with Journal.open(folder) as journal:
        rows.write_trial(journal)
    connection = sqlite3.connect(folder.journal_path)
    connection.execute("ALTER TABLE attempt DROP COLUMN ended_s")
    connection.execute("ALTER TABLE run DROP COLUMN loop_lag_p50_s")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION - 1}")
    connection.close()
    old = read_journal(folder)
    assert old["attempt"]["ended_s"].isna().all()
    assert old["run"]["loop_lag_p50_s"].isna().all()
    with Journal.open(folder) as journal:
        attempt = rows.sent(journal.next_seq(), repeat=2)
        journal.attempt_sent(attempt)
        journal.attempt_ended(replace(attempt, ended_s=2.5))
    ended = read_journal(folder)["attempt"]["ended_s"]
    assert ended.isna().tolist() == [True, False]
    assert ended.iloc[1] == 2.5
    connection = sqlite3.connect(folder.journal_path)
    assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    connection.close()


def test_a_folder_that_cannot_be_written(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def read_only(path: object, flags: int, *rest: int, **more: object) -> int:
        if flags & os.O_CREAT and str(path).startswith(str(folder.path)):
            raise OSError(30, "Read-only file system")
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(StorageFailed, match="Read-only file system"):
        Journal.open(folder)


def test_a_finished_run_is_read_where_nothing_can_be_written(
    folder: RunFolder, rows: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal.open(folder) as journal:
        rows.write_trial(journal)
    real = sqlite3.connect

    def no_wal(address: str, **options: object) -> sqlite3.Connection:
        # A directory without write permission keeps SQLite from making its -shm file.
        if "immutable" not in address:
            address = (folder.path / "absent").as_uri() + "?mode=ro"
        return real(address, **options)

    monkeypatch.setattr(sqlite3, "connect", no_wal)
    assert committed(folder) == {("add", 1)}


def test_the_store_needs_no_heavy_library_until_tables_are_read() -> None:
    command = [sys.executable, "-c", "import sys, liftlab.store; print(*sys.modules)"]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert not {"pandas", "numpy", "pyarrow", "httpx", "aiohttp", "pydantic"} & set(loaded)


def test_a_foreign_string_that_is_no_text_is_told(folder: RunFolder, rows: SimpleNamespace) -> None:
    with pytest.raises(StorageFailed, match="surrogates"), Journal.open(folder) as journal:
        journal.attempt_sent(replace(rows.sent(1), response_id="\ud800"))
