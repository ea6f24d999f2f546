"""A history of runs for the terminal."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.reporting.text import history as text

LIMITS: Any = SimpleNamespace(of=lambda name, required: [("t", 15.0)] if "e2e" in name else [])


def _runs(**columns: Any) -> pd.DataFrame:
    row = {
        "run_id": "r1",
        "suite": "mvp",
        "endpoint": "e",
        "model": "m",
        "trials": 40,
        "e2e_median_s": 14.96,
        "code_median_s": None,
        "success_rate": 0.7,
        "cost_per_trial_usd": 0.0034,
        "attempts_per_trial": 1.5,
        "status": "complete",
        "label": "",
    }
    return pd.DataFrame([row | columns])


def test_a_table_has_the_times_that_are_known() -> None:
    head, line = text.run_table(_runs(), LIMITS).splitlines()
    assert "End to end" in head
    assert "code" not in head.lower()
    assert "14.96 s" in line  # not rounded onto its limit
    assert "70 %" in line


@pytest.mark.parametrize(("off_s", "time_scale"), [(0.76, None), (0.076, 10.0)])
def test_nothing_is_written_that_the_clock_cannot_tell(
    off_s: float, time_scale: float | None
) -> None:
    runs = _runs(e2e_median_s=16.04, timing_uncertainty_s=off_s, time_scale=time_scale)
    for table in (text.run_table(runs, LIMITS), text.run_list(runs, LIMITS)):
        assert " 16 s" in table
    metric = _metric(metric="e2e_median_s", latest=16.04, off=0.76)
    assert text.metric(metric).endswith(": 16 s.")


def test_foreign_names_are_one_short_line() -> None:
    table = text.run_table(_runs(model="a\nb  c", endpoint="x" * 24, suite="y" * 25), LIMITS)
    assert "a b c" in table
    assert "x" * 24 in table
    assert "y" * 23 + "…" in table
    assert "y" * 24 not in table


def test_a_list_leaves_out_what_is_not_known() -> None:
    runs = pd.concat([_runs(), _runs(run_id="r2", status=None, trials=None, suite=None)])
    head, first, second = text.run_list(runs, LIMITS).splitlines()
    assert " ".join(head.split()) == "run suite endpoint status trials success median label"
    assert first.split() == ["r1", "mvp", "e", "complete", "40", "70", "%", "14.96", "s"]
    assert second.split() == ["r2", "e", "unreadable", "70", "%", "14.96", "s"]
    assert head.index("trials") + len("trials") == first.index("40") + 2  # numbers to the right
    assert head.index("status") == first.index("complete")


def _metric(**known: Any) -> Any:
    slope = Estimate(value=known.pop("slope", None), n=9, low=-0.1, high=0.1, confidence=0.95)
    given = {"metric": "success_rate", "latest": 0.7, "n": 1, "sd": None, "per_week": slope}
    given["off"] = None
    return SimpleNamespace(**given | known)


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        (_metric(), ": 70 %."),
        (_metric(n=2), ": 70 % in the newest of 2 runs."),
        (_metric(n=5, sd=0.05), ": 70 % in the newest of 5 runs, which differ by 5 % (SD) at"),
        (_metric(slope=0.02), "; +2 % a week (95 % interval"),
        (_metric(slope=-0.015), "; -1.5 % a week"),
    ],
)
def test_a_metric_of_a_series(metric: Any, said: str) -> None:
    assert said in text.metric(metric)


def _change(metric: str, before: float, after: float, **changed: Any) -> Any:
    known = {"metric": metric, "before": before, "after": after, "run_id": "r9", "p": 0.004}
    return SimpleNamespace(**known, changed=changed)


def test_a_shift_of_a_share_is_in_points_and_of_a_time_in_percent() -> None:
    share = text.shift(_change("success_rate", 0.5, 0.7))
    assert " +20.0 points (50 % → 70 %) from run r9 on, p = 0.004; nothing recorded" in share
    time = text.shift(_change("e2e_median_s", 10.0, 9.0, model=("a", "b")))
    assert " -10.0 % (10 s → 9 s) from run r9 on" in time
    assert time.endswith("changed with it: model a → b.")


def test_a_steady_series_says_how_sure_that_is() -> None:
    def lines(count: int, *changes: Any) -> list[str]:
        series: Any = SimpleNamespace(runs=[0] * count, title="t", metrics=[], changes=changes)
        return text.paragraph(series)

    assert lines(1) == ["t: 1 run"]
    assert lines(2) == [
        "t: 2 runs",
        "  no shift found: one in a hundred steady series would show one",
    ]
    assert len(lines(9, _change("success_rate", 0.5, 0.7))) == 2
