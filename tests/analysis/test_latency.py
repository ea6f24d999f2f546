from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.intervals import median, proportion
from liftlab.analysis.latency import (
    e2e_summary,
    judge,
    stage_summaries,
    succeeded,
    success_by,
    summarise,
)

E2E = [14.92, 14.96, 14.16, 27.10, 26.90]
OK = [True, True, True, False, True]
CASES = ["add_numbers", "multiply", "string_length", "max_of_two", "is_even"]


def test_each_choice_of_rows_says_which_it_is() -> None:
    code = [4.12, 4.19, 4.16, 19.77, 17.08]
    ended, ok, never = (
        summarise(code, OK, CASES, what="ir_to_code", rows=rows)
        for rows in ("ended", "ok", "never")
    )
    assert (ended.p50.value, ended.n, ended.left_out) == (4.19, 5, 0)
    assert ended.mean.value == pytest.approx(9.864)
    assert (ok.p50.value, ok.n, ok.left_out) == (pytest.approx(4.175), 4, 1)
    assert ok.mean.value == pytest.approx(7.3875)
    assert "successes only" in str(ok)
    assert never.p50.value == 4.19
    assert never.mean.value is None
    assert never.std_s is None
    assert never.high_s == 17.08
    assert ended.p95.value is None


def test_rows_without_a_time_are_left_out_and_counted() -> None:
    summary = summarise([1.0, math.nan, 2.0], [True, True, True])
    assert (summary.n, summary.left_out) == (2, 1)
    assert summary.std_s == pytest.approx(math.sqrt(0.5))
    never = summarise([1.0, math.nan, 2.0], [True, False, True], rows="never")
    assert (never.n, never.left_out) == (3, 0)


def test_no_rows_at_all() -> None:
    summary = summarise([], [])
    assert summary.n == 0
    assert summary.p50.reason == "no values"
    assert summary.low_s is None
    assert stage_summaries(pd.DataFrame()) == []


def test_stages_come_in_the_pipelines_order() -> None:
    stages = pd.DataFrame(
        {
            "stage": ["ir_to_code", "nlp_to_ir"] * 2,
            "position": [1, 0] * 2,
            "case_id": ["a", "a", "b", "b"],
            "ok": [True, True, None, True],
            "latency_s": [4.0, 10.0, None, 11.0],
        }
    )
    first, second = stage_summaries(stages)
    assert (first.what, second.what) == ("nlp_to_ir", "ir_to_code")
    assert second.left_out == 1


def test_repeats_count_by_case() -> None:
    trials = pd.DataFrame(
        {"case_id": list("aabbcc"), "e2e_s": [1.0, 2, 3, 4, 5, 6], "completed": [True] * 6}
    )
    summary = e2e_summary(trials)
    assert summary.n == 6
    assert summary.p50.n == summary.mean.n == summary.cv.n == 3


def test_success_is_what_one_says_it_is() -> None:
    trials = pd.DataFrame(
        {"outcome": ["pass", "fail", None], "parsed": [True, True, None], "completed": [True] * 3}
    )
    assert succeeded(trials).tolist() == [True, False, False]
    assert succeeded(trials, "parsed").tolist() == [True, True, False]
    assert succeeded(trials, "completed").all()


def test_success_by_time_ends_at_the_success_rate() -> None:
    curve = success_by(E2E, OK)
    assert curve.share.tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert curve.at(14.0).value == 0
    assert curve.at(14.96).value == 0.6
    assert curve.at(1e9) == proportion(4, 5)
    assert success_by([], []).n == 0
    assert np.isfinite(success_by([math.nan, 1.0], [True, True]).seconds).all()


def test_targets_of_the_published_day() -> None:
    e2e = median(E2E)
    assert judge(e2e, 5.0, "median E2E").verdict == "not met"
    revised = judge(e2e, 15.0, "median E2E")
    assert revised.verdict == "undecided"
    assert "too near" in revised.needs
    assert str(revised).startswith("median E2E ≤ 15 s: undecided: 14.96 s (93.75 % interval")
    assert judge(e2e, 30.0).verdict == "met"
    assert judge(proportion(1, 5), 0.7, at_most=False).verdict == "not met"
    assert judge(proportion(4, 5), 0.7, at_most=False).verdict == "undecided"
    assert judge(proportion(30, 30), 0.7, at_most=False).verdict == "met"


def test_a_target_without_a_number_is_not_measurable() -> None:
    assert judge(median([]), 15.0).verdict == "not measurable"


def test_one_bound_can_decide() -> None:
    bound = Estimate(value=2.0, high=3.0, confidence=0.95, n=60, unit="s")
    assert judge(bound, 4.0).verdict == "met"
    assert judge(bound, 1.0).verdict == "undecided"
    assert judge(Estimate(value=2.0, n=3, unit="s"), 4.0).needs == (
        "more independent cases would tell"
    )


def test_what_would_decide_shrinks_with_the_root_of_n() -> None:
    estimate = Estimate(value=10.0, low=8.0, high=14.0, confidence=0.95, n=25, unit="s")
    assert judge(estimate, 12.0).needs.startswith("about 100 would decide")
    assert judge(estimate, 9.0).needs.startswith("about 100 would decide")
