"""`liftlab doctor` on runs that were damaged on purpose: told, mended or not, never made worse."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from liftlab import store
from liftlab.cli.main import main
from liftlab.jobs import opening
from liftlab.records import Attempt, Run, Stage, Trial
from liftlab.settings import load_project
from liftlab.store import RunFolder
from liftlab.store.lock import RunLock

RUN_ID = "20251015_085128_abcd"
SUITE = b"""name = "one"
[[cases]]
case_id = "add"
prompt = "Add two numbers"
checks = [[[1, 2], 3]]
"""
KEY: dict[str, Any] = {"run_id": RUN_ID, "case_id": "add", "repeat": 1}
CODE = json.dumps({"code": "def add(a, b):\n    return a + b\n", "function": "add"}).encode()


def make(runs_dir: Path) -> RunFolder:
    """Write a complete run of one trial that passes."""
    run = Run(run_id=RUN_ID, suite="one", started_at="2025-10-15T08:51:28+00:00", pipeline="direct")
    asked = {"cases": ["add"], "repeats": 1, "endpoint": {"price": None, "cost_model": "tokens"}}
    digest = sha256(SUITE).hexdigest()
    manifest = {"suite": "one", "suite_sha256": digest, "request": asked}
    folder = store.create(runs_dir, run, manifest, SUITE, ".toml")
    attempt = Attempt(
        **KEY,
        seq=1,
        stage="code",
        attempt=1,
        sent_s=0.5,
        last_byte_s=1.5,
        prompt_sha256=folder.artifacts.put(b"Add two numbers"),
        reply_sha256=folder.artifacts.put(b"the reply"),
    )
    value = folder.artifacts.put(CODE)
    stage = Stage(
        **KEY, stage="code", position=0, ok=True, latency_s=1.0, attempts=1, value_sha256=value
    )
    with store.Journal.open(folder) as journal:
        journal.attempt_sent(attempt)
        journal.attempt_ended(attempt)
        journal.trial_ended(Trial(**KEY, e2e_s=1.0, attempts=1, completed=True), [stage])
        journal.update_run(status="complete")
    return folder


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with its tables, made once."""
    root = tmp_path_factory.mktemp("project")
    (root / "liftlab.toml").write_text("[run]\n")
    make(root / "data" / "runs")
    opening.open_run(RUN_ID, project=load_project(root))
    return root


@pytest.fixture
def folder(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return RunFolder(tmp_path / "data" / "runs" / RUN_ID)


Doctor = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    def look(*arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
        code = main(["doctor", RUN_ID, "--json", *arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        told = json.loads(captured.out)
        assert told["sound"] == (code == 0)
        return code, {finding["check"]: finding for finding in told["findings"]}

    return look


def content(folder: RunFolder) -> dict[str, bytes]:
    """Return every file of the run, apart from what SQLite keeps beside the journal."""
    return {
        str(path.relative_to(folder.path)): path.read_bytes()
        for path in folder.path.rglob("*")
        if path.is_file() and not path.name.startswith("run.sqlite-")
    }


def change(folder: RunFolder, *statements: str) -> None:
    with sqlite3.connect(folder.journal_path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def flip(path: Path, place: int, bits: int = 0xFF) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= bits
    path.write_bytes(data)


def test_a_sound_run_is_left_as_it_is(folder: RunFolder, doctor: Doctor) -> None:
    before = content(folder)
    code, found = doctor()
    assert code == 0
    assert {finding["state"] for finding in found.values()} <= {"sound", "note"}
    assert content(folder) == before


def test_people_get_a_line_a_check_and_what_to_do(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "\x1b[2Jfoe"
    (folder.artifacts.path / name).write_bytes(b"x")
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[2Jfoe" in out
    assert (
        f"→ a session that was broken off or an older grader leaves them; remove them with: "
        f"liftlab doctor {RUN_ID} --clean" in out
    )


@pytest.mark.parametrize("length", [0, 100, 5000])
def test_a_truncated_or_missing_journal_is_told_and_nothing_is_touched(
    folder: RunFolder, doctor: Doctor, length: int
) -> None:
    change(folder, "PRAGMA wal_checkpoint(TRUNCATE)")
    os.truncate(folder.journal_path, length)
    if not length:
        folder.journal_path.unlink()
    before = content(folder)
    code, found = doctor("--clean")
    assert code == 6
    assert found["journal"]["state"] == "damaged"
    assert "tables" not in found
    after = content(folder)
    assert before | {"run.lock": after["run.lock"]} == after


def test_flipped_bytes_in_the_journal_are_found(folder: RunFolder, doctor: Doctor) -> None:
    change(folder, "PRAGMA wal_checkpoint(TRUNCATE)")
    data = folder.journal_path.read_bytes()
    size = int.from_bytes(data[16:18], "big")
    for page in range(1, len(data) // size):  # the headers of all pages but the first
        flip(folder.journal_path, page * size)
    code, found = doctor()
    assert (code, found["journal"]["state"]) == (6, "damaged")


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("DELETE FROM stage", "trials"),
        ("DELETE FROM attempt", "trials"),
        ("DELETE FROM trial", "trials"),
        ("DELETE FROM stage; DELETE FROM trial; DELETE FROM attempt", "plan"),
        ("DELETE FROM run", "journal"),
        ("DROP TABLE attempt", "journal"),
        ("UPDATE run SET run_id = 'other'", "name"),
    ],
)
def test_rows_that_do_not_hang_together_are_found(
    folder: RunFolder, doctor: Doctor, statement: str, check: str
) -> None:
    change(folder, *statement.split("; "))
    code, found = doctor("--dry-run")
    assert (code, found[check]["state"]) == (6, "damaged")


def test_a_run_that_was_broken_off_is_no_damage(folder: RunFolder, doctor: Doctor) -> None:
    change(
        folder,
        "UPDATE run SET status = 'running'",
        "INSERT INTO attempt (run_id, seq, case_id, repeat, stage, phase, abandoned) "
        f"VALUES ('{RUN_ID}', 2, 'add', 2, 'code', 'measure', 0)",
    )
    code, found = doctor()
    assert code == 0
    assert found["attempts"]["state"] == "note"
    assert "never ended" in found["attempts"]["text"]
    assert f"liftlab run --resume {RUN_ID}" in found["plan"]["advice"]
    assert found["tables"]["state"] == "mended"


def test_a_newer_schema_and_an_unknown_run_are_refused(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    change(folder, "PRAGMA user_version = 99")
    assert main(["doctor", RUN_ID]) == 6
    assert "update liftlab" in capsys.readouterr().err
    assert main(["doctor", "nonsense"]) == 6
    assert "no run 'nonsense'" in capsys.readouterr().err


def artifact(folder: RunFolder, text: bytes) -> Path:
    digest = sha256(text).hexdigest()
    return folder.artifacts.path / digest[:2] / digest


def test_a_flipped_byte_in_an_artifact_is_found(folder: RunFolder, doctor: Doctor) -> None:
    flip(artifact(folder, b"the reply"), 3)
    code, found = doctor()
    assert (code, found["artifacts"]["state"]) == (6, "damaged")
    assert sha256(b"the reply").hexdigest() in found["artifacts"]["text"]
    assert found["tables"]["state"] == "sound"


def test_graded_code_that_was_changed_is_made_again(folder: RunFolder, doctor: Doctor) -> None:
    code = artifact(folder, json.loads(CODE)["code"].encode())
    good = code.read_bytes()
    flip(code, 3)
    assert doctor("--dry-run")[1]["tables"]["state"] == "damaged"
    assert (doctor()[1]["tables"]["state"], code.read_bytes()) == ("mended", good)


def test_a_missing_answer_leaves_verdicts_that_cannot_be_made(
    folder: RunFolder, doctor: Doctor
) -> None:
    artifact(folder, CODE).unlink()
    shutil.rmtree(folder.tables_path)
    code, found = doctor()
    assert code == 6
    assert found["artifacts"]["state"] == "damaged"
    assert found["tables"]["state"] == "damaged"
    assert "cannot be made again" in found["tables"]["text"]
    assert "not known" in found["orphans"]["text"]


def test_orphans_and_unfinished_files_are_removed_only_when_asked(
    folder: RunFolder, doctor: Doctor
) -> None:
    before = content(folder)
    orphan = artifact(folder, b"nobody's")
    folder.artifacts.put(b"nobody's")
    unfinished = folder.tables_path / f".run.parquet.{'0a' * 8}"
    unfinished.write_bytes(b"half")
    outside = folder.path.parent / "outside"
    outside.write_text("not the run's")
    link = folder.artifacts.path / "link"
    link.symlink_to(outside)
    code, found = doctor()
    assert code == 0
    assert found["orphans"]["state"] == "note"
    assert found["orphans"]["text"].startswith("2 artifacts")
    assert found["leftovers"]["state"] == "note"
    assert orphan.exists()
    code, found = doctor("--clean")
    assert code == 0
    assert (found["orphans"]["state"], found["leftovers"]["state"]) == ("mended", "mended")
    assert not orphan.exists()
    assert not unfinished.exists()
    assert not link.is_symlink()
    assert outside.exists()
    after = content(folder)
    assert before | {"run.lock": after["run.lock"]} == after
    assert doctor()[1]["orphans"]["state"] == "sound"


@pytest.mark.parametrize("table", ["attempt", "grade"])
def test_a_deleted_table_is_made_again(folder: RunFolder, doctor: Doctor, table: str) -> None:
    path = folder.tables_path / f"{table}.parquet"
    path.unlink()
    code, found = doctor("--dry-run")
    assert (code, found["tables"]["state"]) == (0, "note")
    assert not path.exists()
    code, found = doctor()
    assert (code, found["tables"]["state"]) == (0, "mended")
    assert path.exists()
    assert doctor()[1]["tables"]["state"] == "sound"


@pytest.mark.parametrize("table", ["attempt", "grade"])
def test_a_flipped_byte_in_a_table_is_found_and_the_table_made_again(
    folder: RunFolder, doctor: Doctor, table: str
) -> None:
    path = folder.tables_path / f"{table}.parquet"
    (column,) = (
        c
        for c in pq.read_metadata(path).row_group(0).to_dict()["columns"]
        if c["path_in_schema"] == "case_id"
    )
    flip(path, column["data_page_offset"] - 1, 1)  # a letter of a text: still a good file
    code, found = doctor("--dry-run")
    assert (code, found["tables"]["state"]) == (6, "damaged")
    os.truncate(path, 500)
    assert doctor("--dry-run")[1]["tables"]["state"] == "damaged"
    code, found = doctor()
    assert (code, found["tables"]["state"]) == (0, "mended")


def test_a_table_that_says_otherwise_than_the_journal_is_found(
    folder: RunFolder, doctor: Doctor
) -> None:
    frames = {name: store.tables.read_table(folder, name) for name in ("attempt", "stage", "trial")}
    frames |= {name: store.tables.read_table(folder, name) for name in ("grade", "check", "cost")}
    frames["run"] = store.read_journal(folder)["run"]
    frames["trial"]["e2e_s"] = 0.1
    noted = store.tables.judged_by(folder)
    store.write_tables(folder, frames, judged_by=noted)
    code, found = doctor("--dry-run")
    assert (code, found["tables"]["state"]) == (6, "damaged")
    assert "trial.parquet" in found["tables"]["text"]
    assert doctor()[1]["tables"]["state"] == "mended"


@pytest.mark.parametrize(
    ("name", "check"), [("manifest.json", "manifest"), ("suite.toml", "suite")]
)
def test_a_changed_manifest_or_suite_is_found(
    folder: RunFolder, doctor: Doctor, name: str, check: str
) -> None:
    (folder.path / name).write_text("{")
    shutil.rmtree(folder.tables_path)
    code, found = doctor()
    assert (code, found[check]["state"]) == (6, "damaged")
    assert not folder.tables_path.exists()  # it would judge by what is not the run's


def test_a_dead_owners_lock_is_free(folder: RunFolder, doctor: Doctor) -> None:
    (folder.path / "run.lock").write_text(json.dumps({"pid": 2**22 - 1, "since": "long ago"}))
    code, found = doctor()
    assert (code, found["lock"]["state"]) == (0, "sound")
    assert "free; process 4194303 (since long ago)" in found["lock"]["text"]
    assert doctor("--clean")[0] == 0  # nobody is in the way


def test_a_living_writer_is_named_and_not_disturbed(
    folder: RunFolder, doctor: Doctor, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(folder.tables_path)
    lock = RunLock(folder.path)
    try:
        code, found = doctor()
        assert code == 0
        assert f"process {os.getpid()} " in found["lock"]["text"]
        assert "tables" not in found
        assert main(["doctor", RUN_ID, "--clean"]) == 1
        assert "is writing to this run" in capsys.readouterr().err
        assert not folder.tables_path.exists()
    finally:
        lock.release()
