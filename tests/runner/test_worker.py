"""What a load process is told by its parent, and how its workers share what is to be done."""

from __future__ import annotations

import asyncio
import io
import json
import os
from typing import Any

import pytest

from liftlab.runner.worker import Notes, Stop, StopLine, closed, emit, first_of


def obeyed(*lines: str) -> tuple[Stop, int]:
    reading, writing = os.pipe()
    ends: list[int] = []
    os.write(writing, "".join(f"{line}\n" for line in lines).encode())
    os.close(writing)
    stop = Stop()
    stop.obey(reading, lambda: ends.append(1))
    os.close(reading)
    return stop, len(ends)


@pytest.mark.parametrize(
    ("lines", "status", "go_ns"),
    [
        ((), None, None),
        (("decided",), "decided", None),
        (("partial",), "partial", None),
        (("123456789",), None, 123456789),
        (("123", "decided"), "decided", 123),
        (("decided", "nonsense"), "decided", None),
        (("interrupt", "decided"), None, None),
    ],
)
def test_the_parent_s_words_set_the_stop_until_they_end(
    lines: tuple[str, ...], status: str | None, go_ns: int | None
) -> None:
    stop, ends = obeyed(*lines)
    assert (stop.status, stop.go_ns, ends) == (status, go_ns, 1)


def test_the_line_to_a_load_says_a_word_a_line() -> None:
    line, pipe = StopLine(), io.StringIO()
    line.end("decided")  # nobody listens yet
    line.leads_to(pipe)
    line.go(77)
    line.end("partial")
    line.interrupt()
    assert pipe.getvalue() == "77\npartial\ninterrupt\n"
    pipe.close()
    line.interrupt()  # the load has ended already


def test_a_note_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    note = Notes()
    for text in ("a", "b", "a"):
        note(text)
    emit({"event": "end", "name": "é"})
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    notes = [{"event": "note", "message": text} for text in ("a", "b")]
    assert told == [*notes, {"event": "end", "name": "é"}]


def test_the_error_that_ended_a_group_is_the_innermost_first() -> None:
    cause = ValueError("first")
    inner = ExceptionGroup("inner", [cause, KeyError("other")])
    assert first_of(ExceptionGroup("outer", [inner, OSError()])) is cause


@pytest.mark.parametrize("concurrency", [1, 2, 5])
async def test_so_many_are_under_way_and_each_item_is_done_once(concurrency: int) -> None:
    under_way, most, done = 0, 0, []

    async def do(item: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        done.append(item)

    await closed(range(6), concurrency, do, Stop())
    assert sorted(done) == list(range(6))
    assert most == concurrency


async def test_after_the_stop_no_further_item_begins() -> None:
    stop, done = Stop(), []

    async def do(item: int) -> None:
        done.append(item)
        if item == 2:
            stop.status = "partial"

    await closed(range(6), 1, do, stop)
    assert done == [0, 1, 2]


async def test_a_worker_that_raises_ends_the_others() -> None:
    ended: list[Any] = []

    async def do(item: int) -> None:
        if item == 1:
            raise ValueError("broken")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append(item)
            raise

    with pytest.raises(ValueError, match="broken"):
        await closed(range(6), 2, do, Stop())
    assert ended == [0]
