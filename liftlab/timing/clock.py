"""Stamps, the run's clock, and the signs that tell whether the client kept up."""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamps:
    """The moments of one exchange, as `perf_counter_ns`, and the spans before it was sent.

    `tcp_s` is how long the client waited for its connection, `round_trip_s` the round trip in
    that as the kernel measured it; where it tells none, `tcp_s` is the closest to it.

    A moment that never came is None: `last_byte_ns` is set only when the body came whole,
    `ended_ns` also when the exchange failed. `chunk_ns` holds the arrival of each read of
    the body and `chunk_end` how many bytes had come by then, both bounded; `chunks` and
    `max_gap_s` count and compare all reads. Byte counts are of bodies. With redirects the
    sending side is that of the first hop, the receiving side that of the last.
    """

    called_ns: int
    sent_ns: int | None = None
    headers_ns: int | None = None
    first_byte_ns: int | None = None
    last_byte_ns: int | None = None
    ended_ns: int | None = None
    pool_s: float | None = None
    dns_s: float | None = None
    tcp_s: float | None = None
    round_trip_s: float | None = None
    tls_s: float | None = None
    connection_reused: bool | None = None
    chunk_ns: tuple[int, ...] = ()
    chunk_end: tuple[int, ...] = ()
    chunks: int = 0
    max_gap_s: float | None = None
    bytes_sent: int | None = None
    bytes_received: int | None = None
    hops: int = 0

    @property
    def seconds(self) -> float:
        """From the call to the end of the exchange, in seconds; 0 while it goes on."""
        return ((self.ended_ns or self.called_ns) - self.called_ns) / 1e9


class Clock:
    """One run's time: a monotonic zero, and one wall-clock anchor taken with it."""

    def __init__(
        self,
        *,
        monotonic_ns: Callable[[], int] = time.perf_counter_ns,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._monotonic_ns = monotonic_ns
        self._anchor_s = wall_s()
        self.zero_ns = monotonic_ns()

    @classmethod
    def since(cls, moment_s: float, zero_ns: int | None = None) -> Self:
        """Return a clock whose zero is a moment of the wall clock, past or to come.

        `zero_ns`: that moment as a stamp, where it is known; otherwise what both clocks say now.
        """
        clock = cls(wall_s=lambda: moment_s)
        clock.zero_ns = stamp_of(moment_s) if zero_ns is None else zero_ns
        return clock

    def now_ns(self) -> int:
        """Return the moment as a stamp."""
        return self._monotonic_ns()

    def now_s(self) -> float:
        """Return the seconds since the run's zero."""
        return (self._monotonic_ns() - self.zero_ns) / 1e9

    def seconds(self, ns: int | None) -> float | None:
        """Return a stamp as seconds since the run's zero; None stays None."""
        return None if ns is None else (ns - self.zero_ns) / 1e9

    def utc(self, seconds: float) -> str:
        """Return a moment of the run as ISO 8601 in UTC, with its zone."""
        moment = datetime.fromtimestamp(self._anchor_s + seconds, tz=UTC)
        return moment.isoformat(timespec="microseconds")


def stamp_of(moment_s: float) -> int:
    """Return a moment of the wall clock, in seconds since 1970, as `perf_counter_ns`."""
    pairs = []
    for _ in range(9):  # one may be torn apart by another process
        before_ns, wall_ns = time.perf_counter_ns(), time.time_ns()
        after_ns = time.perf_counter_ns()
        pairs.append((after_ns - before_ns, before_ns - wall_ns))
    return min(pairs)[1] + round(moment_s * 1e9)


class LoopLag:
    """How late the event loop wakes a task that asked for one millisecond.

    Used as ``async with LoopLag() as lag``. Overshoots are counted in bins of 0.1 ms up
    to one second, so memory stays the same however long the run is.
    """

    _BINS = 10_000
    _BIN_S = 1e-4

    def __init__(self, *, period_s: float = 1e-3) -> None:
        self._period_s = period_s
        self._counts = array("Q", bytes(8 * (self._BINS + 1)))
        self._task: asyncio.Task[None] | None = None
        self.samples = 0
        self.max_s = 0.0

    async def __aenter__(self) -> LoopLag:
        self._task = asyncio.create_task(self._sample(), name="loop-lag")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def add(self, overshoot_s: float) -> None:
        """Count one overshoot, in seconds."""
        overshoot_s = max(0.0, overshoot_s)
        self._counts[min(int(overshoot_s / self._BIN_S), self._BINS)] += 1
        self.samples += 1
        self.max_s = max(self.max_s, overshoot_s)

    def quantile(self, q: float) -> float | None:
        """Return the overshoot, in seconds, that a share `q` of wake-ups stayed within.

        The upper edge of its 0.1 ms bin; None before the first sample.
        """
        if not self.samples:
            return None
        needed, seen = q * self.samples, 0
        for index, count in enumerate(self._counts[: self._BINS]):
            seen += count
            if count and seen >= needed:
                return min((index + 1) * self._BIN_S, self.max_s)
        return self.max_s

    async def _sample(self) -> None:
        while True:
            before_ns = time.perf_counter_ns()
            await asyncio.sleep(self._period_s)
            self.add((time.perf_counter_ns() - before_ns) / 1e9 - self._period_s)


class CpuShare:
    """The share of one core that this process used since this was made."""

    def __init__(
        self,
        *,
        cpu_s: Callable[[], float] = time.process_time,
        wall_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._cpu_s, self._wall_s = cpu_s, wall_s
        self._cpu_start, self._wall_start = cpu_s(), wall_s()

    def value(self) -> float | None:
        """Return CPU seconds per second of wall time; above 1 with several busy threads."""
        elapsed = self._wall_s() - self._wall_start
        return (self._cpu_s() - self._cpu_start) / elapsed if elapsed > 0 else None


def clock_resolution_s(
    *, monotonic_ns: Callable[[], int] = time.perf_counter_ns, reads: int = 1000
) -> float:
    """Return the smallest step that the clock was seen to take, in seconds.

    Found by reading it back to back, since the resolution that a system claims says
    nothing of what one read costs.
    """
    smallest = 0
    last = monotonic_ns()
    for _ in range(reads):
        now = monotonic_ns()
        if now > last and (smallest == 0 or now - last < smallest):
            smallest = now - last
        last = now
    return smallest / 1e9 if smallest else time.get_clock_info("perf_counter").resolution


def peak_memory_mb() -> float:
    """Return the most memory that this process has held resident, in MB (10^6 bytes)."""
    # ru_maxrss of a started program begins at its parent's peak on Linux; VmHWM does not.
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
