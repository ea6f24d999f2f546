"""Several runs ranked: the best is called best only where every comparison says so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from liftlab.analysis.compare import rank, runs
from tests.analysis.test_compare import Run


def made(rate: float, level: float = 1.0, *, seed: int, cases: int = 60) -> Run:
    rng = np.random.default_rng(seed)
    names = [f"case_{n}" for n in range(cases)]
    seconds = level * np.linspace(2, 8, cases) * np.exp(rng.normal(0, 0.05, cases))
    good = rng.permutation(cases) < rate * cases
    trials = pd.DataFrame(
        {"run_id": f"r{seed}", "case_id": names, "repeat": 1, "e2e_s": seconds}
        | {"completed": True, "outcome": np.where(good, "pass", "fail")}
    )
    stages = pd.DataFrame(columns=["run_id", "case_id", "repeat", "stage", "latency_s", "ok"])
    return Run(trials=trials, stages=stages)


def test_a_run_far_ahead_is_first_and_no_more_is_said() -> None:
    ranking = rank([made(0.4, seed=1), made(0.95, seed=2), made(0.42, seed=3)])
    assert ranking.places("success") == [(2, 3), (1, 1), (2, 3)]
    assert ranking.places("time") == [(1, 3), (1, 3), (1, 3)]


def test_times_are_ranked_apart_from_success() -> None:
    ranking = rank([made(0.5, 1.5, seed=1), made(0.5, 1.0, seed=2), made(0.5, 1.2, seed=3)])
    assert ranking.places("time") == [(3, 3), (1, 1), (2, 2)]


def test_two_runs_get_the_verdicts_of_a_comparison() -> None:
    one, two = made(0.3, seed=1), made(0.9, seed=2)
    [pair] = rank([one, two]).pairs
    assert pair.success.verdict == runs(one, two).success.verdict == "better"


def test_equal_runs_are_rarely_told_apart() -> None:
    wrong = 0
    for seed in range(40):
        ranking = rank([made(0.6, seed=4 * seed + n, cases=20) for n in range(4)])
        wrong += any(place != (1, 4) for place in ranking.places("success"))
        wrong += any(place != (1, 4) for place in ranking.places("time"))
    assert wrong <= 6  # 5 % of 40 families, and three standard errors


def test_without_shared_cases_nothing_is_said() -> None:
    apart = made(0.5, seed=2)
    apart.trials["case_id"] = "other_" + apart.trials["case_id"]
    ranking = rank([made(0.5, seed=1), apart])
    assert ranking.places("success") == [(1, 2), (1, 2)]


@pytest.mark.parametrize("quantity", ["success", "time"])
def test_no_run_answered(quantity: str) -> None:
    empty = made(0.0, seed=1)
    empty.trials[["e2e_s", "outcome"]] = [np.nan, "error"]
    assert rank([empty, empty]).places(quantity) == [(1, 2), (1, 2)]  # type: ignore[arg-type]
