"""Summaries of times: which rows are in them, and by when answers are right."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from liftlab.analysis.intervals import median, proportion
from liftlab.analysis.latency import (
    e2e_summary,
    judged_seconds,
    stage_summaries,
    succeeded,
    summarise,
)
from liftlab.analysis.success import success_by, success_curve, success_rate

E2E = [14.92, 14.96, 14.16, 27.10, 26.90]
OK = [True, True, True, False, True]


def made(
    outcomes: list[str], seconds: list[float], classes: list[str | None], cases: str = ""
) -> tuple[pd.DataFrame, pd.DataFrame]:
    keys = pd.DataFrame(
        {"case_id": list(cases) or [f"c{i}" for i in range(len(outcomes))], "repeat": 1}
    )
    keys["repeat"] = keys.groupby("case_id").cumcount() + 1
    trials = keys.assign(outcome=outcomes, e2e_s=seconds)
    stages = keys.assign(stage="code", position=0, latency_s=seconds, error_class=classes)
    return trials, stages


def test_answered_are_those_that_the_model_answered() -> None:
    trials, stages = made(
        ["pass", "fail", "ungraded", "error"],
        [1.0, 2.0, 3.0, 0.04],
        [None, "does_not_parse", "length", "http_5xx"],
    )
    whole, (code,) = e2e_summary(trials, stages=stages), stage_summaries(stages)
    for summary in (whole, code):
        assert (summary.n, summary.left_out, summary.p50.value) == (3, 1, 2.0)
        assert (summary.low_s, summary.high_s, summary.mean.value) == (1.0, 3.0, 2.0)
        assert summary.std_s == pytest.approx(1.0)
        assert summary.cv.value == pytest.approx(0.5)
    right, (step,) = e2e_summary(trials, "right"), stage_summaries(stages, "right", trials=trials)
    assert (right.n, right.p50.value) == (1, 1.0)
    assert (step.n, step.p50.value) == (1, 1.0)
    with pytest.raises(ValueError, match="need the trial table"):
        stage_summaries(stages, "right")


def test_an_error_that_nobody_graded_is_no_answer() -> None:
    trials, stages = made(["ungraded"] * 3, [1.0, 2.0, 0.04], [None, None, "connect"])
    assert e2e_summary(trials, stages=stages).n == 2


def test_a_deadline_counts_as_longer_than_the_deadline() -> None:
    outcomes, classes = ["pass"] * 27 + ["error"] * 13, [None] * 27 + ["deadline"] * 8
    trials, stages = made(
        outcomes, [float(i) for i in range(1, 28)] + [300.0] * 8 + [0.04] * 5, classes + ["dns"] * 5
    )
    for summary in (e2e_summary(trials, stages=stages), *stage_summaries(stages)):
        assert (summary.n, summary.given_up, summary.left_out) == (35, 8, 5)
        assert summary.p50.value == 18.0
        assert summary.p95.point == "over 300 s"
        assert (summary.mean.value, summary.std_s, summary.high_s) == (None, None, 27.0)
        assert "gave up on 8" in summary.mean.reason
    assert e2e_summary(trials, "right", stages=stages).n == 27


def test_nothing_answered_has_no_time() -> None:
    trials, stages = made(["error"] * 4, [0.04] * 4, ["http_4xx"] * 4)
    summary = e2e_summary(trials, stages=stages)
    assert (summary.n, summary.left_out, summary.p50.value) == (0, 4, None)


def test_rows_without_a_time_are_left_out_and_counted() -> None:
    summary = summarise([1.0, math.nan, 2.0])
    assert (summary.n, summary.left_out) == (2, 1)
    assert summary.std_s == pytest.approx(math.sqrt(0.5))


def test_no_rows_at_all() -> None:
    summary = summarise([])
    assert summary.n == 0
    assert summary.p50.reason == "no data"
    assert summary.low_s is None
    assert stage_summaries(pd.DataFrame()) == []


def test_stages_come_in_the_pipelines_order() -> None:
    stages = pd.DataFrame(
        {
            "stage": ["ir_to_code", "nlp_to_ir"] * 2,
            "position": [1, 0] * 2,
            "case_id": ["a", "a", "b", "b"],
            "latency_s": [4.0, 10.0, None, 11.0],
        }
    )
    first, second = stage_summaries(stages)
    assert (first.what, second.what) == ("nlp_to_ir", "ir_to_code")
    assert second.left_out == 1


def test_requests_are_counted_and_prompts_beside_them() -> None:
    trials, _ = made(["pass"] * 6, [1.0, 2, 3, 4, 5, 6], [None] * 6, "aabbcc")
    summary = e2e_summary(trials)
    assert (summary.n, summary.cases) == (6, 3)
    assert {each.n for each in (summary.p50, summary.mean, summary.cv)} == {6}
    assert {each.cases for each in (summary.p50, summary.mean, summary.cv)} == {3}


def test_liftlab_s_own_work_is_not_judged() -> None:
    trials, _ = made(["pass"] * 3, [1.0, 2.0, 3.0], [None] * 3)
    assert e2e_summary(trials.assign(client_s=[0.5, None, 0.5])).p50.value == 2.0
    assert judged_seconds(trials.assign(client_s=[0.5, None, 0.5])).tolist() == [0.5, 2.0, 2.5]


def test_success_is_what_one_says_it_is() -> None:
    trials = pd.DataFrame(
        {"outcome": ["pass", "fail", None], "parsed": [True, True, None], "completed": [True] * 3}
    )
    assert succeeded(trials).tolist() == [True, False, False]


def test_success_by_time_ends_at_the_success_rate() -> None:
    curve = success_by(E2E, OK)
    assert curve.share.tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert curve.at(14.0).value == 0
    assert curve.at(14.96).value == 0.6
    assert str(curve.at(1e9)) == str(proportion(4, 5))
    assert (curve.seconds[0], curve.share[-1]) == (14.16, pytest.approx(0.8))
    assert success_by([], []).n == 0
    assert np.isfinite(success_by([math.nan, 1.0], [True, True]).seconds).all()


def test_seven_of_ten_right_are_half_right_by_some_time() -> None:
    """By medians of (time, never) a prompt, half "never succeeded"."""
    outcomes = ["pass", "pass"] * 8 + ["pass", "fail"] * 12
    cases = "".join(chr(65 + i // 2) for i in range(40))
    trials, _ = made(outcomes, [5 + i / 100 for i in range(40)], [None] * 40, cases)
    trials.loc[40] = ["x", 1, "error", 0.04]
    curve = success_curve(trials)
    assert (curve.n, curve.share[-1]) == (40, pytest.approx(0.7))
    assert curve.at(100.0) == success_rate(trials).estimate


def test_the_curve_weighs_every_prompt_the_same() -> None:
    trials, _ = made(["pass"] * 10 + ["fail"] * 9, [1.0] * 19, [None] * 19, "a" * 10 + "bcdefghij")
    assert success_curve(trials).share[-1] == pytest.approx(0.1)


def test_refusals_pull_no_median() -> None:
    outcomes, seconds = ["pass"] * 16 + ["error"] * 24, [20.12] * 16 + [0.04] * 24
    trials, stages = made(outcomes, seconds, [None] * 16 + ["http_429"] * 24)
    assert e2e_summary(trials, stages=stages).p50.value == median([20.12] * 16).value
