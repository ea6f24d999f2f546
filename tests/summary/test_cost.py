"""What a run costs: one price, and months with idle time as a figure of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from liftlab.analysis.cost.attempt_costs import attempt_costs
from liftlab.analysis.cost.hosting import Hosting
from liftlab.analysis.cost.prices import Price
from liftlab.settings import Project, load_project
from liftlab.store import RunData, trial_costs
from liftlab.summary import RunSummary, summarize
from liftlab.summary.cost import hosting, prices, timed_stages

RATES = """
[mine]
usd_per_million_prompt_tokens = 1.0
usd_per_million_output_tokens = 4.0
"""


def own_project(folder: Path, more: str = "", rates: str = "") -> Project:
    (folder / "data").mkdir(exist_ok=True)
    if rates:
        (folder / "data" / "prices.toml").write_text(rates)
    (folder / "liftlab.toml").write_text(f'[endpoints.local]\nserve = "local"\n{more}')
    return load_project(folder, environ={})


def local(run: RunData) -> RunData:
    return replace(run, run=replace(run.run, endpoint="local"))


def test_the_published_day_at_its_one_price(summary: RunSummary) -> None:
    cost = summary.cost
    assert (cost.price.price_id, cost.model) == ("modal-a10g", "gpu_seconds")
    assert cost.request.value == pytest.approx(19.608 * 1.10 / 3600)
    assert cost.right.value == pytest.approx(5 * cost.request.value)
    assert cost.models[0].request.value == pytest.approx(cost.request.value)
    assert cost.cold_start == "unknown"
    assert cost.busy.judged


def test_the_bill_of_a_month_is_no_multiple_of_a_request(summary: RunSummary) -> None:
    few, many = summary.cost.bills
    assert (few.requests, many.requests) == (1_000, 10_000)
    assert few.usage is not None
    assert few.usage.billed_s == pytest.approx(300.9, rel=0.02)  # nearly always a start of its own
    assert few.usd.value == pytest.approx(1_000 * 300.9 * 1.10 / 3600, rel=0.02)
    assert few.usd.quantity == "bill:1000"


def test_how_containers_go_is_the_endpoints_word_before_the_prices(
    tmp_path: Path, day: RunData
) -> None:
    run = local(day)
    price = Price(price_id="p", usd_per_hour=1, idle_s=300, cold_start_s=9, slots=20)
    plain = own_project(tmp_path)
    assert hosting(plain, run, price) == Hosting(idle_window_s=300, cold_start_s=9, slots=20)
    own = own_project(tmp_path, "idle_s = 120\nslots = 2\nmax_containers = 3\ncold_start_s = 4\n")
    found = hosting(own, run, price)
    assert found == Hosting(idle_window_s=120, cold_start_s=4, slots=2, containers=3)
    attempts = run.attempts.copy()
    attempts.loc[0, "cold_s"] = 30.0
    cold = hosting(own, replace(run, attempts=attempts), price)
    assert cold is not None
    assert cold.cold_start_s == 30
    assert hosting(plain, run, Price(price_id="q")) is None


def test_where_tokens_are_billed_nothing_is_for_idle_time(tmp_path: Path, day: RunData) -> None:
    project = own_project(tmp_path, rates=RATES)
    attempts = day.attempts.assign(prompt_tokens=300, output_tokens=50, cached_tokens=100)
    costs = attempt_costs(
        attempts, prices(project)["mine"], "tokens", timed_stages(day.stages, day.trials)
    )
    usd = trial_costs(day.trials, attempts, costs)
    run = replace(
        local(day), attempts=attempts, costs=costs, trials=day.trials.assign(cost_usd=usd)
    )
    cost = summarize(run, project).cost
    assert cost.request.value == pytest.approx(len(attempts) * (300 + 4 * 50) / 1e6 / 5)
    assert cost.models[0].request.reason == "no price per hour"
    assert cost.bills[0].usd.value == pytest.approx(1_000 * cost.request.value)
    assert cost.missing_rates == ("cached_tokens",)
    assert cost.hosting is None


def test_without_a_price_there_is_machine_time_and_no_money(day: RunData, tmp_path: Path) -> None:
    trials = day.trials.assign(cost_usd=None)
    run = replace(local(day), costs=day.costs.head(0), trials=trials)
    cost = summarize(run, own_project(tmp_path)).cost
    assert cost.request.value is None
    assert cost.service.mean_s == pytest.approx(19.608)
    assert cost.bills[0].usd.value is None


def test_a_run_without_trials_costs_nothing_that_is_known(day: RunData, project: Project) -> None:
    empty = {name: getattr(day, name).head(0) for name in ("trials", "stages", "attempts", "costs")}
    cost = summarize(replace(day, **empty), project).cost
    assert cost.request.value is None
    assert cost.curve == ()
