"""Ending a load before its plan is done: trials under way end, and no further one is begun.

The parent holds a `HaltLine`, the load process a `Halt`; between them goes one line of text.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Literal, get_args

Early = Literal["decided", "partial"]  # what a run is that ended before its plan was done


@dataclass(slots=True)
class Halt:
    """Whether to begin no further trial, and what the run then is."""

    status: Early | None = None


class HaltLine:
    """The parent's end; it may be used from any thread, before and after the load, too."""

    def __init__(self) -> None:
        self._pipe: IO[str] | None = None

    def leads_to(self, pipe: IO[str] | None) -> None:
        """Take the load process's standard input."""
        self._pipe = pipe

    def end(self, status: Early) -> None:
        """Let the load end, as what it then is."""
        if self._pipe is not None:
            with suppress(BrokenPipeError, ValueError):  # the load has ended already
                self._pipe.write(f"{status}\n")
                self._pipe.flush()


def heed(descriptor: int, halt: Halt, when_it_ends: Callable[[], object]) -> None:
    """Read the parent's line until it ends: the parent is then gone."""
    while said := os.read(descriptor, 4096):
        for word in said.decode().split():
            halt.status = next((early for early in get_args(Early) if early == word), halt.status)
    when_it_ends()
