from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.analysis.cost.attempt_costs import (
    attempt_costs,
    busy_seconds,
    cost_of_requests,
    cost_per_pass,
    cost_per_trial,
    open_ended,
    service_seconds,
    usd_by_price,
)
from liftlab.analysis.cost.prices import Price, load_prices
from liftlab.errors import InputInvalid, UsageError
from liftlab.records import columns
from liftlab.store import trial_costs

HOURLY = Price(price_id="hourly", usd_per_hour=3.6)  # a tenth of a cent a second
TOKENS = Price(
    price_id="tokens", usd_per_million_prompt_tokens=1.0, usd_per_million_output_tokens=10.0
)


def attempts(*rows: dict[str, object]) -> pd.DataFrame:
    base = {"run_id": "r", "case_id": "a", "repeat": 1, "stage": "code"}
    return pd.DataFrame([{**base, "seq": seq, **row} for seq, row in enumerate(rows, 1)])


def test_columns_are_the_tables() -> None:
    costs = attempt_costs(attempts({"sent_s": 0.0, "last_byte_s": 2.0}), HOURLY)
    assert list(costs.columns) == list(columns("cost"))
    assert costs["usd"].tolist() == pytest.approx([0.002])
    assert len(attempt_costs(attempts().reindex(columns=["seq", "case_id"]), HOURLY)) == 0


def test_overlapping_attempts_share_the_gpu() -> None:
    table = attempts(
        {"sent_s": 0.0, "last_byte_s": 4.0},
        {"sent_s": 2.0, "last_byte_s": 6.0},
        {"sent_s": 10.0, "last_byte_s": 11.0},
    )
    costs = attempt_costs(table, HOURLY)["usd"]
    assert costs.tolist() == pytest.approx([0.003, 0.003, 0.001])


def test_an_unknown_price_is_unknown_and_not_zero() -> None:
    table = attempts({"sent_s": 0.0, "last_byte_s": 4.0, "output_tokens": 5})
    assert attempt_costs(table, Price(price_id="x"))["usd"].isna().all()
    assert attempt_costs(table, HOURLY, "tokens")["usd"].isna().all()
    assert attempt_costs(table, TOKENS)["usd"].isna().all()
    half = Price(price_id="half", usd_per_million_output_tokens=1.0)
    assert attempt_costs(table, half, "tokens")["usd"].isna().all()


def test_what_was_not_timed_or_counted_has_no_cost() -> None:
    table = attempts(
        {"sent_s": 0.0, "last_byte_s": None, "prompt_tokens": 100, "output_tokens": None},
        {"sent_s": 5.0, "last_byte_s": 6.0, "prompt_tokens": 100, "output_tokens": 10},
    )
    assert np.isnan(attempt_costs(table, HOURLY)["usd"]).tolist() == [True, False]
    usd = attempt_costs(table, TOKENS, "tokens")["usd"]
    assert np.isnan(usd[0])
    assert usd[1] == pytest.approx(2e-4)


def test_request_fees() -> None:
    table = attempts(*[{"sent_s": 0.0, "last_byte_s": 0.0}] * 3)
    stages = pd.DataFrame(
        [{"run_id": "r", "case_id": "a", "repeat": 1, "stage": "code", "latency_s": 0.0}]
    )
    fee = Price(price_id="fee", usd_per_hour=1.0, usd_per_request=0.5)
    assert attempt_costs(table, fee)["usd"].sum() == pytest.approx(1.5)
    assert attempt_costs(table, fee, "latency", stages)["usd"].tolist() == [0.5, 0, 0]


def test_warm_up_is_paid_for_but_is_no_trial() -> None:
    table = attempts(
        {"case_id": None, "repeat": None, "sent_s": 0.0, "last_byte_s": 9.0},
        {"sent_s": 10.0, "last_byte_s": 11.0},
        {"sent_s": 12.0, "last_byte_s": None},
    )
    costs = attempt_costs(table, HOURLY)
    assert costs["usd"][0] == pytest.approx(0.009)
    trials = pd.DataFrame({"run_id": ["r"] * 2, "case_id": ["a", "b"], "repeat": [1, 1]})
    assert np.isnan(trial_costs(trials, table, costs)).all()  # one attempt has no end
    known = table.assign(last_byte_s=table["last_byte_s"].fillna(13.0))
    other = known.assign(case_id=[None, "a", "b"])
    usd = trial_costs(trials, other, attempt_costs(other, HOURLY))
    assert usd.tolist() == pytest.approx([0.001 + 0.009 / 2, 0.001 + 0.009 / 2])
    assert usd.mean() == pytest.approx(0.011 / 2)  # all attempts over trials


def test_an_abandoned_attempt_takes_no_part_of_the_stage() -> None:
    stages = pd.DataFrame(
        [{"run_id": "r", "case_id": "a", "repeat": 1, "stage": "code", "latency_s": 4.0}]
    )
    untimed = attempts({"abandoned": True}, {"abandoned": False}, {"abandoned": False})
    for model in ("gpu_seconds", "latency"):
        usd = attempt_costs(untimed, HOURLY, model, stages)["usd"]  # type: ignore[arg-type]
        assert np.isnan(usd[0])
        assert usd[1:].tolist() == pytest.approx([0.002, 0.002])
    timed = attempts({"sent_s": 0.0, "last_byte_s": None}, {"sent_s": 1.0, "last_byte_s": 5.0})
    usd = attempt_costs(timed, HOURLY, stages=stages)["usd"]
    assert np.isnan(usd[0])
    assert usd[1] == pytest.approx(0.004)


def test_an_unknown_model_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="gpu_seconds, tokens, latency"):
        attempt_costs(attempts(), HOURLY, "idle")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"a": 3}, "a price is a table"),
        ({"a": {"usd_per_day": 3}}, "a.usd_per_day: no such field"),
        ({"a": {"usd_per_hour": "3"}}, "a.usd_per_hour is '3'"),
        ({"a": {"usd_per_hour": -1}}, "a.usd_per_hour is -1"),
        ({"a": {"usd_per_hour": math.nan}}, "a.usd_per_hour is nan"),
        ({"a": {"usd_per_hour": True}}, "a.usd_per_hour is True"),
        ({"a": {"currency": "EUR"}}, "USD"),
        ({"a": {"idle_s": "5 min"}}, "a.idle_s is '5 min': give seconds"),
        ({"a": {"slots": 0}}, "a.slots is 0: give a whole number"),
        ({"a": {"max_containers": True}}, "a whole number"),
    ],
)
def test_a_bad_price_is_named(data: dict[str, object], said: str) -> None:
    with pytest.raises(InputInvalid, match=said):
        load_prices(data)


def test_costs_that_are_not_known_are_not_projected() -> None:
    assert cost_per_trial([np.nan, np.nan]).reason == "the cost is not known"
    assert cost_per_trial([np.nan, 1.0]).reason == "the cost of 1 of 2 trials is not known"
    assert cost_of_requests(cost_per_trial([np.nan]), 1000).value is None
    assert cost_per_pass([np.nan, 1.0], [True, True]).value is None
    assert cost_per_trial([0.0, 0.0]).value == 0
    assert cost_per_trial([]).value is None


def test_projection_scales_value_and_interval() -> None:
    usd = np.random.default_rng(1).normal(0.003, 0.0002, 30)
    one = cost_per_trial(usd)
    many = cost_of_requests(one, 1000)
    assert many.value == pytest.approx(1000 * one.value)
    assert many.high == pytest.approx(1000 * one.high)
    assert "1,000 requests" in many.population
    assert cost_per_pass(usd, [True, False] * 15).value == pytest.approx(usd.sum() / 15)


spans = st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 100)), max_size=25)


@given(spans)
def test_shares_sum_to_the_busy_time(rows: list[tuple[float, float]]) -> None:
    start = np.array([a for a, _ in rows])
    end = np.array([a + length for a, length in rows])
    shares = busy_seconds(start, end)
    busy, reached = 0.0, -1.0
    for a, b in sorted(zip(start, end, strict=True)):
        busy += max(0.0, b - max(a, reached))
        reached = max(reached, b)
    assert shares.sum() == pytest.approx(busy, abs=1e-6)
    assert (shares >= -1e-9).all()
    assert (shares <= end - start + 1e-6).all()


def test_a_failed_attempt_is_paid_for_until_it_was_over() -> None:
    table = attempts(
        {"sent_s": 0.0, "last_byte_s": None, "ended_s": 2.0, "error_class": "reset"},
        {"sent_s": 3.0, "last_byte_s": 4.0, "ended_s": 9.0},
        {"sent_s": 5.0, "last_byte_s": None, "ended_s": 6.0, "error_class": "deadline"},
        {"sent_s": 7.0, "last_byte_s": None, "ended_s": None, "abandoned": True},
    )
    usd = attempt_costs(table, HOURLY)["usd"]
    assert usd[:3].tolist() == pytest.approx([0.002, 0.001, 0.001])
    assert np.isnan(usd[3])
    assert open_ended(table).tolist() == [False, False, True, True]


def test_a_slot_is_held_neither_by_a_queue_nor_by_a_start() -> None:
    table = attempts(
        {"sent_s": 0.0, "last_byte_s": 9.0, "cold_s": 5.0, "queue_s": 1.0},
        {"sent_s": 0.0, "last_byte_s": 9.0, "cold_s": 50.0},
        {"sent_s": 0.0, "last_byte_s": 9.0, "queue_s": -0.1},
        {"sent_s": 0.0},
    )
    assert service_seconds(table)[:3].tolist() == [3.0, 0.0, 9.0]
    assert np.isnan(service_seconds(table)[3])
    key = {"run_id": "r", "case_id": "a", "repeat": 1, "stage": "code"}
    stages = pd.DataFrame([{**key, "latency_s": 8.0}])
    assert np.isnan(service_seconds(table, stages)[3])  # the others hold the stage's time
    untimed = attempts({}, {})
    assert service_seconds(untimed, stages).tolist() == [4.0, 4.0]


def test_each_price_of_a_table_prices_each_trial() -> None:
    table = attempts({"sent_s": 0.0, "last_byte_s": 1.0})
    trials = pd.DataFrame({"run_id": ["r"], "case_id": ["a"], "repeat": [1]})
    dear = Price(price_id="dear", usd_per_hour=36.0)
    costs = pd.concat([attempt_costs(table, HOURLY), attempt_costs(table, dear)])
    found = usd_by_price(trials, table, costs)
    assert {name: usd.tolist() for name, usd in found.items()} == {
        "hourly": [pytest.approx(0.001)],
        "dear": [pytest.approx(0.01)],
    }


def test_cached_and_reasoning_tokens_have_rates_of_their_own() -> None:
    told = {"prompt_tokens": 1000, "cached_tokens": 400, "output_tokens": 100}
    table = attempts({**told, "reasoning_tokens": 60}, told, {**told, "cached_tokens": 9999})
    price = Price(
        price_id="own",
        usd_per_million_prompt_tokens=2.0,
        usd_per_million_cached_tokens=0.5,
        usd_per_million_output_tokens=10.0,
        usd_per_million_reasoning_tokens=20.0,
        usd_per_request=0.25,
    )
    usd = attempt_costs(table, price, "tokens")["usd"] * 1e6 - 250_000
    assert list(usd.round(3)) == [
        600 * 2 + 400 * 0.5 + 40 * 10 + 60 * 20,
        600 * 2 + 400 * 0.5 + 100 * 10,
        1000 * 0.5 + 100 * 10,  # more cached than there are is all of them
    ]
