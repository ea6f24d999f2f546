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


def test_what_nobody_set_counts_as_one_container_with_one_slot(
    tmp_path: Path, day: RunData
) -> None:
    run, plain = local(day), own_project(tmp_path)
    bare = Price(price_id="p", idle_s=300)
    one = Hosting(idle_window_s=300, cold_start_s=0, slots=1, containers=1)
    assert hosting(plain, run, bare) == one
    assert hosting(plain, replace(run, run=replace(run.run, endpoint="gone")), bare) == one
    many = Price(price_id="p", idle_s=300, max_containers=4)
    assert hosting(plain, run, many) == replace(one, containers=4)
    own = own_project(tmp_path, "cold_start_s = 0\n")
    found = hosting(own, run, Price(price_id="p", idle_s=300, cold_start_s=9))
    assert found == one  # a start of no time is set, too


def test_the_cold_start_that_counts_is_the_mean_of_those_measured(
    tmp_path: Path, day: RunData
) -> None:
    price = Price(price_id="p", idle_s=300, cold_start_s=9)
    run, plain = local(day), own_project(tmp_path)
    spans = [0.0, 10.0, 30.0]
    attempts = run.attempts.assign(cold_s=[*spans, *[None] * (len(run.attempts) - len(spans))])
    measured = replace(run, attempts=attempts)
    found = hosting(plain, measured, price)
    assert found is not None
    assert found.cold_start_s == 20
    cost = summarize(measured, plain).cost
    assert (cost.cold_start, cost.cold_s) == ("measured", 40.0)
    none = replace(run, attempts=attempts.assign(cold_s=0.0))
    assert summarize(none, plain).cost.cold_start == "unknown"
    set_ = own_project(tmp_path, "idle_s = 60\ncold_start_s = 4\n")
    assert summarize(none, set_).cost.cold_start == "configured"


def test_a_request_is_dearest_where_they_are_rare(summary: RunSummary) -> None:
    curve = summary.cost.curve
    assert len(curve) == 31
    assert curve[0].rate_rps == pytest.approx(1 / 86_400)
    assert curve[-1].rate_rps == pytest.approx(10)
    rare, often = curve[0], curve[20]
    assert rare.scaling is not None
    assert rare.kept is not None
    assert often.scaling is not None
    assert rare.kept.billed_s > 10 * rare.scaling.billed_s  # one kept warm is paid all day
    assert rare.scaling.billed_s > often.scaling.billed_s


def test_tokens_at_rates_of_their_own_are_missing_where_they_were_counted(
    tmp_path: Path, day: RunData
) -> None:
    def missing(rates: str = RATES, model: str = "tokens", **tokens: float) -> tuple[str, ...]:
        project = own_project(tmp_path, rates=rates)
        attempts = day.attempts.assign(
            **{"prompt_tokens": 300, "output_tokens": 50, "cached_tokens": None} | tokens
        )
        costs = day.costs.assign(price_id="mine", cost_model=model)
        return summarize(
            replace(local(day), attempts=attempts, costs=costs), project
        ).cost.missing_rates

    assert missing() == ()
    assert missing(cached_tokens=0, reasoning_tokens=0) == ()
    assert missing(cached_tokens=10, reasoning_tokens=5) == ("cached_tokens", "reasoning_tokens")
    own = RATES + "usd_per_million_cached_tokens = 0.1\n"
    assert missing(own, cached_tokens=10, reasoning_tokens=5) == ("reasoning_tokens",)
    assert missing(model="gpu_seconds", cached_tokens=10) == ()


def test_a_price_that_does_not_bill_so_says_which_rate_it_lacks(summary: RunSummary) -> None:
    by_time, by_tokens = summary.cost.models
    assert (by_time.model, by_tokens.model) == ("gpu_seconds", "tokens")
    assert by_time.request.value is not None
    assert by_time.right.value == pytest.approx(5 * by_time.request.value)
    assert (by_tokens.request.value, by_tokens.right.value) == (None, None)
    assert by_tokens.request.reason == by_tokens.right.reason == "no price per token"


def test_trials_that_held_a_slot_count_and_each_by_all_its_attempts(
    day: RunData, project: Project
) -> None:
    service = summarize(day, project).cost.service
    assert len(service.seconds) == len(service.cases) == 5
    assert service.calls == len(day.attempts) / 5
    one = day.trials["case_id"].iloc[0]
    stages = day.stages[day.stages["case_id"] != one]
    attempts = day.attempts[day.attempts["case_id"] != one]
    fewer = summarize(replace(day, stages=stages, attempts=attempts), project).cost.service
    assert len(fewer.seconds) == len(fewer.cases) == 4
    assert fewer.calls == len(attempts) / 5


def test_a_run_without_costs_has_a_price_of_no_name(day: RunData, project: Project) -> None:
    odd = replace(day, costs=day.costs.assign(cost_model="by_weight", price_id="gone"))
    cost = summarize(odd, project).cost
    assert (cost.price.price_id, cost.model) == ("gone", "gpu_seconds")
    none = summarize(replace(day, costs=day.costs.head(0)), project).cost
    assert (none.price.price_id, none.model, none.hosting) == ("unknown", "gpu_seconds", None)
    assert none.curve == ()
    assert none.bills[0].usd.reason != ""
