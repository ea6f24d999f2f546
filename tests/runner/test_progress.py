"""Progress for people: plain lines where nothing can be drawn over, a line an event in the log."""

from __future__ import annotations

import io
from typing import Any

import pytest

from liftlab.runner.progress import Progress, describe, log_line

TRIAL: dict[str, Any] = {
    "event": "trial",
    "case_id": "add",
    "repeat": 1,
    "completed": True,
    "parsed": True,
    "e2e_s": 2.345,
    "reason": None,
}


def test_off_a_terminal_there_are_no_carriage_returns_and_about_ten_lines() -> None:
    stream = io.StringIO()
    progress = Progress(100, stream)
    progress({"event": "created", "run_id": "r", "path": "runs/r"})
    for number in range(100):
        progress({"event": "start", "case_id": "add", "repeat": 1})
        progress(TRIAL | {"completed": number % 2 == 0})
    progress.close()
    lines = stream.getvalue().splitlines()
    assert "\r" not in stream.getvalue()
    assert len(lines) == 11
    assert lines[-1] == "100/100 trials: 50 went through all stages, 100 parse; last: add"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_there_is_a_bar_with_the_case_and_the_shares() -> None:
    stream = Terminal()
    progress = Progress(2, stream)
    progress({"event": "start", "case_id": "add", "repeat": 1})
    progress(TRIAL)
    progress.close()
    assert "add" in stream.getvalue()
    assert "1 went through all stages, 1 parse" in stream.getvalue()


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (TRIAL, "add #1 completed, 2.35 s"),
        (TRIAL | {"completed": False, "reason": "length"}, "add #1 failed (length), 2.35 s"),
        (TRIAL | {"e2e_s": None}, "add #1 completed, no time"),
        ({"event": "error", "message": "disk full"}, "error: disk full"),
        ({"event": "probe", "case_id": "add"}, "client memory: add"),
    ],
)
def test_each_event_has_its_line(event: dict[str, Any], line: str) -> None:
    assert describe(event) == line
    assert log_line(event).endswith(f" {line}\n")
