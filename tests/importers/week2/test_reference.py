"""The published days as runs: what was said is kept, what was not is null, answers are graded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from liftlab.jobs import opening
from liftlab.settings import Project, load_project
from liftlab.store import RunData

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("published")
    shutil.copytree(ROOT / "data" / "reference", folder / "data" / "reference")
    shutil.copytree(ROOT / "data" / "suites", folder / "data" / "suites")
    shutil.copy(ROOT / "data" / "prices.toml", folder / "data")
    (folder / "liftlab.toml").write_text("")
    return load_project(folder, environ={})


@pytest.fixture(scope="module")
def day(project: Project) -> RunData:
    return opening.open_run("week2_day1", project=project)


def test_each_attempt_that_is_counted_came_over_and_only_the_last_is_valid(day: RunData) -> None:
    attempts = day.attempts
    assert attempts["transport_ok"].all()
    assert attempts["sent_s"].isna().all()
    code = attempts[(attempts["case_id"] == "max_of_two") & (attempts["stage"] == "ir_to_code")]
    assert code["attempt"].tolist() == [1, 2, 3]
    even = attempts[(attempts["case_id"] == "is_even") & (attempts["stage"] == "ir_to_code")]
    assert even["valid"].tolist() == [False] * (len(even) - 1) + [True]


def test_four_of_five_parsed_and_one_is_right(day: RunData) -> None:
    trials = day.trials.set_index("case_id")
    assert trials["parsed"].sum() == 4
    assert (trials["outcome"] == "pass").sum() == 1
    assert trials["outcome"]["is_even"] == "pass"
    classes = trials["failure_class"]
    missing = ["add_numbers", "multiply", "string_length"]
    assert set(classes[missing]) == {"missing_return"}
    assert classes["max_of_two"] == "indentation_error"
    assert '"after_if"' in day.grades.set_index("case_id")["facets"]["max_of_two"]


def test_a_case_has_the_labels_of_its_suite(day: RunData) -> None:
    assert set(day.trials["difficulty"]) == {"easy"}
    assert day.trials["category"].notna().all()


def test_the_published_costs_stand_beside_the_one_price(day: RunData) -> None:
    """The formula of the day gives the published figures; the run itself counts at one price."""
    assert day.trials["cost_usd"].mean() == pytest.approx(0.0060, abs=5e-5)
    formula = day.costs[day.costs["cost_model"] == "latency"]["usd"].sum() / len(day.trials)
    for requests, published in ((1, "0.0034"), (1_000, "3.37"), (10_000, "33.68")):
        assert f"{formula * requests:.{len(published.partition('.')[2])}f}" == published


def test_the_slow_stage_and_its_peers(day: RunData) -> None:
    code = day.stages[day.stages["stage"] == "ir_to_code"].set_index("case_id")["latency_s"]
    assert code["is_even"] == 17.08
    assert sorted(code[["add_numbers", "multiply", "string_length"]]) == [4.12, 4.16, 4.19]
    assert day.attempts.groupby("stage").size().to_dict() == {"ir_to_code": 8, "nlp_to_ir": 5}


def test_what_the_source_does_not_say_is_null(day: RunData) -> None:
    assert day.run.provenance == "reference"
    assert day.attempts["sent_s"].isna().all()
    assert day.attempts["output_tokens"].isna().all()
    assert day.stages["client_peak_mb"].isna().all()
    assert day.run.loop_lag_p99_s is None


def test_a_day_without_answers_is_ungraded(project: Project) -> None:
    week = opening.open_run("week1", project=project)
    assert week.trials["outcome"].tolist() == ["ungraded"]
    assert week.trials["e2e_s"].tolist() == [21.7]


def test_the_old_result_file_stands_beside_the_tables(day: RunData) -> None:
    (old,) = day.folder.path.glob("benchmark_results_*.json")
    assert '"lossy"' in old.read_text()
