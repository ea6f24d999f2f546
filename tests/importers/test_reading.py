"""A file that cannot be used is named in one line: where, what is wrong; the rest go in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from liftlab.errors import FileInvalid
from liftlab.importers import reading
from liftlab.jobs.exchanging import Imported, import_files
from liftlab.settings import Project

FILES = Path(__file__).parent / "files"
EARLY = (FILES / "early.json").read_bytes()
Sample = Callable[[str], dict[str, Any]]
Write = Callable[..., Path]


def refused(project: Project, path: Path) -> str:
    (each,) = import_files(project, [str(path)], regrade=False)
    assert each.status == "bad"
    assert each.reason
    assert "\n" not in each.reason
    assert each.reason.startswith(str(path))
    assert not list(project.path("runs").glob("*")) if project.path("runs").exists() else True
    return each.reason.removeprefix(str(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ": empty"),
        (b" \n\t", ": empty"),
        (EARLY[:-200], "breaks off here: the file was cut short"),
        (EARLY[:500], "the file was cut short"),
        (b"\xff\xfe{\x00}\x00", ":1: not UTF-8"),
        ('{"results": []}'.encode("utf-16-le"), ":1: not UTF-8"),
        (b'{"results": [\n{"a": \xff}]}', ":2: not UTF-8"),
        (b"{'results': []}", ":1: not JSON: Expecting property name"),
        (b'{"results": [], "results": []}', "the key 'results' stands twice"),
        (b"[" * 200 + b"]" * 200, "nested deeper than 64 levels"),
        (b'{"a":' * 100_000, "nested deeper than 64 levels"),
        (b'{"results": ' + b"9" * 5000 + b"}", "a whole number of more than 4,300 digits"),
        (b"[]", "no result file of a known kind"),
        (b'"text"', "no result file of a known kind"),
        (b"{}", "no result file of a known kind"),
        (b'{"results": [], "summary": {}}', "holds no results"),
        (b'{"results": [1], "summary": {}}', "no result file of a known kind"),
        (b'{"results": [{"nlp_to_ir": null}]}', "results[0].test_name: is missing"),
    ],
)
def test_content_that_is_no_result_file(
    project: Project, write: Write, content: bytes, said: str
) -> None:
    assert said in refused(project, write(content))


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("test_name",), 5, "test_name: should be a valid string"),
        (("test_name",), "two\nlines", "test_name: must be one line"),
        (("end_to_end_success",), "yes", "end_to_end_success: should be a valid boolean"),
        (("nlp_to_ir", "success"), None, "nlp_to_ir.success: "),
    ],
)
def test_a_value_of_the_wrong_type_is_named(
    project: Project, write: Write, sample: Sample, place: tuple[str, ...], value: Any, said: str
) -> None:
    content = sample("early.json")
    inner = content["results"][1]
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    assert f": results[1].{said}" in refused(project, write(content))


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("total_memory_mb",), -0.4, "total_memory_mb should be greater than or equal to 0"),
        (("nlp_to_ir", "memory_mb"), -1.5, "nlp_to_ir.memory_mb should be greater than or equal"),
        (("total_latency_ms",), "12", "total_latency_ms should be a valid number"),
        (("total_latency_ms",), True, "total_latency_ms should be a valid number"),
        (("total_latency_ms",), -1, "total_latency_ms should be greater than or equal"),
        (("total_latency_ms",), 10**400, "total_latency_ms "),
        (("nlp_to_ir",), [], "nlp_to_ir should hold keys and values"),
        (
            ("ir_to_code", "metadata", "result", "metadata", "attempts"),
            10**9,
            "ir_to_code.metadata.result.metadata.attempts should be less than or equal",
        ),
        (
            ("ir_to_code", "metadata", "result", "source_code"),
            1,
            "ir_to_code.metadata.result.source_code ",
        ),
        (("prompt",), {"a": 1}, "prompt "),
    ],
)
def test_a_value_that_cannot_be_is_unknown_and_told(
    project: Project, write: Write, sample: Sample, place: tuple[str, ...], value: Any, said: str
) -> None:
    content = sample("early.json")
    inner = content["results"][1]
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    (told,) = import_files(project, [str(write(content))], regrade=False)
    assert told.status == "imported"
    (note,) = (note for note in told.notes if note.startswith("results[1]"))
    assert note.startswith(f"results[1].{said}")
    assert note.endswith(": unknown")


def test_of_many_odd_values_the_first_are_told(
    project: Project, write: Write, sample: Sample
) -> None:
    content = sample("early.json")
    rows = [row | {"total_memory_mb": -1, "timestamp": None} for row in content["results"]]
    content["results"] = [row | {"test_name": f"t{i}"} for i, row in enumerate(rows * 3)]
    (told,) = import_files(project, [str(write(content))], regrade=False)
    assert told.status == "imported"
    assert told.notes[5] == f"{len(content['results']) - 5} further values are odd, and unknown"


def test_other_top_level_values(project: Project, write: Write, sample: Sample) -> None:
    for key, value in (("mode", "burst"), ("summary", [])):
        assert f": {key}: must be" in refused(project, write(sample("early.json") | {key: value}))


def test_what_is_no_file(project: Project, tmp_path: Path) -> None:
    assert "no such file" in refused(project, tmp_path / "missing.json")
    os.mkfifo(tmp_path / "pipe.json")
    assert "not a regular file" in refused(project, tmp_path / "pipe.json")
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    assert "can't be read" in refused(project, tmp_path / "loop.json")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no result files in this folder" in refused(project, empty)
    assert "no file matches" in refused(project, tmp_path / "no*.json")


def test_a_file_that_is_too_large(
    project: Project, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 2 * 1024 * 1024)
    assert "larger than 2 MiB" in refused(project, write(b" " * (3 * 1024 * 1024)))


def test_the_rest_go_in(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "a.json").write_bytes(EARLY)
    (folder / "b.json").write_bytes(EARLY[:-9])
    (folder / "c.json").write_bytes((FILES / "parallel.json").read_bytes())
    (folder / "notes.md").write_text("# not a result")
    (folder / ".hidden.json").write_text("{")
    (folder / "link.json").symlink_to(FILES / "nontrivial.json")
    (folder / "around").symlink_to(folder)
    told = list(import_files(project, [str(folder)], regrade=False))
    names = {Path(each.file).name: each.status for each in told}
    assert names == {"a.json": "imported", "b.json": "bad"} | dict.fromkeys(
        ("c.json", "link.json"), "imported"
    )


def test_a_byte_order_mark_is_no_fault(project: Project, write: Write) -> None:
    (each,) = import_files(project, [str(write(b"\xef\xbb\xbf" + EARLY))], regrade=False)
    assert each.status == "imported"


def test_half_a_surrogate_pair_is_kept_as_its_escape(
    project: Project, write: Write, sample: Sample
) -> None:
    content = sample("later.json")
    row = content["results"][0]
    row["prompt"] = row["ir_output"]["x"] = row["ir_to_code"]["error"] = "\ud83d alone"
    row["ir_to_code"]["metadata"]["result"]["source_code"] = "x = '\ud83d'"
    (each,) = import_files(project, [str(write(json.dumps(content).encode()))], regrade=False)
    assert each.status == "imported", each.reason


def test_a_pattern_is_expanded_and_a_file_named_twice_is_taken_once(project: Project) -> None:
    named = [str(FILES / "*.json"), str(FILES / "early.json")]
    told: list[Imported] = list(import_files(project, named, regrade=False))
    assert len(told) == 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.json", "a.jsonl", "c.NDJSON", ".hidden.json", "deep/d.json", ".git/e.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "own.json").write_text("{}")
    return tmp_path


def _found(folder: Path, *names: str) -> tuple[list[str], list[str]]:
    files, missing = reading.find([f"{folder}/{name}" for name in names], folder / "runs")
    return [str(file.relative_to(folder)) for file in files], [str(fault) for fault in missing]


def test_a_folder_is_searched_but_for_what_is_hidden_and_the_project_s_runs(folder: Path) -> None:
    assert _found(folder, "") == (["a.jsonl", "b.json", "c.NDJSON", "deep/d.json"], [])


def test_files_come_in_the_order_named_and_once(folder: Path) -> None:
    assert _found(folder, "deep/d.json", "*.json", "b.json")[0] == ["deep/d.json", "b.json"]
    assert _found(folder, "**/d.json")[0] == ["deep/d.json"]
    assert _found(folder, ".hidden.json")[0] == [".hidden.json"]  # it was named


def test_a_name_that_looks_like_a_pattern_may_be_a_file(folder: Path) -> None:
    (folder / "x[1].json").write_text("{}")
    assert _found(folder, "x[1].json")[0] == ["x[1].json"]


def test_what_is_not_there_is_told(folder: Path) -> None:
    (folder / "empty").mkdir()
    files, missing = _found(folder, "*.csv", "empty")
    assert files == []
    assert ["no file matches" in missing[0], "no result files in this folder" in missing[1]] == [
        True,
        True,
    ]
    assert _found(folder, "gone.json")[0] == ["gone.json"]  # reading it says so


@pytest.mark.parametrize(
    ("content", "taken"),
    [
        (b"{", True),
        (b'{"a": 1}', True),
        (b'\xef\xbb\xbf \n{"a": 1}', True),
        (b"\xef\xbb\xbf \n{", True),
        (b"[", False),
        (b"[1]", False),
        (b"", False),
        (b" " * 4096 + b"{", False),
        (b" " * 4095 + b"{", True),
    ],
)
@pytest.mark.parametrize("name", ["results", "results.txt"])
def test_a_file_of_another_ending_is_taken_if_it_begins_like_json(
    folder: Path, name: str, content: bytes, taken: bool, tmp_path: Path
) -> None:
    (folder / "deep" / name).write_bytes(content)
    assert (f"deep/{name}" in _found(folder, "deep")[0]) is taken
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / name).write_bytes(content)
    found, missing = _found(alone, "")
    assert (found == [name]) is taken
    assert (len(missing) == 1) is not taken


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(("levels", "fits"), [(1, True), (64, True), (65, False)])
def test_a_document_nests_only_so_deep(levels: int, fits: bool) -> None:
    for source in (nested(levels), b'{"a":' * levels + b"1" + b"}" * levels):
        if fits:
            assert reading.parse(source, Path("x")).data is not None
        else:
            with pytest.raises(FileInvalid, match="nested deeper than 64"):
                reading.parse(source, Path("x"))


@pytest.mark.parametrize(
    ("source", "data", "unknown"),
    [
        (b'{"a": NaN, "b": [Infinity, -Infinity]}', {"a": None, "b": [None, None]}, 3),
        (b"[1e999, -1e999, 1e308]", [None, None, 1e308], 2),
        (b"[1.5, 2]", [1.5, 2], 0),
        (b"\xef\xbb\xbf[1]", [1], 0),
    ],
)
def test_what_is_no_number_is_counted(source: bytes, data: Any, unknown: int) -> None:
    found = reading.parse(source, Path("x"))
    assert (found.data, found.unknown) == (data, unknown)


@pytest.mark.parametrize(
    ("source", "line", "cut"),
    [
        (b'{"a": 1,\n"b"', 2, True),
        (b'{"a": "b', 1, True),
        (b'{"a":\n\n', 3, True),
        (b'{"a" 1}', 1, False),
        (b'{"a": 1}\n}', 2, False),
    ],
)
def test_a_file_that_was_cut_short_is_told_from_one_that_is_wrong(
    source: bytes, line: int, cut: bool
) -> None:
    with pytest.raises(FileInvalid) as caught:
        reading.parse(source, Path("x"))
    assert ("cut short" in str(caught.value)) is cut
    assert caught.value.line is not None
    assert caught.value.line <= line


def test_a_file_has_at_most_64_mebibytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reading.MAX_BYTES == 64 * 1024**2
    monkeypatch.setattr(reading, "MAX_BYTES", 4)
    path = tmp_path / "x.json"
    path.write_bytes(b"[1 ]")
    assert reading.read_bytes(path) == b"[1 ]"
    path.write_bytes(b"[1  ]")
    with pytest.raises(FileInvalid, match="larger than"):
        reading.read_bytes(path)
