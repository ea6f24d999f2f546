"""Repeats that are systematically faster are told; chance, failures and cold starts are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from liftlab.analysis.caching import cache_warning


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
