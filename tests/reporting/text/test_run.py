"""Which run it is, in a line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from liftlab.records import SESSIONS
from liftlab.reporting.text.run import line


def _line(*cases: str, sped_up: float = 1, **row: Any) -> str:
    given = {
        "run_id": "r1",
        "provenance": "measured",
        "hardware": None,
        "endpoint": "e",
        "model": "m",
        "pipeline": "lift",
        "load": "closed",
        "rate_rps": None,
        "concurrency": 1,
        "started_at": "2026-01-02T03:04:05",
        "status": "complete",
    }
    trials = pd.DataFrame({"case_id": list(cases)})
    run: Any = SimpleNamespace(
        run=SimpleNamespace(**given | row),
        sped_up=sped_up,
        size=lambda _: len(trials),
        counted=lambda _, name: trials.groupby(name).size().reset_index(name="rows"),
    )
    return line(run)


def test_a_plain_run() -> None:
    said = "run r1 · endpoint e · model m · 2 prompts × 2 · one at a time · 2026-01-02"
    assert _line("a", "b", "a", "b") == said


@pytest.mark.parametrize(
    ("cases", "row", "part"),
    [
        ("a", {}, "1 prompt × 1"),
        ("aab", {}, "2 prompts, 3 requests"),
        ("ab", {"pipeline": SESSIONS}, "2 checks"),
        ("a", {"concurrency": 2}, "2 at once"),
        ("a", {"load": "open", "rate_rps": 2.5}, "2.5 requests a second"),
        ("a", {"load": "open"}, "open loop"),
        ("a", {"hardware": "H200"}, "hardware H200"),
        ("a", {"status": "interrupted"}, "interrupted"),
        ("a", {"provenance": "imported"}, "imported"),
        ("a", {"sped_up": 100.0}, "simulated, run 100 times as fast"),
    ],
)
def test_what_is_not_plain_is_said(cases: str, row: dict[str, Any], part: str) -> None:
    assert part in _line(*cases, **row).split(" · ")


def test_what_is_not_known_is_left_out() -> None:
    row = {"endpoint": None, "model": None, "concurrency": None, "started_at": None}
    assert _line(**row) == "run r1"
