"""Session checks as sections: failures with their exchange, and the times of calls."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.latency import summarise
from liftlab.reporting.sections import section_of
from liftlab.reporting.text import sessions as text
from liftlab.store import RunData
from liftlab.summary.sessions import CallTimes, Failure, Sessions
from tests.reporting.conftest import tables_in


def failure(**parts: Any) -> Failure:
    sent: Any = SimpleNamespace(method="GET", path="/s/1", user="ann", request="<b>{}")
    plain: dict[str, Any] = {
        "cause": "sessions leak", "severity": "critical", "witnesses": ("S1", "S2"),
        "basis": "contract", "why": "w", "expected": "404", "actual": "200",
        "command": "curl x", "sent": sent, "reply": "hello",
    }  # fmt: skip
    return Failure(**plain | parts)


def found(run: RunData, **parts: Any) -> Sessions:
    plain: dict[str, Any] = {
        "checks": 3, "passed": 3, "failed": 0, "failures": (), "untested": (), "not_run": 0,
        "left": (), "lost_kept": 0, "stopped": (), "critical": Estimate(value=0, n=3),
    }  # fmt: skip
    return Sessions(run=run, **plain | parts)


def test_a_sound_server_has_no_table(forty: RunData) -> None:
    section = section_of(found(forty))
    assert (section.parts, section.details, section.notes) == ((), (), ())
    assert section.title
    assert section_of(found(forty, passed=0)).title == ""


def test_failures_are_a_row_each_with_their_exchange_a_click_away(forty: RunData) -> None:
    unsent = failure(severity="minor", witnesses=("S3",), sent=None, reply="", command="")
    section = section_of(found(forty, passed=1, failed=2, failures=(failure(), unsent)))
    assert section.title == ""
    (rows,) = tables_in(section.parts[0])
    assert [list(row.values()) for row in rows] == [
        ["critical", "sessions leak", "2", "contract"],
        ["minor", "sessions leak", "1", "contract"],
    ]
    (_, full), (_, bare) = section.details
    for block in ("&lt;b&gt;{}", "hello", "curl x"):
        assert str(full).count(f"<pre>{block}</pre>") == 1
    assert "<pre>" not in str(bare)
    assert "reply</th>" not in str(full)  # it stands below


def test_what_is_left_and_what_was_not_tested_are_said(forty: RunData) -> None:
    left: Any = (SimpleNamespace(line="abc: user ann", id="abc"),)
    section = section_of(found(forty, left=left, untested=(("S7", "no user"),)))
    ((name, html),) = section.details
    assert name == text.LEFT
    assert "abc: user ann" in str(html)
    assert len(section.notes) == 1


def times(forty: RunData, *seconds: float) -> Any:
    return summarise(pd.Series(seconds), what="create")


@pytest.mark.parametrize("under_load", [False, True])
def test_times_of_calls_are_a_row_each(under_load: bool, forty: RunData) -> None:
    rows = ((under_load, times(forty, *([1.0] * 30))),)
    (shown,) = tables_in(section_of(CallTimes(run=forty, rows=rows)).html())
    (row,) = shown
    assert (row["Call"], row["n"], row["Median, s"]) == ("create", "30", "1")
    assert ("load" in row["When"]) is under_load
    assert "prompts" not in "".join(row.values())
    assert row["95 % interval of P95"] != row["95 % interval"]


def test_where_no_call_or_no_time_is_known_there_is_no_table(forty: RunData) -> None:
    assert section_of(CallTimes(run=forty, rows=())).is_empty
    busy = section_of(CallTimes(run=forty, rows=((False, times(forty, 1e-9, 1e-9)),)))
    assert (busy.parts, len(busy.notes)) == ((), 1)
