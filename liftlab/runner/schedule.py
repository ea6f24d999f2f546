"""When requests are sent: in closed loop as answers come, in open loop at planned times.

A plan has absolute times, is made before the load, and never looks at how that goes: a request
that is late is late, and the next one keeps its own time. Otherwise a server that stalls would be
asked less, and look better.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from array import array
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from liftlab.errors import FileInvalid, UsageError
from liftlab.runner.limits import Ended
from liftlab.runner.worker import Stop, first_of
from liftlab.timing.trust import Trust

Item = TypeVar("Item")
# Sends what is planned until the stop, tells of what has ended, and says whether all is done.
FollowSchedule = Callable[[Stop, Callable[[Ended], None], Trust], Awaitable[bool]]

CONSTANT, POISSON = "constant", "poisson"
_MAX_BYTES = 64_000_000
_MAX_LINES = 10_000_000


class ArrivalsInvalid(FileInvalid):
    """A file of arrival times that cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """How requests arrive: at a rate, or at recorded times.

    Parameters
    ----------
    kind
        `constant`, `poisson`, or `recorded`.
    rate_rps
        Requests a second; of recorded times their mean rate.
    times_s
        Recorded times in seconds after the first; empty for the others.
    """

    kind: str
    rate_rps: float
    times_s: tuple[float, ...] = ()

    def plan(self, count: int, seed: int) -> array[float]:
        """Return when each of `count` requests is to be sent, in seconds after the start.

        Raises UsageError if fewer times are recorded than are asked for.
        """
        if self.kind == CONSTANT:
            return array("d", (index / self.rate_rps for index in range(count)))
        if self.kind == POISSON:
            return poisson(self.rate_rps, count, seed)
        if count > len(self.times_s):
            raise UsageError(
                f"{len(self.times_s)} arrival times are recorded: {count} requests are too many"
            )
        return array("d", self.times_s[:count])


def poisson(rate_rps: float, count: int, seed: int) -> array[float]:
    """Return the arrivals of a Poisson process, in seconds after the start.

    Given their number, the arrivals of a Poisson process are spread evenly over the time,
    in order (Cox and Lewis 1966, section 2.1): so the rate is the one asked for, the gaps
    are exponential, and one gap says nothing of the next.

    Parameters
    ----------
    rate_rps
        Requests a second.
    count
        How many; they fill `count / rate_rps` seconds.
    seed
        The same seed gives the same plan.

    Examples
    --------
    >>> [round(moment, 2) for moment in poisson(10, 4, seed=1)]
    [0.03, 0.11, 0.15, 0.21]
    """
    rng = random.Random(f"arrivals:{seed}")
    span_s = count / rate_rps
    return array("d", sorted(rng.random() * span_s for _ in range(count)))


def at_rate(rate_rps: float, kind: str = POISSON) -> Arrivals:
    """Return arrivals at a rate; raise UsageError if the rate or the kind cannot be used."""
    if kind not in (CONSTANT, POISSON):
        raise UsageError(f"--arrival is constant or poisson where a rate is given, not {kind!r}")
    if not 0 < rate_rps <= 1e6:
        raise UsageError(f"--rate must be above 0 and at most 1000000 a second, not {rate_rps:g}")
    return Arrivals(kind=kind, rate_rps=rate_rps)


def recorded(path: Path) -> Arrivals:
    """Read arrival times, a number of seconds a line, in order; they are taken from the first.

    Empty lines and what follows a `#` are passed over. Raises ArrivalsInvalid if the file cannot be
    read or used; names the line.
    """
    try:
        with path.open(encoding="utf-8") as file:
            if path.stat().st_size > _MAX_BYTES:
                raise ArrivalsInvalid(path, f"longer than {_MAX_BYTES} bytes")
            times = _read(path, file)
    except OSError as error:
        raise ArrivalsInvalid(path, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ArrivalsInvalid(path, "not UTF-8 text") from None
    span_s = times[-1] - times[0] if times else 0.0
    if span_s <= 0:
        raise ArrivalsInvalid(path, "needs at least two different times, in seconds, a line each")
    return Arrivals(
        kind="recorded",
        rate_rps=(len(times) - 1) / span_s,
        times_s=tuple(moment - times[0] for moment in times),
    )


def _read(path: Path, lines: Iterable[str]) -> array[float]:
    times = array("d")
    for number, line in enumerate(itertools.islice(lines, _MAX_LINES), start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            moment = float(text)
        except ValueError:
            moment = math.nan
        if not math.isfinite(moment):
            raise ArrivalsInvalid(path, f"not a number of seconds: {text[:40]!r}", number)
        if times and moment < times[-1]:
            raise ArrivalsInvalid(path, f"{text[:40]} comes after {times[-1]:g}", number)
        times.append(moment)
    return times


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
