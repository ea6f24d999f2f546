"""Which rows a result of the first benchmark becomes, and which of its figures are kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from liftlab.importers.reading import parse
from liftlab.importers.week2 import old_file
from liftlab.importers.week2.run_folder import run_id_of, write_old
from liftlab.store import RunFolder, read_journal


def written(tmp_path: Path, *rows: dict[str, Any], **top: Any) -> tuple[RunFolder, dict[str, Any]]:
    source = json.dumps({"results": rows} | top).encode()
    old = old_file.read(parse(source, Path("old.json")))
    folder = write_old(tmp_path / "runs", "old.json", source, old, None)
    assert folder.run_id == run_id_of(source, old)
    return folder, read_journal(folder)


def plain(frame: pd.DataFrame, *names: str) -> list[list[Any]]:
    found = frame[[*names]].astype(object)
    rows: list[list[Any]] = found.where(found.notna(), None).values.tolist()
    return rows


def stage(success: bool = True, attempts: int | None = None, **more: Any) -> dict[str, Any]:
    metadata = None if attempts is None else {"attempts": attempts}
    return {"success": success, "latency_ms": 500.0, "metadata": metadata} | more


def row(**more: Any) -> dict[str, Any]:
    return {"test_name": "a", "end_to_end_success": True, "provider_type": "modal"} | more


def test_there_is_a_row_for_each_attempt_that_was_counted(tmp_path: Path) -> None:
    rows = [
        row(nlp_to_ir=stage(attempts=3), ir_to_code=stage(False, attempts=2)),
        row(test_name="b", nlp_to_ir=stage()),
        row(test_name="c", total_latency_ms=9.0, nlp_to_ir=None),
        row(test_name="d", nlp_to_ir=stage(attempts=0)),
        row(test_name="e"),
    ]
    _, found = written(tmp_path, *rows)
    names = ("case_id", "seq", "stage", "attempt", "transport_ok", "valid", "endpoint")
    assert plain(found["attempt"], *names) == [
        ["a", 1, "nlp_to_ir", 1, None, False, "modal"],
        ["a", 2, "nlp_to_ir", 2, None, False, "modal"],
        ["a", 3, "nlp_to_ir", 3, True, True, "modal"],
        ["a", 4, "ir_to_code", 1, None, False, "modal"],
        ["a", 5, "ir_to_code", 2, None, False, "modal"],
        ["b", 6, "nlp_to_ir", None, True, None, "modal"],
        ["c", 7, None, None, None, None, "modal"],
        ["d", 8, "nlp_to_ir", None, None, None, "modal"],
    ]
    trials = plain(found["trial"], "case_id", "attempts", "e2e_s")
    assert trials == [
        ["a", 5, None],
        ["b", None, None],
        ["c", None, 0.009],
        ["d", 0, None],
        ["e", None, None],
    ]


def test_a_stage_keeps_what_it_gave(tmp_path: Path) -> None:
    folder, found = written(
        tmp_path,
        row(
            nlp_to_ir=stage(memory_mb=3.5),
            ir_to_code=stage(),
            ir_output={"signature": {"name": "f"}},
            code_output="def f(): 1",
        ),
        row(test_name="b", nlp_to_ir=stage(False, error="timed out"), ir_output={"a": 1}),
        row(test_name="c", nlp_to_ir=stage(False), ir_to_code=stage()),
    )
    names = ("stage", "position", "ok", "latency_s", "client_peak_mb")
    assert plain(found["stage"], *names) == [
        ["nlp_to_ir", 0, True, 0.5, 3.5],
        ["ir_to_code", 1, True, 0.5, None],
        ["nlp_to_ir", 0, False, 0.5, None],
        ["nlp_to_ir", 0, False, 0.5, None],
        ["ir_to_code", 1, True, 0.5, None],
    ]
    digests = plain(found["stage"], "value_sha256")
    kept = [None if d is None else json.loads(folder.artifacts.get(d)) for (d,) in digests]
    assert kept == [
        {"value": {"signature": {"name": "f"}}},
        {"code": "def f(): 1", "function": "f"},
        {"message": "timed out"},
        None,
        None,
    ]
    classes = [found_class for (found_class,) in plain(found["stage"], "error_class")]
    assert [one is None for one in classes] == [True, True, False, True, True]


@pytest.mark.parametrize(
    ("top", "suite", "load", "pipeline"),
    [
        ({}, "benchmark", "closed", "lift"),
        ({"mode": "parallel"}, "parallel", None, "lift"),
        ({"suite_name": "mine"}, "mine", None, None),
        ({"suite_name": ""}, "nontrivial", None, None),
        ({"suite_name": "n" * 100}, "n" * 100, None, None),
        ({"suite_name": "n" * 101}, "nontrivial", None, None),
        ({"suite_name": "a\nb"}, "nontrivial", None, None),
        ({"suite_name": 5}, "nontrivial", None, None),
    ],
)
def test_a_run_is_called_as_its_file_says(
    top: dict[str, Any], suite: str, load: str | None, pipeline: str | None, tmp_path: Path
) -> None:
    one = row(nlp_to_ir=stage()) | {"compiled": True}
    one = one if "suite_name" in top else {k: v for k, v in one.items() if k != "compiled"}
    _, found = written(tmp_path, one, **top)
    assert plain(found["run"], "suite", "load", "pipeline", "concurrency", "endpoint") == [
        [suite, load, pipeline, 1 if load else None, "modal"]
    ]


def test_several_providers_are_no_endpoint(tmp_path: Path) -> None:
    other = row(test_name="b", provider_type="other", nlp_to_ir=stage())
    _, found = written(tmp_path, row(nlp_to_ir=stage()), other)
    assert plain(found["run"], "endpoint", "repeats") == [[None, 1]]


def test_it_began_with_the_earliest_moment_that_it_tells(tmp_path: Path) -> None:
    moments = ("2025-10-15T10:00:05", "2025-10-15T10:00:01", None)
    rows = [
        row(test_name=f"t{n}", nlp_to_ir=stage(), timestamp=moment)
        for n, moment in enumerate(moments)
    ]
    folder, found = written(tmp_path, *rows, timestamp="2025-10-15T10:00:09")
    assert plain(found["run"], "started_at") == [["2025-10-15T10:00:01"]]
    assert folder.run_id.startswith("20251015_100001_")


def test_published_figures_are_kept_as_far_as_they_are_some(tmp_path: Path) -> None:
    summary = {
        "total": 5,
        "group": {"mean": 1.5, "deep": {"x": -1e15}},
        "large": 1.1e15,
        "told": "x",
        "yes": True,
        "n" * 200: 1,
        "m" * 201: 2,
    }
    folder, _ = written(tmp_path, row(nlp_to_ir=stage()), summary=summary)
    published = folder.manifest()["imported"]["published"]
    assert published == {"total": 5, "group.mean": 1.5, "group.deep.x": -1e15, "n" * 200: 1}
    many = {f"f{number}": number for number in range(501)}
    more, _ = written(tmp_path, row(test_name="z", nlp_to_ir=stage()), summary=many)
    assert len(more.manifest()["imported"]["published"]) == 500
