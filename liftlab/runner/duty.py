"""What every load process does alike: tell its parent what happens, and stop when told to."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TextIO

from liftlab.errors import INTERRUPTED_EXIT_CODE, LiftlabError
from liftlab.runner.halt import Halt, heed

# A kept connection that its server had closed: the request goes to a new one at once, in an
# attempt that is no retry.
STALE_NOTE = (
    "the server closes connections that it says it keeps: "
    "from now on each request has one of its own"
)


_apart: list[TextIO] = []  # where events go once standard output is no place for them


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


def serve(duty: Callable[[Halt], Awaitable[None]]) -> int:
    """Do a duty in an event loop of its own, and return the exit code.

    SIGINT, SIGTERM and the end of standard input (the parent is gone) cancel it. A line on
    standard input sets the `Halt` that it is given: then it ends by itself.
    """
    try:
        return asyncio.run(_until_told(duty))
    except LiftlabError as error:
        emit({"event": "error", "message": str(error)})
        return error.exit_code


async def _until_told(duty: Callable[[Halt], Awaitable[None]]) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    stopped, halt = False, Halt()

    def stop() -> None:
        nonlocal stopped
        stopped = True
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    gone = partial(loop.call_soon_threadsafe, stop)
    threading.Thread(target=heed, args=(0, halt, gone), daemon=True).start()
    try:
        await duty(halt)
    except asyncio.CancelledError:
        if not stopped:
            raise
        return INTERRUPTED_EXIT_CODE
    return 0


def first_of(failed: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error that ended a group of tasks: the others were only cancelled by it."""
    error = failed.exceptions[0]
    return first_of(error) if isinstance(error, BaseExceptionGroup) else error
