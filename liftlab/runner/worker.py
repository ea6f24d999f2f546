"""What a load process does with its parent: it tells what happens, and stops when told to.

Between the parent's `StopLine` and the load process's `Stop` goes one line of text: trials under
way then end, and no further one is begun.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, Literal, TextIO, TypeVar, get_args

from liftlab.errors import INTERRUPTED_EXIT_CODE, LiftlabError
from liftlab.runner.limits import Count
from liftlab.timing.trust import Trust

# A kept connection that its server had closed: the request goes to a new one at once, in an
# attempt that is no retry.
STALE_NOTE = (
    "the server closes connections that it says it keeps: "
    "from now on each request has one of its own"
)

_INTERRUPT = "interrupt"
Early = Literal["decided", "partial"]  # what a run is that ended before its plan was done
Listener = Callable[[dict[str, Any]], None]  # hears the events of a load process
Item = TypeVar("Item")

_apart: list[TextIO] = []  # where events go once standard output is no place for them


@dataclass(slots=True)
class Stop:
    """Whether to begin no further trial, and what the run then is.

    `go_ns`: when segments of one machine begin, as a stamp.
    """

    status: Early | None = None
    go_ns: int | None = None

    def obey(self, descriptor: int, when_it_ends: Callable[[], object]) -> None:
        """Read the parent's line until it ends, as the parent then has, or interrupts."""
        while (said := os.read(descriptor, 4096)) and _INTERRUPT not in said.decode().split():
            for word in said.decode().split():
                self.status = next((e for e in get_args(Early) if e == word), self.status)
                self.go_ns = int(word) if word.isdecimal() else self.go_ns
        when_it_ends()


# Sends what is planned until the stop, tells of what has ended, and says whether all is done.
FollowSchedule = Callable[[Stop, Count, Trust], Awaitable[bool]]


class StopLine:
    """The parent's end; it may be used from any thread, before and after the load, too."""

    def __init__(self) -> None:
        self._pipe: IO[str] | None = None

    def leads_to(self, pipe: IO[str] | None) -> None:
        """Take the load process's standard input."""
        self._pipe = pipe

    def end(self, status: Early) -> None:
        """Let the load end, as what it then is."""
        self._say(status)

    def go(self, moment_ns: int) -> None:
        """Let a segment that is ready begin at a moment."""
        self._say(str(moment_ns))

    def interrupt(self) -> None:
        """Interrupt the load, which commits what there is."""
        self._say(_INTERRUPT)

    def _say(self, word: str) -> None:
        if self._pipe is not None:
            with suppress(BrokenPipeError, ValueError):  # the load has ended already
                self._pipe.write(f"{word}\n")
                self._pipe.flush()


def emit(event: dict[str, Any]) -> None:
    """Write one event for the parent."""
    stream = _apart[0] if _apart else sys.stdout
    stream.write(json.dumps(event, ensure_ascii=True) + "\n")
    stream.flush()


def keep_events_apart() -> None:
    """Send what other code prints to the log: standard output is for events alone."""
    _apart.append(os.fdopen(os.dup(1), "w"))
    os.dup2(2, 1)


class Notes:
    """Tells the parent what a person should know of a session, each thing once."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, text: str) -> None:
        """Tell something, unless it was told before."""
        if text not in self._told:
            self._told.add(text)
            emit({"event": "note", "message": text})


def serve(work: Callable[[Stop], Awaitable[None]]) -> int:
    """Do the work in an event loop of its own, and return the exit code.

    SIGINT, SIGTERM and the end of standard input (the parent is gone) cancel it. A line on
    standard input sets the `Stop` that it is given: then it ends by itself.
    """
    try:
        return asyncio.run(_until_told(work))
    except LiftlabError as error:
        emit({"event": "error", "message": str(error)})
        return error.exit_code


async def _until_told(work: Callable[[Stop], Awaitable[None]]) -> int:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    stopped, stop = False, Stop()

    def cancel() -> None:
        nonlocal stopped
        stopped = True
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, cancel)
    gone = partial(loop.call_soon_threadsafe, cancel)
    threading.Thread(target=stop.obey, args=(0, gone), daemon=True).start()
    try:
        await work(stop)
    except asyncio.CancelledError:
        if not stopped:
            raise
        return INTERRUPTED_EXIT_CODE
    return 0


def first_of(failed: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error that ended a group of tasks: the others were only cancelled by it."""
    error = failed.exceptions[0]
    return first_of(error) if isinstance(error, BaseExceptionGroup) else error


async def closed(
    items: Iterable[Item], concurrency: int, do: Callable[[Item], Awaitable[None]], stop: Stop
) -> None:
    """Do all items in order: each worker takes the next when its last has ended.

    If one worker raises, the others are cancelled, and its error is raised.
    """
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            if stop.status is not None:
                return
            await do(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(work())
    except BaseExceptionGroup as failed:
        raise first_of(failed) from failed
