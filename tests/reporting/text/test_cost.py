"""What is said of money: one price, and what it is for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from liftlab.analysis.cost.hosting import Hosting
from liftlab.jobs import opening
from liftlab.reporting.text import cost as text
from liftlab.reporting.text import findings
from liftlab.settings import Project, load_project
from liftlab.summary import summarize
from liftlab.summary.cost import Costs


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    runs = str(tmp_path_factory.mktemp("runs"))
    return load_project(Path(__file__).parents[3], environ={"LIFTLAB_RUNS_DIR": runs})


@pytest.fixture(scope="module")
def day(project: Project) -> Costs:
    return summarize(opening.open_run("week2_day1", project=project), project).cost


def changed(cost: Costs, **tables: Any) -> Costs:
    """Return costs that know other things of the same run."""
    return replace(cost, **tables)


def of(begin: str, cost: Costs) -> str:
    """Return the sentence that begins so; empty where there is none."""
    return next((said for said in text.sentences(cost) if said.startswith(begin)), "")


def test_the_published_day(day: Costs) -> None:
    assert text.title(day).startswith("A request costs 0.0060 USD; 1,000 requests a month cost 9")
    assert text.request(day) == "A request costs 0.0060 USD, a right answer 0.0300 USD."
    assert next(text.sentences(day)).startswith(
        "The cost of a request includes retries and failures at 1.10 USD an hour"
    )
    phases = day.run.attempts["phase"].where(day.run.attempts.index > 0, "warmup")
    warm = replace(day.run, attempts=day.run.attempts.assign(phase=phases))
    assert "retries, failures and the warm-up" in next(text.sentences(changed(day, run=warm)))
    price, hosting, *_ = text.assumptions(day)
    assert price.startswith("Price modal-a10g of 2025-10-15: ")
    assert "Cold starts are not known and left out" in hosting
    assert "Failed answers took 73 % of the machine time." in text.sentences(day)


def test_idle_time_is_told_of_the_bill(day: Costs) -> None:
    assert of("Of a month's bill 93 % is for idle time", day)
    assert not of("Of a month's bill", changed(day, hosting=None))


def test_a_request_without_an_end_makes_it_a_lower_bound(day: Costs) -> None:
    assert not of("It may be more", day)
    assert of("It may be more: after 1 request without a known end", changed(day, open_ended=1))
    assert of("It may be more: after 2 requests", changed(day, open_ended=2))


def test_tokens_without_a_rate_of_their_own_are_named(day: Costs) -> None:
    kinds = ("cached_tokens", "reasoning_tokens")
    said = text.assumptions(changed(day, missing_rates=kinds))
    assert "The price has no rate for cached tokens and reasoning tokens." in said


def test_without_a_price_it_says_what_is_known_and_what_to_set(day: Costs) -> None:
    unknown = replace(day.request, value=None, reason="no price")
    cost = changed(day, request=unknown, price=replace(day.price, usd_per_hour=None))
    assert text.title(cost) == (
        "Cost unknown: set an hourly price; a request takes 19.6 s of machine time"
    )
    tokens = changed(cost, model="tokens")
    assert text.title(tokens) == "Cost unknown: set the price of a million tokens, in and out"
    assert of("Set ", tokens) == "Set the rates of [modal-a10g] in data/prices.toml."
    rates = {"usd_per_million_prompt_tokens": 1.0, "usd_per_million_output_tokens": 4.0}
    uncounted = changed(tokens, price=replace(day.price, **rates))
    assert text.title(uncounted) == "Cost unknown: the run has no counts of tokens"
    assert not of("Set ", uncounted)
    assert of("Set the rates of [modal-a10g] in data/prices.toml.", cost)
    nameless = changed(cost, price=replace(cost.price, source=""))
    assert "in [endpoints.modal] of liftlab.toml" in of("Set ", nameless)
    assert not of("Set ", day)


def test_week1_has_no_times_of_http_requests(project: Project) -> None:
    summary = summarize(opening.open_run("week1", project=project), project)
    assert text.title(summary.cost) == "Cost unknown: the run has no times of single HTTP requests"
    assert "costs (record the times of HTTP requests)" in findings.not_covered(summary)


def test_a_discount_for_keeping_warm_has_a_break_even(day: Costs) -> None:
    assert "costs at most 10 % more than letting it stop" in of("From ", day)
    cheaper = changed(day, price=replace(day.price, usd_per_hour_kept_warm=0.3))
    assert "costs less than letting it stop" in of("From ", cheaper)


@pytest.mark.parametrize("known", [(True, True), (False, True), (True, False)])
def test_the_title_has_the_first_month_whose_bill_is_known(day: Costs, known: Any) -> None:
    bills = tuple(
        bill if is_known else replace(bill, usd=replace(bill.usd, value=None))
        for bill, is_known in zip(day.bills, known, strict=True)
    )
    cost = changed(day)
    vars(cost)["bills"] = bills
    first = next(bill for bill in bills if bill.usd.value is not None)
    assert f"; {first.requests:,.0f} requests a month cost " in text.title(cost)
    assert [name for name, _ in text.traffic(cost).quantities] == [
        f"bill:{bill.requests:.0f}" for bill in bills if bill.usd.value is not None
    ]
    vars(cost)["bills"] = ()
    assert "month" not in text.title(cost)
    assert text.traffic(cost).quantities == []


def test_without_a_right_answer_the_cost_of_a_request_stands_alone(day: Costs) -> None:
    cost = changed(day, right=replace(day.right, value=None))
    assert text.request(cost) == "A request costs 0.0060 USD."


def test_a_bill_by_tokens_names_no_hourly_price(day: Costs) -> None:
    assert " an hour" not in next(text.sentences(changed(day, model="tokens")))
    free = replace(day.price, usd_per_hour=None)
    assert " an hour" not in next(text.sentences(changed(day, price=free)))


def test_what_the_seconds_went_to(day: Costs) -> None:
    said = text.parts(day)
    assert said.startswith("At 1,000 requests a month, 93 % of the bill is for idle time")
    assert said.endswith(" for failed answers")
    assert "cold starts" not in said
    assert " for cold starts" in text.parts(changed(day, cold_start="measured"))
    assert "month" not in text.parts(changed(day, hosting=None))


@pytest.mark.parametrize(("slots", "how"), [(1, "a formula"), (4, "simulation")])
def test_what_the_bill_assumes(slots: int, how: str, day: Costs) -> None:
    host = Hosting(idle_window_s=60.0, cold_start_s=9.0, slots=slots)
    _, said = text.assumptions(changed(day, hosting=host, cold_start="measured"))
    assert f"with {slots} slot" in said
    assert " 60 s without work" in said
    assert f"computed by {how}." in said
    assert "9 s (measured in this run)" in said


def test_what_the_endpoint_reports_stands_beside_what_was_computed(day: Costs) -> None:
    seq = day.run.attempts["seq"]
    attempts = day.run.attempts.assign(reported_usd=[0.5, 0.25] + [None] * (len(seq) - 2))
    own = pd.DataFrame({"seq": list(seq) * 2, "price_id": day.price.price_id, "usd": 1.0})
    others = own.assign(price_id="other", usd=9.0)

    def said(costs: pd.DataFrame) -> str:
        run = replace(day.run, attempts=attempts, costs=costs)
        return [*text.assumptions(changed(day, run=run))][-1]

    assert said(pd.concat([others, own])) == (
        "The endpoint reports 0.75 USD for 2 requests; by this price they cost 2.00 USD."
    )
    assert said(others) == "The endpoint reports 0.75 USD for 2 requests."


def test_keeping_warm_pays_from_a_rate_on_or_never(day: Costs) -> None:
    found = text.warm_from(day)
    assert found is not None
    words, rate = found
    rates = [point.rate_rps for point in day.curve]
    assert min(rates) < rate < max(rates)
    assert f"{rate * 365.25 / 12 * 86_400:,.2g}"[:1] in words
    dear = replace(day.price, usd_per_hour_kept_warm=0.3)
    cheap = text.warm_from(changed(day, price=dear))
    assert cheap is not None
    assert cheap[1] < rate
    for none in ({"price": replace(day.price, usd_per_hour=None)}, {"hosting": None}):
        assert text.warm_from(changed(day, **none)) is None
