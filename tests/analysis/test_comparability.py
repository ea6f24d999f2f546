"""Which runs may be set beside each other, and how much those that are alike differ."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from liftlab.analysis.comparability import (
    CONDITIONS,
    SETTINGS,
    Spread,
    alike,
    differences,
    is_share,
    metrics,
    on_scale,
    spread_of,
    spreads,
    time_metrics,
    unit_of,
)

RUN: dict[str, Any] = {
    **dict.fromkeys((*CONDITIONS, *SETTINGS)),
    "provenance": "measured",
    "status": "complete",
    "run_id": "r1",
    "suite_sha256": "s",
    "concurrency": 1,
}


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        (1, 1.0, False),
        (np.int64(4), 4, False),
        (None, float("nan"), False),  # both unknown
        (None, pd.NA, False),
        ("a", "a", False),
        ("a", "b", True),
        (1, 2, True),
        (None, 1, True),
        (0, None, True),
    ],
)
def test_what_differs_is_named_in_words(one: Any, other: Any, differ: bool) -> None:
    found = differences({"repeats": one}, {"repeats": other}, {"repeats": "how often"})
    assert list(found) == (["how often"] if differ else [])


def test_a_row_that_lacks_a_column_does_not_know_it() -> None:
    assert differences({}, {"model": "m"}, SETTINGS) == {"model": (None, "m")}


def test_runs_alike_are_complete_others_made_in_the_same_way() -> None:
    rows = [
        RUN,
        {**RUN, "run_id": "same"},
        {**RUN, "run_id": "broken", "status": "interrupted"},
        {**RUN, "run_id": "imported", "provenance": "imported"},
        {**RUN, "run_id": "faster", "concurrency": 2},
        {**RUN, "run_id": "hotter", "temperature": 0.5},
    ]
    runs = pd.DataFrame(rows)
    assert alike(runs, RUN)["run_id"].tolist() == ["same"]
    # Beside each other, runs of other settings may stand, too.
    assert alike(runs, RUN, CONDITIONS)["run_id"].tolist() == ["same", "hotter"]
    assert alike(runs, {**RUN, "run_id": None})["run_id"].tolist() == ["r1", "same"]


@pytest.mark.parametrize(
    ("values", "metric", "spread"),
    [
        ([1.0, 1.0], "e2e_median_s", (0.0, 2)),
        ([1.0, math.e], "e2e_median_s", (math.sqrt(0.5), 2)),  # of ln seconds
        ([1.0, math.e, 0.0, math.nan], "e2e_median_s", (math.sqrt(0.5), 2)),
        ([0.5, 0.7], "success_rate", (math.sqrt(0.02), 2)),
        ([0.0, 0.2], "parsed_rate", (math.sqrt(0.02), 2)),
        ([1.0], "e2e_median_s", None),
        ([1.0, 0.0], "e2e_median_s", None),
    ],
)
def test_how_much_a_metric_differs(
    values: list[float], metric: str, spread: tuple[float, int] | None
) -> None:
    found = spread_of(np.array(values), metric)
    if spread is None:
        assert found is None
    else:
        assert found is not None
        assert (found.sd, found.runs) == (pytest.approx(spread[0]), spread[1])


def test_only_metrics_that_two_runs_have_differ() -> None:
    runs = pd.DataFrame({"success_rate": [0.5, 0.7], "e2e_median_s": [1.0, None]})
    assert list(spreads(runs, ["success_rate", "e2e_median_s"])) == ["success_rate"]


@pytest.mark.parametrize(("runs", "enough"), [(4, False), (5, True)])
def test_five_runs_are_enough(runs: int, enough: bool) -> None:
    assert Spread(sd=1.0, runs=runs).enough is enough


def test_a_run_lies_within_student_s_t_of_the_spread() -> None:
    assert Spread(sd=0.1, runs=5).half_width() == pytest.approx(0.1 * stats.t.ppf(0.975, 4))


def test_end_to_end_comes_first() -> None:
    runs = pd.DataFrame(columns=["a_median_s", "success_rate", "e2e_median_s", "b_median_s"])
    assert time_metrics(runs) == ["e2e_median_s", "a_median_s", "b_median_s"]
    assert metrics(runs)[3:] == ["success_rate", "cost_per_trial_usd"]


@pytest.mark.parametrize(
    ("metric", "share", "unit"),
    [
        ("success_rate", True, "%"),
        ("parsed_rate", True, "%"),
        ("cost_per_trial_usd", False, "USD"),
        ("e2e_median_s", False, "s"),
    ],
)
def test_a_metric_has_its_unit_and_its_scale(metric: str, share: bool, unit: str) -> None:
    assert is_share(metric) is share
    assert unit_of(metric) == unit
    assert on_scale(np.array([0.5]), metric)[0] == (0.5 if share else math.log(0.5))
