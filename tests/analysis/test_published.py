from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.analysis.published import PublishedFigure, compare_published, matches
from liftlab.tomlfile import read

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
DAY = [  # case, NLP to IR, IR to code, E2E, completed, outcome, class
    ("add_numbers", 10.80, 4.12, 14.92, True, "fail", "missing_return"),
    ("multiply", 10.77, 4.19, 14.96, True, "fail", "missing_return"),
    ("string_length", 10.01, 4.16, 14.16, True, "fail", "missing_return"),
    ("max_of_two", 7.33, 19.77, 27.10, False, "fail", "indentation_error"),
    ("is_even", 9.81, 17.08, 26.90, True, "pass", None),
]


def trials() -> pd.DataFrame:
    rows = [
        {"case_id": case, "repeat": 1, "e2e_s": e2e, "completed": done, "parsed": done}
        | {"outcome": outcome, "failure_class": failure}
        for case, _, _, e2e, done, outcome, failure in DAY
    ]
    return pd.DataFrame(rows)


def stages() -> pd.DataFrame:
    rows = [
        {"case_id": case, "repeat": 1, "stage": stage, "latency_s": seconds}
        for case, ir, code, *_ in DAY
        for stage, seconds in (("nlp_to_ir", ir), ("ir_to_code", code))
    ]
    return pd.DataFrame(rows)


def published(name: str) -> dict[str, object]:
    return dict(read(REFERENCE / f"{name}.toml", ValueError).data["published"])  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def day() -> dict[str, PublishedFigure]:
    e2e = trials()["e2e_s"].to_numpy()
    usd = {"modal-a10g": e2e * 1.10 / 3600, "week2-published": e2e * 0.60 / 3600 + 0.0001}
    earlier = {"week1": published("week1")}
    rows = compare_published(published("week2_day1"), trials(), stages(), usd=usd, earlier=earlier)
    return {row.field: row for row in rows}


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        ("successes", "answers that parse"),
        ("success_rate", "share of answers that parse"),
        ("trials", "trials"),
        ("nlp_to_ir_median_s", "median, successes only"),
        ("nlp_to_ir_cv", "standard deviation / mean, successes only"),
        ("ir_to_code_median_s", "median, all that ended, failures too"),
        ("ir_to_code_mean_s", "mean, successes only"),
        ("e2e_median_s", "median, successes only"),
        ("cost_per_request_usd", "price week2-published"),
        ("cost_1000_usd", "price week2-published"),
        ("cost_10000_usd", "price week2-published"),
        ("week1_faster_nlp_to_ir", "add_numbers against the earlier prompt"),
        ("week1_faster_ir_to_code", "add_numbers against the earlier prompt"),
        ("week1_faster_e2e", "add_numbers against the earlier prompt"),
        ("week1_faster_success", "points"),
    ],
)
def test_the_published_day_comes_out_to_the_digit(
    day: dict[str, PublishedFigure], field: str, rule: str
) -> None:
    assert day[field].comes_out_as == rule


def test_which_of_them_survive(day: dict[str, PublishedFigure]) -> None:
    assert {name for name, row in day.items() if row.survives == "yes"} == {
        "trials",
        "ir_to_code_median_s",
    }
    unknown = {name for name, row in day.items() if row.survives == "cannot be checked"}
    assert unknown == {"cold_start_e2e_s", "warm_e2e_s", "wake_s", "memory_mean_mb"}


def test_why_the_others_do_not(day: dict[str, PublishedFigure]) -> None:
    assert day["e2e_median_s"].recomputed == pytest.approx(14.96)
    assert day["e2e_median_s"].explanation == "leaves out failures: 1 of 5"
    assert day["ir_to_code_mean_s"].recomputed == pytest.approx(9.864)
    assert "3 of those counted as right are wrong" in day["successes"].explanation
    assert "not at the endpoint's price, modal-a10g" in day["cost_1000_usd"].explanation
    assert day["cost_1000_usd"].recomputed == pytest.approx(5.99, abs=0.005)
    assert "one request of one prompt" in day["week1_faster_e2e"].explanation
    assert "2 trials" in day["week1_faster_success"].explanation


def test_what_is_no_figure_is_passed_over(day: dict[str, PublishedFigure]) -> None:
    assert not {"title", "date", "target_original_s", "compared_case"} & set(day)


def test_the_keys_and_milliseconds_of_the_first_benchmarks_files() -> None:
    code = np.array([row[2] for row in DAY])
    kept = code[[0, 1, 2, 4]]
    summary = {
        "total_runs": 5,
        "successful_runs": 4,
        "failed_runs": 1,
        "ir_to_code_mean": 1000 * kept.mean(),
        "ir_to_code_std": 1000 * kept.std(),
        "e2e_std": 1000 * trials()["e2e_s"].std(ddof=1),
        "memory_mean": 0.56,
    }
    memory = stages().assign(client_peak_mb=0.28)
    rows = {row.field: row for row in compare_published(summary, trials(), memory)}
    assert rows["ir_to_code_std"].comes_out_as == "population standard deviation, successes only"
    assert "divided by n, not by n - 1" in rows["ir_to_code_std"].explanation
    assert rows["ir_to_code_mean"].comes_out_as == "mean, successes only"
    assert rows["ir_to_code_mean"].unit == "ms"
    assert rows["e2e_std"].survives == "yes"
    assert rows["failed_runs"].recomputed == 4
    assert rows["memory_mean"].survives == "yes"


def test_answers_that_nobody_ran_leave_a_success_rate_unchecked() -> None:
    unjudged = trials().assign(outcome="ungraded", failure_class=None)
    [row] = compare_published({"success_rate": 0.8}, unjudged, stages())
    assert (row.survives, row.recomputed) == ("cannot be checked", None)
    assert row.comes_out_as == "share of answers that parse"


def test_a_cost_that_no_price_gives_says_that_it_is_for_want_of_one() -> None:
    for usd in ({}, {"unknown": np.full(5, np.nan)}):
        [row] = compare_published({"total_cost_usd": 0.017}, trials(), stages(), usd=usd)
        assert (row.survives, row.recomputed) == ("cannot be checked", None)
        assert row.explanation == "a price has no rate, or a time is missing"


def test_a_figure_that_nothing_gives_says_so() -> None:
    rows = compare_published({"e2e_mean_s": 12.0, "nobody_knows": 3}, trials(), stages())
    assert rows[0].explanation == "no rule that is known gives it"
    assert not rows[0].comes_out_as
    assert rows[1].survives == "cannot be checked"


def test_no_rows_check_nothing_and_raise_nothing() -> None:
    rows = compare_published(published("week2_day1"), trials().head(0), stages().head(0))
    assert all(row.survives != "yes" for row in rows)


@given(st.floats(0.001, 1e6), st.integers(0, 4))
def test_a_rounded_figure_is_found_again(value: float, decimals: int) -> None:
    printed = round(value, decimals)
    assert matches(value, printed)
    assert not matches(value + 2, printed)
    assert not matches(math.nan, printed)


def test_one_time_of_one_trial_is_that_time() -> None:
    one = {"case_id": ["factorial"], "repeat": [1], "e2e_s": [21.7], "completed": [True]}
    stage = {"case_id": ["factorial"], "repeat": [1], "stage": ["nlp_to_ir"], "latency_s": [11.0]}
    rows = compare_published(published("week1"), pd.DataFrame(one), pd.DataFrame(stage))
    told = {row.field: row.survives for row in rows}
    assert told["e2e_s"] == told["nlp_to_ir_s"] == "yes"
    assert told["ir_to_code_s"] == "cannot be checked"
