"""The published days come out of the reference data to the digit."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from liftlab.analysis.cost.attempt_costs import attempt_costs, cost_per_pass, cost_per_trial
from liftlab.analysis.cost.prices import load_prices
from liftlab.analysis.intervals import mean, median
from liftlab.records import columns
from liftlab.store import trial_costs

DATA = Path(__file__).parents[2] / "data"


def read(path: str) -> dict[str, Any]:
    return tomllib.loads((DATA / path).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def week2() -> dict[str, Any]:
    return read("reference/week2_day1.toml")


def tables(reference: dict[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    run_id = reference["run"]["run_id"]
    key = [
        (trial, {"run_id": run_id, "case_id": trial["case_id"], "repeat": 1})
        for trial in reference["trial"]
    ]
    trials = [{**row, "e2e_s": trial["e2e_s"]} for trial, row in key]
    stages = [{**row, **stage} for trial, row in key for stage in trial["stages"]]
    attempts = [
        {**stage, "attempt": number}
        for stage in stages
        for number in range(1, stage.get("attempts", 0) + 1)
    ]
    for seq, attempt in enumerate(attempts):
        attempt["seq"] = seq
    return pd.DataFrame(trials), pd.DataFrame(stages), pd.DataFrame(attempts)


def usd(week2: dict[str, Any], price: str, model: Any) -> pd.Series:
    trials, stages, attempts = tables(week2)
    prices = load_prices(read("prices.toml"))
    costs = attempt_costs(attempts, prices[price], model, stages)
    return pd.Series(trial_costs(trials, attempts, costs))


def test_published_costs_to_the_digit(week2: dict[str, Any]) -> None:
    spent = usd(week2, "week2-published", "latency")
    published = week2["published"]
    assert round(cost_per_trial(spent).value, 4) == published["cost_per_request_usd"]
    assert round(1000 * cost_per_trial(spent).value, 2) == published["cost_1000_usd"]
    assert round(10_000 * cost_per_trial(spent).value, 2) == published["cost_10000_usd"]


def test_list_price_and_what_a_right_answer_costs(week2: dict[str, Any]) -> None:
    spent = usd(week2, "modal-a10g", "gpu_seconds")
    assert 1000 * cost_per_trial(spent).value == pytest.approx(5.99, abs=0.005)
    assert cost_per_pass(spent, [0, 0, 0, 0, 1]).value == pytest.approx(0.02996, abs=5e-6)
    assert usd(week2, "local-cpu", "gpu_seconds").isna().all()


def test_published_latencies(week2: dict[str, Any]) -> None:
    trials, stages, _ = tables(week2)
    code = stages[(stages["stage"] == "ir_to_code") & stages["ok"]]["latency_s"]
    published = week2["published"]
    assert median(code).value == pytest.approx(published["ir_to_code_median_s"], abs=0.05)
    assert mean(code).value == pytest.approx(published["ir_to_code_mean_s"], abs=0.05)
    ended_well = trials[trials["case_id"] != "max_of_two"]["e2e_s"]
    assert median(ended_well).value == pytest.approx(published["e2e_median_s"], abs=0.05)


def test_stages_sum_to_the_end_to_end_time(week2: dict[str, Any]) -> None:
    trials, stages, _ = tables(week2)
    total = stages.groupby("case_id")["latency_s"].sum()
    assert (total[trials["case_id"]].to_numpy() - trials["e2e_s"]).abs().max() <= 0.0101


def test_the_answers_parse_where_the_day_says_so(week2: dict[str, Any]) -> None:
    for trial in week2["trial"]:
        assert trial["code_reconstructed"]
        if trial["parsed"]:
            ast.parse(trial["code"])
        else:
            with pytest.raises(IndentationError, match=trial["error"]):
                ast.parse(trial["code"])


@pytest.mark.parametrize("name", ["week1", "week2_day1"])
def test_names_are_the_tables(name: str) -> None:
    reference = read(f"reference/{name}.toml")
    assert reference["run"]["run_id"] == name
    assert set(reference["run"]) - set(columns("run")) == {"price", "cost_model", "source"}
    for trial in reference["trial"]:
        for stage in trial["stages"]:
            assert set(stage) <= set(columns("stage"))


def test_week_one_is_one_timed_prompt() -> None:
    week1 = read("reference/week1.toml")
    (trial,) = week1["trial"]
    assert trial["e2e_s"] == pytest.approx(sum(s["latency_s"] for s in trial["stages"]))
    assert (week1["published"]["successes"], week1["published"]["trials"]) == (1, 2)
