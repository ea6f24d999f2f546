"""Old file → run → old file: what tables hold comes back, and a copy is the file itself."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftlab import store
from liftlab.analysis.cost.attempt_costs import usd_by_price
from liftlab.importers.reading import parse
from liftlab.importers.week2 import export, old_file
from liftlab.importers.week2.run_folder import write_old
from liftlab.jobs import opening
from liftlab.jobs.exchanging import as_text, import_files, left_out
from liftlab.jobs.opening import run_costs
from liftlab.records import Run
from liftlab.settings import Project, load_project
from liftlab.store import RunData
from liftlab.store.frames import empty

ROOT = Path(__file__).parents[3]
FILES = Path(__file__).parents[1] / "files"

names = st.text("abcdefgh_", min_size=1, max_size=8)
texts = st.text(max_size=20)
milliseconds = st.floats(0, 1e7, allow_nan=False).map(lambda x: float(f"{x:.12g}"))
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=5,
)


def cost(*latencies: float) -> float:
    return math.fsum(latencies) / 1000 * 0.60 / 3600 + 0.0001


@st.composite
def stages(draw: st.DrawFn, name: str, *, ok: bool) -> dict[str, Any]:
    stage: dict[str, Any] = {
        "name": name,
        "latency_ms": draw(milliseconds),
        "memory_mb": draw(st.none() | st.floats(0, 100)),
        "success": ok,
        "error": None if ok else draw(st.none() | texts.filter(bool)),
        "metadata": {"provider": "modal", "more": draw(anything)},
    }
    if name == "ir_to_code":
        made = {"generator": "x", "attempts": draw(st.integers(1, 5))}
        answer = {"source_code": draw(texts.filter(bool)), "metadata": made, "warnings": []}
        stage["metadata"]["result"] = answer if ok else None
    return stage


@st.composite
def benchmark_rows(draw: st.DrawFn) -> dict[str, Any]:
    first, last = draw(st.booleans()), draw(st.booleans())
    ir = draw(stages("nlp_to_ir", ok=first))
    code = draw(stages("ir_to_code", ok=last)) if first else None
    times = [stage["latency_ms"] for stage in (ir, code) if stage]
    row = {
        "test_name": draw(names),
        "prompt": draw(texts),
        "timestamp": draw(st.none() | st.datetimes().map(lambda t: t.isoformat())),
        "provider_type": "modal",
        "nlp_to_ir": ir,
        "ir_to_code": code,
        "total_latency_ms": draw(milliseconds),
        "total_memory_mb": draw(st.none() | st.floats(0, 100)),
        "estimated_cost_usd": cost(*times),
        "end_to_end_success": first and last,
        "ir_output": draw(anything),
        "code_output": draw(st.none() | st.just("<5 chars>") | texts),
    }
    later = {"execution_success": draw(st.none() | st.booleans()), "execution_tests": []}
    return row | (later if draw(st.booleans()) else {})


def distinct(rows: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(rows, min_size=1, max_size=4, unique_by=lambda row: row["test_name"])


def imported(project: Project, content: dict[str, Any], runs: Path) -> RunData:
    """Import without grading, and without writing the tables."""
    source = json.dumps(content).encode()
    old = old_file.read(parse(source, runs / "given.json"))
    folder = write_old(runs, "given.json", source, old, None)
    frames = dict(store.read_journal(folder))
    frames["cost"] = run_costs(project, folder, frames)
    own = frames["cost"][frames["cost"]["price_id"] == "week2-published"]
    frames["trial"] = store.join_trials(frames["trial"], empty("grade"), own, frames["attempt"])
    return RunData(
        run=Run(**{k: v for k, v in frames["run"].iloc[0].items() if pd.notna(v)}),
        attempts=frames["attempt"],
        stages=frames["stage"],
        trials=frames["trial"],
        grades=empty("grade"),
        checks=empty("check"),
        costs=frames["cost"],
        folder=folder,
    )


def test_labels_are_the_file_s_else_the_suite_s(project: Project) -> None:
    told = import_files(project, [str(FILES / "early.json"), str(FILES / "nontrivial.json")])
    runs = [opening.open_run(each.run_id, project=project) for each in told if each.run_id]
    labels = {run.run.suite: run.trials.set_index("case_id") for run in runs}
    of_suite = labels.pop("week2_day1")
    assert set(of_suite["difficulty"]) == {"easy"}
    assert of_suite["category"]["is_even"] == "control_flow"
    (of_file,) = labels.values()
    assert of_file["difficulty"].tolist() == ["easy", "medium", "medium", "hard"]


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("priced")
    (folder / "data").mkdir()
    shutil.copy(ROOT / "data" / "prices.toml", folder / "data")
    (folder / "liftlab.toml").write_text("")
    return load_project(folder, environ={})


@settings(max_examples=25, deadline=None)
@given(rows=distinct(benchmark_rows()))
def test_what_tables_hold_of_a_file_comes_back(priced: Project, rows: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        told = export.export(imported(priced, {"results": rows}, Path(folder)))["results"]
    kept = ("test_name", "provider_type", "end_to_end_success")
    amounts = ("total_latency_ms", "estimated_cost_usd")
    for row, again in zip(rows, told, strict=True):
        assert {key: again[key] for key in kept} == {key: row[key] for key in kept}
        assert [again[key] for key in amounts] == pytest.approx([row[key] for key in amounts])
        for name in ("nlp_to_ir", "ir_to_code"):
            if row[name] is None:
                assert again[name] is None
                continue
            for key in ("latency_ms", "memory_mb", "success", "error"):
                assert again[name][key] == pytest.approx(row[name][key])
        if row["ir_to_code"] and (answer := row["ir_to_code"]["metadata"]["result"]):
            result = again["ir_to_code"]["metadata"]["result"]
            assert again["code_output"] == result["source_code"] == answer["source_code"]
            assert result["metadata"]["attempts"] == answer["metadata"]["attempts"]


@pytest.mark.parametrize("name", ["later.json", "parallel.json", "nontrivial.json"])
def test_an_imported_run_is_written_as_the_file_that_it_was(
    make_project: Callable[[], Project], name: str
) -> None:
    project = make_project()
    (each,) = import_files(project, [str(FILES / name)], regrade=False)
    run = opening.open_run(str(each.run_id), project=project)
    assert as_text(run, "week2").encode() == (FILES / name).read_bytes()
    assert "copied as it was imported" in " ".join(left_out(run))


def test_the_published_day_there_and_back(make_project: Callable[[], Project]) -> None:
    project = make_project()
    shutil.copytree(ROOT / "data" / "reference", project.path("reference"))
    day = opening.open_run("week2_day1", project=project)
    path = project.root / "day.json"
    path.write_text(json.dumps(export.export(day)))
    (each,) = import_files(project, [str(path)])
    again = opening.open_run(str(each.run_id), project=project)
    summary = export.export(again)["summary"]
    assert f"{summary['nlp_to_ir_median'] / 1000:.1f}" == "10.4"
    assert f"{summary['ir_to_code_mean'] / 1000:.1f}" == "7.4"
    assert f"{summary['e2e_median'] / 1000:.1f}" == "14.9"
    assert f"{summary['cost_per_request_mean']:.4f}" == "0.0034"
    usd = usd_by_price(again.trials, again.attempts, again.costs)
    for requests, published in ((1_000, "3.37"), (10_000, "33.68")):
        assert f"{requests * usd['week2-published'].mean():.2f}" == published
    assert f"{again.trials['cost_usd'].mean():.4f}" == "0.0060"  # the list price is the run's own
    assert summary["successful_runs"] / summary["total_runs"] == 0.80
    assert again.trials["outcome"].tolist() == day.trials["outcome"].tolist()
