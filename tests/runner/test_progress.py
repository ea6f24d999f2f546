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


@pytest.mark.parametrize(
    ("total", "told"),
    [(1, [1]), (7, [1, 2, 3, 4, 5, 6, 7]), (25, [*range(2, 25, 2), 25]), (40, [*range(4, 41, 4)])],
)
def test_a_line_comes_for_about_every_tenth_and_for_the_last(total: int, told: list[int]) -> None:
    stream = io.StringIO()
    progress = Progress(total, stream, unit="answer")
    for _ in range(total):
        progress(TRIAL)
    assert stream.getvalue().splitlines() == [
        f"{ended}/{total} answers: last: add" for ended in told
    ]


def test_requests_of_a_load_have_a_line_for_each_tenth_that_is_passed() -> None:
    stream = io.StringIO()
    progress = Progress(1000, stream)
    for ended in (0, 99, 100, 150, 199, 450, 1000):
        progress({"event": "requests", "ended": ended, "failed": ended // 50})
    assert stream.getvalue().splitlines() == [
        "100/1000 requests; failed 2",
        "450/1000 requests; failed 9",
        "1000/1000 requests; failed 20",
    ]


def test_a_bar_counts_what_ended_and_says_what_failed() -> None:
    stream = Terminal()
    progress = Progress(1000, stream)
    progress({"event": "requests", "ended": 400, "failed": 3})
    progress({"event": "requests", "ended": 1000, "failed": 7})
    progress.close()
    assert "failed 7" in stream.getvalue()
    assert "1000/1000" in stream.getvalue()


def test_an_error_is_left_to_the_command() -> None:
    stream = io.StringIO()
    Progress(1, stream)({"event": "error", "message": "disk full"})
    assert stream.getvalue() == ""


def test_a_note_stands_beside_a_bar() -> None:
    for stream in (Terminal(), io.StringIO()):
        progress = Progress(2, stream)
        progress({"event": "note", "message": "look here"})
        progress({"event": "clock", "zero_ns": 77})
        progress.close()
        assert "look here\n" in stream.getvalue()
        assert "77" not in stream.getvalue()


def test_a_bar_shows_what_parses_of_trials_only() -> None:
    stream = Terminal()
    progress = Progress(1, stream, unit="answer")
    progress(TRIAL)
    progress.close()
    assert "parse" not in stream.getvalue()
    assert "1/1" in stream.getvalue()
