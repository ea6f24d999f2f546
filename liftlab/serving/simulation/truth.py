"""The truth log: what the simulator did with each request, by its own clock."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from pydantic_core import to_json


@dataclass(slots=True, kw_only=True)
class Truth:
    """One request. `*_s` points are this process's `perf_counter`, which Linux shares.

    `received_s` is when its last bytes had come to this machine, where the kernel tells it, and
    when they were read elsewhere. `first_byte_s` and `last_byte_s` are taken just before the
    first and the last bytes of the body are handed to the kernel; None where none were.
    `service_s` is the time in a slot, `queue_s` the wait for it, `cold_s` the wait for the model
    to load, `stall_s` the wait while the whole server paused: real seconds, `time_scale` times
    shorter than the profile's.
    """

    request_id: str
    path: str
    time_scale: float
    received_s: float
    received_unix_s: float | None = None  # the same moment on the wall clock
    response_id: str | None = None
    number: int | None = None
    under_way: int | None = None  # generations asked for and not yet answered, this one included
    cold_s: float | None = None
    stall_s: float | None = None
    queue_s: float | None = None
    service_s: float | None = None
    first_byte_s: float | None = None
    last_byte_s: float | None = None
    prompt_tokens: int | None = None
    tokens: int | None = None
    writes: int = 0
    bytes_sent: int = 0
    answer: str | None = None  # ir, body, branching, code, other
    quality: str | None = None  # right, missing_return, does_not_parse
    http_status: int | None = None
    fault: str | None = None
    client_left: bool = False


class TruthLog:
    """A file with a line of JSON a request, written at its end, with all that end together."""

    def __init__(self, path: Path | None) -> None:
        self._file: IO[bytes] | None = None if path is None else path.open("ab")
        self._lines: list[bytes] = []
        # One anchor: wall times then agree with each other as the monotonic ones do.
        self._wall_zero_s = time.time() - time.perf_counter()

    def write(self, truth: Truth) -> None:
        """Append a request that has ended; called from the event loop."""
        if self._file is None:
            return
        truth.received_unix_s = self._wall_zero_s + truth.received_s
        self._lines.append(to_json(truth))
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Hand all lines to the system."""
        if self._file is not None and self._lines:
            self._file.write(b"\n".join(self._lines) + b"\n")
            self._file.flush()
            self._lines.clear()

    def close(self) -> None:
        """Write what is left, and close the file."""
        self.flush()
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
