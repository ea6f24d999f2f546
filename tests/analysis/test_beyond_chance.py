"""Beyond chance: found where it is planted, and no alarm from cases, tails or layouts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from liftlab.analysis.beyond_chance import beyond_chance

Rng = np.random.Generator
SETS = 120
TAILS: dict[str, Callable[[Rng, int], np.ndarray]] = {
    "lognormal": lambda rng, n: rng.lognormal(0, 0.35, n),
    "wide": lambda rng, n: rng.lognormal(0, 0.8, n),
    "floor and Pareto": lambda rng, n: (5 + 2 * rng.pareto(1.5, n)) / 6.2,
}


def sets(cases: int, repeats: int, seed: int) -> list[tuple[Rng, np.ndarray]]:
    index = np.repeat(np.arange(cases), repeats)
    return [(np.random.default_rng([seed, each]), index) for each in range(SETS)]


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize(("cases", "repeats"), [(20, 1), (20, 2), (20, 3), (20, 5), (5, 20)])
def test_false_alarms_whatever_the_tail(tail: str, cases: int, repeats: int) -> None:
    alarms = 0
    for rng, index in sets(cases, repeats, 1):
        alarms += beyond_chance(np.log(TAILS[tail](rng, len(index))), index)[0].any()
    assert alarms / SETS <= 0.05 + 2 * (0.05 * 0.95 / SETS) ** 0.5


@pytest.mark.parametrize("stages", [1, 3])
def test_stages_and_unequal_repeats_share_the_false_alarms_of_a_run(stages: int) -> None:
    rng, runs, alarms = np.random.default_rng(5), 600 // stages, 0
    for _ in range(runs):
        index = np.repeat(np.arange(20), rng.choice([1, 2, 3, 4, 8], 20))
        made = [np.log(TAILS["floor and Pareto"](rng, len(index))) for _ in range(stages)]
        alarms += any(beyond_chance(over, index, stages=stages)[0].any() for over in made)
    assert alarms / runs <= 0.05


@pytest.mark.parametrize("repeats", [2, 3, 5])
def test_slow_cases_are_no_alarm_where_they_repeat(repeats: int) -> None:
    alarms = 0
    for rng, index in sets(20, repeats, 2):
        hard = np.where(rng.random(20) < 0.2, 1.0, 0.0)[index]
        alarms += beyond_chance(hard + rng.normal(0, 0.1, len(index)), index)[0].any()
    assert alarms / SETS <= 0.05


@pytest.mark.parametrize("repeats", [1, 2, 3, 5])
def test_one_that_takes_three_times_as_long_is_found(repeats: int) -> None:
    found = 0
    for rng, index in sets(20, repeats, 3):
        over = rng.normal(0, 0.1, len(index))
        over[7] += np.log(3)
        mask, judged, reason = beyond_chance(over, index)
        found += mask.tolist() == (np.arange(len(over)) == 7).tolist()
        assert (judged, reason) == (len(over), "")
    assert found / SETS >= 0.65


def test_values_that_are_all_alike_but_one() -> None:
    over = np.zeros(20)
    over[3] = 1.0
    mask, *_ = beyond_chance(over, np.arange(20))
    assert np.flatnonzero(mask).tolist() == [3]
    assert not beyond_chance(np.zeros(20), np.arange(20))[0].any()


def test_too_few_to_judge_say_what_it_needs() -> None:
    over = np.array([0.0, 0.01, -0.01, 0.02, 1.4])
    mask, judged, reason = beyond_chance(over, np.arange(5))
    assert (mask.any(), judged) == (False, 0)
    assert reason.startswith("needs 8 steps with tokens, or 3 repeats")
    assert beyond_chance(over, np.arange(5), pooled=True)[0].tolist() == [False] * 4 + [True]
    assert beyond_chance(np.full(9, np.nan), np.arange(9))[1] == 0
    assert beyond_chance(np.zeros(0), np.zeros(0, dtype=np.intp))[1] == 0
