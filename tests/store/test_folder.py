"""A run's folder is there whole or not at all, and is found by its name."""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from liftlab.errors import RunFolderCorrupt, SchemaTooNew, StorageFailed, UnknownRun, UsageError
from liftlab.records import SCHEMA_VERSION, Run
from liftlab.store import (
    Journal,
    RunFolder,
    create,
    find,
    list_runs,
    new_run_id,
    read_journal,
    schema,
)
from liftlab.store.folder import committed, is_run_id, planned_trials, resume_verb, stage_rows
from liftlab.store.frames import STATE
from liftlab.store.tables import tables_match

MakeFolder = Callable[..., RunFolder]


def test_a_run_id_is_its_time_and_four_letters() -> None:
    now = datetime(2025, 10, 15, 8, 51, 28, tzinfo=UTC)
    one, other = (new_run_id(now, random.Random(seed)) for seed in (1, 2))
    assert one[:16] == other[:16] == "20251015_085128_"
    assert one != other
    assert len(one) == 20
    assert one[16:].isalpha()


def test_a_new_folder_gives_back_what_it_was_made_of(
    folder: RunFolder, rows: SimpleNamespace
) -> None:
    manifest = folder.manifest()
    assert manifest["settings"] == {"seed": 1}
    assert (manifest["schema_version"], manifest["run_id"]) == (SCHEMA_VERSION, rows.run_id)
    assert folder.suite_source() == (rows.suite, ".toml")
    run = read_journal(folder)["run"].iloc[0]
    assert (run["run_id"], run["suite"], run["provenance"]) == (rows.run_id, "one", "measured")
    assert [path.name for path in folder.path.parent.iterdir()] == [rows.run_id]


def test_a_run_without_a_suite(tmp_path: Path) -> None:
    folder = create(tmp_path, Run(run_id="week1", suite="week1"), {}, b"", ".toml")
    assert folder.suite_source() == (b"", ".toml")


def test_a_run_is_never_made_over_another(make_folder: MakeFolder) -> None:
    first = make_folder()
    with pytest.raises(StorageFailed, match="already"):
        make_folder(suite="other")
    assert read_journal(first)["run"]["suite"].tolist() == ["one"]


@pytest.mark.parametrize("run_id", ["../out", "latest", "", ".hidden", "a/b", "a\0b"])
def test_a_name_that_is_no_folder_of_its_own_is_refused(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(StorageFailed, match="cannot be the name"):
        create(tmp_path, Run(run_id=run_id, suite="s"), {}, b"", ".toml")


@pytest.mark.parametrize("call", ["mkdir", "fsync", "replace", "rename"])
def test_a_disk_that_refuses_leaves_nothing_behind(
    make_folder: MakeFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    kept = make_folder("20250101_000000_aaaa")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(StorageFailed, match=r"20251015_085128_abcd.*Read-only.*LIFTLAB_RUNS_DIR"):
        make_folder()
    monkeypatch.undo()
    assert list((tmp_path / "runs").iterdir()) == [kept.path]


def test_a_disk_too_full_for_the_journal(
    make_folder: MakeFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(schema, "create_tables", full)
    with pytest.raises(StorageFailed, match="disk is full"):
        make_folder()
    assert not list((tmp_path / "runs").iterdir())


def test_a_manifest_is_replaced_whole(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write_manifest(folder.manifest() | {"more": 1})
    assert folder.manifest()["more"] == 1
    before = sorted(folder.path.iterdir())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFailed, match=r"manifest\.json.*No space"):
        folder.write_manifest({"more": 2})
    assert folder.manifest()["more"] == 1
    assert sorted(folder.path.iterdir()) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{\n 1}", r"manifest\.json:2: not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no schema_version"),
        (b'{"schema_version": 1}', "suite_suffix"),
        (b'{"schema_version": 1, "suite_suffix": "/../../x"}', "suite_suffix"),
        (b'{"schema_version": 1, "suite_suffix": ".gone"}', r"suite\.gone: cannot be read"),
    ],
)
def test_a_manifest_that_cannot_be_used(folder: RunFolder, content: bytes, message: str) -> None:
    (folder.path / "manifest.json").write_bytes(content)
    with pytest.raises(RunFolderCorrupt, match=message):
        folder.suite_source()


def test_a_newer_or_missing_manifest(folder: RunFolder) -> None:
    path = folder.path / "manifest.json"
    path.write_text(json.dumps({"schema_version": SCHEMA_VERSION + 1}))
    with pytest.raises(SchemaTooNew, match="update liftlab"):
        folder.manifest()
    path.unlink()
    with pytest.raises(RunFolderCorrupt, match="No such file"):
        folder.manifest()


def test_runs_are_listed_newest_first_and_a_broken_one_is_told(
    make_folder: MakeFolder, rows: SimpleNamespace
) -> None:
    old = make_folder("20250101_000000_aaaa", started_at="2025-01-01T00:00:00+00:00")
    new = make_folder(rows.run_id, endpoint="modal")
    make_folder("week1", started_at=None, provenance="reference", status="complete")
    broken = make_folder("20261231_000000_zzzz")
    broken.journal_path.write_bytes(b"broken " * 1000)
    (old.path.parent / ".new-left-behind").mkdir()
    (old.path.parent / "notes").mkdir()
    with Journal.open(new) as journal:
        rows.write_trial(journal)
        listed = list_runs(old.path.parent)
    assert [run.run_id for run in listed] == [
        rows.run_id,
        "20250101_000000_aaaa",
        "week1",
        "20261231_000000_zzzz",
    ]
    assert [run.status for run in listed] == ["running", "interrupted", "complete", None]
    assert listed[0].as_json()["trials"] == 1
    assert listed[0].endpoint == "modal"
    assert "run.sqlite" in (listed[-1].problem or "")
    assert list_runs(old.path.parent / "absent") == []


def test_find_takes_a_name_or_latest(make_folder: MakeFolder, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    with pytest.raises(UnknownRun, match="no run of a suite yet"):
        find(runs, "latest")
    make_folder("20250101_000000_aaaa", started_at="2025-01-01T00:00:00+00:00")
    newest = make_folder("20250102_000000_bbbb", started_at="2025-01-02T00:00:00+00:00")
    make_folder("week9", started_at="2026-01-01T00:00:00+00:00", provenance="reference")
    assert find(runs, "latest").path == newest.path
    assert find(runs, "week9").run_id == "week9"
    with pytest.raises(UnknownRun, match="did you mean 'week2_day1'"):
        find(runs, "week_day1", also=["week2_day1"])
    for outside in ("..", "../runs/week9", ""):
        with pytest.raises(UnknownRun):
            find(runs, outside)


@pytest.mark.parametrize(
    ("manifest", "verb"),
    [
        ({"suite": "load"}, "load"),
        ({"suite": "sessions"}, "sessions"),
        ({"suite": "mvp", "request": {"capacity": {"levels": [1, 2]}}}, "capacity"),
        ({"suite": "mvp", "request": {"capacity": None}}, "run"),
        ({}, "run"),
    ],
)
def test_a_run_is_finished_by_the_verb_that_made_it(manifest: dict[str, Any], verb: str) -> None:
    assert resume_verb(manifest) == verb


def test_a_plan_of_levels_has_no_number_of_trials() -> None:
    asked = {"repeats": 1, "cases": ["a", "b"]}
    assert planned_trials({"request": asked}) == 2
    assert planned_trials({"request": asked | {"capacity": {"levels": [1, 2]}}}) == 0


def test_a_name_for_people_is_one_short_line(folder: RunFolder) -> None:
    assert folder.label() == ""
    folder.write_label(f" {'x' * 80} ")
    assert folder.label() == "x" * 80
    for wrong in ("x" * 81, "a\nb", "\x1b"):
        with pytest.raises(UsageError, match="a label"):
            folder.write_label(wrong)
    assert folder.label() == "x" * 80
    path = folder.path / "label.txt"
    path.write_text("a\x1bb\n" + "c" * 300)
    assert "\x1b" not in folder.label()
    assert len(folder.label()) == 80
    path.write_bytes(b"\xffx" + b" " * 318)
    assert folder.label() == "\ufffdx"
    path.write_bytes(b"x" * 321)  # nobody wrote that
    assert folder.label() == ""
    folder.write_label(" ")
    assert not path.exists()
    folder.write_label("")


@pytest.mark.parametrize(
    ("part", "planned"),
    [
        (None, 10),
        ({"index": 1, "of": 3}, 4),
        ({"index": 2, "of": 3}, 3),
        ({"index": 3, "of": 3}, 3),
        ({"index": 1, "of": 1}, 10),
        ({"index": "x", "of": 3}, 0),
        ({"of": 3}, 0),
    ],
)
def test_a_segment_plans_its_own_trials(part: dict[str, Any] | None, planned: int) -> None:
    manifest = {"request": {"repeats": 5, "cases": ["a", "b"]}, "segment": part}
    assert planned_trials(manifest) == planned
    for odd in ({}, {"request": None}, {"request": {"repeats": 1}}):
        assert planned_trials(odd) == 0


def test_artifacts_that_rows_name_are_told_once(folder: RunFolder, rows: SimpleNamespace) -> None:
    with Journal.open(folder) as journal:
        for seq in (1, 2):
            sent = rows.sent(seq, prompt_sha256="p", reply_sha256=f"r{seq}")
            journal.attempt_sent(sent)
            journal.attempt_ended(sent)
        journal.trial_ended(rows.trial(), [rows.stage(value_sha256="v")])
        journal.trial_ended(rows.trial(repeat=2), [rows.stage(repeat=2)])
    assert sorted(folder.measured_digests()) == ["p", "r1", "r2", "v"]


def test_a_trial_s_stages_come_in_order(folder: RunFolder, rows: SimpleNamespace) -> None:
    with Journal.open(folder) as journal:
        stages = [rows.stage(stage=name, position=n) for n, name in ((1, "code"), (0, "ir"))]
        journal.trial_ended(rows.trial(asked_function="add"), stages)
        journal.trial_ended(rows.trial(repeat=2), [rows.stage(repeat=2)])
    found = stage_rows(folder, "add", 1)
    assert [(row["stage"], row["asked_function"]) for row in found] == [
        ("ir", "add"),
        ("code", "add"),
    ]
    assert stage_rows(folder, "add", 3) == []
    assert committed(folder) == {("add", 1), ("add", 2)}


@pytest.mark.parametrize("place", ["pipe", "tables/pipe"])
def test_a_folder_with_what_is_no_file_is_refused(folder: RunFolder, place: str) -> None:
    folder.refuse_odd_files()
    folder.tables_path.mkdir()
    folder.refuse_odd_files()
    os.mkfifo(folder.path / place)
    with pytest.raises(RunFolderCorrupt, match="pipe: is no regular file"):
        folder.refuse_odd_files()


def test_a_suite_is_that_of_the_run(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder()
    folder.write_manifest(folder.manifest() | {"suite": "given"})
    found = folder.suite()
    assert found is not None
    assert [case.case_id for case in found] == ["add"]
    folder.write_manifest(folder.manifest() | {"suite": "sessions"})
    assert folder.suite() is None
    without = create(tmp_path, Run(run_id="none", suite="s"), {}, b"", ".toml")
    assert without.suite() is None


@pytest.mark.parametrize(
    ("name", "fine"),
    [("a" * 100, True), ("a" * 101, False), ("9._-", True), ("-a", False), ("latest", False)],
)
def test_what_a_run_s_folder_may_be_called(name: str, fine: bool) -> None:
    assert is_run_id(name) is fine


def test_rows_and_files_come_with_a_new_folder(tmp_path: Path, rows: SimpleNamespace) -> None:
    def fill(folder: RunFolder) -> list[Any]:
        (folder.path / "own.json").write_text("{}")
        return [rows.sent(1), rows.trial(), rows.stage()]

    copied: list[int] = []

    def copy(connection: sqlite3.Connection) -> None:
        copied.extend(connection.execute("SELECT ended FROM attempt").fetchone())

    run = Run(run_id=rows.run_id, suite="s")
    folder = create(tmp_path / "new" / "runs", run, {}, b"", ".toml", fill, copy)
    assert (folder.path / "own.json").read_text() == "{}"
    assert copied == [1]
    frames = read_journal(folder)
    assert [len(frames[table]) for table in ("attempt", "trial", "stage")] == [1, 1, 1]
    assert not frames["attempt"]["abandoned"].fillna(value=False).any()


def test_tables_were_made_of_the_journal_as_it_is_or_not(
    folder: RunFolder, rows: SimpleNamespace
) -> None:
    state = read_journal(folder)["run"].attrs[STATE]
    assert tables_match(folder, {"state": state})
    for other in ({}, {"state": "else"}):
        assert not tables_match(folder, other)
    with Journal.open(folder) as journal:
        rows.write_trial(journal)
    assert not tables_match(folder, {"state": state})


def test_a_new_folder_outlasts_a_power_cut(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.add(os.fstat(handle).st_ino)
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    folder = make_folder()
    files = [path for path in folder.path.iterdir() if path.is_file()]
    assert {path.name for path in files} >= {"run.sqlite", "suite.toml", "manifest.json"}
    for path in (*files, folder.path, folder.path.parent):
        assert path.stat().st_ino in synced, path
