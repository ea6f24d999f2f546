"""Wait for moments of the clock to within a fraction of a millisecond.

An event loop's own timers are a millisecond coarse: `epoll` counts whole milliseconds.
Linux has timers that are files, which the loop watches like a socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import heapq
import itertools
import os
import struct
import sys
import time
from contextvars import ContextVar
from functools import cache
from typing import NamedTuple, Self

_CLOCK_MONOTONIC = 1  # what perf_counter reads on Linux
_ABSOLUTE = 1  # TFD_TIMER_ABSTIME
_FLAGS = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)  # TFD_NONBLOCK and TFD_CLOEXEC are these
_SECOND_NS = 1_000_000_000

_NEAR_NS = 500_000  # longer than any one thing that a load does with a request or a reply


class Pacer:
    """Waits for moments of `perf_counter_ns`, many at once; a `with` block holds its timer.

    On Linux it is a timerfd; elsewhere, or where the system gives none, the loop's timer.
    """

    def __init__(self) -> None:
        self._handle = _timer()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []  # a heap
        self._order = itertools.count()

    def __enter__(self) -> Self:
        if self._handle is not None:
            asyncio.get_running_loop().add_reader(self._handle, self._fired)
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            asyncio.get_running_loop().remove_reader(self._handle)
            os.close(self._handle)
            self._handle = None

    async def until(self, moment_ns: int) -> None:
        """Return at a moment of `perf_counter_ns`, or at once if it is past."""
        while (wait_ns := moment_ns - time.perf_counter_ns()) > 0:
            if self._handle is None:
                await asyncio.sleep(wait_ns / _SECOND_NS)
                continue
            await self._fires(moment_ns)

    async def lull(self) -> None:
        """Return when no moment is near, or when the nearest has come: what follows delays none."""
        if self._waiting and self._waiting[0][0] - time.perf_counter_ns() < _NEAR_NS:
            await self._fires(self._waiting[0][0])

    def _fires(self, moment_ns: int) -> asyncio.Future[None]:
        """Return what is done once the timer has fired at a moment, or after it."""
        waiter = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (moment_ns, next(self._order), waiter))
        if self._handle is not None and self._waiting[0][2] is waiter:
            _arm(self._handle, moment_ns)
        return waiter

    def _fired(self) -> None:
        assert self._handle is not None
        with contextlib.suppress(BlockingIOError):  # set anew since it was seen to have fired
            os.read(self._handle, 8)
        now_ns = time.perf_counter_ns()
        while self._waiting and self._waiting[0][0] <= now_ns:
            _, _, waiter = heapq.heappop(self._waiting)
            if not waiter.done():
                waiter.set_result(None)
        if self._waiting:
            _arm(self._handle, self._waiting[0][0])


class Departure(NamedTuple):
    """When a request is to go out, and who waits for that."""

    pacer: Pacer
    moment_ns: int


# That of this task's request; None where nothing is planned.
departure: ContextVar[Departure | None] = ContextVar("liftlab_departure", default=None)


async def may_depart() -> None:
    """Return when this task's request is to go out: at once, where nothing is planned."""
    planned = departure.get()
    if planned is not None:
        await planned.pacer.until(planned.moment_ns)


async def lull() -> None:
    """Let requests that are soon to go out do so, before work that can wait."""
    planned = departure.get()
    if planned is not None:
        await planned.pacer.lull()


def _timer() -> int | None:
    """Return a timer that is a file; None where there is none to be had."""
    # os.timerfd_create came with Python 3.13; the C library has had it all along.
    create = getattr(_libc(), "timerfd_create", None) if sys.platform == "linux" else None
    handle = -1 if create is None else int(create(_CLOCK_MONOTONIC, _FLAGS))
    return None if handle < 0 else handle


def _arm(handle: int, moment_ns: int) -> None:
    seconds, nanoseconds = divmod(moment_ns, _SECOND_NS)
    moment = struct.pack("@llll", 0, 0, seconds, nanoseconds)  # struct itimerspec: no interval
    if _libc().timerfd_settime(handle, _ABSOLUTE, moment, None) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
