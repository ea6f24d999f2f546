"""Where numbers come from, in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from liftlab.analysis.cost.prices import Price
from liftlab.records import SESSIONS
from liftlab.reporting.text import provenance as text


def _run(**row: Any) -> Any:
    return SimpleNamespace(**{"load": "closed", "rate_rps": None, "concurrency": None} | row)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (_run(load="open", rate_rps=2.5), "open loop, 2.5 requests a second"),
        (_run(load="open"), "open loop"),
        (_run(concurrency=4), "closed loop, 4 at a time"),
        (_run(), "closed"),
        (_run(load=None), None),
    ],
)
def test_how_requests_were_sent(run: Any, said: str | None) -> None:
    assert text.load(run) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, None),
        (0.0, "0 s"),
        (9.9e-7, "990 ns"),
        (1e-6, "1 µs"),
        (9.9e-5, "99 µs"),
        (1e-4, "0.1 ms"),
        (2.0, "2 s"),
    ],
)
def test_a_span_of_the_clock_however_short(value: float | None, said: str | None) -> None:
    assert text.seconds(value) == said


@pytest.mark.parametrize(
    ("stamp", "said"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02 03:04:05 UTC"),
        ("2026-01-02T03:04:05+02:00", "2026-01-02T03:04:05+02:00"),
        ("yesterday", "yesterday"),
        (None, None),
    ],
)
def test_a_moment(stamp: str | None, said: str | None) -> None:
    assert text.moment(stamp) == said


def test_a_price_has_its_source() -> None:
    assert text.price(None) is None
    assert text.price(Price(price_id="mine")) == "mine"
    known = Price(price_id="mine", date="2025-10", source="a list")
    assert text.price(known) == "mine (2025-10; a list)"


def test_a_digest_is_cut() -> None:
    assert text.with_digest("mvp", "0123456789abcdef") == "mvp (0123456789ab)"
    assert text.with_digest("mvp", None) == "mvp"
    assert text.with_digest(None, "0123") == ""


def test_controls_and_isolation() -> None:
    found: Any = SimpleNamespace(controls=(), isolation=("full",))
    assert text.controls(found) is None
    found.controls = ("14 of 14",)
    assert text.controls(found) == "14 of 14 controls told apart, isolation full"
    assert text.isolation([]) == "No answer was run."
    assert text.isolation(["full", "odd"]).endswith("no other processes. odd")


def test_who_measured_it() -> None:
    assert text.source(_run(provenance="measured")) == "measured by liftlab"
    assert text.source(_run(provenance="imported")) == "imported"


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
    return text.line(run)


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
