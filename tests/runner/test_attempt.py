"""What liftlab's own work takes between the exchanges of a trial."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import pytest

from liftlab.pipeline.base import Prompt
from liftlab.records import Attempt
from liftlab.runner.attempt import Work, client_s, prompt_artifact


def _row(sent: float | None, called: float | None, ended: float | None, off: Any = None) -> Attempt:
    return Attempt(
        run_id="r", seq=1, sent_s=sent, called_s=called, ended_s=ended, backoff_before_s=off
    )


@pytest.mark.parametrize(
    ("rows", "own_s"),
    [
        ([], None),
        ([_row(None, 0.0, 1.0)], None),  # nothing was sent
        ([_row(0.0, 0.0, 1.0)], 0.0),
        ([_row(0.0, 0.0, 1.0), _row(3.0, 2.0, 4.0)], 1.0),
        ([_row(0.0, 0.0, 1.0), _row(3.0, 2.0, 4.0, 0.75)], 0.25),
        ([_row(0.0, 0.0, 1.0), _row(3.0, 2.0, 4.0, 5.0)], 0.0),  # a clock's error is no work
        ([_row(None, 0.0, 1.0), _row(2.5, 2.0, 3.0), _row(6.0, 5.0, 7.0)], 2.0),
        ([_row(0.0, 0.0, None), _row(3.0, 2.0, 4.0), _row(9.0, 6.0, 9.5)], 2.0),
        ([_row(0.0, 0.0, 1.0), _row(None, None, 2.0), _row(5.0, 4.0, 6.0)], 2.0),
    ],
)
def test_own_work_is_between_the_first_sent_and_the_last_byte(
    rows: list[Attempt], own_s: float | None
) -> None:
    assert client_s(rows) == own_s


def test_a_parser_s_own_time_is_no_work_of_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    work: Any = Work()

    def parser(source: bytes) -> bytes:
        now[0] += 5.0
        return source

    with work.timed():
        now[0] += 1.0
        assert work.without(parser)(b"x") == b"x"
    with suppress(ZeroDivisionError), work.timed():
        now[0] += 0.5
        raise ZeroDivisionError
    assert work.seconds == 1.5


def test_a_prompt_is_kept_with_what_was_asked_of_it() -> None:
    kept = prompt_artifact(Prompt(text="Verdopple é \ud800", system="s", schema={"type": "object"}))
    asked = {"system": "s", "prompt": "Verdopple é \ud800", "schema": {"type": "object"}}
    assert json.loads(kept) == asked
    assert "é".encode() in kept
