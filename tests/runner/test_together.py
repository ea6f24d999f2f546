"""Load processes of one plan: they begin at one moment, and are followed as one."""

from __future__ import annotations

import io
from typing import Any

import pytest

from liftlab.runner.together import Together


class Pipe(io.StringIO):
    """Keeps what was said."""


@pytest.fixture
def heard() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def together(heard: list[dict[str, Any]]) -> Together:
    return Together(3, heard.append)


def pipes_of(together: Together) -> list[Pipe]:
    pipes = [Pipe() for _ in together.stops]
    for stop, pipe in zip(together.stops, pipes, strict=True):
        stop.leads_to(pipe)
    return pipes


def test_all_begin_at_one_moment_once_each_is_ready_or_gone(together: Together) -> None:
    pipes = pipes_of(together)
    together.listener(0)({"event": "ready"})
    together.listener(0)({"event": "ready"})
    together.ended(1, None)
    assert [pipe.getvalue() for pipe in pipes] == ["", "", ""]
    together.listener(2)({"event": "ready"})
    [word] = {pipe.getvalue() for pipe in pipes}
    assert word.strip().isdecimal()
    together.ended(2, None)
    assert {pipe.getvalue() for pipe in pipes} == {word}  # said once


def test_requests_are_added_up_and_notes_are_told_once(
    together: Together, heard: list[dict[str, Any]]
) -> None:
    for place, (ended, failed) in enumerate([(5, 1), (7, 0)]):
        together.listener(place)({"event": "requests", "ended": ended, "failed": failed})
    together.listener(0)({"event": "requests", "ended": 9, "failed": 1})
    for place in range(3):
        together.listener(place)({"event": "note", "message": "the same"})
        together.listener(place)({"event": "clock", "zero_ns": 1})
    assert [event for event in heard if event["event"] == "requests"] == [
        {"event": "requests", "ended": 5, "failed": 1},
        {"event": "requests", "ended": 12, "failed": 1},
        {"event": "requests", "ended": 16, "failed": 1},
    ]
    assert [event for event in heard if event["event"] != "requests"] == [
        {"event": "note", "message": "the same"}
    ]


def test_all_are_interrupted(together: Together) -> None:
    pipes = pipes_of(together)
    together.interrupt()
    assert {pipe.getvalue() for pipe in pipes} == {"interrupt\n"}
