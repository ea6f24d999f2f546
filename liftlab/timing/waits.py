"""How long an exchange may wait for its first byte, and for each read after it."""

from __future__ import annotations

import asyncio


class Waits:
    """The time-out of one exchange: for its first byte once it is sent, then for each read.

    `first_byte_s`, `between_reads_s`: how long each may take, in seconds; None for no limit.
    """

    def __init__(self, first_byte_s: float | None, between_reads_s: float | None) -> None:
        self.timer = asyncio.timeout(None)
        self._first_byte_s = first_byte_s
        self._between_reads_s = between_reads_s
        self._reading = False

    def for_first_byte(self) -> None:
        """Begin to wait for the first byte of the reply's body."""
        self._wait(self._first_byte_s)

    def for_next_read(self) -> None:
        """Begin to wait for the next read of the body."""
        self._reading = True
        self._wait(self._between_reads_s)

    def words(self) -> str:
        """Say which wait took too long."""
        if self._reading:
            return f"nothing more of the reply within {self._between_reads_s:g} s"
        return f"no byte of a reply within {self._first_byte_s:g} s of sending"

    def _wait(self, seconds: float | None) -> None:
        if not self.timer.expired():  # bytes may come in the moment in which time is up
            now_s = asyncio.get_running_loop().time()
            self.timer.reschedule(None if seconds is None else now_s + seconds)
