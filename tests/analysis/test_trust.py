"""A run says how far its times can be trusted, and when they cannot."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.latency import summarise
from liftlab.analysis.trust import client_warning, trust_sentence
from liftlab.records import Run


def run(**columns: Any) -> Run:
    return Run(run_id="r", suite="s", **columns)


@pytest.mark.parametrize(
    ("columns", "median_s", "said"),
    [
        ({}, 1.0, None),
        ({"loop_lag_p99_s": 0.008}, 15.7, None),
        ({"loop_lag_p99_s": 0.008}, 0.044, "lagged 8 ms at P99, 18 % of the median time"),
        ({"loop_lag_p99_s": 0.0004, "client_cpu_share": 0.84}, 1.0, None),
        ({"client_cpu_share": 0.84}, 1.0, "it used 84 % of a core (70 % is the limit)"),
        ({"loop_lag_p99_s": 0.01, "timing_uncertainty_s": 0.0123}, 0.1, "may be off by 12 ms"),
    ],
)
def test_the_client_is_the_bottleneck_relative_to_what_it_measured(
    columns: dict[str, float], median_s: float, said: str
) -> None:
    trials = pd.DataFrame({"e2e_s": [median_s, 1e-3], "outcome": ["pass", "error"]})
    warning = client_warning(run(**columns), trials)
    assert (said in warning) if said else warning == ""


def test_how_far_times_are_known() -> None:
    assert trust_sentence(run()) == ""
    told = trust_sentence(
        run(
            timing_uncertainty_s=0.00042,
            loop_lag_p50_s=0.0002,
            loop_lag_p99_s=0.0011,
            client_cpu_share=0.04,
        )
    )
    assert told == (
        "Times are known to ± 0.42 ms: the client's event loop lagged 0.2 ms at P50 and 1.1 ms "
        "at P99, and the client used 4 % of a core."
    )
    assert trust_sentence(run(timing_uncertainty_s=0.0004)) == "Times are known to ± 0.4 ms."


def test_no_interval_is_narrower_than_the_clock_s_error() -> None:
    summary = summarise([5.0 + i / 1000 for i in range(30)])
    wide = summary.within(0.5)
    assert wide.p50.low == pytest.approx(summary.p50.value - 0.5)
    assert wide.p50.high == pytest.approx(summary.p50.value + 0.5)
    assert "clock" in wide.p50.method
    assert summary.within(None) == summary
    assert summary.within(1e-6).p50.high == summary.p50.high
    none = Estimate(value=None, n=0, reason="nothing")
    assert none.no_narrower_than(1.0) is none
    bound = Estimate(value=5.0, n=9, low=4.9, confidence=0.95).no_narrower_than(1.0)
    assert (bound.low, bound.high) == (4.0, None)
