"""Ours → JSON Lines → ours: the same tables; a damaged export is refused with its line."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from liftlab.errors import FileInvalid
from liftlab.importers import jsonl
from liftlab.jobs import opening
from liftlab.jobs.exchanging import as_text, import_files
from liftlab.records import SCHEMA_VERSION, Trial
from liftlab.settings import Project, load_project
from liftlab.store import Journal, RunData, RunFolder
from liftlab.store.exchange import frames_of, parquet_files

ROOT = Path(__file__).parents[2]
FILES = Path(__file__).parent / "files"
Write = Callable[..., Path]
LATE = "2026-01-01T01:00:02.5+00:00"  # 2.5 s after the simulated run began


@pytest.fixture(scope="module")
def runs(make_project: Callable[[], Project], write_run: Callable[..., str]) -> dict[str, RunData]:
    """A reference run, a graded import, one without stages, and a simulated one."""
    project = make_project()
    shutil.copytree(ROOT / "data" / "reference", project.path("reference"))
    named = [str(FILES / "later.json"), str(FILES / "nontrivial.json")]
    told = [str(each.run_id) for each in import_files(project, named)]
    names = ["week2_day1", *told, simulated(project, write_run)]
    return {name: opening.open_run(name, project=project) for name in names}


def simulated(project: Project, write_run: Callable[..., str]) -> str:
    """Write a run that a simulator did in a seventh of the time that it stands for."""
    run_id = write_run(project.path("runs"), 1, 0.1, time_scale=7.0, timing_uncertainty_s=0.001)
    with Journal.open(RunFolder(project.path("runs") / run_id)) as journal:
        late = Trial(run_id=run_id, case_id="late", repeat=1, started_at=LATE, e2e_s=0.1)
        journal.trial_ended(late, []).result()
    return run_id


@pytest.fixture(scope="module")
def lines(runs: dict[str, RunData]) -> dict[str, str]:
    return {name: as_text(run, "jsonl") for name, run in runs.items()}


def test_the_same_tables_come_back(
    project: Project, runs: dict[str, RunData], lines: dict[str, str], write: Write
) -> None:
    for name, text in lines.items():
        (each,) = import_files(project, [str(write(text.encode(), "run.txt"))])
        assert (each.status, each.run_id, each.family) == ("imported", name, "liftlab")
        again = opening.open_run(name, project=project)
        for table, frame in frames_of(runs[name]).items():
            assert frame.equals(frames_of(again)[table]), (name, table)
        assert again.folder.manifest() == runs[name].folder.manifest()
        assert as_text(again, "jsonl") == text
        for digest in again.stages["value_sha256"].dropna():
            assert again.folder.artifacts.get(digest) == runs[name].folder.artifacts.get(digest)


def test_it_can_be_graded_anew_elsewhere(
    project: Project, runs: dict[str, RunData], lines: dict[str, str], write: Write
) -> None:
    list(import_files(project, [str(write(lines["week2_day1"].encode()))]))
    shutil.rmtree(project.path("runs") / "week2_day1" / "tables")
    again = opening.open_run("week2_day1", project=project)
    assert again.trials["outcome"].tolist() == runs["week2_day1"].trials["outcome"].tolist()


def test_a_mark_of_utf_8_on_a_line_of_its_own_is_no_record(
    project: Project, lines: dict[str, str], write: Write
) -> None:
    marked = b"\xef\xbb\xbf\n" + lines["week2_day1"].encode()
    assert [each.status for each in import_files(project, [str(write(marked))])] == ["imported"]


def test_importing_it_again_changes_nothing(
    project: Project, lines: dict[str, str], write: Write
) -> None:
    path = str(write(lines["week2_day1"].encode()))
    assert [each.status for each in import_files(project, [path, path])] == ["imported"]
    assert [each.status for each in import_files(project, [path])] == ["unchanged"]
    other = lines["week2_day1"].replace('"e2e_s": 14.92', '"e2e_s": 14.0')
    (each,) = import_files(project, [str(write(other.encode(), "other"))])
    assert "is there already, and holds other rows" in str(each.reason)


def test_a_simulated_run_tells_its_real_length_and_is_known_again(
    runs: dict[str, RunData], lines: dict[str, str], write: Write
) -> None:
    run = next(run for run in runs.values() if run.sped_up == 7.0)
    assert run.trials["started_at"].dropna().tolist() == ["2026-01-01T01:00:17.500000+00:00"]
    told = pd.read_parquet(io.BytesIO(parquet_files(run)["trial.parquet"]))
    assert told["e2e_s"].equals(run.trials["e2e_s"])
    project = load_project(run.folder.path.parents[2], environ={})
    (again,) = import_files(project, [str(write(lines[run.run.run_id].encode()))])
    assert again.status == "unchanged"


def test_every_line_says_its_table_and_version(lines: dict[str, str]) -> None:
    records = [json.loads(line) for line in lines["week2_day1"].splitlines()]
    assert all(record["schema_version"] == SCHEMA_VERSION for record in records)
    tables = {record["table"] for record in records}
    assert {"run", "attempt", "stage", "trial", "grade", "check", "cost"} < tables


def test_lines_of_the_version_before_are_read(
    project: Project, lines: dict[str, str], write: Write
) -> None:
    older = lines["week2_day1"].replace(
        f'"schema_version": {SCHEMA_VERSION},', f'"schema_version": {SCHEMA_VERSION - 1},'
    )
    (line,) = import_files(project, [str(write(older.encode()))])
    assert line.status == "imported"


def changed(text: str, table: str, fields: dict[str, Any]) -> str:
    """Return an export with the first record of a table changed."""
    lines = text.splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if line.startswith(f'{{"table": "{table}"'))
    lines[at] = json.dumps(json.loads(lines[at]) | fields) + "\n"
    return "".join(lines)


@pytest.mark.parametrize(
    ("table", "fields", "said"),
    [
        ("stage", {"latency_s": "slow"}, "stage.latency_s: "),
        ("stage", {"latency": 1}, "stage has no column 'latency'"),
        ("grade", {"outcome": "splendid"}, "grade.outcome: "),
        ("trial", {"case_id": None}, "trial.case_id: is missing"),
        ("trial", {"run_id": "other"}, "trial: a row of another run"),
        ("artifact", {"text": "something else"}, "its digest differs"),
        ("suite", {"suffix": "/../../x"}, "suffix: must be .toml or .jsonl"),
        ("check", {"schema_version": 99}, "written with schema 99"),
        ("check", {"table": "cheque"}, "no table 'cheque'"),
        ("liftlab", {"manifest": {"schema_version": 1}}, "by which price"),
        ("run", {"run_id": "../escape"}, "cannot be a run's name"),
    ],
)
def test_a_damaged_record_is_named(
    project: Project,
    lines: dict[str, str],
    write: Write,
    table: str,
    fields: dict[str, Any],
    said: str,
) -> None:
    path = write(changed(lines["week2_day1"], table, fields).encode())
    (each,) = import_files(project, [str(path)])
    assert each.status == "bad"
    assert said in str(each.reason)
    assert not project.path("runs").exists()


def test_a_cut_is_told_wherever(project: Project, lines: dict[str, str], write: Write) -> None:
    whole = lines["week2_day1"].splitlines(keepends=True)
    for cut in ("".join(whole[:-1]), "".join(whole)[:-40], whole[0]):
        (each,) = import_files(project, [str(write(cut.encode()))])
        assert "cut short" in str(each.reason)


def test_a_name_that_leads_elsewhere_is_no_run(
    project: Project, lines: dict[str, str], write: Write
) -> None:
    text = lines["week2_day1"].replace('"run_id": "week2_day1"', '"run_id": "../escape"')
    (each,) = import_files(project, [str(write(text.encode()))])
    assert each.status == "bad"
    assert not (project.root / "data" / "escape").exists()


def numbered(text: str, *more: str) -> str:
    """Return an export with lines added, and counted."""
    header, *lines = text.splitlines(keepends=True)
    told = json.loads(header)
    told["records"] += len(more)
    return json.dumps(told) + "\n" + "".join([*lines, *more])


def line_of(text: str, table: str) -> str:
    return next(
        line for line in text.splitlines(keepends=True) if line.startswith(f'{{"table": "{table}"')
    )


@pytest.mark.parametrize("table", ["run", "attempt", "stage", "trial", "check"])
def test_a_row_stands_once(lines: dict[str, str], table: str) -> None:
    text = lines["week2_day1"]
    twice = numbered(text, line_of(text, table))
    said = "one run" if table == "run" else f"{table}: two rows with the same key"
    with pytest.raises(FileInvalid, match=said):
        jsonl.read_lines(twice.encode(), Path("x"))


@pytest.mark.parametrize(
    ("manifest", "fine"),
    [
        ({"reference": {}}, True),
        ({"imported": {}}, True),
        ({"request": {"endpoint": {"price": None, "cost_model": "tokens"}}}, True),
        ({"request": {"endpoint": {"price": None}}}, False),
        ({"request": {"endpoint": None}}, False),
        ({"request": None}, False),
        (None, False),
        ([], False),
    ],
)
def test_a_manifest_says_by_which_price_a_run_counts(
    lines: dict[str, str], manifest: Any, fine: bool
) -> None:
    text = changed(lines["week2_day1"], "liftlab", {"manifest": manifest}).encode()
    if fine:
        assert jsonl.read_lines(text, Path("x")).run.run_id == "week2_day1"
    else:
        with pytest.raises(FileInvalid, match="manifest"):
            jsonl.read_lines(text, Path("x"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"text": None, "base64": "a"}, "neither text nor base64"),
        ({"text": None, "base64": "/w=="}, "its digest differs"),
        ({"text": None}, "neither text nor base64|its digest differs"),
        ({"sha256": None}, "its digest differs"),
    ],
)
def test_an_artifact_is_what_was_kept(
    lines: dict[str, str], fields: dict[str, Any], said: str
) -> None:
    text = changed(lines["week2_day1"], "artifact", fields)
    with pytest.raises(FileInvalid, match=said) as caught:
        jsonl.read_lines(text.encode(), Path("x"))
    number = next(n for n, one in enumerate(text.splitlines(), 1) if '"table": "artifact"' in one)
    assert caught.value.line == number


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", "no record"),
        ('{"table": "stage"}', "no record"),
        ('{"schema_version": 1}', "no record"),
        ('{"table": "stage", "schema_version": true}', "no record"),
        ('{"table": "file", "name": "other", "schema_version": 1}', "no table 'file'"),
        ('{"table": ["a"], "schema_version": 1}', "no record"),
        ("{", "not JSON|cut short"),
    ],
)
def test_a_line_that_is_no_record_is_named(lines: dict[str, str], line: str, said: str) -> None:
    text = lines["week2_day1"]
    with pytest.raises(FileInvalid, match=said) as caught:
        jsonl.read_lines(numbered(text, "\n", f"{line}\n").encode(), Path("x"))
    assert caught.value.line == len(text.splitlines()) + 2


@pytest.mark.parametrize(
    ("source", "ours"),
    [
        (b'{"table": "liftlab", "a": 1}', True),
        (b'\xef\xbb\xbf \n{"table": "liftlab"', True),
        (b'{"table": "run"}', False),
        (b"", False),
    ],
)
def test_an_export_is_known_by_its_first_line(source: bytes, ours: bool) -> None:
    assert jsonl.is_ours(source) is ours
