"""What a look at a run's folder finds, at rest and while it is written to."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from liftlab.store import Journal, RunFolder, doctor, join_trials, read_journal, write_tables
from liftlab.store.doctor import Finding
from liftlab.store.frames import empty

MakeFolder = Callable[..., RunFolder]


@pytest.fixture
def run(make_folder: MakeFolder, rows: SimpleNamespace) -> RunFolder:
    """A complete run of three trials, measured here."""
    folder = make_folder(provenance="measured")
    plan(folder, 3)
    with Journal.open(folder) as journal:
        for repeat in (1, 2, 3):
            rows.write_trial(journal, repeat=repeat)
        journal.update_run(status="complete")
    return folder


def plan(folder: RunFolder, repeats: int, **more: Any) -> None:
    path = folder.path / "manifest.json"
    request = {"cases": ["add"], "repeats": repeats}
    told = json.loads(path.read_text()) | {"suite": "one", "request": request} | more
    path.write_text(json.dumps(told))


def change(folder: RunFolder, *statements: str) -> None:
    with closing(sqlite3.connect(folder.journal_path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def tables(folder: RunFolder, **judged: Any) -> None:
    frames = read_journal(folder) | {"grade": empty("grade"), "check": empty("check")}
    frames |= {"cost": empty("cost"), **judged}
    frames["trial"] = join_trials(
        frames["trial"], frames["grade"], frames["cost"], frames["attempt"]
    )
    write_tables(folder, frames, judged_by="nobody")


def journal_of(folder: RunFolder) -> dict[str, Finding]:
    return {found.check: found for found in doctor.check_journal(folder)}


def test_a_sound_run(run: RunFolder) -> None:
    found = journal_of(run)
    assert {name: one.state for name, one in found.items()} == dict.fromkeys(
        ("journal", "attempts", "trials", "plan"), "sound"
    )
    assert "3 trials, 3 attempts" in found["journal"].text
    assert "3 of 3 planned trials" in found["plan"].text
    assert not any(one.advice for one in found.values())
    assert [one.state for one in doctor.check_files(run)] == ["sound", "sound"]
    assert doctor.check_artifacts(run).state == "sound"
    assert doctor.check_writer(run).state == "sound"


def test_of_what_came_from_elsewhere_no_plan_is_asked(run: RunFolder) -> None:
    change(run, "UPDATE run SET provenance = 'imported'")
    assert set(journal_of(run)) == {"journal", "attempts"}


@pytest.mark.parametrize(
    ("status", "done", "state"),
    [
        ("complete", 3, "sound"),
        ("complete", 2, "damaged"),
        ("running", 2, "note"),
        ("partial", 2, "note"),
        ("failed", 3, "note"),
        ("interrupted", 0, "note"),
    ],
)
def test_what_is_done_of_a_plan(status: str, done: int, state: str, run: RunFolder) -> None:
    lost = f"WHERE repeat > {done}"
    change(run, *(f"DELETE FROM {name} {lost}" for name in ("stage", "trial", "attempt")))
    change(run, f"UPDATE run SET status = '{status}'")
    found = journal_of(run)["plan"]
    assert found.state == state
    assert f"{done} of 3 planned" in found.text
    assert ("--resume" in str(found.advice)) is (state == "note")


def test_more_than_was_planned_is_no_damage(run: RunFolder) -> None:
    plan(run, 2)
    assert journal_of(run)["plan"].state == "sound"


def test_what_is_written_to_is_not_judged(run: RunFolder, rows: SimpleNamespace) -> None:
    with Journal.open(run) as journal:
        journal.attempt_sent(rows.sent(9))
        journal.committed()
        change(run, "UPDATE run SET status = 'running'")
        found = journal_of(run)
        assert (found["attempts"].state, found["plan"].state) == ("sound", "sound")
        assert "1 under way" in found["attempts"].text
        assert doctor.check_writer(run).state == "note"
    assert journal_of(run)["attempts"].state == "note"


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DELETE FROM stage WHERE repeat > 1", "add #2, add #3"),
        ("DELETE FROM trial WHERE repeat = 1", "add #1"),
        ("UPDATE trial SET attempts = 2 WHERE repeat = 2", "add #2"),
        ("DELETE FROM attempt", "add #1, add #2, add #3"),
    ],
)
def test_trials_that_lost_something_are_named(statement: str, named: str, run: RunFolder) -> None:
    change(run, statement)
    found = journal_of(run)["trials"]
    assert found.state == "damaged"
    assert found.text.endswith(named)
    assert found.text.startswith(f"{named.count('#')} trial")


def test_of_many_names_a_few_are_said(make_folder: MakeFolder, rows: SimpleNamespace) -> None:
    folder = make_folder(provenance="measured")
    with Journal.open(folder) as journal:
        for repeat in range(1, 6):
            rows.write_trial(journal, repeat=repeat)
    change(folder, "DELETE FROM stage WHERE repeat < 5")
    assert journal_of(folder)["trials"].text.endswith("add #1, add #2, add #3 and 1 more")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DROP TABLE stage", "'stage' is missing"),
        ("DELETE FROM run", "0 rows"),
        ("UPDATE run SET run_id = 'other'", None),
    ],
)
def test_a_journal_that_is_none(statement: str, said: str | None, run: RunFolder) -> None:
    change(run, statement)
    found = journal_of(run)
    damaged = {name for name, one in found.items() if one.state == "damaged"}
    if said is None:
        assert damaged == {"name"}
        assert found["name"].advice == "rename the folder to other"
    else:
        assert list(found) == ["journal"]
        assert said in found["journal"].text


def test_artifacts_that_are_missing_or_changed(run: RunFolder, rows: SimpleNamespace) -> None:
    kept = [run.artifacts.put(f"{number}".encode()) for number in range(5)]
    change(
        run,
        *(
            f"UPDATE stage SET value_sha256 = '{d}' WHERE repeat = {n}"
            for n, d in enumerate(kept, 1)
        ),
    )
    assert doctor.check_artifacts(run).text.startswith("3,")
    fresh = RunFolder(run.path)  # what was read once is not read again
    run.artifacts.path_of(kept[0]).unlink()
    run.artifacts.path_of(kept[1]).write_bytes(b"other")
    found = doctor.check_artifacts(fresh)
    assert found.state == "damaged"
    assert found.text.startswith("2 of 3 ")
    assert str(run.path) not in found.text


def test_tables_as_they_are_made_and_lost(run: RunFolder) -> None:
    assert doctor.check_tables(run, "nobody").state == "note"
    tables(run)
    sound = doctor.check_tables(run, "nobody")
    assert (sound.state, sound.advice) == ("sound", None)
    stale = doctor.check_tables(run, "somebody")
    assert (stale.state, "doctor" in str(stale.advice)) == ("note", True)
    (run.tables_path / "cost.parquet").unlink()
    lost = doctor.check_tables(run, "nobody")
    assert (lost.state, "cost.parquet" in lost.text) == ("note", True)
    (run.tables_path / "stage.parquet").write_bytes(b"PAR1")
    bad = doctor.check_tables(run, "nobody")
    assert (bad.state, "stage.parquet" in bad.text) == ("damaged", True)
    shutil.rmtree(run.tables_path)
    assert doctor.check_tables(run, "nobody").text == "none yet"


def test_what_no_row_names_is_an_orphan(run: RunFolder) -> None:
    named, orphan = (run.artifacts.put(text) for text in (b"named", b"x" * 250_000))
    change(run, f"UPDATE stage SET value_sha256 = '{named}' WHERE repeat = 1")
    tables(run)
    found, paths = doctor.orphans(run)
    assert paths == [run.artifacts.path_of(orphan)]
    assert found.state == "note"
    assert found.text.startswith("1 artifact (0.2 MB)")
    paths[0].unlink()
    found, paths = doctor.orphans(run)
    assert (found.state, found.text, paths) == ("sound", "none", [])


def test_unfinished_files_are_found_wherever_they_lie(run: RunFolder) -> None:
    tables(run)
    mine = run.tables_path / f".run.parquet.{'0a' * 8}"
    mine.write_bytes(b"half")
    (run.tables_path / ".hidden").touch()
    (run.path / f".folder.{'0a' * 8}").mkdir()
    found, paths = doctor.leftovers(run)
    assert (paths, found.state) == ([mine], "note")


def test_a_run_without_a_suite_or_with_another(run: RunFolder) -> None:
    (run.path / "suite.toml").write_text("name = 'other'")
    plan(run, 3, suite_sha256="0" * 64)
    assert [one.state for one in doctor.check_files(run)] == ["sound", "damaged"]
    (run.path / "suite.toml").write_bytes(b"")
    assert doctor.check_files(run)[1].text == "the run has none"
    (run.path / "manifest.json").write_text("{")
    assert [(one.check, one.state) for one in doctor.check_files(run)] == [("manifest", "damaged")]
