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


def recomputed(
    fields: dict[str, float], rows: pd.DataFrame | None = None, **more: object
) -> dict[str, PublishedFigure]:
    table = trials() if rows is None else rows
    found = compare_published(fields, table, stages(), **more)  # type: ignore[arg-type]
    return {row.field: row for row in found}


def test_counts_and_rates_are_of_answers_that_pass() -> None:
    names = ("total", "successes", "failed_runs", "compiled")
    rows = recomputed(dict.fromkeys((*names, "success_rate", "compilation_rate"), 99.0))
    assert [rows[name].recomputed for name in names] == [5, 1, 4, 4]
    assert rows["success_rate"].recomputed == pytest.approx(0.2)
    assert rows["compilation_rate"].recomputed == pytest.approx(0.8)
    assert {rows[name].unit for name in ("success_rate", "compilation_rate")} == {"%"}


def test_one_category_or_difficulty_has_counts_of_its_own() -> None:
    table = trials().assign(
        category=["sums", "sums", "texts", "texts", "sums"], difficulty=["easy"] * 4 + ["hard"]
    )
    rows = recomputed(
        {
            "by_category.sums.total": 3,
            "by_category.sums.passed": 3,
            "by_category.texts.rate": 0.0,
            "by_complexity.hard.rate": 1.0,
            "by_complexity.easy.total": 5,
        },
        table,
    )
    total = rows["by_category.sums.total"]
    assert (total.recomputed, total.survives, total.what) == (3, "yes", "sums, trials")
    passed = rows["by_category.sums.passed"]
    assert (passed.recomputed, passed.survives) == (1, "no")
    assert passed.explanation == "2 of those counted as right are wrong"
    assert rows["by_category.texts.rate"].survives == "yes"
    assert rows["by_complexity.hard.rate"].survives == "yes"
    assert (
        rows["by_complexity.easy.total"].recomputed,
        rows["by_complexity.easy.total"].survives,
    ) == (4, "no")


def test_one_wrong_answer_is_one() -> None:
    table = trials().assign(outcome=["fail", *["pass"] * 4])
    [row] = recomputed({"successes": 4.0}, table).values()
    assert (row.recomputed, row.survives, row.comes_out_as) == (
        4,
        "yes",
        "answers that pass all checks",
    )
    [more] = recomputed({"success": 5.0}, table.assign(parsed=True)).values()
    assert more.explanation == "1 of those counted as right is wrong"


def test_memory_is_a_trial_s_sum_over_its_stages() -> None:
    peaks = np.array([1.0, 2.0, *[0.5] * 6, np.nan, np.nan])
    table = stages().assign(client_peak_mb=peaks)
    figures = {"memory_mean_mb": 9.0, "memory_peak": 9.0}
    rows = {row.field: row for row in compare_published(figures, trials(), table)}
    assert rows["memory_peak"].recomputed == pytest.approx(3.0)
    assert rows["memory_mean_mb"].recomputed == pytest.approx(1.5)  # of the trials that know it
    unknown = compare_published(figures, trials(), table.assign(client_peak_mb=np.nan))
    assert {row.survives for row in unknown} == {"cannot be checked"}


def test_spread_needs_two_values_and_a_zero_stands_for_none() -> None:
    one = trials().head(1)
    [row] = compare_published({"e2e_cv": 0.0}, one, stages())
    assert row.comes_out_as.startswith("0 for want of a standard deviation / mean, all that ended")
    two = recomputed({"e2e_cv": 99.0}, trials().head(2))["e2e_cv"]
    first, second = 14.92, 14.96
    sd = abs(second - first) / math.sqrt(2)
    assert two.recomputed == pytest.approx(sd / ((first + second) / 2))


def test_a_change_is_against_the_same_stage_of_the_earlier_day() -> None:
    about = {"compared_case": "multiply", "trials": 5, "success_rate": 0.8}
    earlier = {"week1": {"e2e_s": 20.0, "nlp_to_ir_s": 20.0, "success_rate": 0.5, "trials": 1}}
    figures = {
        "week1_faster_e2e": 0.25,
        "week1_faster_nlp_to_ir": 0.46,
        "week1_faster_success": 0.3,
    }
    rows = recomputed(about | figures, earlier=earlier)  # type: ignore[arg-type]
    assert rows["week1_faster_e2e"].comes_out_as == "multiply against the earlier prompt"
    assert rows["week1_faster_nlp_to_ir"].comes_out_as == "multiply against the earlier prompt"
    assert rows["week1_faster_success"].comes_out_as == "points"
    assert "5 and 1 trials" in rows["week1_faster_success"].explanation
    none = recomputed({"compared_case": "nobody", "week1_faster_e2e": 0.25}, earlier=earlier)  # type: ignore[arg-type]
    assert none["week1_faster_e2e"].comes_out_as == ""


def test_what_many_requests_cost_is_as_many_means() -> None:
    usd = {"mine": np.full(5, 0.002)}
    figures = {"cost_1000_usd": 2.0, "cost_per_request_usd": 0.002, "total_cost_usd": 0.01}
    rows = recomputed(figures, usd=usd)
    assert {row.survives for row in rows.values()} == {"yes"}
    assert [rows[name].recomputed for name in figures] == pytest.approx([2.0, 0.002, 0.01])


@pytest.mark.parametrize(
    ("value", "figure", "unit", "same"),
    [
        (10.45, 10.4, "", True),
        (10.4501, 10.4, "", False),
        (0.204, 0.2, "%", True),  # a share has whole percent at least
        (0.206, 0.2, "%", False),
        (0.24, 0.2, "", True),
        (0.123456789, 0.123456789, "", True),
        (0.1234567895, 0.123456789, "", True),
        (0.1234567999, 0.123456789, "", False),
        (None, 1.0, "", False),
    ],
)
def test_a_figure_has_the_digits_that_it_was_printed_with(
    value: float | None, figure: float, unit: str, same: bool
) -> None:
    assert matches(value, figure, unit) is same
