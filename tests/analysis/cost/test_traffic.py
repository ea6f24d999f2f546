from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from liftlab.analysis.cost.hosting import Hosting
from liftlab.analysis.cost.parts import (
    APART,
    COLD,
    IDLE,
    RIGHT,
    RIGHT_RETRIES,
    UNJUDGED,
    WRONG,
    WRONG_RETRIES,
    parts_of,
    parts_with_idle,
)
from liftlab.analysis.cost.prices import Price
from liftlab.analysis.cost.traffic import MONTH_S, Service, break_even, month, usage_at, usd_of

HOSTING = Hosting(idle_window_s=300, cold_start_s=60)
PRICE = Price(price_id="p", usd_per_hour=1.0)
RATE = 2 / 3600


def service(n: int = 40, seed: int = 4) -> Service:
    rng = np.random.default_rng(seed)
    cases = np.array([f"c{i}" for i in range(n)], dtype=object)
    return Service(seconds=15 * rng.lognormal(-0.02, 0.2, n), cases=cases)


def test_a_month_is_the_closed_form_times_its_requests() -> None:
    trials, requests = service(), RATE * MONTH_S
    told = month(trials, PRICE, HOSTING, requests)
    assert told.usd.value == pytest.approx(requests * 0.0918, rel=0.01)
    assert told.usd.low < told.usd.value < told.usd.high
    assert told.usd.n == 40


def test_several_slots_are_simulated_and_agree_where_none_is_taken_twice() -> None:
    serial = month(service(), PRICE, HOSTING, 200)
    many = month(service(), PRICE, Hosting(idle_window_s=300, cold_start_s=60, slots=8), 200)
    assert many.usd.value == pytest.approx(serial.usd.value, rel=0.02)
    assert many.usd.high - many.usd.low == pytest.approx(serial.usd.high - serial.usd.low, rel=0.1)


def test_too_few_cases_give_a_point_and_the_reason_for_no_interval() -> None:
    told = month(service(5), PRICE, HOSTING, 1000)
    assert not told.usd.has_interval
    assert "not enough prompts" in told.usd.reason
    assert told.usd.value > 0
    repeats = service(40)
    few = Service(seconds=repeats.seconds, cases=np.repeat(repeats.cases[:5], 8))
    assert not month(few, PRICE, HOSTING, 1000).usd.has_interval


def test_one_slow_trial_leaves_no_interval() -> None:
    trials = service()
    slow = np.append(trials.seconds[1:], 900.0)
    told = month(Service(seconds=slow, cases=trials.cases), PRICE, HOSTING, 1000)
    assert "heavy tail" in told.usd.reason


def test_what_cannot_keep_up_has_no_cost() -> None:
    told = month(service(), PRICE, HOSTING, 0.1 * MONTH_S)
    assert told.usage is None
    assert told.usd.value is None
    assert "cannot keep up" in told.usd.reason
    assert usage_at(0.1, service().seconds, Hosting(idle_window_s=300, slots=4)) is not None


def test_an_unknown_rate_leaves_seconds_and_no_dollars() -> None:
    told = month(service(), Price(price_id="x"), HOSTING, 1000)
    assert told.usage is not None
    assert told.usd.value is None
    with pytest.raises(ValueError, match="no price per hour"):
        usd_of(told.usage, Price(price_id="x"))


def test_a_fee_is_charged_for_each_call() -> None:
    paid = Price(price_id="p", usd_per_hour=1.0, usd_per_request=0.01)
    trials = replace(service(), calls=3.0)
    free, told = (month(trials, price, HOSTING, 1000) for price in (PRICE, paid))
    assert told.usd.value == pytest.approx(free.usd.value + 30)
    assert told.usd.low == pytest.approx(free.usd.low + 30, rel=0.05)
    assert 1000 * usd_of(told.usage, paid, 3.0) == pytest.approx(told.usd.value)


def test_no_service_times_are_no_projection() -> None:
    with pytest.raises(ValueError, match="no service times"):
        month(service(0), PRICE, HOSTING, 1000)


def test_keeping_one_warm_pays_from_the_share_of_time_up_that_its_discount_is() -> None:
    cheap = Price(price_id="p", usd_per_hour=1.0, usd_per_hour_kept_warm=0.5)
    seconds = np.full(5, 15.0)
    rates = np.geomspace(1e-4, 1e-2, 25)
    kept_warm = Hosting(idle_window_s=300, cold_start_s=60, kept_warm=1)
    scaling = [usd_of(usage_at(r, seconds, HOSTING), cheap) for r in rates]
    kept = [usd_of(usage_at(r, seconds, kept_warm), cheap) for r in rates]
    found = break_even(rates, scaling, kept)
    up = usage_at(found, seconds, HOSTING).billed_s * found
    assert up == pytest.approx(0.5, abs=0.02)
    assert break_even([1, 2], [1, 1], [3, 2]) is None
    assert break_even([1, 2], [2, 2], [1, 1]) == 1


def test_where_the_money_went_is_a_partition() -> None:
    key = {"run_id": "r", "repeat": 1, "phase": "measure"}
    rows = [("good", 1), ("good", 2), ("bad", 1), ("bad", 2), ("lost", 1), ("what", 1)]
    attempts = pd.DataFrame(
        [{**key, "case_id": case, "attempt": number} for case, number in rows]
        + [{**key, "case_id": None, "repeat": None, "attempt": None, "phase": "warmup"}]
    )
    trials = pd.DataFrame(
        {"case_id": ["good", "bad", "lost", "what"], "repeat": 1}
        | {"outcome": ["pass", "fail", "error", "ungraded"]}
    )
    parts = parts_of(attempts, trials, [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, np.nan])
    assert parts.amounts == {
        RIGHT: 1,
        RIGHT_RETRIES: 2,
        WRONG: 20,
        WRONG_RETRIES: 8,
        UNJUDGED: 32,
    }
    assert parts.failures == pytest.approx(28 / 63)
    assert APART in parts_of(attempts, trials, np.ones(7)).amounts
    used = usage_at(RATE, np.full(3, 15.0), HOSTING)
    whole = parts_with_idle(parts_of(attempts, trials, np.ones(7)), used)
    assert whole.total == pytest.approx(used.billed_s)
    assert whole.idle == pytest.approx(used.idle_s / used.billed_s)
    assert whole.cold == pytest.approx(used.cold_s / used.billed_s)
    assert list(whole.amounts)[-2:] == [COLD, IDLE]
    assert parts_of(attempts.head(0), trials, []).failures == 0
