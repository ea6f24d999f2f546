"""How runs are found by what people call them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from liftlab.errors import InputInvalid, UnknownRun
from liftlab.records import CAPACITY, LOAD, SESSIONS
from liftlab.store import RunFolder
from liftlab.store.folder import SEGMENT
from liftlab.store.listing import find, latest, latest_sessions, list_runs, resolve, run_folders

MakeFolder = Callable[..., RunFolder]


@pytest.fixture
def runs_dir(make_folder: MakeFolder, tmp_path: Path) -> Path:
    """Where `make_folder` makes them."""
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


def _number(make_folder: MakeFolder, day: int, **columns: Any) -> str:
    run_id = f"202601{day:02}_000000_abcd"
    make_folder(run_id, started_at=f"2026-01-{day:02}T00:00:00+00:00", **columns)
    return run_id


def test_the_latest_is_of_a_suite_and_was_measured_here(
    make_folder: MakeFolder, runs_dir: Path
) -> None:
    assert latest(runs_dir) is None
    meant = _number(make_folder, 1, provenance="measured")
    checks = _number(make_folder, 2, provenance="measured", suite=SESSIONS)
    _number(make_folder, 3, provenance="measured", suite=LOAD)
    _number(make_folder, 4, provenance="imported")
    quick = _number(make_folder, 5, provenance="measured")
    manifest = runs_dir / quick / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"quick": True}))
    assert latest(runs_dir) == resolve(runs_dir, "latest") == meant
    assert latest_sessions(runs_dir) == resolve(runs_dir, "sessions") == checks


def test_a_run_whose_manifest_is_broken_is_still_the_latest(
    make_folder: MakeFolder, runs_dir: Path
) -> None:
    _number(make_folder, 1, provenance="measured")
    broken = _number(make_folder, 2, provenance="measured")
    (runs_dir / broken / "manifest.json").write_text("{")
    assert latest(runs_dir) == broken


def test_no_session_checks_are_no_run(make_folder: MakeFolder, runs_dir: Path) -> None:
    _number(make_folder, 1)
    assert latest_sessions(runs_dir) is None
    with pytest.raises(UnknownRun):
        resolve(runs_dir, "sessions")


def test_the_beginning_of_one_name_is_enough(make_folder: MakeFolder, runs_dir: Path) -> None:
    first, second = _number(make_folder, 1), _number(make_folder, 2)
    assert resolve(runs_dir, "20260102") == second
    assert find(runs_dir, first[:10]).run_id == first
    for nobody in ("", "x", "abcd"):
        with pytest.raises(UnknownRun):
            resolve(runs_dir, nobody)


@pytest.mark.parametrize(("runs", "more"), [(10, False), (11, True)])
def test_of_many_with_a_beginning_ten_are_named(
    make_folder: MakeFolder, runs_dir: Path, runs: int, more: bool
) -> None:
    names = [_number(make_folder, day) for day in range(1, runs + 1)]
    with pytest.raises(InputInvalid) as caught:
        resolve(runs_dir, "2026")
    assert f"could be any of {runs}: {', '.join(names[:10])}" in str(caught.value)
    assert str(caught.value).endswith(", …") is more


def test_a_whole_name_is_meant_though_others_begin_so(runs_dir: Path) -> None:
    assert resolve(runs_dir, "a", also=("a", "ab")) == "a"
    with pytest.raises(UnknownRun):  # known by name, and not on disk
        find(runs_dir, "a", also=("a", "ab"))


def test_what_is_no_run_is_not_listed(make_folder: MakeFolder, runs_dir: Path) -> None:
    assert run_folders(runs_dir / "nowhere") == []
    run = _number(make_folder, 1)
    (runs_dir / "empty").mkdir()
    (runs_dir / "note.txt").touch()
    hidden = runs_dir / ".20260102_000000_abcd"
    (runs_dir / run).rename(hidden)
    assert list_runs(runs_dir) == []
    hidden.rename(runs_dir / run)
    assert [line.run_id for line in list_runs(runs_dir)] == [run]


def test_a_line_says_what_a_run_was(make_folder: MakeFolder, runs_dir: Path) -> None:
    run = _number(make_folder, 1, suite="s", endpoint="e", status="running", provenance="measured")
    (line,) = list_runs(runs_dir)
    assert line.as_json() == {
        "run_id": run,
        "started_at": "2026-01-01T00:00:00+00:00",
        "suite": "s",
        "endpoint": "e",
        "status": "interrupted",  # nobody writes to it
        "provenance": "measured",
        "trials": 0,
        "problem": None,
        "load": None,
    }


def test_runs_of_capacity_and_segments_are_not_the_latest(
    make_folder: MakeFolder, runs_dir: Path
) -> None:
    meant = _number(make_folder, 1, provenance="measured")
    capacity = _number(make_folder, 2, provenance="measured", load=CAPACITY)
    segment = _number(make_folder, 3, provenance="measured")
    manifest = runs_dir / segment / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {SEGMENT: {"number": 1}}))
    assert latest(runs_dir) == meant
    assert resolve(runs_dir, "capacity") == capacity
    assert [run.run_id for run in list_runs(runs_dir)] == [segment, capacity, meant]


def test_a_folder_that_cannot_be_read_is_listed_last_and_says_why(
    make_folder: MakeFolder, runs_dir: Path
) -> None:
    run, empty, odd = (_number(make_folder, day) for day in (1, 2, 3))
    with closing(sqlite3.connect(runs_dir / empty / "run.sqlite")) as connection, connection:
        connection.execute("DELETE FROM run")
    (runs_dir / odd / "run.sqlite").write_bytes(b"no database")
    first, *broken = list_runs(runs_dir)
    assert (first.run_id, first.problem) == (run, None)
    assert [line.run_id for line in broken] == [odd, empty]
    assert all(line.problem and line.started_at is None for line in broken)


def test_what_has_a_manifest_alone_is_a_run_that_lost_its_journal(
    make_folder: MakeFolder, runs_dir: Path
) -> None:
    run = _number(make_folder, 1)
    (runs_dir / run / "run.sqlite").unlink()
    assert [path.name for path in run_folders(runs_dir)] == [run]
    assert find(runs_dir, run).run_id == run
    (runs_dir / run / "manifest.json").unlink()
    assert run_folders(runs_dir) == []
