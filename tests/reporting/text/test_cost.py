"""What is said of money: one price, and what it is for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

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
    cost = changed(day, request=unknown)
    assert text.title(cost) == (
        "Cost unknown: set an hourly price; a request takes 19.6 s of machine time"
    )
    per_token = "Cost unknown: set the price of a million tokens, in and out"
    assert text.title(changed(cost, model="tokens")) == per_token
    assert of("Set the rates of [modal-a10g] in data/prices.toml.", cost)
    nameless = changed(cost, price=replace(day.price, source=""))
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
