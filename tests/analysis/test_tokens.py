"""When tokens came, by each quantity's definition, in a run and in a load."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from liftlab.analysis.load import summarise_load
from liftlab.analysis.tokens import stage_tokens, token_times
from liftlab.records import Run
from liftlab.reporting.text import load as text


def row(**columns: Any) -> dict[str, Any]:
    known = {"phase": "measure", "stage": "code", "case_id": "a", "sent_s": 10.0}
    times = {"first_reasoning_s": None, "first_token_s": 10.5, "last_token_s": 12.5, "itl_s": 0.1}
    rest = {"last_byte_s": 12.5, "output_tokens": 21, "error_class": None}
    return {**known, **times, **rest, **columns}


def test_each_quantity_by_its_definition() -> None:
    times = token_times(
        pd.DataFrame(
            [
                row(),
                row(first_reasoning_s=10.25),
                row(first_reasoning_s=10.25, first_token_s=None, last_token_s=10.75),
                row(first_token_s=12.5),  # in one read
                row(first_token_s=None, last_token_s=None),  # not streamed
            ]
        )
    )
    nan = np.nan
    assert times["ttft"][:4].tolist() == [0.5, 0.25, 0.25, 2.5]
    np.testing.assert_array_equal(times["ttfo"], [0.5, 0.5, nan, 2.5, nan])
    np.testing.assert_array_equal(times["first_reasoning"], [nan, 0.25, 0.25, nan, nan])
    np.testing.assert_allclose(times["tpot"], [0.1, 0.1125, 0.025, nan, nan])
    np.testing.assert_allclose(times["tokens_per_s"], 1 / times["tpot"])


def test_a_run_has_a_line_a_stage() -> None:
    rows = [row(case_id=f"c{i}") for i in range(6)]
    rows += [row(stage="plain", first_token_s=None, last_token_s=None)]
    rows += [row(phase="warmup", first_token_s=11.0), row(error_class="reset", first_token_s=11.0)]
    (found,) = stage_tokens(pd.DataFrame(rows))
    assert text.tokens(found) == (
        "Code, medians of 6 streamed replies: "
        "TTFT 500 ms, TTFO 500 ms, ITL 100 ms, TPOT 100 ms, 10 tokens/s"
    )
    assert set(found.medians) - set(found.p95s) == {"tokens_per_s"}
    assert found.as_json()["median"]["ttft"] == 0.5
    assert stage_tokens(pd.DataFrame(rows[6:7])) == []


def test_where_only_reasoning_came_that_is_said() -> None:
    only = row(first_reasoning_s=10.25, first_token_s=None, last_token_s=10.75)
    rows = pd.DataFrame([only | {"connection_reused": True, "error_class": None}] * 3)
    load_run = Run(run_id="r", suite="load", concurrency=1)
    load = summarise_load(load_run, rows)
    said = list(text.lines(load))
    assert "first reasoning token: P50 250 ms, largest 250 ms" in said
    assert "no answer token came in 3 replies: only reasoning" in said
    assert not any(line.startswith("TTFO") for line in said)
    assert load.as_json()["tokens_per_s"] == {
        "n": 3, "p50": pytest.approx(40), "largest": pytest.approx(40)
    }  # fmt: skip
    (stage,) = stage_tokens(rows)
    assert "no answer token came in 3" in text.tokens(stage)
    failed = rows.assign(error_class="invalid_json")
    told = list(text.lines(summarise_load(load_run, failed)))
    assert "first reasoning token: P50 250 ms, largest 250 ms" in told
