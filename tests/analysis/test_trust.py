"""Whether the client kept up, and whether a cache answered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.latency import summarise
from liftlab.analysis.trust import cache_warning, client_warning, trust_sentence
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
    assert trust_sentence(run(timing_uncertainty_s=2.113)) == "Times are known to ± 2.1 s."


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


def rows(
    cases: int = 12, repeats: int = 3, gain: float = 0.3, seed: int = 1, **columns: Any
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    made = []
    for case in range(cases):
        for repeat in range(1, repeats + 1):
            seconds = (2 + case) * rng.lognormal(0, 0.05) * (1 if repeat == 1 else 1 - gain)
            made.append(
                {
                    "case_id": f"c{case}",
                    "repeat": repeat,
                    "stage": "code",
                    "attempt": 1,
                    "phase": "measure",
                    "sent_s": 10.0 * len(made),
                    "last_byte_s": 10.0 * len(made) + seconds,
                    "transport_ok": True,
                    "cold": False,
                    "prompt_tokens": 100,
                    "cached_tokens": 0 if repeat == 1 else 80,
                }
                | columns
            )
    return pd.DataFrame(made)


def test_a_cache_is_told_with_what_to_do() -> None:
    said = cache_warning(rows())
    assert "in 12 of 12 prompts and stages" in said
    assert "80 % of their prompt tokens cached" in said
    assert "nonce = true" in said


@pytest.mark.parametrize(
    "attempts",
    [
        rows(gain=0.0),
        rows(gain=0.02),
        rows(cases=7),
        rows(repeats=1),
        rows(transport_ok=False),
        rows(cold=True),
        rows(phase="probe"),
        rows(attempt=2),
        pd.DataFrame(),
    ],
)
def test_otherwise_nothing_is_said(attempts: pd.DataFrame) -> None:
    assert cache_warning(attempts) == ""


def test_chance_alone_warns_no_more_often_than_its_level() -> None:
    false = sum(bool(cache_warning(rows(gain=0.0, seed=seed))) for seed in range(100))
    assert false <= 2
