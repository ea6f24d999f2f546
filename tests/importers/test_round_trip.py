"""Old file → run → old file: tables give back what they hold, the rest is carried and named."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftlab import jobs, store
from liftlab.analysis.cost import usd_by_price
from liftlab.importers import families
from liftlab.importers.carried import export_imported
from liftlab.importers.folder import write_old
from liftlab.importers.reading import parse
from liftlab.jobs.importing import import_files
from liftlab.jobs.pricing import run_costs
from liftlab.records import Run
from liftlab.settings import Project, load_project
from liftlab.store import RunData
from liftlab.store.frames import empty

ROOT = Path(__file__).parents[2]
FILES = Path(__file__).parent / "files"

# What tables hold of each family: never carried where a file says it as the format does.
STAGE = ("latency_ms", "memory_mb", "success", "error")
HELD = {
    "end_to_end_success": {
        *(f"results[].{s}.{key}" for s in ("nlp_to_ir", "ir_to_code") for key in STAGE),
        *("results[].test_name", "results[].provider_type", "results[].total_latency_ms"),
        *("results[].end_to_end_success", "results[].estimated_cost_usd"),
        "results[].ir_to_code.metadata.result.source_code",
        "results[].ir_to_code.metadata.result.metadata.attempts",
    },
    "compilation_success": {
        *("results[].test_name", "results[].compilation_success", "results[].total_latency_ms"),
        *("results[].estimated_cost_usd", "summary.total_tests", "summary.compilation_rate"),
    },
    "compiled": {
        *("results[].test_name", "results[].category", "results[].complexity"),
        *("results[].compiled", "results[].latency_ms", "results[].cost_usd"),
        *("suite_name", "timestamp"),
    },
}

COMPLETED = ("end_to_end_success", "compiled", "compilation_success")

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


@st.composite
def validation_rows(draw: st.DrawFn) -> dict[str, Any]:
    latency = draw(milliseconds)
    return {
        "test_name": draw(names),
        "prompt": draw(texts),
        "compilation_success": draw(st.booleans()),
        "execution_success": draw(st.booleans()),
        "execution_tests": draw(st.lists(st.dictionaries(names, texts, max_size=2), max_size=2)),
        "total_latency_ms": latency,
        "estimated_cost_usd": cost(latency),
    }


@st.composite
def nontrivial_rows(draw: st.DrawFn) -> dict[str, Any]:
    latency = draw(milliseconds)
    return {
        "test_name": draw(names),
        "category": draw(names),
        "complexity": draw(names),
        "prompt": draw(texts),
        "compiled": draw(st.booleans()),
        "executed": draw(st.booleans()),
        "success": draw(st.booleans()),
        "execution_tests": [],
        "latency_ms": latency,
        "cost_usd": cost(latency),
    }


def distinct(rows: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(rows, min_size=1, max_size=4, unique_by=lambda row: row["test_name"])


@st.composite
def old_files(draw: st.DrawFn) -> dict[str, Any]:
    family = draw(st.sampled_from(("benchmark", "parallel", "execution_validation", "nontrivial")))
    extra = {"note": draw(anything)}
    if family in ("benchmark", "parallel"):
        results = draw(distinct(benchmark_rows()))
        good = sum(row["end_to_end_success"] for row in results)
        told = {"total_runs": len(results), "successful_runs": good, "e2e_std": draw(milliseconds)}
        mode = {"mode": "parallel"} if family == "parallel" else {}
        return {"results": results, "summary": told} | extra | mode
    if family == "execution_validation":
        results = draw(distinct(validation_rows()))
        rate = sum(row["compilation_success"] for row in results) / len(results)
        told = {"total_tests": len(results), "compilation_rate": rate, "both_rate": 0.5}
        return {"timestamp": "2025-10-16T10:00:00", "summary": told, "results": results} | extra
    results = draw(distinct(nontrivial_rows()))
    top = {"suite_name": "phase two", "phase": 2, "timestamp": "2025-10-16T10:00:00+02:00"}
    return top | {"summary": {"by_category": draw(anything)}, "results": results} | extra


def imported(project: Project, content: dict[str, Any], runs: Path) -> RunData:
    """Import without grading, and without writing the tables."""
    source = json.dumps(content).encode()
    old = families.read(parse(source, runs / "given.json"))
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


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("priced")
    (folder / "data").mkdir()
    shutil.copy(ROOT / "data" / "prices.toml", folder / "data")
    (folder / "liftlab.toml").write_text("")
    return load_project(folder, environ={})


@settings(max_examples=25, deadline=None)
@given(content=old_files())
def test_every_field_comes_back_and_what_no_table_holds_is_named(
    priced: Project, content: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        told = export_imported(imported(priced, content, Path(folder)))
    carried = set(told.pop("carried"))
    assert told.pop("lossy") == []
    assert told == content
    (flag,) = set(content["results"][0]) & set(COMPLETED)
    assert not carried & HELD[flag]


@settings(max_examples=10, deadline=None)
@given(content=old_files(), seconds=st.floats(0.5, 100).map(lambda x: round(x, 3)))
def test_what_is_edited_in_a_table_is_what_comes_out(
    priced: Project, content: dict[str, Any], seconds: float
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = imported(priced, content, Path(folder))
        edited = replace(
            run,
            trials=run.trials.assign(e2e_s=seconds, completed=~run.trials["completed"]),
            stages=run.stages.assign(latency_s=2 * seconds),
        )
        told = export_imported(edited)
    for row, before in zip(told["results"], content["results"], strict=True):
        key = "latency_ms" if "latency_ms" in row else "total_latency_ms"
        assert row[key] == pytest.approx(1000 * seconds)
        flag = next(key for key in COMPLETED if key in row)
        assert row[flag] is not before[flag]
        for stage in (row.get("nlp_to_ir"), row.get("ir_to_code")):
            assert stage is None or stage["latency_ms"] == pytest.approx(2000 * seconds)


def exported(make_project: Callable[[], Project], name: str) -> tuple[RunData, dict[str, Any]]:
    project = make_project()
    (each,) = import_files(project, [str(FILES / name)])
    run = jobs.open_run(str(each.run_id), project=project)
    return run, export_imported(run)


def test_the_summary_is_made_anew_by_the_file_s_own_rules(
    make_project: Callable[[], Project],
) -> None:
    run, _ = exported(make_project, "later.json")
    trials = run.trials.assign(e2e_s=run.trials["e2e_s"] + 1)
    told = export_imported(replace(run, trials=trials))["summary"]
    before = json.loads((FILES / "later.json").read_text())["summary"]
    assert told["e2e_mean"] == pytest.approx(before["e2e_mean"] + 1000)
    assert told["e2e_std"] == pytest.approx(before["e2e_std"])  # over n, as the file has it
    assert told["nlp_to_ir_mean"] == before["nlp_to_ir_mean"]


def test_a_graded_answer_comes_out_with_our_verdict(make_project: Callable[[], Project]) -> None:
    run, told = exported(make_project, "later.json")
    verdicts = {row["test_name"]: row["execution_success"] for row in told["results"]}
    assert verdicts == {case: case == "is_even" for case in run.trials["case_id"]}
    (one,) = (row for row in told["results"] if row["test_name"] == "is_even")
    assert [check["test_name"] for check in one["execution_tests"]] == [
        f"check_{number}" for number in range(1, 5)
    ]


def test_early_files_come_out_as_they_were_but_for_what_is_named(
    make_project: Callable[[], Project],
) -> None:
    for name in ("early.json", "failed_first_stage.json", "parallel.json", "validation.json"):
        _, told = exported(make_project, name)
        carried = told.pop("carried")
        assert told.pop("lossy") == []
        assert told == json.loads((FILES / name).read_text())
        assert not any("latency" in field or "cost" in field for field in carried)


def test_a_trial_without_cost_has_none(make_project: Callable[[], Project]) -> None:
    run, _ = exported(make_project, "early.json")
    told = export_imported(replace(run, costs=run.costs.assign(usd=float("nan"))))
    assert {row["estimated_cost_usd"] for row in told["results"]} == {None}


def test_the_published_day_there_and_back(make_project: Callable[[], Project]) -> None:
    project = make_project()
    shutil.copytree(ROOT / "data" / "reference", project.path("reference"))
    day = jobs.open_run("week2_day1", project=project)
    path = project.root / "day.json"
    path.write_text(json.dumps(store.export_week2(day)))
    (each,) = import_files(project, [str(path)])
    again = jobs.open_run(str(each.run_id), project=project)
    summary = store.export_week2(again)["summary"]
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
