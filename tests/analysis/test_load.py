"""What a load says of itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from liftlab.analysis.load import summarise_load
from liftlab.records import STALE, Run
from liftlab.reporting.text.load import lines


def row(sent: float, ended: float | None = None, **columns: Any) -> dict[str, Any]:
    known = {"phase": "measure", "sent_s": sent, "last_byte_s": ended, "ended_s": ended}
    rest = {"scheduled_s": None, "first_token_s": None, "error_class": None}
    return {**known, **rest, "connection_reused": True, **columns}


def closed() -> Run:
    return Run(run_id="r", suite="load", load="closed", concurrency=4)


def test_a_closed_load_is_counted_and_its_warm_up_left_out() -> None:
    rows = [row(0.1 * i, 0.1 * i + 0.05, first_token_s=0.1 * i + 0.01) for i in range(10)]
    rows += [row(2.0, None, ended_s=2.5, error_class="reset", connection_reused=False)]
    rows += [row(0.0, 9.0, phase="warmup")]
    found = summarise_load(closed(), pd.DataFrame(rows))
    assert (found.n, found.ok, found.errors, found.reused) == (11, 10, (("reset", 1),), 10)
    assert found.seconds == 2.5
    assert found.rps == 4.0
    said = list(lines(found))
    assert said[0].startswith("closed loop, 4 at once: 11 requests, 10 answered well, 4.0 answered")
    assert "failed: 1 × connection lost" in said
    assert "TTFT: P50 10 ms, P90 10 ms, largest 10 ms" in said


def test_quantiles_that_n_does_not_carry_are_left_out() -> None:
    few = summarise_load(closed(), pd.DataFrame([row(0.0, 1.0 + i / 100) for i in range(8)]))
    assert [spread.name for spread in few.spreads] == ["e2e"]
    assert "P90" not in "".join(lines(few))
    many = summarise_load(closed(), pd.DataFrame([row(0.0, 1.0 + i / 1000) for i in range(100)]))
    assert "P99 1.10 s" in "".join(lines(many))


def test_an_open_load_tells_its_lag_and_the_time_from_planned() -> None:
    rows = [row(i + 0.5, i + 0.6, scheduled_s=float(i)) for i in range(6)]
    run = Run(run_id="r", suite="load", load="open", rate_rps=1.0, concurrency=1)
    found = summarise_load(run, pd.DataFrame(rows))
    by_name = {spread.name: spread for spread in found.spreads}
    assert by_name["e2e_from_planned"].largest > 5 * by_name["e2e"].largest
    assert by_name["lag"].largest == 0.5
    assert "at most 1 at once" in next(lines(found))


def test_a_load_of_which_nothing_was_sent_says_so() -> None:
    nothing = pd.DataFrame([row(0.0)[k] for k in ()], columns=list(row(0.0)))
    found = summarise_load(closed(), nothing)
    assert (found.n, found.seconds, found.rps, found.spreads) == (0, None, None, ())


def test_planned_requests_without_a_row_are_told() -> None:
    run = Run(run_id="r", suite="load", load="open", rate_rps=10.0, repeats=12)
    found = summarise_load(run, pd.DataFrame([row(0.1 * i, 0.1 * i + 0.05) for i in range(9)]))
    assert found.missing == 3
    told = "offered load not reached: 3 of 12 planned requests were not sent, or are lost"
    assert told in list(lines(found))


def test_rows_of_several_clocks_count_from_the_moment_that_these_agree_on() -> None:
    frame = pd.DataFrame([row(0.5, 1.0), row(0.7, 2.0)])
    assert summarise_load(closed(), frame).seconds == 1.5
    assert summarise_load(closed(), frame, 0.0).seconds == 2.0


def test_quantiles_are_as_seen_to_what_the_clock_can_tell() -> None:
    rows = [row(0.1 * i, 0.1 * i + 0.00998 + 1e-7 * i) for i in range(40)]
    for off, said in ((None, "P50 9.98 ms"), (0.0004, "P50 10 ms")):
        run = replace(closed(), timing_uncertainty_s=off)
        [times] = [s for s in summarise_load(run, pd.DataFrame(rows)).spreads if s.name == "e2e"]
        assert f"P50 {times.quantiles[0][1].point}" == said


def test_a_request_sent_again_on_a_new_connection_is_one_that_began_at_first() -> None:
    def tried(repeat: int, attempt: int, sent: float, **more: Any) -> dict[str, Any]:
        return row(sent, sent + 0.5, repeat=repeat, attempt=attempt, **more)

    stale = {"error_class": STALE, "last_byte_s": None}
    rows = [
        tried(1, 1, 0.0, **stale),
        tried(1, 2, 1.0, connection_reused=False),
        tried(2, 1, 2.0),
        tried(3, 2, 5.0, **stale),  # a new connection that went away is a failure
    ]
    found = summarise_load(closed(), pd.DataFrame(rows))
    assert (found.n, found.ok, found.stale, found.reused) == (3, 2, 1, 2)
    (times,) = found.spreads
    assert (times.n, times.largest) == (2, 1.5)
    assert found.as_json()["stale_connections"] == 1


def test_as_data_seconds_are_named_so() -> None:
    rows = [
        row(float(i), i + 1.0, first_token_s=i + 0.25, last_token_s=i + 0.75, output_tokens=6)
        for i in range(4)
    ]
    run = Run(run_id="r", suite="load", load="open", rate_rps=0.5, repeats=4)
    told = summarise_load(
        run, pd.DataFrame(rows).assign(scheduled_s=[0.0, 0.5, 1.5, 3.0])
    ).as_json()
    assert told["loop"] == "open loop, 0.5 requests a second planned"
    assert (told["ok_per_second"], told["missing"]) == (1.0, 0)
    assert told["ttft"] == {
        "n": 4, "p50_s": 0.25, "p90_s": None, "p95_s": None, "p99_s": None, "largest_s": 0.25
    }  # fmt: skip
    assert set(told["lag"]) == {"n", "p50_s", "p99_s", "largest_s"}  # type: ignore[call-overload]
    assert told["tokens_per_s"] == {"n": 4, "p50": pytest.approx(10), "largest": pytest.approx(10)}


def test_only_a_measured_run_has_requests_that_were_planned() -> None:
    frame = pd.DataFrame([row(0.0, 1.0)])
    imported = Run(run_id="r", suite="load", repeats=12, provenance="imported")
    assert summarise_load(imported, frame).missing == 0
    assert summarise_load(replace(closed(), repeats=None), frame).missing == 0
    many = Run(run_id="r", suite="load", load="closed", repeats=0)
    found = summarise_load(many, frame)
    assert (found.missing, found.loop) == (0, "closed loop")
    assert summarise_load(imported, frame).loop == "requests"
