"""Targets: each is judged over its own population, and by no more than the data carry."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from liftlab.analysis.targets import JudgedTarget
from liftlab.records import Run
from liftlab.settings import Project, load_project
from liftlab.settings.targets import TargetSettings, default_targets
from liftlab.store import RunData, RunFolder
from liftlab.store.frames import table_columns, typed
from liftlab.summary import RunSummary, summarize
from liftlab.summary.targets import estimate_of

ROWS = [  # case, seconds, outcome, class, USD
    ("add", 14.92, "fail", "missing_return", 0.002),
    ("multiply", 14.96, "fail", "missing_return", 0.002),
    ("length", 14.16, "fail", "missing_return", 0.002),
    ("larger", 27.10, "fail", "indentation_error", 0.005),
    ("even", 26.90, "pass", None, 0.005),
]
ANSWERS = ("e2e_median_s", "code_median_s", "success_rate", "parsed_rate", "cost_per_pass_usd")
ANSWERS += ("worst_class_share", "prompts_tested")
Tables = tuple[pd.DataFrame, pd.DataFrame]
PROJECT: Project = load_project(Path("nowhere"), environ={})


def tables(rows: list[Any] = ROWS, times: int = 1, errors: int = 0) -> Tables:
    names = ["case_id", "e2e_s", "outcome", "failure_class", "cost_usd"]
    refused = [(f"refused{i}", 0.04, "error", "endpoint_error", 0.0) for i in range(errors)]
    trials = pd.DataFrame(rows * times + refused, columns=names)
    trials["case_id"] += [f"_{index}" for index in range(len(trials))]
    trials = trials.assign(repeat=1, parsed=trials["outcome"] != "error")
    failed = trials["outcome"] == "error"
    stages = trials[["case_id", "repeat"]].assign(
        stage="code", latency_s=trials["e2e_s"] / 2, error_class=None
    )
    stages.loc[failed, "error_class"] = "http_5xx"
    return trials, stages


def summary_of(
    run: Tables, targets: dict[str, TargetSettings] | None = None, **columns: Any
) -> RunSummary:
    trials, stages = run
    frames = {"trial": trials.assign(run_id="r"), "stage": stages.assign(run_id="r", position=0)}
    tables = {
        f"{name}s": typed(frames.get(name, pd.DataFrame()).reindex(columns=[*kinds]), kinds)
        for name in ("attempt", "stage", "trial", "grade", "check", "cost")
        for kinds in (table_columns(name),)
    }
    data = RunData(run=Run(run_id="r", suite="s", **columns), folder=RunFolder(Path("r")), **tables)
    settings = PROJECT.settings.model_copy(update={"targets": targets or {}})
    return summarize(data, replace(PROJECT, settings=settings))


def judged(run: Tables, metric: str, limit: float, **more: Any) -> JudgedTarget:
    target = TargetSettings(metric=metric, limit=limit, **more)
    return summary_of(run, {"t": target}).targets.rows[0]


def verdict(run: Tables, metric: str, limit: float, **more: Any) -> str:
    return judged(run, metric, limit, **more).verdict


def test_a_time_speaks_for_its_population() -> None:
    run = tables(errors=3)
    answered = estimate_of(summary_of(run), "e2e_median_s")
    right = estimate_of(summary_of(run), "e2e_median_s", "right")
    assert (answered.value, answered.n, right.value, right.n) == (14.96, 5, 26.90, 1)
    assert judged(run, "e2e_median_s", 15.0).whose == "answered requests"
    assert estimate_of(summary_of(run), "code_p95_s", "right").value is None


@pytest.mark.parametrize(
    ("old", "new"), [("ended", "answered"), ("completed", "answered"), ("pass", "right")]
)
def test_old_names_of_populations_are_read(old: str, new: str) -> None:
    settings = TargetSettings(metric="e2e_median_s", limit=15, population=old)  # type: ignore[arg-type]
    assert settings.population == new


def test_the_population_that_is_gone_says_what_to_use() -> None:
    with pytest.raises(ValueError, match='use "answered" or "right"'):
        TargetSettings(metric="e2e_median_s", limit=15, population="never")  # type: ignore[arg-type]


def test_each_target_of_the_published_day() -> None:
    run = tables()
    assert verdict(run, "e2e_median_s", 15.0) == "undecided"
    assert verdict(run, "e2e_median_s", 5.0) == "not met"
    assert verdict(run, "success_rate", 0.7) == "undecided"
    assert verdict(run, "error_rate", 0.05) == "met"
    assert verdict(run, "prompts_tested", 10) == "not met"
    assert verdict(run, "prompts_tested", 5) == "met"
    assert verdict(run, "worst_class_share", 0.3) == "undecided"
    assert verdict(run, "cost_per_pass_usd", 0.01) == "undecided"
    assert verdict(run, "code_median_s", 30.0) == "met"
    assert verdict(run, "e2e_p95_s", 60.0) == "not measurable"
    assert verdict(run, "nonsense_median_s", 60.0) == "not measurable"


def test_more_cases_decide() -> None:
    run = tables(times=20)
    assert verdict(run, "worst_class_share", 0.3) == "not met"
    assert verdict(run, "cost_per_pass_usd", 0.1) == "met"
    assert verdict(run, "e2e_median_s", 20.0) == "met"
    assert verdict(run, "cost_per_pass_usd", 0.001) == "not met"


@pytest.mark.parametrize("metric", ANSWERS)
def test_nothing_answered_is_not_measurable(metric: str) -> None:
    for run in (tables([], errors=12), tables([])):
        assert verdict(run, metric, 0.5) == "not measurable"


def test_errors_fail_the_run_whatever_the_answers_are() -> None:
    run = tables([("even", 10.0, "pass", None, 0.005)], times=40, errors=60)
    assert verdict(run, "success_rate", 0.7) == "met"
    found = judged(run, "error_rate", 0.05)
    assert (found.verdict, found.basis, found.result.estimate.value) == ("not met", "counted", 0.6)
    assert verdict(tables(times=8, errors=2), "error_rate", 0.05) == "met"
    assert verdict(tables([], errors=3), "error_rate", 0.05) == "not met"
    assert verdict(tables([]), "error_rate", 0.05) == "not measurable"


def test_projects_without_targets_of_their_own_judge_errors() -> None:
    default = default_targets()["errors"]
    assert (default.metric, default.limit, default.required) == ("error_rate", 0.05, True)


def test_worst_class_is_a_share_of_graded_answers() -> None:
    rows = [("a", 1.0, "fail", "timeout", 0.0)] * 4 + [("b", 1.0, "fail", "name_error", 0.0)] * 2
    rows += [("c", 1.0, "pass", None, 0.0)] * 14
    found = estimate_of(summary_of(tables(rows, errors=5)), "worst_class_share")
    assert (found.value, found.n) == (0.2, 20)
    assert "picked from 2 classes" in found.method
    assert found.confidence == 0.95


def test_an_undecided_target_says_what_would_decide() -> None:
    found = judged(tables(), "worst_class_share", 0.3)
    assert found.result.more
    missing = judged(tables(), "prompts_tested", 12).result
    assert (missing.needs, missing.more) == ("7 more prompts", (7, 7))


def test_the_direction_can_be_turned_round() -> None:
    assert verdict(tables(), "e2e_median_s", 5.0, direction="at_least") == "met"


def test_the_clock_s_error_widens_a_time() -> None:
    target, run = {"t": TargetSettings(metric="e2e_median_s", limit=20.0)}, tables(times=20)
    assert summary_of(run, target).targets.rows[0].verdict == "met"
    unsure = summary_of(run, target, timing_uncertainty_s=6.0)
    assert unsure.targets.rows[0].verdict == "undecided"


def test_null_columns_are_not_measurable() -> None:
    trials, stages = tables()
    bare = trials.assign(e2e_s=math.nan, outcome="ungraded", cost_usd=math.nan), stages.head(0)
    for metric in ("e2e_median_s", "success_rate", "cost_per_pass_usd", "worst_class_share"):
        assert verdict(bare, metric, 0.5) == "not measurable"


def test_no_figure_is_rounded_onto_its_limit() -> None:
    found = judged(tables(), "e2e_median_s", 15.0)
    assert found.result.estimate.point == "14.96 s"
    assert found.as_json()["more"] == found.result.more


def test_a_time_that_nobody_has_is_of_no_request() -> None:
    wrong, failed = summary_of(tables(ROWS[:4])), summary_of(tables([], errors=3))
    for summary, metric, population, reason in (
        (wrong, "e2e_median_s", "right", "no right answer"),
        (wrong, "parse_median_s", "answered", "no stage parse"),
        (failed, "e2e_median_s", "answered", "nothing was answered"),
        (failed, "prompts_tested", "answered", "nothing was answered"),
    ):
        found = estimate_of(summary, metric, population)  # type: ignore[arg-type]
        assert (found.value, found.n, found.reason) == (None, 0, reason)
    with pytest.raises(ValueError, match="no metric 'speed'"):
        estimate_of(wrong, "speed")
