from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from liftlab import jobs
from liftlab.analysis.cost import Hosting, Price, simulate, traffic
from liftlab.records import Cost, as_row
from liftlab.reporting import cost_facts
from liftlab.reporting.cost_facts import CostFacts
from liftlab.reporting.html import END_TYPE, FINDING_TYPE, MEDIA_TYPE
from liftlab.reporting.pages import cost, published
from liftlab.settings import Project, load_project
from liftlab.store import RunData

ROOT = Path(__file__).parents[2]
SECTIONS = ["tiles", "models_table", "traffic_figure", "projections", "parts_figure"]
SECTIONS += ["published", "conclusion"]
PROJECT = load_project(ROOT, environ={})


def priced(run: RunData, *names: str) -> RunData:
    costs = [
        as_row(Cost(run_id=run.run.run_id, seq=int(seq), price_id=name, cost_model=model))
        for name, model in zip(names, ("week2", "gpu_seconds"), strict=False)
        for seq in run.attempts["seq"]
    ]
    columns = ["run_id", "seq", "price_id", "cost_model", "usd"]
    return replace(run, costs=pd.DataFrame(costs, columns=columns))


@pytest.fixture(autouse=True, scope="module")
def _few_events() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cost_facts, "RATES", cost_facts.RATES[::6])
        patch.setattr(traffic, "simulate", lambda a, s, h: simulate(a[:2000], s[:2000], h))
        yield


@cache
def gathered(run: RunData) -> CostFacts:
    return cost.gather(priced(run, "week2-published", "modal-a10g"), PROJECT, [1000])


@pytest.fixture(scope="module")
def day() -> CostFacts:
    return cost.gather(jobs.open_run("week2_day1", project=PROJECT), PROJECT)


def test_every_section_holds_on_every_kind_of_run(any_run: RunData) -> None:
    facts = gathered(any_run)
    for name in SECTIONS:
        assert getattr(cost, name)(facts)._repr_mimebundle_()[MEDIA_TYPE], name
    told = cost.finding(facts)._repr_mimebundle_()[FINDING_TYPE]
    assert told["title"]
    assert told["sentences"]
    assert cost.provenance(facts)._repr_mimebundle_()[END_TYPE] == {"run_id": any_run.run.run_id}


def test_the_published_costs_to_the_digit_beside_what_they_leave_out(day: CostFacts) -> None:
    html = str(cost.models_table(day)) + str(cost.projections(day))
    for figure in ("0.0034", "3.37", "33.68"):  # the published formula
        assert f">{figure}</td>" in html
    for figure in ("0.0060", "5.99", "59.91"):  # the list price
        assert f">{figure}</td>" in html
    assert "modal-a10g of 2025-10-15" in html
    assert "idle time" in str(cost.finding(day).title)
    assert day.months[0].usage.billed_s == pytest.approx(300.9, rel=0.02)  # one start in a month
    assert "not known: left out, so a lower bound" in str(cost.traffic_figure(day))
    told = str(cost.parts_figure(day))
    assert " % to failed answers" in told
    assert "to starts" not in told  # nobody measured one


def test_where_nothing_was_judged_no_share_of_failures_is_told(forty: RunData) -> None:
    trials = forty.trials.assign(outcome="ungraded")
    told = cost.gather(priced(replace(forty, trials=trials), "modal-a10g"), PROJECT, [1000])
    assert "no answer was judged" in str(cost.tiles(told))
    assert "failed answers" not in str(cost.parts_figure(told)).split("<details")[0]


def test_what_was_published_stands_beside_what_survives(day: CostFacts) -> None:
    html = str(cost.published(day))
    assert "15 of 19 published figures come out of the rows to the digit" in html
    assert "2 of 19 survive" in html
    assert html.count("does not survive") == 13
    assert "median, successes only" in html
    assert "NLP→IR, median" in html
    assert "published_rows.csv" in html


def test_a_run_of_which_nothing_was_published_says_so(forty: RunData) -> None:
    assert "Nothing is known to be published" in str(cost.published(gathered(forty)))
    assert published.survivors(gathered(forty).facts) == []


def test_without_a_price_the_page_says_what_is_known_and_how_to_have_costs(forty: RunData) -> None:
    facts = cost.gather(priced(forty, "local-cpu"), PROJECT, [1000])
    html = str(cost.models_table(facts)) + str(cost.tiles(facts))
    assert str(cost.finding(facts).title).startswith("No price, no cost: a request keeps")
    assert "Give [local-cpu] in data/prices.toml its rates" in html
    assert "output tokens in all" in html
    assert "not measurable" in html
    assert ">0.00<" not in html
    nameless = replace(facts, price=Price(price_id="unknown"))
    assert "Name a price in [endpoints.local]" in str(cost.models_table(nameless))


def test_without_a_price_traffic_is_shown_in_seconds(forty: RunData, monkeypatch) -> None:
    monkeypatch.setattr(jobs, "hosting", lambda *_: Hosting(idle_window_s=60, cold_start_s=5))
    facts = cost.gather(priced(forty, "local-cpu"), PROJECT, [1000])
    html = str(cost.traffic_figure(facts))
    assert "billed seconds a request" in html
    assert "a closed form" in html
    assert facts.months[0].usd.reason == "no price per hour"


def test_a_discount_for_keeping_warm_has_a_break_even(forty: RunData) -> None:
    facts = gathered(forty)
    assert "At the same rate keeping one warm never costs less" in str(cost.conclusion(facts))
    cheaper = replace(facts.price, usd_per_hour_kept_warm=0.3)
    assert "One kept warm pays from" in str(cost.conclusion(replace(facts, price=cheaper)))


def test_attempts_without_an_end_make_it_a_lower_bound(forty: RunData) -> None:
    attempts = forty.attempts.copy()
    attempts.loc[0, "last_byte_s"] = None
    facts = cost.gather(priced(replace(forty, attempts=attempts), "modal-a10g"), PROJECT, [1000])
    assert "A lower bound: 1 attempt has no known end" in str(cost.models_table(facts))


def test_a_simulator_that_was_sped_up_is_said_to_be_one(forty: RunData) -> None:
    told = cost.gather(priced(replace(forty, sped_up=200.0), "modal-a10g"), PROJECT, [1000])
    assert "sped up 200 times" in str(cost.models_table(told))


def test_how_containers_go_is_the_endpoints_word_before_the_prices(
    tmp_path: Path, forty: RunData
) -> None:
    price = Price(price_id="p", usd_per_hour=1, idle_s=300, cold_start_s=9, slots=20)
    plain = _project(tmp_path, "")
    assert jobs.hosting(plain, forty, price) == Hosting(idle_window_s=300, cold_start_s=9, slots=20)
    own = _project(tmp_path, "idle_s = 120\nslots = 2\nmax_containers = 3\ncold_start_s = 4\n")
    told = jobs.hosting(own, forty, price)
    assert told == Hosting(idle_window_s=120, cold_start_s=4, slots=2, containers=3)
    attempts = forty.attempts.copy()
    attempts.loc[0, "cold_s"] = 30.0
    cold = replace(forty, attempts=attempts)
    assert jobs.hosting(own, cold, price).cold_start_s == 30
    assert jobs.hosting(plain, forty, Price(price_id="q")) is None


def test_a_price_of_tokens_alone_makes_a_page_in_tokens(tmp_path: Path, forty: RunData) -> None:
    rates = "usd_per_million_prompt_tokens = 1.0\nusd_per_million_output_tokens = 4.0\n"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "prices.toml").write_text(f"[mine]\n{rates}")
    facts = cost.gather(priced(forty, "mine"), _project(tmp_path, ""), [1000])
    assert str(cost.finding(facts).title).endswith("in tokens")
    assert "in tokens" in str(cost.tiles(facts))
    attempts = forty.attempts
    usd = (attempts["prompt_tokens"].sum() + 4 * attempts["output_tokens"].sum()) / 1e6
    assert facts.models[1].request.value == pytest.approx(usd / len(forty.trials))
    assert facts.months == []


def _project(folder: Path, more: str) -> Project:
    text = f'[endpoints.local]\nserve = "local"\n{more}'
    (folder / "liftlab.toml").write_text(text)
    return load_project(folder, environ={})
