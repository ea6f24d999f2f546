"""Case by case: repeats tell what a case's change is worth, and single times do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from liftlab.analysis.by_case import case_changes, compare_cases


@dataclass
class Run:
    trials: pd.DataFrame
    stages: pd.DataFrame


def run(seed: int, repeats: int = 3, slower: tuple[str, ...] = (), week: float = 0.0) -> Run:
    """Ten cases; in this run each may be slower or faster as a whole by the SD `week`."""
    rng = np.random.default_rng(seed)
    rows = [
        (name, repeat, level * rng.lognormal(0, 0.05))
        for place, name in enumerate("abcdefghij", 1)
        for level in [10 * place * (1.5 if name in slower else 1.0) * rng.lognormal(0, week)]
        for repeat in range(1, repeats + 1)
    ]
    trials = pd.DataFrame(rows, columns=["case_id", "repeat", "e2e_s"]).assign(outcome="fail")
    return Run(trials=trials, stages=pd.DataFrame())


def test_the_case_that_changed_is_named_first() -> None:
    first, *others = case_changes(run(3), run(4, slower=("d",)))
    assert (first.case_id, first.verdict) == ("d", "slower")
    assert first.ratio.low is not None
    assert first.ratio.low > 1.2
    assert {each.verdict for each in others} == {"cannot tell"}


@pytest.mark.parametrize("repeats", [3, 10])
@pytest.mark.parametrize("week", [0.0, 0.05])
def test_equal_runs_have_a_slower_case_one_time_in_twenty_at_most(
    repeats: int, week: float
) -> None:
    rng = np.random.default_rng(repeats)
    alarms = 0
    for _ in range(150):
        runs = [
            {
                f"c{i}": level + rng.normal(0, 0.1, repeats)
                for i, level in enumerate(rng.normal(0, week, 20))
            }
            for _ in range(2)
        ]
        alarms += any(change.verdict != "cannot tell" for change in compare_cases(*runs))
    assert alarms / 150 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)


def test_a_heavy_tail_of_repeats_is_no_slow_case_among_many() -> None:
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(100):
        runs = [
            {f"c{i}": rng.normal(0, 0.05) + 0.1 * rng.standard_t(3, 3) for i in range(60)}
            for _ in range(2)
        ]
        found = compare_cases(*runs)
        alarms += any(change.verdict != "cannot tell" for change in found)
        open_ = [change.ratio for change in found if change.verdict == "cannot tell"]
        assert all(ratio.low <= 1 <= ratio.high for ratio in open_)
    assert alarms <= 9  # 5 % and two standard errors; with normal tails 16


def test_intervals_exclude_no_change_exactly_where_a_verdict_says_so() -> None:
    for seed in range(10):
        for change in case_changes(run(seed, week=0.1), run(seed + 99, week=0.1, slower=("d",))):
            apart = not change.ratio.low <= 1 <= change.ratio.high
            assert apart == (change.verdict != "cannot tell")


@pytest.mark.parametrize("repeats", [1, 2])
def test_with_fewer_than_three_repeats_there_is_a_ratio_and_no_verdict(repeats: int) -> None:
    found = case_changes(run(1, repeats), run(2, repeats, slower=("d",)))
    assert found[0].case_id == "d"
    assert {change.p for change in found} == {None}
    assert {change.verdict for change in found} == {"cannot tell"}
    assert all(change.ratio.low is None for change in found)
    assert found[0].ratio.reason == "needs 3 answered requests on each side"


def test_few_cases_with_repeats_have_no_verdict() -> None:
    runs = [run(seed, slower=slow) for seed, slow in ((1, ()), (2, ("d",)))]
    for table in runs:
        table.trials = table.trials[table.trials["case_id"].isin(["a", "b", "c", "d"])]
    found = case_changes(*runs)
    assert {change.verdict for change in found} == {"cannot tell"}
    assert found[0].ratio.reason == "needs 5 prompts with 3 answered requests on each side"


def test_only_shared_cases_with_answers_count() -> None:
    first, second = run(1), run(2)
    first.trials.loc[first.trials["case_id"] == "a", "outcome"] = "error"
    second.trials = second.trials[second.trials["case_id"] != "b"]
    assert {change.case_id for change in case_changes(first, second)} == set("cdefghij")
    first.trials = first.trials.head(0)
    assert case_changes(first, second) == []
