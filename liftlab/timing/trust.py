"""How far the client's own times are off, before a load and in it.

Before it they are held against a loopback server that knows the truth: `echo` tells in each reply
how long it held the request, so that what is over is what sending and receiving add to a time, and
the loop where no kernel stamps for it. Then the loop and the CPU are watched.
"""

from __future__ import annotations

import asyncio
import math
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from liftlab.timing import echo
from liftlab.timing.clock import CpuShare, LoopLag, clock_resolution_s, peak_memory_mb
from liftlab.timing.recorder import Recorder
from liftlab.timing.transport import StampedTransport

_EXCHANGES = 100  # a quarter of a second one by one; one may be worse than the 99th percentile
_AT_ONCE = 64


async def calibrate(concurrency: int = 1) -> float:
    """Return what 99 of 100 times of exchanges are off by at most, in seconds.

    As many are under way at once as in the load that follows, 64 at most.
    """
    async with _echo() as url:
        transport = StampedTransport()
        workers = min(concurrency, _AT_ONCE)
        errors_s: list[float] = []

        async def work() -> None:
            await _error_s(transport, url)  # makes the connection
            turns = range(math.ceil(_EXCHANGES / workers))
            errors_s.extend([await _error_s(transport, url) for _ in turns])

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(work())
        finally:
            await transport.aclose()
    return p99(errors_s)


def p99(errors_s: list[float]) -> float:
    """Return the 99th percentile of the size of errors.

    Examples
    --------
    >>> p99([0.001] * 98 + [-0.004, 0.009])
    0.004
    """
    return sorted(map(abs, errors_s))[math.ceil(0.99 * len(errors_s)) - 1]


@asynccontextmanager
async def _echo() -> AsyncIterator[str]:
    """Run the server for the length of a block; gives its address."""
    command = (sys.executable, "-I", "-S", echo.__file__)
    server = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        port = int(await server.stdout.readline())
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.stdin.close()
        await server.wait()


async def _error_s(transport: StampedTransport, url: str) -> float:
    recorder = Recorder()
    answer = await transport.exchange("POST", url, (), echo.BODY, recorder)
    stamps = recorder.stamps()
    assert stamps.sent_ns is not None
    assert stamps.last_byte_ns is not None
    held_ns = int(dict(answer.headers)[echo.HELD])
    return (stamps.last_byte_ns - stamps.sent_ns - held_ns) / 1e9


class Trust:
    """Calibrates the client before a load, and watches its loop and CPU during it.

    Used as ``async with Trust(concurrency) as trust`` around the load.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self.lag = LoopLag()
        self._calibrated_s: float | None = None
        self._share = CpuShare()

    async def __aenter__(self) -> Self:
        self._calibrated_s = await calibrate(self._concurrency)
        self._share = CpuShare()
        await self.lag.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.lag.__aexit__(*error)

    @property
    def uncertainty_s(self) -> float | None:
        """By how much 99 of 100 times are off at most, in seconds.

        What the calibration found, or the lag of the loop in the load if that is more: where
        the kernel stamps, what is left of it are the moments that a server beside it on
        the same machine is late by.
        """
        if self._calibrated_s is None:
            return None
        return max(self._calibrated_s, self.lag.quantile(0.99) or 0.0)

    def columns(self) -> dict[str, float | None]:
        """Return what the run's row keeps, so far."""
        return {
            "clock_resolution_s": clock_resolution_s(),
            "timing_uncertainty_s": self.uncertainty_s,
            "loop_lag_p50_s": self.lag.quantile(0.5),
            "loop_lag_p99_s": self.lag.quantile(0.99),
            "client_cpu_share": self._share.value(),
            "client_peak_mb": peak_memory_mb(),
        }
