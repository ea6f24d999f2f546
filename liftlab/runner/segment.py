"""A plan cut into segments, each a run of its own, in any process on any machine.

Request k belongs to segment k mod n. No segment asks another one: all begin at one moment of the
wall clock, each by its own, or, on one machine, when the process that started them says so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from liftlab.errors import UsageError
from liftlab.runner.worker import Stop, emit
from liftlab.store.folder import SEGMENT, RunFolder
from liftlab.timing.clock import Clock
from liftlab.timing.pace import Pacer

Item = TypeVar("Item")
_POLL_S = 0.002
_EARLY_NS = 20_000_000  # an open loop waits for its first moment itself


class Segment(BaseModel):
    """Which share of a plan a run is, and when all of them begin.

    `start_at` is the zero of the run's times, in seconds since 1970 UTC; `zero_ns` that moment on
    `perf_counter_ns`, where all segments are on one machine: they then begin together as soon as
    all are ready.
    """

    model_config = ConfigDict(frozen=True)

    index: int = Field(ge=1)
    of: int = Field(ge=1, le=10_000)
    start_at: float = Field(ge=0, le=4e9)
    zero_ns: int | None = None

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Segment:
        if self.index > self.of:
            raise ValueError(f"there is no segment {self.index} of {self.of}")
        return self

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return what of a plan is this segment's."""
        return items[self.index - 1 :: self.of]

    def run_id(self, plan_sha256: str) -> str:
        """Return the run's name: a segment of one plan and moment can be begun but once."""
        return f"{plan_id(self.start_at, plan_sha256)}_{self.index}of{self.of}"

    def clock(self) -> Clock:
        """Return a clock with the plan's begin as its zero."""
        return Clock.since(self.start_at, self.zero_ns)


def plan_id(start_at: float, plan_sha256: str) -> str:
    """Return the name of a plan that begins at a moment."""
    digest = sha256(f"{plan_sha256} {start_at!r}".encode()).hexdigest()
    return f"{datetime.fromtimestamp(start_at, UTC):%Y%m%d_%H%M%S}_{digest[:8]}"


def moment(text: str) -> float:
    """Return a moment in seconds since 1970, told so or as ISO 8601 with its zone.

    Raises UsageError if it is neither.
    """
    try:
        seconds = float(text)
    except ValueError:
        try:
            told = datetime.fromisoformat(text)
            seconds = told.timestamp() if told.tzinfo else -1.0
        except (ValueError, OverflowError):
            seconds = -1.0
    if not 0 <= seconds <= 4e9:
        raise UsageError(
            "--start-at is a moment with its zone, such as 2026-11-29T22:00:00Z, or seconds "
            f"since 1970; not {text[:40]!r}"
        )
    return seconds


async def begin(
    segment: Segment | None, folder: RunFolder, clock: Clock, stop: Stop, *, is_open: bool
) -> int | None:
    """Wait until a segment is to begin, and return that moment as a stamp; None for a whole plan.

    The manifest then says by how much it was late, by this machine's clock. An open loop gets a
    moment that is still to come.
    """
    if segment is None:
        return None
    manifest = folder.manifest()
    if "start_offset_s" in manifest[SEGMENT]:  # it goes on
        return None
    moment_ns = clock.zero_ns
    if segment.zero_ns is not None:
        emit({"event": "ready"})
        while stop.go_ns is None and stop.status is None:  # noqa: ASYNC110  # a thread sets it
            await asyncio.sleep(_POLL_S)
        moment_ns = stop.go_ns or time.perf_counter_ns()
    late_s = max(0.0, (time.perf_counter_ns() - moment_ns) / 1e9)
    told = {**manifest[SEGMENT], "start_offset_s": late_s}
    folder.write_manifest({**manifest, SEGMENT: told})
    wait_s = (moment_ns - time.perf_counter_ns()) / 1e9
    if late_s or wait_s > 1:
        when = f"{late_s:.3f} s late" if late_s else f"in {wait_s:,.0f} s"
        emit({"event": "note", "message": f"segment {segment} is ready, and begins {when}"})
    with Pacer() as pacer:
        await pacer.until(moment_ns - (_EARLY_NS if is_open else 0))
    return moment_ns
