"""Write down which lines of liftlab's functions run, for the test that is running.

`_touched.py` starts it; in processes that a test starts, the environment does. A line is written
when it first runs, so that a process that is killed has told what it did.
"""

from __future__ import annotations

import os
import sys
import threading
from types import FrameType
from typing import Any

PLACE = "LIFTLAB_TOUCHED"  # the file to write to
FOLDER = "LIFTLAB_TOUCHED_IN"  # where liftlab's sources are
ENOUGH = 2000  # lines of one function in one test that it ran before: it has shown what it does
QUIET = 1_000_000  # calls of any function in one test since it ran a line for the first time
IN_A_FUNCTION = 1  # CO_OPTIMIZED: not the body of a class or module, which run once

folder = os.environ.get(FOLDER, "")
descriptor = -1
seen: dict[str, set[tuple[str, int]]] = {}
lines: set[tuple[str, int]] = set()
again: dict[int, int] = {}
quiet = 0


def switch(place: str) -> None:
    """Write to this file from now on, here and in the processes that start now."""
    global descriptor, lines, quiet  # noqa: PLW0603 (a tracer is called millions of times)
    if descriptor >= 0:
        os.close(descriptor)
    os.environ[PLACE] = place
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    lines = seen.setdefault(place, set())
    again.clear()
    quiet = 0
    if threading.gettrace() is not None:
        sys.settrace(_call)


def start() -> None:
    """Trace this thread and those that start now."""
    threading.settrace(_call)
    sys.settrace(_call)


def _call(frame: FrameType, event: str, arg: object) -> Any:
    global quiet  # noqa: PLW0603
    quiet += 1
    if quiet > QUIET:
        sys.settrace(None)
        return None
    code = frame.f_code
    if not code.co_filename.startswith(folder) or not code.co_flags & IN_A_FUNCTION:
        return None
    return _line if again.setdefault(id(code), 0) < ENOUGH else None


def _line(frame: FrameType, event: str, arg: object) -> Any:
    global quiet  # noqa: PLW0603
    if event == "line":
        code = frame.f_code
        at = (code.co_filename, frame.f_lineno)
        if at not in lines:
            lines.add(at)
            quiet = 0
            os.write(descriptor, f"{at[0]}:{at[1]}\n".encode())
        else:
            again[id(code)] = again.get(id(code), 0) + 1
            if again[id(code)] > ENOUGH:
                return None
    return _line


if os.environ.get(PLACE) and folder:
    switch(os.environ[PLACE])
    start()
