"""Each family of old files becomes a run: what it says is kept, what it does not say is null."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from liftlab.analysis.trends import run_series
from liftlab.jobs import opening
from liftlab.jobs.exchanging import Imported, import_files
from liftlab.settings import Project
from liftlab.store import RunData
from liftlab.store.index import history
from liftlab.summary.provenance import published_of

FILES = Path(__file__).parents[1] / "files"
Sample = Callable[[str], dict[str, Any]]
Write = Callable[..., Path]


@dataclass
class Day:
    project: Project
    runs: dict[str, RunData]
    told: dict[str, Imported]


@pytest.fixture(scope="module")
def day(make_project: Callable[[], Project]) -> Day:
    """All sample files, imported and graded once."""
    project = make_project()
    told = {Path(each.file).stem: each for each in import_files(project, [str(FILES)])}
    runs = {
        name: opening.open_run(each.run_id, project=project)
        for name, each in told.items()
        if each.run_id
    }
    return Day(project, runs, told)


def one(project: Project, path: Path, *, regrade: bool = False) -> Imported:
    (each,) = import_files(project, [str(path)], regrade=regrade)
    return each


def opened(project: Project, path: Path, *, regrade: bool = False) -> RunData:
    run_id = one(project, path, regrade=regrade).run_id
    assert run_id
    return opening.open_run(run_id, project=project)


def test_a_whole_folder_goes_in_and_is_told_apart_by_content(day: Day) -> None:
    assert {name: each.family for name, each in day.told.items()} == {
        "early": "benchmark",
        "failed_first_stage": "benchmark",
        "later": "benchmark",
        "nontrivial": "nontrivial",
        "parallel": "parallel",
        "validation": "execution_validation",
    }
    assert {each.status for each in day.told.values()} == {"imported"}
    assert all(run.run.provenance == "imported" for run in day.runs.values())


def test_names_and_endings_do_not_matter(project: Project, write: Write, sample: Sample) -> None:
    each = one(project, write(sample("nontrivial.json"), "benchmark_results_20251015_085128.txt"))
    assert each.family == "nontrivial"


def test_the_code_is_recovered_and_graded_again(day: Day) -> None:
    trials = day.runs["early"].trials.set_index("case_id")
    assert (trials["outcome"] == "pass").tolist() == [False, False, False, False, True]
    assert trials["parsed"].sum() == 4
    missing = ["add_numbers", "multiply", "string_length"]
    assert set(trials["failure_class"][missing]) == {"missing_return"}
    assert trials["failure_class"]["max_of_two"] == "indentation_error"
    facets = day.runs["early"].grades.set_index("case_id")["facets"]
    assert '"after_if"' in facets["max_of_two"]
    assert day.runs["early"].run.suite == "week2_day1"


def test_attempts_come_from_the_metadata(day: Day) -> None:
    run = day.runs["early"]
    stages = run.stages.set_index(["case_id", "stage"])["attempts"]
    assert stages["is_even", "ir_to_code"] == 2
    code = run.attempts[run.attempts["stage"] == "ir_to_code"].groupby("case_id")["attempt"]
    assert code.max()["is_even"] == 2
    # Nothing counts those of the first stage, nor those of a stage that failed.
    assert run.stages[run.stages["stage"] == "nlp_to_ir"]["attempts"].isna().all()
    failed = run.attempts[run.attempts["case_id"] == "max_of_two"]
    assert failed["attempt"].isna().all()
    assert len(failed) == 2
    assert run.trials["attempts"].isna().all()


def test_what_a_file_does_not_say_is_null(day: Day) -> None:
    run = day.runs["early"]
    assert (run.run.model, run.run.hardware, run.run.protocol, run.run.temperature) == (None,) * 4
    assert run.run.started_at == "2025-10-15T08:51:28.250000"  # no zone is told
    assert run.attempts["sent_s"].isna().all()
    assert run.attempts["output_tokens"].isna().all()
    for name in ("validation", "nontrivial"):
        assert len(day.runs[name].stages) == 0
        assert day.runs[name].run.load is None
        assert day.runs[name].run.concurrency is None
    assert day.runs["validation"].run.started_at == "2025-10-16T08:00:00+00:00"


def test_parallel_runs_are_marked_and_never_taken_for_sequential(day: Day) -> None:
    assert (day.runs["early"].run.load, day.runs["early"].run.concurrency) == ("closed", 1)
    parallel = day.runs["parallel"].run
    assert (parallel.load, parallel.concurrency) == (None, None)
    assert any("waiting" in note for note in day.told["parallel"].notes)
    apart = [set(each.runs) for each in run_series(history(day.project))]
    assert {parallel.run_id} in apart


def test_a_failed_first_stage(day: Day) -> None:
    run = day.runs["failed_first_stage"]
    assert run.stages[["stage", "ok", "error_class"]].to_numpy().tolist() == [
        ["nlp_to_ir", False, "http_5xx"]
    ]
    assert run.trials["outcome"].tolist() == ["error"]
    figures = {figure.field: figure for figure in published_of(run, day.project).rows}
    assert figures["e2e_mean"].published == 0
    assert figures["e2e_mean"].survives == "no"
    assert "0 stands for no value" in figures["e2e_mean"].explanation


def test_costs_by_the_formula_and_by_the_list_price(day: Day) -> None:
    for name in ("early", "parallel", "validation"):
        costs = day.runs[name].costs
        formula = costs[costs["cost_model"] == "latency"]["usd"].sum() / len(day.runs[name].trials)
        assert f"{formula:.4f}" == "0.0034"
        assert f"{1000 * formula:.2f}" == "3.37"
        assert f"{10_000 * formula:.2f}" == "33.68"
        assert set(day.runs[name].costs["price_id"]) == {"week2-published", "modal-a10g"}


def test_published_figures_with_every_difference_explained(day: Day) -> None:
    figures = {figure.field: figure for figure in published_of(day.runs["later"], day.project).rows}
    assert figures["total_runs"].survives == "yes"
    assert "are wrong" in figures["successful_runs"].explanation
    assert "leaves out failures" in figures["e2e_median"].explanation
    assert "divided by n, not by n - 1" in figures["e2e_std"].explanation
    assert "not at the endpoint's price" in figures["total_cost_usd"].explanation
    assert all(figure.comes_out_as for figure in figures.values())


def test_counts_of_the_other_families_are_checked_as_far_as_rows_go(day: Day) -> None:
    figures = {f.field: f for f in published_of(day.runs["validation"], day.project).rows}
    assert figures["compilation_rate"].recomputed == 0.8
    assert figures["compilation_success"].survives == "yes"
    assert figures["both_success"].explanation == "the answers were not run against checks"
    figures = {f.field: f for f in published_of(day.runs["nontrivial"], day.project).rows}
    assert figures["by_category.control_flow.total"].recomputed == 2
    assert figures["by_complexity.hard.rate"].survives == "cannot be checked"


def test_importing_again_changes_nothing(project: Project) -> None:
    first = one(project, FILES / "early.json")
    folder = project.path("runs") / str(first.run_id)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    again = one(project, FILES / "early.json", regrade=True)
    assert (again.status, again.run_id) == ("unchanged", first.run_id)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_the_same_content_under_another_name_is_one_run(project: Project, write: Write) -> None:
    copy = write((FILES / "early.json").read_bytes(), "copy.json")
    told = list(import_files(project, [str(FILES / "early.json"), str(copy)], regrade=False))
    assert [each.status for each in told] == ["imported", "unchanged"]


def test_the_file_itself_is_kept(day: Day) -> None:
    kept = day.runs["early"].folder.path / "original.json"
    assert kept.read_bytes() == (FILES / "early.json").read_bytes()


def test_without_grading_again_nothing_is_judged(project: Project) -> None:
    run = opened(project, FILES / "early.json")
    assert set(run.trials["outcome"]) == {"ungraded"}
    assert run.trials["failure_class"].isna().all()


def test_another_prompt_is_another_case_and_is_not_graded(
    project: Project, write: Write, sample: Sample
) -> None:
    content = sample("later.json")
    content["results"].append(content["results"][4] | {"prompt": "Is it odd?"})
    run = opened(project, write(content), regrade=True)
    trials = run.trials.set_index("case_id")
    assert trials["outcome"]["is_even"] == "pass"
    assert trials["outcome"]["is_even:2"] == "ungraded"


def test_a_name_that_comes_again_is_a_repeat(
    project: Project, write: Write, sample: Sample
) -> None:
    content = sample("early.json")
    again = [row | {"total_latency_ms": row["total_latency_ms"] + 1} for row in content["results"]]
    content["results"] += again
    run = opened(project, write(content))
    assert run.run.repeats == 2
    assert run.trials.groupby("case_id")["repeat"].apply(list).tolist() == [[1, 2]] * 5


def test_an_exact_copy_of_a_result_counts_once(
    project: Project, write: Write, sample: Sample
) -> None:
    content = sample("early.json")
    content["results"].append(content["results"][0])
    each = one(project, write(content))
    assert (each.trials, each.notes) == (
        5,
        ("1 result is an exact copy of an earlier one: left out",),
    )


def test_code_is_taken_from_the_output_where_the_metadata_has_none(
    project: Project, write: Write, sample: Sample
) -> None:
    content = sample("later.json")
    for row in content["results"]:
        if row["ir_to_code"]["metadata"]["result"]:
            del row["ir_to_code"]["metadata"]["result"]
    run = opened(project, write(content), regrade=True)
    assert run.trials.set_index("case_id")["outcome"]["is_even"] == "pass"


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_not_known(
    project: Project, write: Write, sample: Sample, word: str
) -> None:
    content = sample("early.json")
    content["results"][0]["nlp_to_ir"]["latency_ms"] = -77.5
    import json

    each = one(project, write(json.dumps(content).replace("-77.5", word).encode()))
    assert each.notes == ("1 value is no number (NaN or Infinity): unknown",)
    run = opening.open_run(str(each.run_id), project=project)
    assert run.stages["latency_s"].isna().sum() == 1
